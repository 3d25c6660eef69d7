//! What of a memory is shown.

use http::HeaderValue;
use tower_follow_redirect::policy::permanent::{PermanentCache, shared::Change};

use super::{default_memory, memory};
use crate::support::{
    get,
    step::{Call, redirect},
};

#[tokio::test]
async fn debug_output_has_no_secret() {
    let tenants = memory(|builder| builder.partition(|_| Some("tenant-secret".into())));
    for memory in [default_memory(), tenants] {
        let mut request = get("https://a.test/1?key=query-secret");
        request.headers_mut().insert("x-colour", HeaderValue::from_static("field-secret"));
        let mut call = Call::start(memory.layer(), request);
        let mut answer = redirect(308, "https://b.test/2?key=target-secret");
        answer.headers_mut().insert("vary", HeaderValue::from_static("x-colour"));
        answer.headers_mut().insert("cache-control", HeaderValue::from_static("max-age=60"));
        call.next().await.answer(answer);
        call.end_with_ok().await;

        let mut shown = format!("{:?} {:?}", memory.cache, memory.cache.snapshot());
        assert!(shown.contains("len: 1"), "{shown}");
        let key = "tenant-secret https://a.test/1?key=query-secret".to_owned();
        let change = Change::Put { key: key.clone(), value: b"value-secret".into() };
        shown += &format!("{change:?} {:?}", Change::Removed { key });
        assert!(shown.contains("https://a.test/1"), "{shown}");
        assert!(shown.contains("UpgradeOnly"), "{shown}");
        memory.cache.retain(|source, entry| {
            shown += &format!("{:?} {entry:?}", source.uri().split('?').next());
            shown += &format!("{entry:#?}");
            assert!(!format!("{source:?}").contains("query-secret"));
            true
        });
        assert!(shown.contains("x-colour") && shown.contains("b.test/2"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
    let builder = PermanentCache::builder().partition(|_| Some("secret".into()));
    assert!(!format!("{builder:?}").contains("secret"));
}
