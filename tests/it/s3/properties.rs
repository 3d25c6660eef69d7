//! What holds for every redirect, whoever sends it.

use http::{HeaderName, HeaderValue, Request, Response, Uri};
use proptest::prelude::*;
use tower_follow_redirect::policy::{
    AttemptBuilder, Decision, Policy, S3, Verdict,
    s3::{S3Endpoint, SignedWith},
};

const HOSTS: [&str; 16] = [
    "s3.amazonaws.com",
    "quotes.s3.amazonaws.com",
    "Quotes.S3.us-west-2.amazonaws.com",
    "s3.us-west-2.amazonaws.com",
    "a.b.s3-eu-west-1.amazonaws.com",
    "quotes.s3-4c25d83b.amazonaws.com",
    "quotes.s3-fips.us-east-1.amazonaws.com",
    "quotes.s3-accelerate.amazonaws.com",
    "quotes.s3.cn-north-1.amazonaws.com.cn",
    "quotes.s3-website.us-west-2.amazonaws.com",
    "attacker.s3.us-west-2.amazonaws.com",
    "ec2-1-2-3-4.compute-1.amazonaws.com",
    "quotes.s3.us-west-2.amazonaws.com.",
    "quotes.s3.evil.test",
    "evil.test",
    "[::1]",
];
const PATHS: [&str; 9] =
    ["", "/", "/k", "/quotes/k", "/quotes", "/%6B", "/a/../k", "/quotes//k", "/attacker/k"];
const QUERIES: [&str; 7] =
    ["", "?", "?a=1", "?rk=1", "?a=1&rk=2", "?rk=1&rk=2", "?X-Amz-Signature=1"];

fn of(list: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(list)
}

fn origin() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![4 => Just("http://"), 4 => Just("https://"), 1 => Just("//")];
    let port = prop_oneof![20 => Just(""), 1 => Just(":80"), 1 => Just(":443"), 1 => Just(":")];
    let host = prop_oneof![4 => of(&HOSTS[..4]), 1 => of(&HOSTS)];
    (scheme, host, port).prop_map(|(scheme, host, port)| format!("{scheme}{host}{port}"))
}

fn url() -> impl Strategy<Value = String> {
    (origin(), of(&PATHS), of(&QUERIES))
        .prop_map(|(origin, path, query)| format!("{origin}{path}{query}"))
}

/// Any octets, and what looks like a Location.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => url().prop_map(String::into_bytes),
        // An origin only: the rest is that of the request.
        4 => origin().prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..80),
        1 => (url(), ".{0,6}").prop_map(|(url, end)| format!("{url}{end}").into_bytes()),
    ]
}

fn xml() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![prop::sample::select(&HOSTS[..]).prop_map(str::to_owned), ".{0,12}"];
    let tag = prop::sample::select(&["Code", "Endpoint", "Bucket", "Region", "X"][..]);
    let element = (tag, text).prop_map(|(tag, text)| format!("<{tag}>{text}</{tag}>"));
    prop_oneof![
        4 => prop::collection::vec(element, 0..5)
            .prop_map(|elements| format!("<Error>{}</Error>", elements.concat()).into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..80),
    ]
}

fn is_origin(url: &[u8]) -> bool {
    url.iter().filter(|byte| matches!(byte, b'/' | b'?')).count() == 2
}

