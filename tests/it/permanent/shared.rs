//! Remembered redirects that processes share, whatever the store does.

use std::{
    collections::{BTreeMap, HashMap},
    future::pending,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, broadcast};
use tower_follow_redirect::{
    FollowRedirectLayer,
    policy::permanent::{
        PermanentCache, PermanentCacheBuilder, Plaintext, RedirectCacheMode,
        shared::{Change, Changes, SharedCache, SharedStore},
    },
};

use super::{Clock, get_in, stage::Web};
use crate::support::{
    eventually,
    step::{Call, ok},
};

const OLD: &str = "https://a.test/old";
const NEW: &str = "https://b.test/new";
const KEY: [u8; 32] = [7; 32];

/// A store that processes share: here, in memory.
#[derive(Clone)]
struct Board {
    kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    mood: Arc<Mutex<Mood>>,
    changes: broadcast::Sender<Change>,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    Dead,
    Hung,
    Slow(Duration),
    /// It takes nothing in, and says so after a while.
    ReadOnly,
}

impl Board {
    fn new() -> Self {
        Self {
            kept: Arc::default(),
            mood: Arc::new(Mutex::new(Mood::Well)),
            changes: broadcast::channel(64).0,
            asked: Arc::default(),
        }
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    async fn think(&self) -> io::Result<()> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well | Mood::ReadOnly => Ok(()),
            Mood::Dead => Err(io::ErrorKind::ConnectionRefused.into()),
            Mood::Hung => pending().await,
            Mood::Slow(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
        }
    }

    fn kept(&self) -> HashMap<String, Vec<u8>> {
        self.kept.lock().unwrap().clone().into_iter().collect()
    }

