//! S3 promises that no redirect follows `100 Continue`. nginx sends one nevertheless.

use http::Request;
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, policy::S3};
use tower_follow_redirect_interop_s3::{Nginx, body::OneShot, sigv2::sign};

use crate::support::{Bench, DATE, GLOBAL, HOME, url};

#[tokio::test]
async fn a_307_in_one_packet_with_100_continue_is_followed() {
    let mut bench = Bench::start().await;
    let nginx = Nginx::start();
    bench.wire = bench.wire.but(GLOBAL, nginx.address());
    let size = 8 << 20;
    let request = Request::put(url(GLOBAL)).header("date", DATE);
    let request = sign(request.body(OneShot::new(size)).unwrap());
    let layer = FollowRedirectLayer::new().with_policy(S3::new());
    let response = layer.layer(bench.wire.client()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["etag"], format!("\"{}\"", OneShot::md5(size)));
    assert_eq!((bench.wire.body_bytes(GLOBAL), bench.wire.body_bytes(HOME)), (0, size));
    assert_eq!(bench.stored_at(HOME).target, "/nelson.txt?rk=8d47490b");
}
