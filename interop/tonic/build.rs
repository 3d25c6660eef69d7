//! Generates client and server of the tests' service. The manual builder needs no `protoc`.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let method = |name, route| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type("crate::sums::Number")
            .output_type("crate::sums::Number")
            .codec_path("tonic_prost::ProstCodec")
    };
    let sums = Service::builder()
        .package("test")
        .name("Sums")
        .method(method("square", "Square").build())
        .method(method("sum", "Sum").client_streaming().build())
        .method(method("running", "Running").client_streaming().server_streaming().build());
    Builder::new().compile(&[sums.build()]);
}