    /// Waits until a process listens to it, and has read it.
    async fn is_followed(&self) {
        eventually("it listens", || self.changes.receiver_count() == 1).await;
        eventually("it has read all", || self.asked() >= 2).await;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl SharedStore for Board {
    type Error = io::Error;
    type Changes = Listener;

    async fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        self.think().await?;
        Ok(self.kept.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, key: &str, value: Vec<u8>, ttl: Duration) -> io::Result<()> {
        self.think().await?;
        if *self.mood.lock().unwrap() == Mood::ReadOnly {
            tokio::time::sleep(Duration::from_millis(10)).await;
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        assert!(ttl > Duration::from_secs(3600));
        self.kept.lock().unwrap().insert(key.into(), value.clone());
        let _ = self.changes.send(Change::Put { key: key.into(), value });
        Ok(())
    }

    async fn remove(&self, key: &str) -> io::Result<()> {
        self.think().await?;
        self.kept.lock().unwrap().remove(key);
        let _ = self.changes.send(Change::Removed { key: key.into() });
        Ok(())
    }

    async fn clear(&self) -> io::Result<()> {
        self.think().await?;
        self.kept.lock().unwrap().clear();
        let _ = self.changes.send(Change::Cleared);
        Ok(())
    }

    async fn load(&self, limit: usize) -> io::Result<Vec<(String, Vec<u8>)>> {
        self.think().await?;
        Ok(self.kept.lock().unwrap().clone().into_iter().take(limit).collect())
    }

    async fn listen(&self) -> io::Result<Listener> {
        self.think().await?;
        Ok(Listener(self.changes.subscribe()))
    }
}

struct Listener(broadcast::Receiver<Change>);

impl Changes for Listener {
    type Error = io::Error;

    async fn next(&mut self) -> io::Result<Change> {
        self.0.recv().await.map_err(io::Error::other)
    }
}

fn web() -> Web {
    Web::of([(OLD, NEW)])
}

/// The system's clock: to the store, times are times.
fn member(board: &Board) -> PermanentCache {
    PermanentCache::builder().shared(SharedCache::new(board.clone(), KEY)).build()
}

fn reader(board: &Board) -> PermanentCache {
    builder(SharedCache::new(board.clone(), KEY).read_through()).build()
}

fn builder(shared: SharedCache) -> PermanentCacheBuilder {
    PermanentCache::builder().shared(shared)
}

#[tokio::test]
async fn what_one_process_learns_the_others_know() {
    let (web, board) = (web(), Board::new());
    let (first, second) = (member(&board), member(&board));
    eventually("both listen", || board.changes.receiver_count() == 2).await;
    assert_eq!(web.get(&first, OLD).await, [OLD, NEW]);
    eventually("the second hears of it", || second.len() == 1).await;
    assert_eq!(web.get(&second, OLD).await, [NEW]);

    let third = member(&board);
    eventually("the third has read it", || third.len() == 1).await;
    assert_eq!(web.get(&third, OLD).await, [NEW]);
}

#[tokio::test]
async fn what_one_process_forgets_the_others_forget() {
    let (web, board) = (web(), Board::new());
    let (first, second) = (member(&board), member(&board));
    eventually("both listen", || board.changes.receiver_count() == 2).await;
    web.get(&first, OLD).await;
    eventually("the second hears of it", || second.len() == 1).await;
    // An unsafe request may have changed everything, also where nothing is remembered any more.
    first.remove(&"https://c.test/".parse().unwrap());
    web.send(&first, "POST", NEW).await;
    web.send(&second, "PUT", OLD).await;
    eventually("the first hears of it", || first.is_empty()).await;
    assert!(board.kept().is_empty());

    web.get(&first, OLD).await;
    eventually("the second hears of it", || second.len() == 1).await;
    second.clear();
    eventually("the first hears of it", || first.is_empty()).await;
    web.get(&first, OLD).await;
    eventually("the second hears of it", || second.len() == 1).await;
    first.retain(|source, _| source.uri() != OLD);
    eventually("the second hears of it", || second.is_empty()).await;
}

#[tokio::test]
async fn a_flush_waits_until_the_store_knows() {
    let (web, board) = (web(), Board::new());
    let cache = member(&board);
    web.get(&cache, OLD).await;
    cache.flush().await;
    assert_eq!(board.kept().len(), 1);
    PermanentCache::new().flush().await;
}

/// A process that ends writes what it has learned.
#[tokio::test]
async fn nothing_is_left_running_when_the_memory_is_dropped() {
    let (web, board) = (web(), Board::new());
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let cache = member(&board);
    board.is_followed().await;
    web.get(&cache, OLD).await;
    drop(cache);
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    eventually("its task has ended", || alive() == before).await;
    assert_eq!(board.changes.receiver_count(), 0);
    assert_eq!(board.kept().len(), 1);

    board.is(Mood::Hung);
    let cache = member(&board);
    web.get(&cache, OLD).await;
    drop(cache);
    eventually("its task has ended", || alive() == before).await;
}

#[tokio::test]
async fn a_store_that_fails_delays_nobody() {
    for mood in [Mood::Dead, Mood::Hung, Mood::Slow(Duration::from_secs(60))] {
        let (web, board) = (web(), Board::new());
        board.is(mood);
        let cache = member(&board);
        let began = Instant::now();
        assert_eq!(web.get(&cache, OLD).await, [OLD, NEW]);
        for _ in 0..100 {
            assert_eq!(web.get(&cache, OLD).await, [NEW]);
        }
        let took = began.elapsed();
        eprintln!("101 requests beside a store that fails: {took:?}");
        assert!(took < Duration::from_millis(500), "{took:?}");
    }
}

/// A memory that is made before there is a runtime has nobody yet who would tell the store.
#[test]
fn what_is_changed_before_any_call_is_told_by_a_flush() {
    let board = Board::new();
    board.kept.lock().unwrap().insert("another".into(), Vec::new());
    let cache = member(&board);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        cache.clear();
        cache.flush().await;
    });
    assert!(board.kept().is_empty());
}

/// What comes behind it is told, and reads that succeed do not keep it going.
#[tokio::test(start_paused = true)]
async fn a_change_that_the_store_refuses_is_given_up_although_it_reads() {
    let (web, board) = (web(), Board::new());
    let cache = reader(&board);
    board.is_followed().await;
    board.is(Mood::ReadOnly);
    web.get(&cache, OLD).await;
    cache.remove(&"https://a.test/other".parse().unwrap());
    let dropped = || cache.shared_status().unwrap().dropped;
    let began = tokio::time::Instant::now();
    let mut number = 0;
    while dropped() == 0 && began.elapsed() < Duration::from_secs(60) {
        number += 1;
        web.get(&cache, &format!("https://a.test/{number}")).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(15) && took < Duration::from_secs(20), "{took:?}");
    let told = tokio::time::timeout(Duration::from_secs(1), cache.flush()).await;
    assert!(told.is_ok() && dropped() == 1, "{:?}", cache.shared_status());
}

/// The bound: the timeout for each of three first requests, and then it is left alone.
#[tokio::test]
async fn a_store_that_is_asked_and_fails_delays_three_requests() {
    for mood in [Mood::Dead, Mood::Hung, Mood::Slow(Duration::from_secs(60))] {
        let (web, board) = (Web::default(), Board::new());
        let cache = reader(&board);
        board.is_followed().await;
        board.is(mood);
        let (asked, began) = (board.asked(), Instant::now());
        for n in 0..100 {
            let uri = format!("https://a.test/{n}");
            assert_eq!(web.get(&cache, &uri).await, [uri]);
        }
        let took = began.elapsed();
        eprintln!("100 requests with a store that fails: {took:?}");
        assert_eq!(board.asked() - asked, 3);
        let bound = 3 * Duration::from_millis(50);
        assert!(took < 10 * bound, "{took:?}");
        if mood != Mood::Dead {
            assert!(took >= bound, "{took:?}");
        }
        let status = cache.shared_status().unwrap();
        assert!(status.is_left_alone && status.errors >= 3, "{status:?}");
        // A second later it is tried again, and is well.
        board.is(Mood::Well);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        web.get(&cache, "https://a.test/again").await;
        assert!(!cache.shared_status().unwrap().is_left_alone);
    }
}

#[tokio::test]
async fn a_store_is_asked_for_what_is_not_known_once_in_a_minute() {
    let (web, board) = (web(), Board::new());
    let cache = reader(&board);
    board.is_followed().await;
    // As if the change had not been heard of.
    let writer = member(&Board { changes: broadcast::channel(1).0, ..board.clone() });
    web.get(&writer, OLD).await;
    writer.flush().await;
    let asked = board.asked();
    assert_eq!(web.get(&cache, OLD).await, [NEW]);
    // The old URI, and the new one.
    assert_eq!(board.asked() - asked, 2);
    assert_eq!(web.get(&cache, OLD).await, [NEW]);
    assert_eq!(board.asked() - asked, 2);
    web.send(&cache, "PUT", NEW).await;
    cache.flush().await;
    // It was told to forget, and not asked: no PUT is redirected from memory.
    assert_eq!(board.asked() - asked, 3);
}

/// It could not be kept, and to note that it is not there takes room too.
#[tokio::test]
async fn a_store_is_not_asked_for_what_is_too_long() {
    let (web, board) = (web(), Board::new());
    let cache = reader(&board);
    board.is_followed().await;
    let asked = board.asked();
    web.get(&cache, &format!("https://a.test/{}", "x".repeat(60_000))).await;
    assert_eq!(board.asked(), asked);
}

/// The memory here has never heard of it.
#[tokio::test]
async fn a_reload_that_finds_no_redirect_takes_it_from_the_store() {
    let (web, board) = (web(), Board::new());
    let cache = reader(&board);
    board.is_followed().await;
    let writer = member(&Board { changes: broadcast::channel(1).0, ..board.clone() });
    web.get(&writer, OLD).await;
    writer.flush().await;
    assert_eq!((board.kept().len(), cache.len()), (1, 0));
    let layer = FollowRedirectLayer::new().with_policy(cache.clone());
    let mut call = Call::start(layer, get_in(RedirectCacheMode::Reload, OLD));
    call.next().await.answer(ok());
    call.end().await.unwrap();
    cache.flush().await;
    assert!(board.kept().is_empty());
}

/// A store that has read all, and takes its time to say it: what it says may be old by then.
#[derive(Clone)]
struct SlowReader {
    board: Board,
    has_read: Arc<Notify>,
    may_answer: Arc<Notify>,
}

impl SharedStore for SlowReader {
    type Error = io::Error;
    type Changes = Listener;

