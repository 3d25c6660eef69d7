//! 307 and 308 are followed, and nothing makes a GET of a call.

use http::{Method, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tonic::Code;
use tower::Layer;
use tower_follow_redirect::{FollowRedirectLayer, History, RefusalKind, rules::method::MethodRule};
use tower_follow_redirect_tonic::layer;

use crate::{
    client, client_of, number, refused,
    sums::{Node, SumsClient},
};

#[tokio::test]
async fn a_unary_call_follows_307_and_308() {
    for status in [307, 308] {
        let node = Node::start().await;
        let front = Node::redirecting(status, node.address).await;
        let response = client(&front).square(number(7)).await.unwrap();
        assert_eq!(response.get_ref().value, 49, "{status}");
        assert_eq!(response.metadata().get("x-answered-by").unwrap(), "sums", "{status}");

        let history = response.extensions().get::<History>().unwrap();
        assert_eq!(history.hops()[0].status(), status);
        assert_eq!(history.effective_uri(), &*format!("{}test.Sums/Square", node.origin()));
        for server in [&front, &node] {
            let [(method, fields)] = server.seen().try_into().unwrap();
            assert_eq!(method, Method::POST, "{status}");
            assert_eq!(fields["content-type"], "application/grpc", "{status}");
            assert_eq!(fields["te"], "trailers", "{status}");
            // Over HTTP/2 nobody would wait for the answer.
            assert!(!fields.contains_key("expect"), "{status}");
        }
    }
}

#[tokio::test]
async fn a_call_is_redirected_twice() {
    let node = Node::start().await;
    let second = Node::redirecting(308, node.address).await;
    let first = Node::redirecting(307, second.address).await;
    assert_eq!(client(&first).square(number(7)).await.unwrap().into_inner(), number(49));
}

/// The rules of RFC 9110 would make a GET of it, without a message, and a server of tonic would take it.
#[tokio::test]
async fn a_call_stops_at_301_302_and_303() {
    for status in [301, 302, 303] {
        let node = Node::start().await;
        let front = Node::redirecting(status, node.address).await;
        let error = client(&front).square(number(7)).await.unwrap_err();
        assert_eq!(error.code(), Code::Unknown, "{error:?}");
        assert!(error.message().contains(&status.to_string()), "{error:?}");
        assert_eq!(front.seen().len(), 1, "{status}");
        assert_eq!(node.seen(), [], "{status}");
    }
}

#[tokio::test]
async fn a_301_and_a_302_are_followed_where_they_are_set_to_keep_the_method() {
    let keep = layer()
        .method_rule(StatusCode::MOVED_PERMANENTLY, MethodRule::Keep)
        .method_rule(StatusCode::FOUND, MethodRule::Keep);
    for status in [301, 302] {
        let node = Node::start().await;
        let front = Node::redirecting(status, node.address).await;
        let response = client_of(&keep, &front).square(number(7)).await.unwrap();
        assert_eq!(response.into_inner(), number(49), "{status}");
        assert_eq!(node.seen()[0].0, Method::POST, "{status}");
    }
    let node = Node::start().await;
    let front = Node::redirecting(303, node.address).await;
    client_of(&keep, &front).square(number(7)).await.unwrap_err();
    assert_eq!(node.seen(), []);
}

/// What the policy prevents.
#[tokio::test]
async fn without_the_policy_a_302_makes_a_get_of_the_call() {
    let node = Node::start().await;
    let front = Node::redirecting(302, node.address).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let client = FollowRedirectLayer::new().layer(client);
    let mut client = SumsClient::with_origin(client, front.origin());
    let error = client.square(number(7)).await.unwrap_err();
    assert_eq!(node.seen()[0].0, Method::GET);
    println!("{error:?}");
    assert!(error.message().contains("Missing request message"), "{error:?}");
}

#[tokio::test]
async fn a_limit_is_a_status_that_says_so() {
    let front = Node::redirecting(307, "127.0.0.1:9".parse().unwrap()).await;
    let error = client_of(&layer().limit(0), &front).square(number(7)).await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::TooManyRedirects), "{error:?}");
}
