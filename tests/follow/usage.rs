//! Flags that cannot be used.

use crate::program::follow;

#[test]
fn wrong_values_are_explained() {
    let table: &[(&[&str], &str)] = &[
        (&["-w", "%{nothing}"], "no variable `nothing`"),
        (&["--confirm", "yes"], "--policy strict"),
        (&["--check-first"], "--policy deny-private-networks"),
        (&["--allow-private", "a.test"], "--policy deny-private-networks"),
        (&["--allow-private", "10.0.0.0/33"], "`10.0.0.0/33` is no network"),
        (&["--allow-private", "a b"], "expected `HOST`"),
        (&["--allow-private", "."], "expected `HOST`"),
        (&["--s3-domain", "a.test"], "--policy s3"),
        (&["--aws-sigv4", "aws:amz:eu-west-1:s3"], "--user"),
        (&["--aws-sigv4", "aws:amz:eu-west-1", "--user", "a:b"], "aws:amz:REGION:SERVICE"),
        (&["--user", "a:b"], "--aws-sigv4"),
        (&["--user", "only", "--aws-sigv4", "aws:amz:x:s3"], "ACCESS-KEY:SECRET-KEY"),
        (&["-w", "%{http_code"], "no `}`"),
        (&["-H", "no colon"], "Name: value"),
        (&["-H", "a b: c"], "no header name"),
        (&["-H", "host:"], "no request goes without its `host`"),
        (&["-X", "A B"], "--request"),
        (&["--max-redirs", "-2"], "-1"),
        (&["--max-redirs", "x"], "expected a number"),
        (&["--max-time", "x"], "seconds"),
        (&["--max-time", "-1"], "max-time"),
        (&["--expect100-timeout", "1e99"], "seconds"),
        (&["--expect100-threshold", "1M"], "--expect100-threshold"),
        (&["--replay-limit", "x"], "--replay-limit"),
        (&["--connect-to", "a:1:b"], "HOST1:PORT1:HOST2:PORT2"),
        (&["--connect-to", "a:1:b:x"], "`x` is no port"),
        (&["--proto-redir", "https"], "=https"),
        (&["--proto-redir", "=ftp"], "=https"),
        (&["--policy", "s4"], "same-origin"),
        (&["--confirm", "maybe"], "ask"),
        (&["--on-refusal", "cry"], "return"),
        (&["--sensitive-header", "a b"], "--sensitive-header"),
        (&["--http1.1", "--http2-prior-knowledge"], "cannot be used with"),
        (&["-d", "x", "-T", "y"], "cannot be used with"),
        (&["--cacert", "/dev/null"], "no certificate"),
        (&["--cacert", "/nowhere"], "/nowhere"),
        (&["--trace", "/nowhere/x"], "/nowhere/x"),
        (&["--permanent-cache", "/"], "/"),
        (&["-d", "@/nowhere"], "/nowhere"),
        (&["-T", "/nowhere"], "/nowhere"),
        (&["-T", "/"], "directory"),
    ];
    for (args, expected) in table {
        let run = follow(&[args, &["http://127.0.0.1:1/"][..]].concat());
        assert_ne!(run.code, 0, "{args:?}");
        assert!(run.stderr.contains(expected), "{args:?}: {}", run.stderr);
    }
    for url in ["http://", "http://u:secret@a b/?secret", "ftp://a.test/", "http://a.test:x/"] {
        let run = follow(&[url]);
        run.fails(3, "is no URL to fetch");
        assert!(!run.stderr.contains("secret"), "{}", run.stderr);
    }
}

/// A password may have anything in it, and then no parser finds where it ends.
#[test]
fn a_url_that_cannot_be_read_shows_no_password() {
    for (url, shown) in [
        ("https://u:secret@host:xx/", "https://host:xx/ is no URL"),
        ("https://u:sec/ret@host:xx/", "https://… is no URL"),
        ("http://u:sec?ret@host:xx", "http://… is no URL"),
        ("u:secret@host:xx", "host:xx is no URL"),
        ("http://host:xx/?q=secret", "http://host:xx/?… is no URL"),
    ] {
        let run = follow(&[url]);
        run.fails(3, shown);
        assert!(!run.stderr.contains("sec"), "{}", run.stderr);
    }
}

/// The second would get nothing, over whatever is there.
#[test]
fn standard_input_is_content_for_one_url() {
    let server = "http://127.0.0.1:1/";
    follow(&["-T", "-", server, server]).fails(2, "for one URL only");
}

#[test]
fn what_failed_first_counts() {
    let run = follow(&["--permanent-cache", "/nowhere/at/all", "http://127.0.0.1:1/"]);
    assert_eq!((run.code, run.stderr.lines().count()), (7, 2), "{run:?}");
}
