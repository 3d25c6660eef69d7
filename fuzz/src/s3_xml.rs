//! Where S3's XML of an error leads.
//!
//! The first byte of an input chooses the request, the second the response, and the rest is the body of
//! it; or, where 0xff and one more byte are all that is left, that one chooses what is there again and
//! again.

use http::{Request, Response, Uri, header};
use tower_follow_redirect::{
    Policy,
    policy::{
        AttemptBuilder, Decision, S3, Verdict,
        s3::{S3Endpoint, SignedWith},
    },
};

use crate::s3_host::read;

const REQUESTS: [&str; 10] = [
    "https://quotes.s3.amazonaws.com/some/key%2F?x=1",
    "https://s3.us-west-2.amazonaws.com/quotes/key",
    "https://my.quotes.s3.eu-west-1.amazonaws.com/",
    "http://quotes.s3.amazonaws.com/a//b?",
    "https://quotes.s3-fips.us-gov-west-1.amazonaws.com/k",
    "https://s3.cn-north-1.amazonaws.com.cn/quotes",
    "https://quotes.s3-accelerate.amazonaws.com/k?a&b=c",
    "https://quotes.s3.dualstack.us-east-1.amazonaws.com/%e2%82%ac",
    "https://images.example.com/k",
    "https://quotes.s3.example.net:9000/k",
];

const REPEATED: [&str; 8] = [
    "<a>",
    "<Error>",
    "<a b='1' c=\"\">",
    "<!--",
    "<![CDATA[",
    "&#x41;",
    "<Error><Endpoint>",
    "<?a ",
];

/// No more of a body is read.
const LIMIT: usize = 64 * 1024;

/// Asks the policy, gives it the body if it wants that, and looks at where it leads.
pub fn check(input: &[u8]) {
    let [request, response, body @ ..] = input else { return };
    let repeated;
    let body = match (response, body) {
        (0xff, [unit]) => {
            repeated = REPEATED[usize::from(*unit) % REPEATED.len()].repeat(LIMIT / 3 + 1);
            &repeated.as_bytes()[..LIMIT]
        }
        _ => &body[..body.len().min(LIMIT)],
    };
    let uri = Uri::from_static(REQUESTS[usize::from(*request) % REQUESTS.len()]);
    let policy = S3::new().domain("s3.example.net").bucket_host("images.example.com");
    match policy.redirect(&mut attempt(&uri, *response).attempt()) {
        Verdict::Peek(limit) => assert!(limit <= LIMIT, "it wants {limit} bytes"),
        // Then the body says nothing.
        _ => return,
    }
    let mut builder = attempt(&uri, *response).peeked(body);
    let mut attempt = builder.attempt();
    if let Verdict::Decided(Decision::FollowWithCredentials) = policy.redirect(&mut attempt) {
        let target = attempt.target().expect("it leads somewhere").uri().clone();
        check_target(&uri, &target, *response, body);
    }
}

/// A redirect without `Location`, or a 400 to what was signed for the wrong region.
fn attempt(uri: &Uri, response: u8) -> AttemptBuilder {
    let status = [301, 307, 308, 400][usize::from(response & 3)];
    let request = Request::get(uri.clone()).body(()).expect("a request");
    let head = Response::builder().status(status).header(header::CONTENT_TYPE, "application/xml");
    let mut head = head.body(()).expect("a response");
    if status == 400 || response & 4 != 0 {
        head.extensions_mut().insert(SignedWith::region("us-east-1"));
    }
    AttemptBuilder::new(request, head)
}

