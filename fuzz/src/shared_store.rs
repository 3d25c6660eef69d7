//! A store that is shared, and lies: it may be slow, fail, and say anything.
//!
//! The first byte of an input chooses a memory's options. Then each line is one thing that the store
//! says, in order; see [`Saying`].

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, Response, Uri};
use http_body_util::Empty;
use sha2::Sha256;
use tower::{Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    FollowRedirectLayer, History, ReplayBody,
    policy::permanent::{
        PermanentCache,
        shared::{Change, Changes, SharedCache, SharedStore},
    },
};

use crate::{
    memory::{Clock, ENTRIES, NOW, contents},
    taught::{Options, check_entry},
};

const SECRET: [u8; 32] = [7; 32];

/// What is requested, and what the store is asked about.
const KEYS: [&str; 3] = ["https://a.test/x", "https://a.test/y?q", "http://a.test/x"];

/// No more lines of an input are read.
const MOST: usize = 16;

/// Lets requests be answered where such a store is, and looks at where they went.
pub fn check(input: &[u8]) {
    let Some((&choice, lines)) = input.split_first() else { return };
    let lines: Vec<_> = lines.split(|&byte| byte == b'\n').take(MOST).collect();
    let script = Script::of(&lines);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(play(Options::of(choice), script));
}

async fn play(options: Options, script: Script) {
    let store = Liar { left: Arc::new(Mutex::new(script.sayings.clone())) };
    let clock = Clock::at(NOW);
    let shared = SharedCache::new(store, SECRET).read_through();
    let cache = options.set(clock.builder()).shared(shared).build();
    for key in KEYS {
        if let Some(history) = request(&cache, key).await {
            script.check_history(key, &history);
        }
        // Others get a turn: the store is listened to.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let found = contents(&cache);
    assert!(found.len() <= ENTRIES);
    for kept in &found {
        let (partition, source, entry) = kept;
        let key = match partition {
            Some(partition) => format!("{partition} {source}"),
            None => source.clone(),
        };
        assert!(script.leads(&key, entry.target().uri()), "{key} was not to lead there: {entry:?}");
        check_entry(&cache, &options, kept);
    }
}

/// Sends a request to a client that answers all with 200, and returns what led it elsewhere.
async fn request(cache: &PermanentCache, uri: &str) -> Option<History> {
    let client = service_fn(|_: Request<ReplayBody<Empty<Bytes>>>| async {
        Ok::<_, fmt::Error>(Response::new(Empty::<Bytes>::new()))
    });
    let layer = FollowRedirectLayer::new().with_policy(cache.clone());
    let request = Request::get(uri).body(Empty::new()).expect("a request");
    let answer = layer.layer(client).oneshot(request);
    let answer = tokio::time::timeout(Duration::from_secs(60), answer).await;
    let response = answer.expect("a store delays nobody for long").expect("the client is well");
    History::of(&response).cloned()
}

/// All that a store will say.
#[derive(Clone)]
struct Script {
    sayings: VecDeque<Saying>,
    /// What was sealed, and for which keys.
    sealed: Vec<(String, Vec<u8>)>,
}

/// One answer of a store, to whatever it is asked.
#[derive(Clone, Debug)]
enum Saying {
    /// Something is kept under a key.
    Value(String, Vec<u8>),
    /// Something that was kept is not any more.
    Gone(String),
    AllGone,
    /// It knows nothing.
    Nothing,
    Fails,
    Hangs,
}

impl Script {
    fn of(lines: &[&[u8]]) -> Self {
        let mut script = Self { sayings: VecDeque::new(), sealed: Vec::new() };
        for line in lines {
            let Some((code, text)) = line.split_first() else { continue };
            let saying = script.saying(*code, text);
            script.sayings.push_back(saying);
        }
        script
    }

    /// Every hop is one that was sealed, and the request was sent to where the last one leads.
    fn check_history(&self, requested: &str, history: &History) {
        let mut from = requested.to_owned();
        let later = history.hops().iter().skip(1).map(|hop| hop.uri());
        for (hop, to) in history.hops().iter().zip(later.chain([history.effective_uri()])) {
            assert!(hop.is_from_cache() && hop.uri() == from.as_str(), "{from} by {hop:?}");
            assert!(self.leads(&from, to), "nobody has said that {from} is {to}");
            from = to.to_string();
        }
    }

    /// Whether one of the fleet has written that a key leads to `uri`.
    fn leads(&self, key: &str, uri: &Uri) -> bool {
        self.sealed.iter().filter(|(sealed, _)| sealed == key).any(|(_, json)| {
            let record = serde_json::from_slice::<serde_json::Value>(json).unwrap_or_default();
            let target = record["target"].as_str().and_then(|target| target.split('#').next());
            target.is_some_and(|target| uri == target)
        })
    }

    fn saying(&mut self, code: u8, text: &[u8]) -> Saying {
        let key = |index: u8| KEYS[usize::from(index) % KEYS.len()].to_owned();
        match (code, text) {
            // As one of the fleet has written it.
            (b's', [index, json @ ..]) => {
                self.sealed.push((key(*index), json.to_vec()));
                Saying::Value(key(*index), seal(&SECRET, &key(*index), json))
            }
            // For any key.
            (b'a', text) => {
                let end = text.iter().position(|&byte| byte == b'\t').unwrap_or(text.len());
                let (key, json) = text.split_at(end);
                let key = String::from_utf8_lossy(key).into_owned();
                let json = json.get(1..).unwrap_or_default();
                self.sealed.push((key.clone(), json.to_vec()));
                let value = seal(&SECRET, &key, json);
                Saying::Value(key, value)
            }
            // For another key.
            (b'o', [index, json @ ..]) => {
                Saying::Value(key(*index), seal(&SECRET, &key(index.wrapping_add(1)), json))
            }
            // By somebody else.
            (b'e', [index, json @ ..]) => {
                Saying::Value(key(*index), seal(&[8; 32], &key(*index), json))
            }
            (b'r', [index, bytes @ ..]) => Saying::Value(key(*index), bytes.to_vec()),
            (b'g', [index, ..]) => Saying::Gone(key(*index)),
            (b'c', _) => Saying::AllGone,
            (b'!', _) => Saying::Fails,
            (b'?', _) => Saying::Hangs,
            _ => Saying::Nothing,
        }
    }
}

/// Version, HMAC-SHA-256 over version, key and record, and the record.
fn seal(secret: &[u8; 32], key: &str, json: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(secret)
        .expect("a key of any length")
        .chain_update([1])
        .chain_update((key.len() as u64).to_be_bytes())
        .chain_update(key)
        .chain_update(json);
    [&[1][..], &mac.finalize().into_bytes(), json].concat()
}

/// Says what it was told to say, and then nothing.
#[derive(Clone)]
struct Liar {
    left: Arc<Mutex<VecDeque<Saying>>>,
}

#[derive(Debug)]
struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store has failed")
    }
}

