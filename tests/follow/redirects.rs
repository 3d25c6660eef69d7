//! Which redirects are followed, and with what.

use crate::{
    program::{Scratch, follow},
    server::{OK, Server, redirect},
};

#[test]
fn follows_and_writes_out() {
    let server = Server::answering(|request| match request.path() {
        "/old" => redirect(302, "/new?q#there"),
        _ => OK.into(),
    });
    let format = "|%{http_code} %{url_effective} %{num_redirects} %{num_connects} %{size_upload} \
                  [%{redirect_url}] [%{stop_reason}] 100%%\\n";
    let run = follow(&["-w", format, &server.url("/old#here")]);
    let url = server.url("/new?q#there");
    run.succeeds(&format!("ok|200 {url} 1 1 0 [] [] 100%\n"));
    let request = &server.requests()[0];
    let mut names: Vec<_> =
        request.head.lines().skip(1).filter_map(|line| line.split_once(':')).collect();
    names.sort_unstable();
    let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["accept", "host", "user-agent"], "{}", request.head);
}

#[test]
fn a_redirect_with_content_leaves_its_connection_to_the_next() {
    let server = Server::answering(|request| match request.path() {
        "/old" => "HTTP/1.1 302 Found\r\nlocation: /new\r\ncontent-length: 5\r\n\r\nmoved".into(),
        _ => OK.into(),
    });
    let run = follow(&["-w", " %{num_connects}", &server.url("/old")]);
    run.succeeds("ok 1");
    assert_eq!(server.connections(), 1);
}

#[test]
fn several_urls_share_a_client() {
    let server = Server::answering(|_| OK.into());
    let args = ["-w", " %{http_code}/%{num_connects}\\n"];
    let run = follow(&[&args[..], &[&server.url("/1"), &server.url("/2")]].concat());
    run.succeeds("ok 200/1\nok 200/0\n");
    let run = follow(&["ftp://a.test/", &server.url("/3")]);
    assert_eq!((run.code, &*run.stdout), (3, "ok"));
}

#[test]
fn methods_are_rewritten_unless_a_flag_keeps_them() {
    let content = Scratch::file("data.txt", "from a file");
    let at_file = format!("@{}", content.name());
    let table: &[(u16, &[&str], &str, &str)] = &[
        (302, &["-d", "x"], "GET", ""),
        (302, &["-d", "x", "--post302"], "POST", "x"),
        (301, &["-d", &at_file, "--post301"], "POST", "from a file"),
        (303, &["-d", "x", "-d", "y", "--post303"], "POST", "x&y"),
        (303, &["-d", "x", "-X", "PUT", "--post303"], "GET", ""),
        (302, &["-X", "PATCH", "--data-binary", "-x"], "PATCH", "-x"),
        (308, &["-d", "x"], "POST", "x"),
        (307, &["-X", "DELETE"], "DELETE", ""),
    ];
    for (status, args, method, body) in table {
        let status = *status;
        let server = Server::answering(move |request| match request.path() {
            "/old" => redirect(status, "/new"),
            _ => OK.into(),
        });
        follow(&[args, &[&*server.url("/old")][..]].concat()).succeeds("ok");
        let request = &server.requests()[1];
        let found = (request.method(), std::str::from_utf8(&request.body).unwrap());
        assert_eq!(found, (*method, *body), "{status} {args:?}");
        assert_eq!(request.field("content-type"), None);
    }
}

#[test]
fn a_refused_redirect_is_an_error_or_the_response() {
    let server = Server::answering(|_| redirect(302, "/?n=secret"));
    let args = ["--max-redirs", "2", "-w", "%{http_code} %{num_redirects} %{stop_reason}"];
    let url = server.url("/");
    let run = follow(&[&args[..], &[&*url]].concat());
    run.fails(47, "too many redirects");
    assert_eq!(run.stdout, "302 2 too-many-redirects");
    assert!(
        run.stderr.contains(&server.url("/?…")) && !run.stderr.contains("secret"),
        "{}",
        run.stderr
    );
    let run = follow(&[&args[..], &["--on-refusal", "return", &url]].concat());
    run.succeeds("302 2 too-many-redirects");

    let bad = Server::answering(|_| redirect(302, "ftp://a.test/"));
    follow(&[&bad.url("/")]).fails(1, "ftp");
    let bad = Server::answering(|_| redirect(302, "http:///x"));
    follow(&[&bad.url("/")]).fails(3, "Location names no host");
}

#[test]
fn policies_agree() {
    let other = Server::answering(|_| OK.into());
    let target = other.url("/there");
    let server = Server::answering(move |request| match request.path() {
        "/near" => redirect(302, "/far"),
        _ => redirect(302, &target),
    });
    let format = "%{http_code} %{num_redirects} %{redirect_url} %{stop_reason}";
    let far = format!("302 1 {} policy", other.url("/there"));
    let near = format!("302 0 {} policy", server.url("/far"));
    let table: &[(&[&str], &str)] = &[
        (&["standard"], "ok200 2  "),
        (&["none"], &near),
        (&["same-origin"], &far),
        (&["standard", "same-origin"], &far),
        (&["same-origin", "none"], &near),
    ];
    for (policies, expected) in table {
        let flags = policies.iter().flat_map(|policy| ["--policy", policy]);
        let args: Vec<&str> = flags.chain(["-w", format]).collect();
        follow(&[&args[..], &[&*server.url("/near")]].concat()).succeeds(expected);
    }
    let run = follow(&["--proto-redir", "=https", &server.url("/near")]);
    run.fails(1, &server.url("/near"));
    follow(&["--proto-redir", "=http,https", &server.url("/near")]).succeeds("ok");
}

#[test]
fn credentials_stay_unless_every_host_is_trusted() {
    let other = Server::answering(|_| OK.into());
    let target = other.url("/");
    let server = Server::answering(move |_| redirect(302, &target));
    let url = server.url("/").replace("http://", "http://user:pass@");
    let args =
        ["-H", "Cookie: a=b", "-H", "X-Mine: 1", "-H", "X-Open: 1", "--sensitive-header", "x-mine"];
    let table = [(None, false), (Some("--location-trusted"), true)];
    for (flag, crosses) in table {
        let args: Vec<&str> = args.into_iter().chain(flag).chain([&*url]).collect();
        follow(&args).succeeds("ok");
        let request = other.requests().pop().unwrap();
        for name in ["authorization", "cookie", "x-mine"] {
            assert_eq!(request.field(name).is_some(), crosses, "{name}");
        }
        assert_eq!(request.field("x-open"), Some("1"));
    }
    follow(&["--location-trusted", "--policy", "standard", &url]).succeeds("ok");
    assert!(other.requests().pop().unwrap().field("authorization").is_some());
}

#[test]
fn referer_is_kept_up_to_date() {
    let server = Server::answering(|request| match request.path() {
        "/1?q" => redirect(302, "/2#here"),
        "/2" => redirect(302, "/3"),
        _ => OK.into(),
    });
    let url = server.url("/1?q#x").replace("http://", "http://user:pass@");
    follow(&["-e", "http://before.test/;auto", &url]).succeeds("ok");
    let sent: Vec<_> = server.requests();
    let sent: Vec<_> = sent.iter().map(|request| request.field("referer")).collect();
    let expected =
        [Some("http://before.test/"), Some(&*server.url("/1?q")), Some(&*server.url("/2"))];
    assert_eq!(sent, expected);
    follow(&["-e", ";auto", &server.url("/3")]).succeeds("ok");
    assert_eq!(server.requests().pop().unwrap().field("referer"), None);
}
