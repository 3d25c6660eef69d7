//! Bookmarks with something to say, and the servers that they lead to.

use std::net::SocketAddr;

use axum::{Router, extract::State};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use tokio::net::TcpListener;
use tower::BoxError;

use crate::{
    Bookmark,
    net::{Demo, Net},
};

/// Title and URL.
const BOOKMARKS: [(&str, &str); 16] = [
    ("308, then 308", "https://old.test/guide#intro"),
    ("308 with a fragment", "https://old.test/faq#intro"),
    ("301, then 302", "https://blog.test/"),
    ("308, then 302 to http", "https://blog.test/feed"),
    ("307, then 308", "https://app.test/"),
    ("404 after 308", "https://wiki.test/page"),
    ("an upgrade", "http://news.test/today?edition=2"),
    ("an upgrade, then 308", "http://old.test/"),
    ("http to another host", "http://forum.test/"),
    ("http to the same host", "http://forum.test/old"),
    ("https to http", "https://shop.test/"),
    ("308 to itself", "https://loop.test/"),
    ("no redirect", "https://docs.test/en/guide"),
    ("no server", "https://down.test/"),
    ("no URL", "docs.test/en/guide"),
    ("a password", "https://me:secret@docs.test/"),
];

pub(crate) fn bookmarks() -> Vec<Bookmark> {
    let bookmark = |(title, url): (&str, &str)| Bookmark {
        title: Some(title.into()),
        url: url.into(),
        rest: serde_json::Map::new(),
    };
    BOOKMARKS.map(bookmark).into()
}

/// Starts the servers of the bookmarks.
pub(crate) async fn start() -> Result<Net, BoxError> {
    // Whoever listens no more refuses.
    let down = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    Ok(Net::Demo(Demo { http: serve("http").await?, https: serve("https").await?, down }))
}

async fn serve(scheme: &'static str) -> Result<SocketAddr, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(answer).with_state(scheme);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn answer(State(scheme): State<&str>, headers: HeaderMap, uri: Uri) -> Response<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (status, location) = about(&format!("{scheme}://{host}{}", uri.path()));
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(location));
    }
    response
}

/// Returns how a URL is answered, and where it is redirected.
fn about(url: &str) -> (StatusCode, Option<&'static str>) {
    let moved = |location| (StatusCode::MOVED_PERMANENTLY, Some(location));
    let found = |location| (StatusCode::FOUND, Some(location));
    let temporary = |location| (StatusCode::TEMPORARY_REDIRECT, Some(location));
    let permanent = |location| (StatusCode::PERMANENT_REDIRECT, Some(location));
    match url {
        "https://old.test/" => permanent("https://docs.test/"),
        "https://old.test/guide" => permanent("https://docs.test/guide"),
        "https://docs.test/guide" => permanent("/en/guide"),
        "https://old.test/faq" => permanent("https://docs.test/en/faq#top"),
        "https://blog.test/" => moved("/posts"),
        "https://blog.test/posts" => found("/posts/2026"),
        "https://blog.test/feed" => permanent("/atom"),
        "https://blog.test/atom" => found("http://feeds.test/blog"),
        "https://app.test/" => temporary("/login"),
        "https://app.test/login" => permanent("/sign-in"),
        "https://wiki.test/page" => permanent("/gone"),
        "https://wiki.test/gone" => (StatusCode::NOT_FOUND, None),
        "http://news.test/today" => moved("https://news.test/today?edition=2"),
        "http://old.test/" => moved("https://old.test/"),
        "http://forum.test/" => moved("http://hotel.test/welcome"),
        "http://forum.test/old" => permanent("/new"),
        "https://shop.test/" => permanent("http://shop.test/"),
        "https://loop.test/" => permanent("/"),
        _ => (StatusCode::OK, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check,
        decision::{Decision, Reason},
        relink,
    };

    #[tokio::test]
    async fn a_link_is_changed_only_if_there_is_no_doubt() {
        let expected = [
            ("308, then 308", "https://docs.test/en/guide#intro"),
            ("308 with a fragment", "https://docs.test/en/faq#top"),
            ("301, then 302", "https://blog.test/posts"),
            ("308, then 302 to http", "https://blog.test/atom"),
            ("an upgrade", "https://news.test/today?edition=2"),
            ("an upgrade, then 308", "https://docs.test/"),
        ];
        let mut bookmarks = bookmarks();
        let changed = relink(&start().await.unwrap(), &mut bookmarks).await;
        let now =
            bookmarks.iter().map(|bookmark| (bookmark.title.as_deref().unwrap(), &*bookmark.url));
        let then = BOOKMARKS;
        let found: Vec<_> =
            now.zip(then).filter(|(now, then)| now != then).map(|(now, _)| now).collect();
        assert_eq!(found, expected);
        assert_eq!(changed, expected.len());
    }

    #[tokio::test]
    async fn a_link_that_stays_has_its_reason() {
        let net = start().await.unwrap();
        let table = [
            ("https://app.test/", Reason::Temporary),
            ("https://wiki.test/page", Reason::Ended(StatusCode::NOT_FOUND)),
            ("https://wiki.test/gone", Reason::Ended(StatusCode::NOT_FOUND)),
            ("http://forum.test/", Reason::Plaintext),
            ("http://forum.test/old", Reason::Plaintext),
            ("https://shop.test/", Reason::Downgrade),
            ("https://docs.test/en/guide", Reason::NotMoved),
            ("https://me:secret@docs.test/", Reason::Userinfo),
        ];
        for (url, reason) in table {
            assert_eq!(check(&net, url).await, Decision::Keep(reason), "{url}");
        }
        for (url, why) in [
            ("https://down.test/?sig=secret", "GET https://down.test/?… failed: cannot connect to"),
            ("https://loop.test/?sig=secret", "308 after GET https://loop.test/ to"),
        ] {
            match check(&net, url).await {
                Decision::Keep(Reason::Failed(text)) => {
                    assert!(text.starts_with(why), "{text}");
                    assert!(!text.contains("secret"), "{text}");
                }
                other => panic!("{url}: {other:?}"),
            }
        }
    }
}
