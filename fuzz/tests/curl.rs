//! `Location`s, and where curl goes with them (`curl.txt`, made by `curl_answers.py` of the curl that is
//! installed).
//!
//! What the layer refuses, curl may follow: it is not asked to refuse the same. Where both go somewhere,
//! it must be the same place, or two programs that look at one redirect disagree on where it leads.

use http::Uri;
use tower_follow_redirect::rules::location;
use url::Url;

const BASE: &str = "http://a.test/x/y?q";

/// Where curl goes elsewhere, and why that is not followed.
const DIFFERENCES: [(&str, &str); 2] = [
    ("#f", "RFC 3986 §5.2.2: a reference without a path keeps path and query"),
    ("/a b?c d", "RFC 3986 §2.1: a space is %20 in a query, too; `+` is of HTML's forms"),
];

#[test]
fn what_both_follow_leads_to_the_same_place() {
    let (mut same, mut differences) = (0, DIFFERENCES.to_vec());
    for line in include_str!("../curl.txt").lines().filter(|line| !line.starts_with("# ")) {
        let (written, answer) = line.split_once('\t').expect("two columns");
        let Some(curl) = absolute(answer) else { continue };
        let Ok(target) = location::resolve(&Uri::from_static(BASE), None, &bytes(written)) else {
            continue;
        };
        let fragment = target.fragment().map_or_else(String::new, |text| format!("#{text}"));
        let ours = format!("{}{fragment}", target.uri());
        if let Some(at) = differences.iter().position(|(location, _)| *location == written) {
            assert_ne!(in_upper_case(&ours), in_upper_case(&curl), "{written} is no difference");
            differences.remove(at);
            continue;
        }
        assert_eq!(in_upper_case(&ours), in_upper_case(&curl), "{written}");
        same += 1;
    }
    assert_eq!(differences, [], "curl.txt has them");
    assert!(same >= 50, "only {same} lead to the same place");
}

/// Reads what curl has written: it leaves a name in another script, and userinfo, as they are.
fn absolute(answer: &str) -> Option<String> {
    let text = String::from_utf8(bytes(answer)).ok()?;
    let mut url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url.into())
}

/// Reads Python's notation of bytes.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.bytes().next() {
        let (byte, length) = match rest.get(1..2) {
            Some("x") if first == b'\\' => {
                (u8::from_str_radix(&rest[2..4], 16).expect("two digits"), 4)
            }
            Some("t") if first == b'\\' => (b'\t', 2),
            Some(escaped) if first == b'\\' => (escaped.as_bytes()[0], 2),
            _ => (first, 1),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    bytes
}

/// `%e9` is `%E9` (RFC 3986 §6.2.2.1).
fn in_upper_case(url: &str) -> String {
    let mut parts = url.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |url, part| {
        let (digits, rest) = part.split_at(part.len().min(2));
        format!("{url}%{}{rest}", digits.to_ascii_uppercase())
    })
}
