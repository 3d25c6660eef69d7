//! S3 promises that no redirect follows `100 Continue`. nginx sends one nevertheless.

use http::Request;
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, RefusalKind, policy::S3};
use tower_follow_redirect_interop_s3::{Nginx, body::OneShot, sigv2::sign};

use crate::support::{Bench, DATE, GLOBAL, HOME, url};

/// As long as both come together, the content is still whole.
#[tokio::test]
async fn a_307_in_one_packet_with_100_continue_is_followed() {
    for attempt in 1..=10 {
        match redirected_by_nginx().await {
            Ok(()) => return,
            Err(error) => println!("attempt {attempt}: {error}"),
        }
    }
    panic!("it came behind the 100 in each of ten attempts");
}

/// Makes an upload, or says why it could not: nginx writes twice, so on a busy machine the 307 may be
/// late. Then content has left that nobody keeps, since S3 promises that it is not needed again.
async fn redirected_by_nginx() -> Result<(), BoxError> {
    let mut bench = Bench::start().await;
    let nginx = Nginx::start();
    bench.wire = bench.wire.but(GLOBAL, nginx.address());
    let size = 8 << 20;
    let request = Request::put(url(GLOBAL)).header("date", DATE);
    let request = sign(request.body(OneShot::new(size)).unwrap());
    let layer = FollowRedirectLayer::new().with_policy(S3::new());
    let response = match layer.layer(bench.wire.client()).oneshot(request).await {
        Ok(response) => response,
        Err(error) => {
            let kind = error.refusal().expect("it is about the redirect").kind();
            assert_eq!(kind, RefusalKind::BodyNotReplayable);
            assert!(bench.wire.body_bytes(GLOBAL) > 0);
            let text = error.to_string();
            assert_eq!(error.into_response().expect("it owns the 307").status(), 307);
            return Err(text.into());
        }
    };
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["etag"], format!("\"{}\"", OneShot::md5(size)));
    assert_eq!((bench.wire.body_bytes(GLOBAL), bench.wire.body_bytes(HOME)), (0, size));
    assert_eq!(bench.stored_at(HOME).target, "/nelson.txt?rk=8d47490b");
    Ok(())
}