impl std::error::Error for Failure {}

impl Liar {
    async fn next(&self) -> Result<Option<Saying>, Failure> {
        let next = self.left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match next {
            Some(Saying::Fails) => Err(Failure),
            Some(Saying::Hangs) => std::future::pending().await,
            Some(Saying::Nothing) => Ok(None),
            said => Ok(said),
        }
    }
}

impl SharedStore for Liar {
    type Error = Failure;
    type Changes = Self;

    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(match self.next().await? {
            Some(Saying::Value(_, value)) => Some(value),
            _ => None,
        })
    }

    async fn put(&self, _: &str, _: Vec<u8>, _: Duration) -> Result<(), Failure> {
        self.next().await.map(drop)
    }

    async fn remove(&self, _: &str) -> Result<(), Failure> {
        self.next().await.map(drop)
    }

    async fn clear(&self) -> Result<(), Failure> {
        self.next().await.map(drop)
    }

    async fn load(&self, _: usize) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let mut all = Vec::new();
        while let Some(Saying::Value(key, value)) = self.next().await? {
            all.push((key, value));
        }
        Ok(all)
    }

    async fn listen(&self) -> Result<Self, Failure> {
        self.next().await?;
        Ok(self.clone())
    }
}

impl Changes for Liar {
    type Error = Failure;

    async fn next(&mut self) -> Result<Change, Failure> {
        Ok(match Self::next(self).await? {
            Some(Saying::Value(key, value)) => Change::Put { key, value },
            Some(Saying::Gone(key)) => Change::Removed { key },
            Some(_) => Change::Cleared,
            None => std::future::pending().await,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where nothing that is sealed were opened, nothing would be checked.
    #[test]
    fn what_is_sealed_here_is_opened_there() {
        let json = format!(
            r#"{{"source":"{}","target":"https://b.test/z","status":308,"method":"GET",
                "stored":{NOW},"fresh_until":{}}}"#,
            KEYS[0],
            NOW + 60,
        );
        let value = seal(&SECRET, KEYS[0], json.as_bytes());
        // It is asked about a key, listened to, and read.
        let value = Saying::Value(KEYS[0].to_owned(), value);
        let left = [Saying::Nothing, Saying::Nothing, value];
        let store = Liar { left: Arc::new(Mutex::new(left.into())) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let shared = SharedCache::new(store, SECRET).read_through();
            let cache = Clock::at(NOW).builder().shared(shared).build();
            request(&cache, KEYS[1]).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
            let history = request(&cache, KEYS[0]).await.expect("it is led elsewhere");
            assert_eq!(history.effective_uri(), "https://b.test/z");
        });
    }
}
