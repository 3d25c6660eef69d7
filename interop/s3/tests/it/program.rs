//! `examples/follow`, the program, through the bench.

use std::{path::Path, process::Output};

use crate::support::{Bench, CONTENT, GLOBAL, HOME, url};
use tokio::process::Command;
use tower_follow_redirect_interop_s3::{ACCESS_KEY, SECRET_KEY};

/// Runs the program with every host at the bench. Cargo builds it if it must.
async fn follow(bench: &Bench, region: &str, url: &str) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, CONTENT).unwrap();
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["run", "--quiet", "--locked", "--example", "follow", "--"])
        .args(["--policy", "s3", "--user", &format!("{ACCESS_KEY}:{SECRET_KEY}")])
        .args(["--aws-sigv4", &format!("aws:amz:{region}:s3")])
        .args(["--connect-to", &format!("::127.0.0.1:{}", bench.haproxy.address().port())])
        .args(["-w", "%{http_code} %{url_effective} %{stop_reason}", "-o", "/dev/null"])
        .arg("-T")
        .args([file.path().as_os_str(), url.as_ref()])
        .output();
    output.await.unwrap()
}

#[tokio::test]
async fn uploads_a_file_signed_for_the_right_host() {
    let bench = Bench::start().await;
    let output = follow(&bench, "us-east-1", &url(GLOBAL)).await;
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = format!("200 http://{HOME}/nelson.txt");
    assert!(output.status.success() && said.starts_with(&expected), "{output:?}");
    let arrived = bench.stored_at(HOME);
    let signature = arrived.headers["authorization"].to_str().unwrap();
    assert!(signature.contains("/eu-central-1/s3/aws4_request"), "{signature}");
}

/// `Location` and `<Endpoint>` lead to a stranger, to somebody else's bucket, to a rented machine.
#[tokio::test]
async fn refuses_to_upload_to_anybody_else() {
    for region in ["eu-west-3", "eu-north-1", "eu-south-1", "sa-east-1"] {
        let bench = Bench::start().await;
        let from = format!("quotes.s3.{region}.amazonaws.com");
        let output = follow(&bench, region, &url(&from)).await;
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("30") && said.ends_with(" policy"), "{region}: {output:?}");
        assert_eq!(bench.store.arrived().len(), 0, "{region}");
    }
}
