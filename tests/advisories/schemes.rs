//! Targets that are neither `http` nor `https`.

use tower_follow_redirect::{RefusalKind, policy};

use crate::stage::{SECRET, get};

/// Checks that a redirect is refused for its scheme, under any policy, and that nothing is asked.
async fn is_refused(location: &str) {
    let call = || get("https://a.test/").field("Authorization", SECRET).moved(302, location);
    call().send().await.was_refused(RefusalKind::Scheme);
    let policy = policy::redirect_fn(|_| policy::Decision::FollowWithCredentials);
    call().policy(policy).send().await.was_refused(RefusalKind::Scheme);
}

/// A redirect read local files, and started transfers with the user's keys.
#[tokio::test]
async fn cve_2009_0037_curl_file_and_scp() {
    for location in ["file:///etc/passwd", "FILE:///etc/passwd", "scp://evil.test/x"] {
        is_refused(location).await;
    }
}

/// A redirect read local files.
#[tokio::test]
async fn cve_2011_1521_urllib_file() {
    for location in ["file:/etc/passwd", "file://localhost/etc/passwd", "FiLe:x"] {
        is_refused(location).await;
    }
}

/// A long name in a redirect to tftp passed the end of a buffer.
#[tokio::test]
async fn cve_2006_1061_curl_tftp_overflow() {
    is_refused(&format!("tftp://evil.test/{}", "x".repeat(600))).await;
}

/// A long name in a redirect to tftp was sent with what lay behind it in memory.
#[tokio::test]
async fn cve_2017_1000100_curl_tftp_over_read() {
    is_refused(&format!("TFTP://evil.test/{}", "x".repeat(515))).await;
}

/// A redirect to ldap ended in a null pointer.
#[tokio::test]
async fn cve_2018_1000121_curl_ldap() {
    is_refused("ldap://evil.test/cn=x").await;
}

/// A bearer token went to a mail server.
#[tokio::test]
async fn cve_2025_14524_curl_bearer_to_imap() {
    for location in ["imap://evil.test/", "pop3://evil.test/", "smtp://evil.test/"] {
        is_refused(location).await;
    }
}

/// A redirect to ftp chose the name of the file that was written.
#[tokio::test]
async fn cve_2016_4971_wget_ftp_file_name() {
    is_refused("ftp://evil.test/.bash_profile").await;
}

/// A redirect reached the socket of Docker. A host of that name is a host.
#[tokio::test]
async fn cve_2022_33987_got_unix_socket() {
    is_refused("unix:/var/run/docker.sock:/containers/json").await;
    let call = get("http://a.test/").field("Authorization", SECRET);
    let seen = call.moved(302, "http://unix:/var/run/docker.sock").send().await;
    seen.is_told_to_the_first_only();
    assert_eq!(seen.last().line(), "GET http://unix/var/run/docker.sock");
}

/// A redirect was followed by whatever handler its scheme had.
#[tokio::test]
async fn ghsa_23j4_mw76_5v7h_scrapy_other_handlers() {
    for location in ["file:///etc/passwd", "s3://bucket/key", "data:,x", "javascript:alert(1)"] {
        is_refused(location).await;
    }
}

/// Another field changed the protocol, and redirects had no end.
#[tokio::test]
async fn cve_2022_26945_go_getter_protocol_switch() {
    for location in ["git::https://evil.test/x", "git://evil.test/x", "hg::http://evil.test"] {
        is_refused(location).await;
    }
    let switch = "HTTP/1.1 200 OK\r\nX-Terraform-Get: file:///etc\r\ncontent-length: 0\r\n\r\n";
    let seen = get("https://a.test/").answer(switch).send().await;
    seen.went(&["GET https://a.test/"]);
}

/// Redirects had no end.
#[tokio::test]
async fn cve_2022_26945_go_getter_endless_redirects() {
    let mut call = get("http://a.test/0");
    for hop in 1..100 {
        call = call.moved(302, &format!("/{hop}"));
    }
    let seen = call.send().await;
    assert_eq!(seen.end.refusal, Some(RefusalKind::TooManyRedirects));
    assert_eq!(seen.requests.len(), 21);
}
