//! What the program writes.

use std::fs;

use serde_json::Value;

use crate::{
    program::{Scratch, follow},
    server::{OK, Request, Server, redirect},
};

#[test]
fn head_prints_what_answered() {
    let server = Server::answering(|request| match request.path() {
        "/old" => redirect(302, "/new"),
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 99\r\nx-mine: 1\r\n\r\n".into(),
    });
    let run = follow(&["-I", &server.url("/old")]);
    let first = "HTTP/1.1 302 Found\r\nlocation: /new\r\ncontent-length: 0\r\n\r\n";
    run.succeeds(&format!("{first}HTTP/1.1 200 OK\r\ncontent-length: 99\r\nx-mine: 1\r\n\r\n"));
    assert!(server.requests().iter().all(|request| request.method() == "HEAD"));
}

#[test]
fn traces_every_hop() {
    let server = Server::answering(|request| match request.path() {
        "/old?sig=secret" => redirect(307, "/new?sig=secret"),
        _ => redirect(302, "ftp://a.test/"),
    });
    let file = Scratch::file("trace", "");
    let url = server.url("/old?sig=secret");
    follow(&["-d", "12345", "--trace", file.name(), &url]).fails(1, "ftp");
    let text = fs::read_to_string(&file.path).unwrap();
    assert!(!text.contains("secret"), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [first, second, last] = &lines[..] else { panic!("{text}") };
    assert_eq!(first["method"], "POST");
    assert_eq!(first["url"], server.url("/old?…"));
    assert_eq!(first["status"], 307);
    assert_eq!(first["target"], server.url("/new?…"));
    assert_eq!(first["decision"], "follow");
    assert_eq!(first["from_cache"], false);
    assert_eq!(first["body_bytes_sent"], 5);
    assert!(first["ms"].as_f64().unwrap() > 0.0);
    assert_eq!((&second["decision"], &second["reason"]), (&"refuse".into(), &"scheme".into()));
    assert_eq!((&last["outcome"], &last["redirects"]), (&"refused".into(), &1.into()));

    let run = follow(&["-v", "--trace", "-", "--on-refusal", "return", &url]);
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["url"], url);
    assert_eq!((&lines[1]["decision"], &lines[1]["reason"]), (&"return".into(), &"scheme".into()));
    assert_eq!(lines[2]["outcome"], "response");
}

#[test]
fn a_trace_begins_its_own_line() {
    let server = Server::answering(|_| OK.into());
    let run = follow(&["--trace", "-", &server.url("/#x")]);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines[0], "ok");
    let last: Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!((&last["outcome"], &last["url"]), (&"response".into(), &server.url("/").into()));
}

#[test]
fn verbose_shows_heads_but_no_secrets() {
    let server = Server::start(|mut connection| {
        let head = connection.head()?;
        connection.say("HTTP/1.1 100 Continue\r\n\r\n");
        let body = connection.bytes(5);
        connection.say("HTTP/1.1 200 OK\r\nset-cookie: secret\r\ncontent-length: 0\r\n\r\n");
        Some(Request { head, body })
    });
    let url = server.url("/x?q").replace("http://", "http://user:secret@");
    let args = ["-v", "-d", "12345", "-H", "X-Mine: secret", "--sensitive-header", "X-Mine"];
    let run = follow(&[&args[..], &["-H", "Expect: 100-continue", &url]].concat());
    run.succeeds("");
    let host = format!("> host: {}\n", server.addr);
    let shown = [
        "> POST /x?q HTTP/1.1\n",
        &host,
        "> authorization: [redacted]\n",
        "> x-mine: [redacted]\n",
        "> content-length: 5\n",
        "< HTTP/1.1 100 Continue\n",
        "< HTTP/1.1 200 OK\n",
        "< set-cookie: [redacted]\n",
    ];
    for line in shown {
        assert!(run.stderr.contains(line), "{line} is not in {}", run.stderr);
    }
    assert!(!run.stderr.contains("secret"), "{}", run.stderr);
}

#[test]
fn writes_to_a_file() {
    let server = Server::answering(|_| OK.into());
    let file = Scratch::file("out", "longer than what comes");
    follow(&["-o", file.name(), "-w", "%{http_code}", &server.url("/")]).succeeds("200");
    assert_eq!(fs::read_to_string(&file.path).unwrap(), "ok");
    follow(&["-o", "/nowhere/at/all", &server.url("/")]).fails(23, "/nowhere/at/all");
}
