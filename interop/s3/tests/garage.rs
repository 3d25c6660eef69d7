//! The real 400 for a wrong region, by a server that nobody here wrote.

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{History, ReplayBody};
use tower_follow_redirect_interop_s3::{Client, Garage, Wire};
use tower_follow_redirect_sigv4::S3Layer;

const URL: &str = "http://quotes.s3.eu-central-1.amazonaws.com/nelson.txt";

async fn send(garage: &Garage, method: Method, content: &'static str) -> Response<Bytes> {
    let keys = Credentials::new(Garage::ACCESS_KEY, Garage::SECRET_KEY, None, None, "test");
    let client: Client<ReplayBody<Full<Bytes>>> = Wire::to(garage.address()).client();
    // For the wrong region, as a client does that knows no better.
    let stack = S3Layer::new(keys, "us-east-1").signer(|signer| signer.allow_unsigned_over_http());
    let request = Request::builder().method(method).uri(URL).header("expect", "100-continue");
    let request = request.body(Full::from(content)).unwrap();
    let response = stack.layer(client).oneshot(request).await.unwrap();
    let hops = History::of(&response).expect("it was signed anew").hops();
    assert_eq!((hops.len(), hops[0].status()), (1, StatusCode::BAD_REQUEST));
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
#[ignore = "garage takes 20 minutes to build: scripts/soak --garage does it, and sets GARAGE"]
async fn what_was_signed_for_the_wrong_region_is_signed_anew() {
    let garage = Garage::start(std::env::var_os("GARAGE").expect("GARAGE is the program"));
    let stored = send(&garage, Method::PUT, "ha ha\n").await;
    assert_eq!(stored.status(), 200, "{:?}", stored.body());
    let read = send(&garage, Method::GET, "").await;
    assert_eq!((read.status(), &**read.body()), (StatusCode::OK, &b"ha ha\n"[..]));
}
