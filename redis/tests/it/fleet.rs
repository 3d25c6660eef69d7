//! Processes that share what they learn: `examples/member`, each a process of its own.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tower_follow_redirect::policy::permanent::{PermanentCache, shared::SharedCache};
use tower_follow_redirect_redis::redis::{self, Commands, Value};

use crate::{
    server::Server,
    web::{Request, Web},
};

const OLD: &str = "https://a.test/old";
const NEW: &str = "https://b.test/new";
const SOON: Duration = Duration::from_secs(1);

/// Ends when it is dropped.
struct Member {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Member {
    /// Starts a process that does not know where OLD has moved to.
    fn start(server: &Server) -> Self {
        Self::start_with(&server.url(), &[])
    }

    fn start_with(url: &str, options: &[&str]) -> Self {
        // `target/debug/examples/member`, next to `target/debug/deps/it-…`, which is this test.
        let test = env::current_exe().unwrap();
        let profile = test.parent().unwrap().parent().unwrap();
        let mut process = Command::new(profile.join("examples").join("member"))
            .arg(url)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo builds the examples with the tests");
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut member = Self { process, input, output };
        // A memory begins to listen with its first request.
        assert_eq!(member.says("get https://c.test/"), "https://c.test/");
        member
    }

    /// Starts one that knows where OLD has moved to, for so many seconds.
    fn start_knowing(server: &Server, seconds: u32) -> Self {
        let mut member = Self::start(server);
        member.says(&format!("moved {OLD} {NEW} {seconds}"));
        member
    }

