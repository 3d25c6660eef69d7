//! Stores that are not the library's keep what its memory learns.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::UNIX_EPOCH,
};

use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::Empty;
use tower::{Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    FollowRedirectLayer, Policy, ReplayBody, Target,
    policy::{
        Standard,
        permanent::{Entry, PermanentCache, RedirectStore},
    },
};
use tower_follow_redirect_stores::{Map, Moka};

type Content = Empty<&'static [u8]>;

fn stores() -> [(&'static str, PermanentCache); 2] {
    fn cache(store: impl RedirectStore) -> PermanentCache {
        PermanentCache::builder().store(store).build()
    }
    [("map", cache(Map::default())), ("moka", cache(Moka::new(1 << 20)))]
}

/// Redirects from `a.test` to `b.test`, and answers 200 there; tells which URIs were asked for.
async fn asked_for(cache: &PermanentCache, uri: &str) -> Vec<String> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let server = service_fn(|request: Request<ReplayBody<Content>>| {
        asked.lock().unwrap().push(request.uri().to_string());
        let mut response = Response::new(Content::new());
        if request.uri().host() == Some("a.test") {
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            let location = format!("https://b.test{}", request.uri().path());
            response.headers_mut().insert(header::LOCATION, location.parse().unwrap());
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let client = FollowRedirectLayer::new().with_policy(Standard.and(cache.clone())).layer(server);
    let request = Request::get(uri).body(Content::new()).unwrap();
    assert_eq!(client.oneshot(request).await.unwrap().status(), StatusCode::OK, "{uri}");
    let asked = asked.lock().unwrap();
    asked.clone()
}

#[tokio::test]
async fn what_was_redirected_once_goes_to_its_target_at_once() {
    for (name, cache) in stores() {
        let (a, b) = ("https://a.test/x", "https://b.test/x");
        assert_eq!(asked_for(&cache, a).await, [a, b], "{name}");
        assert_eq!(asked_for(&cache, a).await, [b], "{name}");
        assert_eq!(cache.len(), 1, "{name}");
        let y = ["https://a.test/y", "https://b.test/y"];
        assert_eq!(asked_for(&cache, y[0]).await, y, "{name}: another URI");
    }
}

#[tokio::test]
async fn what_is_forgotten_is_asked_for_again() {
    for (name, cache) in stores() {
        let (x, y) = ("https://a.test/x", "https://a.test/y");
        for uri in [x, y] {
            asked_for(&cache, uri).await;
        }
        cache.remove(&Uri::from_static(x));
        assert_eq!(asked_for(&cache, x).await.len(), 2, "{name}: removed");
        cache.retain(|source, _| source.uri() != x);
        assert_eq!(cache.len(), 1, "{name}");
        assert_eq!(asked_for(&cache, x).await.len(), 2, "{name}: not retained");
        assert_eq!(asked_for(&cache, y).await.len(), 1, "{name}: retained");
        cache.clear();
        assert!(cache.is_empty(), "{name}");
        assert_eq!(asked_for(&cache, y).await.len(), 2, "{name}: cleared");
    }
}

#[test]
fn what_is_put_twice_is_kept_once() {
    let stores: [(&str, Box<dyn RedirectStore>); 2] =
        [("map", Box::new(Map::default())), ("moka", Box::new(Moka::new(1 << 20)))];
    for (name, store) in stores {
        let key = "https://a.test/x";
        for target in ["https://b.test/1", "https://b.test/2"] {
            let target = Target::new(Uri::from_static(target), None).unwrap();
            store.put(key, Arc::new(Entry::new(target, UNIX_EPOCH, UNIX_EPOCH)));
        }
        let mut kept = Vec::new();
        store.retain(&mut |key, entry| {
            kept.push((key.to_owned(), entry.target().uri().to_string()));
            true
        });
        assert_eq!(kept, [(key.to_owned(), "https://b.test/2".to_owned())], "{name}");
    }
}

#[tokio::test]
async fn mokas_bound_of_bytes_holds() {
    let store = Arc::new(Moka::new(10_000));
    let cache = PermanentCache::builder().store(Arc::clone(&store)).build();
    for n in 0..200 {
        asked_for(&cache, &format!("https://a.test/{n}")).await;
    }
    store.settle();
    let kept = cache.len();
    assert!((1..100).contains(&kept), "{kept}");
}