    async fn get(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        self.board.get(key).await
    }

    async fn put(&self, key: &str, value: Vec<u8>, ttl: Duration) -> io::Result<()> {
        self.board.put(key, value, ttl).await
    }

    async fn remove(&self, key: &str) -> io::Result<()> {
        self.board.remove(key).await
    }

    async fn clear(&self) -> io::Result<()> {
        self.board.clear().await
    }

    async fn load(&self, limit: usize) -> io::Result<Vec<(String, Vec<u8>)>> {
        let all = self.board.load(limit).await;
        self.has_read.notify_one();
        self.may_answer.notified().await;
        all
    }

    async fn listen(&self) -> io::Result<Listener> {
        self.board.listen().await
    }
}

#[tokio::test]
async fn what_is_forgotten_while_the_store_is_read_stays_so() {
    for is_cleared in [false, true] {
        let (web, board) = (web(), Board::new());
        let writer = member(&Board { changes: broadcast::channel(1).0, ..board.clone() });
        web.get(&writer, OLD).await;
        writer.flush().await;
        // It does not hear of its own changes, as over Redis.
        let deaf = Board { changes: broadcast::channel(1).0, ..board.clone() };
        let (has_read, may_answer) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        let store = SlowReader {
            board: deaf,
            has_read: Arc::clone(&has_read),
            may_answer: Arc::clone(&may_answer),
        };
        let cache = builder(SharedCache::new(store, KEY)).build();
        has_read.notified().await;
        if is_cleared {
            cache.clear();
        } else {
            web.send(&cache, "PUT", OLD).await;
        }
        cache.flush().await;
        assert!(board.kept().is_empty());
        may_answer.notify_one();
        // Time enough for what is read to be learned.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(cache.len(), 0);
    }
}

/// What was found to be wrong is not asked for again.
#[tokio::test]
async fn what_was_forgotten_does_not_come_back_from_the_store() {
    let (web, board) = (web(), Board::new());
    let cache = reader(&board);
    board.is_followed().await;
    web.get(&cache, OLD).await;
    cache.flush().await;
    let kept = board.kept();
    cache.remove(&OLD.parse().unwrap());
    cache.flush().await;
    *board.kept.lock().unwrap() = kept.into_iter().collect();
    assert_eq!(web.get(&cache, OLD).await, [OLD, NEW]);
}

/// Until the store has been told, too.
#[tokio::test]
async fn what_was_cleared_does_not_come_back_from_the_store() {
    let (web, board) = (web(), Board::new());
    let cache = reader(&board);
    board.is_followed().await;
    web.get(&cache, OLD).await;
    cache.flush().await;
    assert_eq!(board.kept().len(), 1);
    cache.clear();
    // Nothing was written yet.
    assert_eq!(web.get(&cache, OLD).await, [OLD, NEW]);
}

/// What had left the store before it was told may arrive later.
#[tokio::test]
async fn what_arrives_while_it_is_being_forgotten_is_not_learned() {
    let forget: [fn(&PermanentCache); 2] =
        [PermanentCache::clear, |cache| cache.remove(&OLD.parse().unwrap())];
    for forget in forget {
        let (web, board) = (web(), Board::new());
        let cache = member(&board);
        board.is_followed().await;
        web.get(&cache, OLD).await;
        cache.flush().await;
        let value = board.kept().remove(OLD).unwrap();
        board.is(Mood::Hung);
        forget(&cache);
        board.changes.send(Change::Put { key: OLD.into(), value }).unwrap();
        // Nothing can be seen of what is passed over.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(cache.is_empty());
    }
}

#[tokio::test]
async fn a_store_that_lies_misleads_nobody() {
    let (web, board) = (Web::default(), Board::new());
    let genuine = Board::new();
    let enemy = builder(SharedCache::new(genuine.clone(), [8; 32])).build();
    Web::of([(OLD, "https://evil.test/")]).get(&enemy, OLD).await;
    enemy.flush().await;
    let forged = genuine.kept().remove(OLD).unwrap();
    // Authentic, and about another key.
    let friend = member(&genuine);
    Web::of([("https://c.test/", NEW)]).get(&friend, "https://c.test/").await;
    friend.flush().await;
    let moved = genuine.kept().remove("https://c.test/").unwrap();
    // Authentic, and not trusted.
    let lax = builder(SharedCache::new(genuine.clone(), KEY)).plaintext(Plaintext::Always).build();
    let plain = "http://a.test/old";
    Web::of([(plain, "http://b.test/")]).get(&lax, plain).await;
    lax.flush().await;
    let plaintext = genuine.kept().remove(plain).unwrap();

    for read_through in [false, true] {
        let cache = if read_through { reader(&board) } else { member(&board) };
        board.is_followed().await;
        for value in [&forged[..], &moved, b"", b"\x01", &[0xff; 100_000]] {
            board.kept.lock().unwrap().insert(OLD.into(), value.into());
            let change = Change::Put { key: OLD.into(), value: value.into() };
            board.changes.send(change).unwrap();
            tokio::task::yield_now().await;
            assert_eq!(web.get(&cache, OLD).await, [OLD]);
        }
        board.kept.lock().unwrap().insert(plain.into(), plaintext.clone());
        let change = Change::Put { key: plain.into(), value: plaintext.clone() };
        board.changes.send(change).unwrap();
        eventually("all was rejected", || cache.shared_status().unwrap().rejected >= 6).await;
        assert_eq!(web.get(&cache, plain).await, [plain]);
        assert!(cache.is_empty());
        drop(cache);
        eventually("it listens no more", || board.changes.receiver_count() == 0).await;
    }
}

#[tokio::test]
async fn a_queue_that_is_full_drops_what_comes() {
    let board = Board::new();
    board.is(Mood::Dead);
    let cache = builder(SharedCache::new(board.clone(), KEY).queue(2)).build();
    for n in 0..5 {
        let old = format!("https://a.test/{n}");
        Web::of([(&*old, NEW)]).get(&cache, &old).await;
    }
    eventually("some are dropped", || cache.shared_status().unwrap().dropped >= 3).await;
    assert_eq!(cache.len(), 5);
    board.is(Mood::Well);
    cache.flush().await;
    assert!((1..=2).contains(&board.kept().len()), "{}", board.kept().len());
}

/// After a failure everything is read again.
#[tokio::test]
async fn what_was_missed_is_read_later() {
    let (web, board) = (web(), Board::new());
    let cache = member(&board);
    board.is_followed().await;
    // It lags behind, which is an error.
    let writer = member(&Board { changes: broadcast::channel(1).0, ..board.clone() });
    web.get(&writer, OLD).await;
    writer.flush().await;
    for _ in 0..100 {
        board.changes.send(Change::Removed { key: NEW.into() }).unwrap();
    }
    eventually("it has read everything", || cache.len() == 1).await;
    assert_eq!(web.get(&cache, OLD).await, [NEW]);
}

/// Without a runtime, and without a clock, a memory is as if it shared nothing.
#[test]
fn no_runtime_is_no_failure() {
    let (web, board) = (web(), Board::new());
    let cache = reader(&board);
    let send = || assert!(!futures_lite(web.get(&cache, OLD)).is_empty());
    send();
    let without_clock = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let asked = without_clock.block_on(web.get(&cache, OLD));
    assert_eq!(asked, [NEW]);
    assert!(board.kept().is_empty());
    // A runtime comes, goes, and another comes: sharing goes on.
    for n in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let old = format!("https://a.test/{n}");
            Web::of([(&*old, NEW)]).get(&cache, &old).await;
            cache.flush().await;
        });
        assert!(board.kept().contains_key(&format!("https://a.test/{n}")), "{n}");
    }
}

