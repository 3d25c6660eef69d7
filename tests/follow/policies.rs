//! `--policy`: who decides, and what is signed.

#[cfg(target_os = "linux")]
use crate::program::follow_on_a_terminal;
use crate::{
    program::{Scratch, follow},
    server::{OK, Server, redirect},
};

/// A front that redirects every upload, and where it leads.
fn redirecting() -> (Server, Server) {
    let back = Server::answering(|_| OK.into());
    let target = back.url("/there");
    (Server::answering(move |_| redirect(307, &target)), back)
}

#[test]
fn strict_follows_an_upload_only_if_it_is_confirmed() {
    let (front, back) = redirecting();
    let url = front.url("/here");
    let strict = ["--policy", "strict", "-d", "ha ha", "-w", " %{stop_reason}", &url];
    follow(&[&strict, &["--confirm", "no"][..]].concat()).succeeds(" policy");
    assert_eq!(back.requests().len(), 0);
    follow(&[&strict, &["--confirm", "yes"][..]].concat()).succeeds("ok ");
    assert_eq!(back.requests()[0].method(), "POST");
    // A GET is not asked about.
    follow(&["--policy", "strict", "--confirm", "no", &url]).succeeds("ok");
}

#[cfg(target_os = "linux")]
#[test]
fn strict_asks_on_the_terminal() {
    for (answer, followed) in [("y\n", 1), ("\n", 0)] {
        let (front, back) = redirecting();
        let url = front.url("/here?sig=secret");
        let args = ["--policy", "strict", "--confirm", "ask", "-d", "x", &url];
        let shown = follow_on_a_terminal(&[], &args, answer);
        let question = format!("307 after POST {}?… to {}", front.url("/here"), back.url("/there"));
        assert!(shown.contains(&question) && !shown.contains("secret"), "{shown}");
        assert_eq!(back.requests().len(), followed, "{shown}");
    }
}

/// Every host is this server; the first name is redirected as in Amazon's developer guide.
fn amazon(location: &'static str) -> (Server, String) {
    let server = Server::answering(move |request| match request.field("host") {
        Some("quotes.s3.amazonaws.com") => redirect(307, location),
        _ => OK.into(),
    });
    let everything = format!("::127.0.0.1:{}", server.addr.port());
    (server, everything)
}

const TEMPORARY: &str = "http://quotes.s3-4c25d83b.amazonaws.com/nelson.txt?rk=8d47490b";
const URL: &str = "http://quotes.s3.amazonaws.com/nelson.txt";

#[test]
fn s3_keeps_a_signature_of_version_2() {
    let (server, everything) = amazon(TEMPORARY);
    let signature = "Authorization: AWS AK:signature";
    let date = "Date: Mon, 15 Oct 2007 22:18:46 +0000";
    let file = Scratch::file("nelson.txt", "ha ha\n");
    let put = ["--policy", "s3", "-T", file.name(), "-H", signature, "-H", date];
    follow(&[&put[..], &["--connect-to", &everything, URL]].concat()).succeeds("ok");
    let [first, second] = &server.requests()[..] else { panic!("two requests") };
    assert_eq!(second.field("host"), Some("quotes.s3-4c25d83b.amazonaws.com"));
    assert_eq!(second.path(), "/nelson.txt?rk=8d47490b");
    assert_eq!(second.body, b"ha ha\n");
    for name in ["authorization", "date"] {
        assert_eq!(first.field(name), second.field(name), "{name}");
    }
}

#[test]
fn s3_signs_every_hop_anew() {
    let (server, everything) = amazon(TEMPORARY);
    let signing = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "AKEX:SKEX"];
    let put = ["--policy", "s3", "-X", "PUT", "-d", "ha ha\n", "--connect-to", &everything, URL];
    follow(&[&signing[..], &put].concat()).succeeds("ok");
    let requests = server.requests();
    let [first, second] =
        [0, 1].map(|hop| requests[hop].field("authorization").unwrap().to_owned());
    for signed in [&first, &second] {
        assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKEX/"), "{signed}");
        assert!(signed.contains("/us-east-1/s3/aws4_request"), "{signed}");
    }
    assert_ne!(first, second, "it is about another host");
    let hash = "3fe672f14e13e118a21d612584bd745412a3f63c38ad22796e6fd3896fb846db";
    assert_eq!(requests[1].field("x-amz-content-sha256"), Some(hash));
}

#[test]
fn s3_stays_within_its_domain() {
    for (location, why) in [
        ("http://evil.example.com/nelson.txt", "evil.example.com leads to no S3 endpoint"),
        ("http://attacker.s3.amazonaws.com/nelson.txt", "leads to another bucket"),
        ("http://ec2-192-0-2-1.compute-1.amazonaws.com/nelson.txt", "leads to no S3 endpoint"),
    ] {
        let (server, everything) = amazon(location);
        let put = ["-v", "--policy", "s3", "-X", "PUT", "-d", "ha ha\n", "-w", " %{stop_reason}"];
        let run = follow(&[&put[..], &["--connect-to", &everything, URL]].concat());
        run.succeeds(" policy");
        assert!(run.stderr.contains(why), "{}", run.stderr);
        assert_eq!(server.requests().len(), 1, "{location}");
    }
}

#[test]
fn s3_may_have_another_domain() {
    let server = Server::answering(move |request| match request.field("host") {
        Some("s3.example.net") => redirect(301, "http://zone.s3.example.net/quotes/nelson.txt"),
        _ => OK.into(),
    });
    let everything = format!("::127.0.0.1:{}", server.addr.port());
    let put = ["--policy", "s3", "--s3-domain", "s3.example.net", "-X", "PUT", "-d", "ha ha\n"];
    let url = "http://s3.example.net/quotes/nelson.txt";
    follow(&[&put[..], &["--connect-to", &everything, url]].concat()).succeeds("ok");
    assert_eq!(server.requests()[1].method(), "PUT");
}
