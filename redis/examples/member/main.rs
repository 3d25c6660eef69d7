//! One process of a fleet: it sends requests, and shares the redirects that it learns through Redis.
//!
//! ```sh
//! cargo run --example member redis://127.0.0.1/
//! ```
//!
//! Start two of them. What the web looks like, each is told on stdin, since there is no network:
//!
//! | line | answer |
//! |---|---|
//! | `moved OLD NEW [SECONDS]` | `ok`: from now on OLD answers with 308, which may be remembered for so long |
//! | `stays URI` | `ok`: from now on it answers with 200, as all others do |
//! | `get URI [TENANT]` | the URIs that servers were asked for |
//! | `reload URI`, `post URI` | the same, with `Cache-Control: no-cache`, or with POST |
//! | `remove URI`, `clear` | `ok` |
//! | `len` | how many redirects it remembers |
//! | `flush` | `ok`, when the others can know |
//! | `status` | how Redis does |

mod web;

use std::env;

use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tower::BoxError;
use tower_follow_redirect::policy::permanent::{PermanentCache, shared::SharedCache};
use tower_follow_redirect_redis::{RedisStore, redis::Client};

use crate::web::{Request, Web};

/// Of all members, and secret.
const KEY: [u8; 32] = *b"an example: take 32 random bytes";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments = env::args().skip(1);
    let url = arguments.next().ok_or("usage: member URL [--read-through]")?;
    let mut shared = SharedCache::new(RedisStore::new(Client::open(url)?), KEY);
    if arguments.next().as_deref() == Some("--read-through") {
        shared = shared.read_through();
    }
    let cache = PermanentCache::builder().shared(shared).partition(web::tenant).build();

    let web = Web::default();
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let words: Vec<_> = line.split_whitespace().collect();
        println!("{}", answer(&words, &web, &cache).await?);
    }
    cache.flush().await;
    Ok(())
}

async fn answer(words: &[&str], web: &Web, cache: &PermanentCache) -> Result<String, BoxError> {
    match *words {
        ["moved", from, to] => web.moved(from, to, None),
        ["moved", from, to, seconds] => web.moved(from, to, Some(seconds.parse()?)),
        ["stays", uri] => web.stays(uri),
        ["remove", uri] => cache.remove(&uri.parse()?),
        ["clear"] => cache.clear(),
        ["flush"] => cache.flush().await,
        ["len"] => return Ok(cache.len().to_string()),
        ["status"] => return Ok(format!("{:?}", cache.shared_status())),
        _ => {
            let request = request(words).ok_or("not understood")?;
            return Ok(web.send(cache, request).await?.join(" "));
        }
    }
    Ok("ok".to_owned())
}

fn request<'a>(words: &[&'a str]) -> Option<Request<'a>> {
    match *words {
        ["get", uri] => Some(Request::get(uri)),
        ["get", uri, tenant] => Some(Request { tenant: Some(tenant), ..Request::get(uri) }),
        ["reload", uri] => Some(Request { cache_control: Some("no-cache"), ..Request::get(uri) }),
        ["post", uri] => Some(Request { method: "POST", ..Request::get(uri) }),
        _ => None,
    }
}