#[derive(Debug)]
struct Case {
    from: String,
    status: u16,
    fields: Vec<(&'static str, Vec<u8>)>,
    signed: bool,
    xml: Option<Vec<u8>>,
}

fn case() -> impl Strategy<Value = Case> {
    let from = url().prop_filter("a request has a URI", |url| url.parse::<Uri>().is_ok());
    let status = prop::sample::select(&[301, 302, 303, 307, 308, 400][..]);
    let region = prop_oneof![
        prop::sample::select(&["us-west-2", "eu-west-1", "cn-north-1", "evil.test/"][..])
            .prop_map(|region| region.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    let fields = (
        prop::option::weighted(0.7, octets()),
        prop::option::weighted(0.3, region),
        prop::option::weighted(0.8, Just(b"application/xml".to_vec())),
    );
    (from, status, fields, any::<bool>(), prop::option::of(xml())).prop_map(
        |(from, status, (mut location, region, kind), signed, xml)| {
            if let Some(origin) = location.as_mut().filter(|url| is_origin(url)) {
                let rest = from.split_once("//").map_or("", |(_, rest)| rest);
                origin.extend_from_slice(
                    &rest.as_bytes()[rest.find(['/', '?']).unwrap_or(rest.len())..],
                );
            }
            let names = ["location", "x-amz-bucket-region", "content-type"];
            let fields = names.into_iter().zip([location, region, kind]);
            let fields = fields.filter_map(|(name, value)| Some((name, value?))).collect();
            Case { from, status, fields, signed, xml }
        },
    )
}

impl Case {
    /// Returns where S3 follows to.
    fn next(&self) -> Option<Uri> {
        let request = Request::get(&*self.from).body(()).unwrap();
        let mut response = Response::builder().status(self.status).body(()).unwrap();
        for (name, value) in &self.fields {
            let Ok(value) = HeaderValue::from_bytes(value) else { continue };
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
        if self.signed {
            response.extensions_mut().insert(SignedWith::region("us-east-1"));
        }
        let mut builder = AttemptBuilder::new(request, response);
        if let Some(xml) = &self.xml {
            builder = builder.peeked(&**xml);
        }
        let mut attempt = builder.attempt();
        match S3::new().redirect(&mut attempt) {
            Verdict::Decided(Decision::FollowWithCredentials) => {
                Some(attempt.target().expect("it is followed").uri().clone())
            }
            Verdict::Decided(Decision::Pass | Decision::StopBecause(_)) | Verdict::Peek(_) => None,
            other => panic!("{other:?}"),
        }
    }
}

/// Returns bucket and key of a request, as another reader of URLs has them.
fn resource(uri: &Uri) -> (Vec<u8>, Vec<u8>) {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let endpoint = S3Endpoint::parse(uri.host().unwrap()).unwrap();
    match endpoint.bucket() {
        Some(bucket) => (bucket.into(), decode(uri.path())),
        None => {
            let path = &uri.path()[1..];
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (decode(bucket), decode(&format!("/{key}")))
        }
    }
}

fn parameters(uri: &Uri) -> Vec<&str> {
    uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_000, ..ProptestConfig::default() })]

    #[test]
    fn s3_is_only_ever_followed_to_the_same_resource_of_s3(case in case()) {
        let from: Uri = case.from.parse().unwrap();
        if let Some(to) = case.next() {
            let endpoint = S3Endpoint::parse(to.host().unwrap());
            let source = S3Endpoint::parse(from.host().unwrap()).unwrap();
            let endpoint = endpoint.expect("it is one of S3");
            prop_assert!(endpoint.is_followable());
            prop_assert_eq!(endpoint.partition(), source.partition());
            prop_assert_eq!(to.port(), None);
            prop_assert!(from.scheme_str() == Some("http") || to.scheme_str() == Some("https"));
            prop_assert_eq!(resource(&from), resource(&to));
            let (own, next) = (parameters(&from), parameters(&to));
            let (kept, added) = next.split_at(own.len());
            prop_assert_eq!(own, kept);
            prop_assert!(added.len() <= 1 && added.iter().all(|added| added.starts_with("rk=")));
        }
    }

    #[test]
    fn no_host_makes_the_parser_panic_or_have_no_labels(host in ".{0,40}|[a-z0-9.-]{0,40}(s3.)?amazonaws.com") {
        if let Some(endpoint) = S3Endpoint::parse(&host) {
            prop_assert!(host.to_ascii_lowercase().starts_with(endpoint.bucket().unwrap_or("s3")));
            prop_assert!(host.is_ascii() && !host.split('.').any(str::is_empty));
        }
    }
}

/// A property that never follows proves nothing.
#[test]
fn a_good_part_of_the_cases_is_followed() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let cases = (0..5_000).map(|_| case().new_tree(&mut runner).unwrap().current());
    let followed = cases.filter(|case| case.next().is_some()).count();
    println!("{followed} of 5000 are followed");
    assert!(followed > 200, "{followed}");
}
