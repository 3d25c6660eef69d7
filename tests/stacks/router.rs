//! axum's `Router` as the inner service: an application is tested through its redirects, without a socket.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::Redirect,
    routing::{get, post},
};
use http::{Request, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, History};

use crate::site::{put, text};

type Notes = Arc<Mutex<Vec<Bytes>>>;

/// Takes a note by a form, and shows them all; `/upload` has moved.
fn application() -> Router {
    let take = |State(notes): State<Notes>, note: Bytes| async move {
        notes.lock().unwrap().push(note);
        Redirect::to("/notes")
    };
    let show = |State(notes): State<Notes>| async move { notes.lock().unwrap().concat() };
    let upload = || async { Redirect::permanent("/store") };
    let store = |content: Bytes| async move { content };
    Router::new()
        .route("/notes", get(show).post(take))
        .route("/upload", post(upload).put(upload))
        .route("/store", post(store).put(store))
        .with_state(Notes::default())
}

#[tokio::test]
async fn a_form_is_answered_by_the_page_that_follows() {
    let client = FollowRedirectLayer::new().layer(application());
    let form =
        Request::post("http://app.test/notes").body(Full::<Bytes>::from("buy milk")).unwrap();
    let response = client.oneshot(form).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let history = History::of(&response).unwrap();
    assert_eq!(history.hops()[0].status(), StatusCode::SEE_OTHER);
    assert_eq!(history.effective_uri(), "http://app.test/notes");
    assert_eq!(text(response).await, "buy milk");
}

#[tokio::test]
async fn an_upload_comes_to_the_handler_that_takes_it() {
    let client = FollowRedirectLayer::new().layer(application());
    let response = client.oneshot(put("http://app.test/upload")).await.unwrap();
    assert_eq!(text(response).await, "ha ha\n");
}

/// As a router takes it: what a bare path is redirected to is a bare path.
#[tokio::test]
async fn a_bare_path_is_enough() {
    let client = FollowRedirectLayer::new().layer(application());
    let response = client.oneshot(put("/upload")).await.unwrap();
    assert_eq!(History::of(&response).unwrap().effective_uri(), "/store");
    assert_eq!(text(response).await, "ha ha\n");
}
