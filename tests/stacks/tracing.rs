//! `TraceLayer`: a call outside, a hop inside.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use tower::{ServiceBuilder, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, History};
use tower_http::trace::{HttpMakeClassifier, TraceLayer};
use tracing::Span;

use crate::site::{Site, put};

type Log = Arc<Mutex<Vec<String>>>;

/// A layer that writes down what it sees.
macro_rules! trace {
    ($log:expr, $name:literal) => {{
        let (requests, responses) = (Arc::clone($log), Arc::clone($log));
        TraceLayer::<HttpMakeClassifier>::new_for_http()
            .on_request(move |request: &Request<_>, _: &Span| {
                requests.lock().unwrap().push(format!("{} {}", $name, request.uri()));
            })
            .on_response(move |response: &Response<_>, _: Duration, _: &Span| {
                let hops = History::of(response).map_or(0, |history| history.hops().len());
                let status = response.status().as_u16();
                responses.lock().unwrap().push(format!("{} {status} after {hops}", $name));
            })
    }};
}

#[tokio::test]
async fn outside_it_sees_the_call_and_inside_each_hop() {
    let log = Log::default();
    let client = ServiceBuilder::new()
        .layer(trace!(&log, "call"))
        .layer(FollowRedirectLayer::new())
        .layer(trace!(&log, "hop"))
        .service(Site::default());
    let response = client.oneshot(put("http://a.test/away")).await.unwrap();
    assert_eq!(response.status(), 200);
    let expected = [
        "call http://a.test/away",
        "hop http://a.test/away",
        "hop 307 after 0",
        "hop http://b.test/new",
        "hop 200 after 0",
        "call 200 after 1",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
}
