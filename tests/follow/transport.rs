//! Requests, connections, and what becomes of them.

use std::{fs, net::TcpListener, sync::Arc};

use crate::{
    http2,
    program::{Scratch, follow, follow_with},
    server::{OK, Server, redirect},
    tls,
};

#[test]
fn headers_are_added_replaced_and_removed() {
    let server = Server::answering(|_| OK.into());
    let args = ["-H", "Accept:", "-H", "User-Agent: mine", "-H", "X-Empty;", "-H", "X-Two: 1"];
    let more = ["-H", "X-Two: ä", "-H", "Host: b.test", "-H", "Expect:", "-T", "-"];
    let url = server.url("/").replace("http://", "http://us%40er:pass@");
    follow_with(&[&args[..], &more[..], &[&*url]].concat(), "x").succeeds("ok");
    let request = &server.requests()[0];
    let expected = [
        ("accept", None),
        ("expect", None),
        ("user-agent", Some("mine")),
        ("x-empty", Some("")),
        ("x-two", Some("1")),
        ("host", Some("b.test")),
        ("authorization", Some("Basic dXNAZXI6cGFzcw==")),
        ("transfer-encoding", Some("chunked")),
    ];
    for (name, value) in expected {
        assert_eq!(request.field(name), value, "{name}");
    }
    assert!(request.head.contains("x-two: ä"), "{}", request.head);
}

#[test]
fn connects_where_it_is_told() {
    let server = Server::answering(|request| match request.path() {
        "/old" => redirect(302, "http://b.test:81/new"),
        _ => OK.into(),
    });
    let port = server.addr.port();
    let to_a = format!("A.test:80:127.0.0.1:{port}");
    let to_any = format!("::[127.0.0.1]:{port}");
    let run = follow(&["--connect-to", &to_a, "--connect-to", &to_any, "http://a.test/old"]);
    run.succeeds("ok");
    let requests = server.requests();
    let hosts: Vec<_> = requests.iter().map(|request| request.field("host")).collect();
    assert_eq!(hosts, [Some("a.test"), Some("b.test:81")]);
}

#[test]
fn gives_up_in_time() {
    let silent = Server::start(|mut connection| {
        connection.rest();
        None
    });
    let file = Scratch::file("trace", "");
    let args = ["--max-time", "0.2", "--trace", file.name(), "-w", "%{http_code}"];
    let run = follow(&[&args[..], &[&*silent.url("/x?secret")]].concat());
    run.fails(28, "timeout");
    assert!(run.stderr.contains(&silent.url("/x?…")), "{}", run.stderr);
    assert_eq!(run.stdout, "000");
    assert!(fs::read_to_string(&file.path).unwrap().contains(r#""reason":"timeout""#));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let run = follow(&[&format!("http://user:secret@{addr}/x?secret")]);
    run.fails(7, &format!("http://{addr}/x?… failed"));
    assert!(run.stderr.contains("refused") && !run.stderr.contains("secret"), "{}", run.stderr);
}

#[test]
fn a_response_that_breaks_off_is_an_error() {
    let server = Server::answering(|_| {
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nok".into()
    });
    let run = follow(&[&server.url("/x")]);
    run.fails(18, &server.url("/x"));
    assert_eq!(run.stdout, "ok");
}

#[test]
fn https_is_trusted_by_certificate_or_not_at_all() {
    let key = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let certificate = Scratch::file("ca.pem", &key.cert.pem());
    let server = Server::https(&key, |_| OK.into());
    let port = server.addr.port();
    let url = format!("https://localhost:{port}/");
    let to = format!("localhost::127.0.0.1:{port}");
    let table: &[(&[&str], bool)] = &[
        (&[], false),
        (&["-k"], true),
        (&["--cacert", certificate.name()], true),
        (&["-k", "--http1.1"], true),
    ];
    for (args, trusts) in table {
        let run = follow(&[args, &["--connect-to", &to, &*url][..]].concat());
        if *trusts {
            run.succeeds("ok");
        } else {
            run.fails(7, "certificate");
        }
    }
    let front = Server::answering(move |_| redirect(302, &url));
    let run = follow(&["-k", "--proto-redir", "=https", "--connect-to", &to, &front.url("/")]);
    run.succeeds("ok");
}

#[test]
fn speaks_http2_where_it_is_told() {
    let addr = http2::serve(None);
    let file = Scratch::file("upload", &"x".repeat(2 << 20));
    let format = " %{num_redirects} %{num_connects}";
    let args = ["--http2-prior-knowledge", "-T", file.name(), "-w", format];
    let run = follow(&[&args[..], &[&format!("http://{addr}/old")]].concat());
    run.succeeds(&format!("{} None 1 1", 2 << 20));
    let run = follow(&["-v", "--http2-prior-knowledge", &format!("http://{addr}/old")]);
    assert!(run.stderr.contains("< HTTP/2.0 307"), "{}", run.stderr);
}

#[test]
fn https_may_be_http2() {
    let key = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let mut config = tls::server(&key);
    Arc::get_mut(&mut config).unwrap().alpn_protocols = vec![b"h2".into()];
    let port = http2::serve(Some(config)).port();
    let file = Scratch::file("upload", &"x".repeat(2 << 20));
    let (url, to) = (format!("https://localhost:{port}/old"), "localhost::127.0.0.1:");
    let args = ["-k", "--connect-to", to, "-T", file.name(), "-w", " %{http_code} %{num_connects}"];
    let run = follow(&[&args[..], &[&*url]].concat());
    // The protocol is known only once the head was made.
    run.succeeds(&format!("{} Some(\"100-continue\") 200 1", 2 << 20));
    follow(&[&args[..], &["--http1.1", &url]].concat()).fails(7, "no TLS with localhost");
}
