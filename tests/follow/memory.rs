//! `--permanent-cache`: what one run learns, the next one knows.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    program::{Run, Scratch, follow},
    server::{OK, Server, redirect},
};

/// Servers with TLS, since only those are believed for longer than once.
struct Site {
    front: Server,
    back: Server,
    directory: tempfile::TempDir,
}

impl Site {
    fn new(back: &'static str) -> Self {
        let key = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
        let back = Server::https(&key, move |_| back.into());
        let there = format!("https://localhost:{}/new", back.addr.port());
        let front = Server::https(&key, move |request| match request.path() {
            "/old" => redirect(308, &there),
            _ => OK.into(),
        });
        Self { front, back, directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> String {
        self.directory.path().join("redirects.json").display().to_string()
    }

    fn follow(&self, args: &[&str]) -> Run {
        let url = format!("https://localhost:{}/old", self.front.addr.port());
        let file = self.file();
        follow(&[&["-k", "--permanent-cache", &file][..], args, &[&url]].concat())
    }

    /// How many requests each has got.
    fn asked(&self) -> (usize, usize) {
        (self.front.requests().len(), self.back.requests().len())
    }
}

fn trace(stdout: &str) -> Vec<Value> {
    let lines = stdout.lines().filter(|line| line.starts_with('{'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_one_run_learns_the_next_one_knows() {
    let site = Site::new(OK);
    site.follow(&["-w", " %{num_redirects}"]).succeeds("ok 1");
    assert_eq!(site.asked(), (1, 1));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(site.file()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    let run = site.follow(&["-w", " %{num_redirects}\n", "--trace", "-"]);
    assert_eq!(site.asked(), (1, 2), "{}", run.stderr);
    assert!(run.stdout.contains("ok"), "{}", run.stdout);
    let lines = trace(&run.stdout);
    let (remembered, sent) = (&lines[0], &lines[1]);
    assert_eq!((&remembered["from_cache"], &remembered["status"]), (&true.into(), &308.into()));
    assert_eq!((&sent["from_cache"], &sent["decision"]), (&false.into(), &"return".into()));
    assert_eq!(lines[2]["redirects"], 1);
}

/// A remembered redirect can be refused, too: then nothing is sent, and the trace says so.
#[test]
fn a_remembered_redirect_that_is_refused_is_explained() {
    let site = Site::new(OK);
    site.follow(&[]).succeeds("ok");
    let run = site.follow(&["--max-redirs", "0", "--trace", "-"]);
    assert_eq!(run.code, 47);
    assert!(run.stderr.contains("a remembered 308 after GET https://localhost:"), "{}", run.stderr);
    assert_eq!(site.asked(), (1, 1));
    let lines = trace(&run.stdout);
    assert_eq!(lines.len(), 1, "{}", run.stdout);
    assert_eq!(lines[0]["outcome"], "refused");
    assert_eq!(lines[0]["reason"], "too-many-redirects");
}

/// As an entry is older than a minute.
#[test]
fn a_target_that_is_gone_is_forgotten() {
    let site = Site::new("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let source = format!("https://localhost:{}/old", site.front.addr.port());
    let target = format!("https://localhost:{}/new", site.back.addr.port());
    let entry = serde_json::json!({
        "source": source, "target": target, "status": 308, "method": "GET",
        "stored": now - 100, "fresh_until": now + 100,
    });
    let snapshot = serde_json::json!({ "version": 1, "created": now, "entries": [entry] });
    fs::write(site.file(), snapshot.to_string()).unwrap();
    let run = site.follow(&["--trace", "-"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    // The remembered target, then the old URI, which still redirects there.
    assert_eq!(site.asked(), (1, 2));
    let decisions: Vec<_> =
        trace(&run.stdout).iter().map(|line| line["decision"].clone()).collect();
    assert_eq!(
        decisions,
        ["fall-back", "follow", "return", ""].map(|name| match name {
            "" => Value::Null,
            name => name.into(),
        })
    );
    let left: Value = serde_json::from_slice(&fs::read(site.file()).unwrap()).unwrap();
    assert_eq!(left["entries"], serde_json::json!([]));
}

#[test]
fn a_file_that_holds_something_else_is_not_touched() {
    let site = Site::new(OK);
    let file = Scratch::file("memory", "my notes");
    let run = follow(&["--permanent-cache", file.name(), "http://127.0.0.1:1/"]);
    run.fails(26, "expected value");
    assert_eq!(fs::read_to_string(&file.path).unwrap(), "my notes");
    assert_eq!(site.asked(), (0, 0));
    // An empty one is as good as new.
    fs::write(site.file(), "").unwrap();
    site.follow(&[]).succeeds("ok");
    assert_ne!(fs::metadata(Path::new(&site.file())).unwrap().len(), 0);
}