fn check_target(from: &Uri, to: &Uri, response: u8, body: &[u8]) {
    let shown = || format!("{from} to {to} by {}", body.escape_ascii());
    assert_eq!(from.scheme(), to.scheme(), "{}", shown());
    assert_eq!(from.query(), to.query(), "{}", shown());
    assert!(!to.authority().is_some_and(|it| it.as_str().contains('@')), "{}", shown());
    if from.host() == Some("quotes.s3.example.net") {
        assert!(response & 3 == 3 && from == to, "only a signature changes: {}", shown());
        return;
    }
    assert_eq!(to.port(), None, "{}", shown());
    if from.host() == to.host() {
        // Only the signature changes, which takes a signer: an endpoint may be for all regions.
        assert_eq!(from.path(), to.path(), "{}", shown());
        return;
    }
    let host = to.host().unwrap_or_default();
    let endpoint = S3Endpoint::parse(host).unwrap_or_else(|| panic!("no endpoint: {}", shown()));
    assert!(read(host).is_some() && endpoint.is_followable(), "{}", shown());
    assert_eq!(resource(from), resource(to), "{}", shown());
    let partition = from.host().and_then(read).map(|source| source.partition);
    let partition = partition.as_deref().unwrap_or("aws");
    assert_eq!(endpoint.partition().as_str(), partition, "{}", shown());
    let is_fips = |uri: &Uri| uri.host().is_some_and(|host| host.contains("s3-fips"));
    assert!(!is_fips(from) || is_fips(to), "{}", shown());
    check_body(&endpoint, host, body, &shown);
    check_bucket(&resource(from).0, body, &shown);
}

/// Where no region is named, nothing in the body is about another bucket.
fn check_bucket(bucket: &str, body: &[u8], shown: &dyn Fn() -> String) {
    let text = std::str::from_utf8(body).expect("XML is text");
    let text = match text.split_once("?>") {
        Some((declaration, rest)) if declaration.starts_with("<?xml ") => rest,
        _ => text,
    };
    let is_special = ["<Region", "&", "<!", "<?"].iter().any(|special| text.contains(special));
    if is_special || depth(text) > 2 {
        return;
    }
    let named = element(text, "Endpoint").and_then(read).and_then(|endpoint| endpoint.bucket);
    for other in [named.as_deref(), element(text, "Bucket")].into_iter().flatten() {
        assert!(other.is_empty() || other == bucket, "{}", shown());
    }
}

/// How deep elements are in each other.
fn depth(text: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for tag in text.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !tag.ends_with('/') {
            depth += 1;
        }
        most = most.max(depth);
    }
    most
}

/// What stands in an element that is there once.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inside, after) = rest.split_once(&format!("</{name}>"))?;
    (!after.contains(&format!("<{name}"))).then_some(inside.trim())
}

/// Bucket and key, as they are written.
fn resource(uri: &Uri) -> (String, String) {
    if uri.host() == Some("images.example.com") {
        return ("images.example.com".to_owned(), uri.path().to_owned());
    }
    let endpoint = uri.host().and_then(read).expect("an endpoint");
    if let Some(bucket) = endpoint.bucket {
        return (bucket, uri.path().to_owned());
    }
    let path = uri.path().trim_start_matches('/');
    match path.split_once('/') {
        Some((bucket, key)) => (bucket.to_owned(), format!("/{key}")),
        None => (path.to_owned(), "/".to_owned()),
    }
}

/// What is followed stands in the body: no entity has made it.
fn check_body(endpoint: &S3Endpoint, host: &str, body: &[u8], shown: &dyn Fn() -> String) {
    let text = std::str::from_utf8(body).expect("XML is text").to_ascii_lowercase();
    let has = |text_in: &str| text.contains(text_in);
    if has("<!doctype") {
        // It stands where it is none.
        assert!(has("<!--") || has("<![cdata[") || has("<?"), "{}", shown());
    }
    let named = match (endpoint.region(), endpoint.bucket()) {
        (Some(region), _) => region,
        (None, Some(bucket)) => &host[bucket.len() + 1..],
        (None, None) => host,
    };
    // A reference to a character, or CDATA in the middle, may have written it otherwise.
    assert!(has(named) || has("&#") || has("<![cdata["), "{}", shown());
    assert!(has("error") && (has("endpoint") || has("region")), "{}", shown());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where no body were followed, nothing would be checked.
    #[test]
    fn a_body_leads_elsewhere() {
        let body = b"<Error><Endpoint>quotes.s3.eu-west-1.amazonaws.com</Endpoint></Error>";
        let uri = Uri::from_static(REQUESTS[0]);
        let mut builder = attempt(&uri, 0).peeked(&body[..]);
        let mut attempt = builder.attempt();
        let verdict = S3::new().redirect(&mut attempt);
        assert!(matches!(verdict, Verdict::Decided(Decision::FollowWithCredentials)));
        assert_ne!(attempt.target().expect("a target").uri().host(), uri.host());
        check(&[&[0, 0], &body[..]].concat());
    }
}