/// A runtime that ends takes along what writes for the memory: nobody waits for that.
#[test]
fn a_flush_ends_with_its_runtime() {
    let (web, board) = (web(), Board::new());
    let cache = member(&board);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    first.block_on(web.get(&cache, OLD));
    board.is(Mood::Hung);
    let flushing = std::thread::spawn(move || second.block_on(cache.flush()));
    std::thread::sleep(Duration::from_millis(20));
    drop(first);
    flushing.join().unwrap();
}

/// Polls a future that never waits for anything.
fn futures_lite<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// What was on its way for longer says nothing of what was learned since.
#[tokio::test]
async fn what_is_older_replaces_nothing() {
    let (board, clock) = (Board::new(), Clock::new());
    let cache = clock.builder().shared(SharedCache::new(board.clone(), KEY)).build();
    board.is_followed().await;
    web().get(&cache, OLD).await;
    cache.flush().await;
    let value = board.kept().remove(OLD).unwrap();
    clock.advance(1);
    cache.remove(&OLD.parse().unwrap());
    let newer = "https://b.test/newer";
    Web::of([(OLD, newer)]).get(&cache, OLD).await;
    cache.flush().await;
    for (key, value) in [(OLD, value), ("https://c.test/", vec![1])] {
        board.changes.send(Change::Put { key: key.into(), value }).unwrap();
    }
    // Then the one before it has been looked at, too.
    eventually("all is read", || cache.shared_status().unwrap().rejected == 1).await;
    assert_eq!(web().get(&cache, OLD).await, [newer]);
}

#[tokio::test]
async fn the_clock_of_the_memory_counts() {
    let (web, board, clock) = (web(), Board::new(), Clock::new());
    let cache = clock.builder().shared(SharedCache::new(board.clone(), KEY)).build();
    web.get(&cache, OLD).await;
    cache.flush().await;
    assert_eq!(board.kept().len(), 1);
    // By the system's clock it has expired long ago.
    let other = member(&board);
    eventually("it has read it", || other.shared_status().unwrap().rejected == 1).await;
    assert!(other.is_empty());
}