    fn says(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// Returns which URIs servers were asked for.
    fn get(&mut self, uri: &str) -> String {
        self.says(&format!("get {uri}"))
    }

    /// Waits until the number of redirects that it remembers is this, and returns for how long it did.
    fn remembers(&mut self, count: usize) -> Duration {
        let began = Instant::now();
        while self.says("len") != count.to_string() {
            assert!(began.elapsed() < SOON, "{} in place of {count}", self.says("len"));
            thread::sleep(Duration::from_micros(200));
        }
        began.elapsed()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// Waits until so many listen.
fn are_listening(server: &Server, count: i64) {
    let began = Instant::now();
    loop {
        let answer: (Value, i64) = redis::cmd("PUBSUB")
            .arg("NUMSUB")
            .arg("fr:1:changes")
            .query(&mut server.connection())
            .unwrap();
        if answer.1 == count {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{} listen", answer.1);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_one_process_learns_another_uses_at_once() {
    let server = Server::start();
    let [mut one, mut other] = [Member::start(&server), Member::start(&server)];
    are_listening(&server, 2);
    let mut took = Vec::new();
    for number in 1..=50 {
        let [old, new] = [format!("{OLD}/{number}"), format!("{NEW}/{number}")];
        one.says(&format!("moved {old} {new}"));
        assert_eq!(one.get(&old), format!("{old} {new}"));
        took.push(other.remembers(number));
        assert_eq!(other.get(&old), new);
        assert_eq!(one.get(&old), new);
    }
    took.sort();
    println!("learned by another process after {:?}, at most {:?}", took[25], took[49]);
}

#[test]
fn a_process_that_starts_knows_what_the_others_know() {
    let server = Server::start();
    let mut one = Member::start_knowing(&server, 1000);
    assert_eq!(one.get(OLD), format!("{OLD} {NEW}"));
    one.says("flush");
    drop(one);
    let mut other = Member::start(&server);
    other.remembers(1);
    assert_eq!(other.get(OLD), NEW);
}

#[test]
fn a_process_that_reads_through_knows_it_with_its_first_request() {
    let server = Server::start();
    let mut one = Member::start_knowing(&server, 1000);
    // It may not listen, so it must ask.
    let mut user = redis::cmd("ACL");
    user.arg("SETUSER").arg(&["deaf", "on", ">secret", "~*", "&*", "+@all", "-subscribe"]);
    user.exec(&mut server.connection()).unwrap();
    let url = server.url().replace("://", "://deaf:secret@");
    let mut other = Member::start_with(&url, &["--read-through"]);
    let mut third = Member::start_with(&url, &[]);
    assert_eq!(one.get(OLD), format!("{OLD} {NEW}"));
    one.says("flush");
    assert_eq!(other.get(OLD), NEW);
    assert_eq!(third.get(OLD), OLD);
}

#[test]
fn what_expires_expires_everywhere() {
    let server = Server::start();
    let mut one = Member::start_knowing(&server, 2);
    let mut other = Member::start(&server);
    are_listening(&server, 2);
    assert_eq!(one.get(OLD), format!("{OLD} {NEW}"));
    other.remembers(1);
    assert_eq!(other.get(OLD), NEW);
    thread::sleep(Duration::from_millis(3100));
    assert_eq!(server.connection().keys::<_, Vec<String>>("fr:1:*").unwrap(), [""; 0]);
    assert_eq!(other.get(OLD), OLD);
    assert_eq!(one.get(OLD), format!("{OLD} {NEW}"));
}

#[test]
fn what_one_process_sees_contradicted_the_others_forget() {
    let server = Server::start();
    for contradiction in ["reload", "post"] {
        let mut one = Member::start_knowing(&server, 1000);
        let mut other = Member::start(&server);
        are_listening(&server, 2);
        assert_eq!(one.get(OLD), format!("{OLD} {NEW}"));
        other.remembers(1);
        one.says(&format!("stays {OLD}"));
        assert_eq!(one.get(OLD), NEW);
        assert_eq!(one.says(&format!("{contradiction} {OLD}")), OLD);
        println!("forgotten by another process after {:?}", other.remembers(0));
        assert_eq!(other.get(OLD), OLD);
        let mut third = Member::start(&server);
        are_listening(&server, 3);
        assert_eq!(third.get(OLD), OLD);
    }
}

#[test]
fn what_one_process_is_told_to_forget_the_others_forget() {
    let server = Server::start();
    let mut one = Member::start_knowing(&server, 1000);
    let mut other = Member::start(&server);
    are_listening(&server, 2);
    for forget in [&format!("remove {OLD}"), "clear"] {
        assert_eq!(one.get(OLD), format!("{OLD} {NEW}"));
        other.remembers(1);
        assert_eq!(one.says(forget), "ok");
        other.remembers(0);
        assert_eq!(server.connection().keys::<_, Vec<String>>("fr:1:*").unwrap(), [""; 0]);
    }
}

#[test]
fn what_is_learned_for_one_tenant_is_for_no_other() {
    let server = Server::start();
    let mut one = Member::start_knowing(&server, 1000);
    let mut other = Member::start(&server);
    are_listening(&server, 2);
    assert_eq!(one.says(&format!("get {OLD} blue")), format!("{OLD} {NEW}"));
    other.remembers(1);
    assert_eq!(other.says(&format!("get {OLD} blue")), NEW);
    assert_eq!(other.says(&format!("get {OLD} red")), OLD);
    assert_eq!(other.get(OLD), OLD);
}

#[test]
fn after_a_restart_of_the_server_sharing_goes_on() {
    let mut server = Server::start();
    let [mut one, mut other] = [Member::start(&server), Member::start(&server)];
    are_listening(&server, 2);
    server.kill();
    one.says(&format!("moved {OLD} {NEW}"));
    assert_eq!(one.get(OLD), format!("{OLD} {NEW}"));
    assert_eq!(one.get(OLD), NEW);
    assert_eq!(other.get(OLD), OLD);

    server.restart();
    are_listening(&server, 2);
    let began = Instant::now();
    for number in 2.. {
        let (old, new) = (format!("{OLD}/{number}"), format!("{NEW}/{number}"));
        one.says(&format!("moved {old} {new}"));
        assert_eq!(one.get(&old), format!("{old} {new}"));
        thread::sleep(Duration::from_millis(50));
        // Where it has not heard of it yet, it asks, and forgets what it hears later: so each has a URL of its own.
        if other.get(&old) == new {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{}", one.says("status"));
    }
    println!("after a restart shared again within {:?}", began.elapsed());
}

/// It takes longer than one key may.
#[tokio::test]
async fn a_large_store_is_cleared() {
    let server = Server::start();
    let mut connection = server.connection();
    let mut pipeline = redis::pipe();
    for number in 0..50_000 {
        pipeline.set(format!("fr:1:{number}"), "value").ignore();
    }
    pipeline.exec(&mut connection).unwrap();

    let cache = PermanentCache::builder().shared(SharedCache::new(server.store(), [7; 32])).build();
    Web::default().send(&cache, Request::get(OLD)).await.unwrap();
    cache.clear();
    cache.flush().await;
    assert_eq!(cache.shared_status().unwrap().dropped, 0);
    assert_eq!(connection.keys::<_, Vec<String>>("*").unwrap(), [""; 0]);
}
