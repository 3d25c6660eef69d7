//! `--policy deny-private-networks`.

use std::{net::TcpStream, thread, time::Duration};

use crate::{
    program::{Scratch, follow},
    server::{OK, Server, redirect},
};

const DENY: [&str; 2] = ["--policy", "deny-private-networks"];

/// A front that redirects to `host` at the port of the server behind it.
fn redirecting(host: &str) -> (Server, Server) {
    let back = Server::answering(|_| OK.into());
    let target = format!("http://{host}:{}/there", back.addr.port());
    (Server::answering(move |_| redirect(302, &target)), back)
}

/// Nobody has connected: a listener accepts in order, so one that comes now must be the first.
fn is_untouched(server: &Server) {
    let before = server.connections();
    let _mine = TcpStream::connect(server.addr).unwrap();
    while server.connections() == before {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(server.connections(), 1, "it was connected to");
}

#[test]
fn redirects_to_this_host_are_handed_back_however_it_is_written() {
    for host in
        ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST."]
    {
        let (front, back) = redirecting(host);
        let args = ["-v", "-w", " %{http_code} %{stop_reason}", &front.url("/")];
        let run = follow(&[&DENY[..], &args].concat());
        run.succeeds(" 302 policy");
        assert!(run.stderr.contains("of this host"), "{host}: {}", run.stderr);
        is_untouched(&back);
    }
}

#[test]
fn the_urls_themselves_are_looked_at_if_asked() {
    let server = Server::answering(|_| OK.into());
    let trace = Scratch::file("trace", "");
    let args = ["--check-first", "-w", "%{stop_reason}", "--trace", trace.name()];
    let run = follow(&[&DENY[..], &args, &[&server.url("/x?secret")]].concat());
    let url = server.url("/x?…");
    run.fails(47, &format!("GET {url} was not sent: the policy forbids it: 127.0.0.1 is"));
    assert_eq!(run.stdout, "policy");
    let trace = std::fs::read_to_string(&trace.path).unwrap();
    assert!(trace.contains(r#""reason":"policy""#) && !trace.contains("secret"), "{trace}");
    is_untouched(&server);
}

#[test]
fn what_is_allowed_is_followed() {
    for host in ["127.0.0.1", "localhost"] {
        for first in [false, true] {
            let (front, back) = redirecting(host);
            let (name, port) = (back.addr.ip(), back.addr.port());
            let front_place = front.addr.to_string();
            let nets = format!("{name}/8");
            let place = format!("{host}:{port}");
            let allowed: [&[&str]; 3] = [
                &["--allow-private", host, "--allow-private", &nets],
                &["--allow-private", &place, "--allow-private", &front_place],
                &["--allow-private", ".localhost", "--allow-private", &nets],
            ];
            for allowed in allowed {
                let first: &[&str] = if first { &["--check-first"] } else { &[] };
                let run = follow(&[&DENY[..], first, allowed, &[&front.url("/")]].concat());
                run.succeeds("ok");
            }
            assert_eq!(back.requests().len(), 3);
        }
    }
}

#[test]
fn connects_where_it_is_told_all_the_same() {
    let server = Server::answering(|request| match request.field("host") {
        Some("a.test") => redirect(302, "http://b.test/"),
        Some("b.test") => redirect(302, "http://10.0.0.1/"),
        _ => OK.into(),
    });
    let everything = format!("::127.0.0.1:{}", server.addr.port());
    let args = ["--check-first", "--connect-to", &everything, "-w", " %{num_redirects}"];
    follow(&[&DENY[..], &args, &["http://a.test/"]].concat()).succeeds(" 1");
    assert_eq!(server.requests().len(), 2);
}

/// A name that no system asks the network about, since it is too long: what resolves it is ours.
#[test]
fn a_name_is_looked_at_when_it_is_connected_to() {
    let name = format!("{}.test", "a".repeat(64));
    let target = format!("http://{name}/");
    let front = Server::answering(move |_| redirect(302, &target));
    let run = follow(&[&DENY[..], &["-w", "%{stop_reason}", &front.url("/")]].concat());
    run.fails(47, &format!("`{name}` leads to addresses that are not public, or to none"));
    assert_eq!(run.stdout, "policy");
}
