//! Each rule of what is within the domain of S3, by redirects that only it refuses.

use tower_follow_redirect::policy::{S3, s3::Reason};

use super::{error, put, reason, with};
use crate::support::step::status;

async fn why(policy: S3, from: &str, location: &str) -> Option<Reason> {
    let mut call = put(from, policy);
    call.next().await.redirect(307, location);
    reason(&call.end().await.unwrap())
}

async fn next(policy: S3, from: &str, location: &str) -> String {
    let mut call = put(from, policy);
    call.next().await.redirect(307, location);
    call.next().await.uri()
}

#[tokio::test]
async fn each_rule_refuses_what_no_other_does() {
    const FROM: &str = "https://quotes.s3.us-east-1.amazonaws.com/k?a=1";
    let table = [
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com./k?a=1", Reason::Host),
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com/k?a=1\u{9}x", Reason::BadLocation),
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com\\/k?a=1", Reason::BadLocation),
        (FROM, "quotes.s3.us-east-2.amazonaws.com/k?a=1", Reason::BadLocation),
        (FROM, "https://@quotes.s3.us-east-2.amazonaws.com/k?a=1", Reason::UserInfo),
        (FROM, "https://quotes.s3-website.us-east-2.amazonaws.com/k?a=1", Reason::Family),
        (FROM, "https://quotes.s3-accelerate.amazonaws.com/k?a=1", Reason::Family),
        (FROM, "https://quotes.s3.us-gov-west-1.amazonaws.com/k?a=1", Reason::Partition),
        (FROM, "http://quotes.s3.us-east-2.amazonaws.com/k?a=1", Reason::Downgrade),
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com:80/k?a=1", Reason::Port),
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com:/k?a=1", Reason::Port),
        (FROM, "https://quote.s3.us-east-2.amazonaws.com/k?a=1", Reason::Bucket),
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com/K?a=1", Reason::Resource),
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com/k/?a=1", Reason::Resource),
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com/k", Reason::Resource),
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com/k?a=1&acl", Reason::Resource),
        (FROM, "https://quotes.s3.us-east-2.amazonaws.com/k?a=1&rk=1&rk=2", Reason::Resource),
        (FROM, FROM, Reason::Loop),
        (
            "http://quotes.s3.us-east-1.amazonaws.com/k",
            "http://quotes.s3-fips.us-east-1.amazonaws.com/k",
            Reason::Downgrade,
        ),
        (
            "https://quotes.s3-fips.us-east-1.amazonaws.com/k",
            "https://quotes.s3.us-east-1.amazonaws.com/k",
            Reason::Fips,
        ),
    ];
    for (from, location, expected) in table {
        assert_eq!(why(S3::new(), from, location).await, Some(expected), "{location}");
    }
}

#[tokio::test]
async fn the_same_request_elsewhere_is_made_from_what_was_requested() {
    const FROM: &str = "http://quotes.s3.us-east-1.amazonaws.com/k%41?b&a=1";
    let table = [
        (
            "https://quotes.s3-fips.us-east-2.amazonaws.com:443/kA?a=%31&b=",
            "https://quotes.s3-fips.us-east-2.amazonaws.com/k%41?b&a=1",
        ),
        (
            "//s3.us-east-2.amazonaws.com/quotes/kA?rk=1&b&a=1#f",
            "http://s3.us-east-2.amazonaws.com/quotes/k%41?b&a=1&rk=1",
        ),
        ("/k%41?b&a=1&rk=2", "http://quotes.s3.us-east-1.amazonaws.com/k%41?b&a=1&rk=2"),
    ];
    for (location, expected) in table {
        assert_eq!(next(S3::new(), FROM, location).await, expected, "{location}");
    }
}

/// Nobody sees from its name whose it is.
#[tokio::test]
async fn an_alias_of_a_bucket_counts_if_it_is_named() {
    const FROM: &str = "http://images.example.com/dog.jpg";
    let policy = || S3::new().bucket_host("Images.example.com");
    let bucket = "http://images.example.com.s3.us-west-2.amazonaws.com/dog.jpg";
    assert_eq!(next(policy(), FROM, bucket).await, bucket);
    let other = "http://evil.s3.us-west-2.amazonaws.com/dog.jpg";
    assert_eq!(why(policy(), FROM, other).await, Some(Reason::Bucket));
    let other = "http://www.example.com/dog.jpg";
    assert_eq!(why(policy(), FROM, other).await, Some(Reason::Host));
    let same = "http://images.example.com/dog.jpg?rk=1";
    assert_eq!(next(policy(), FROM, same).await, same);

    // It is not named: the redirect is followed as any other, without Authorization.
    let mut call = put(FROM, S3::new());
    call.next().await.redirect(307, bucket);
    assert_eq!(call.next().await.field("authorization"), None);
}

/// The certificates of S3 do not match a bucket with dots.
#[tokio::test]
async fn an_alias_goes_to_the_path_of_its_bucket_over_https() {
    let table = [
        ("http", "http://images.example.com.s3.eu-west-1.amazonaws.com/dog.jpg"),
        ("https", "https://s3.eu-west-1.amazonaws.com/images.example.com/dog.jpg"),
    ];
    for (scheme, expected) in table {
        let from = format!("{scheme}://images.example.com/dog.jpg");
        let mut call = put(&from, S3::new().bucket_host("images.example.com"));
        call.next().await.answer(with(status(301), "x-amz-bucket-region", "eu-west-1"));
        assert_eq!(call.next().await.uri(), expected);
    }
}

#[tokio::test]
async fn a_compatible_service_keeps_domain_port_bucket_and_key() {
    const FROM: &str = "http://s3.example.net:3900/quotes/k";
    let policy = || S3::new().domain("S3.example.net");
    let zone = "http://zone.s3.example.net:3900/quotes/k";
    assert_eq!(next(policy(), FROM, zone).await, zone);
    let bucket = "http://quotes.s3.example.net:3900/k";
    assert_eq!(next(policy(), FROM, bucket).await, bucket);
    let table = [
        ("http://evils3.example.net:3900/quotes/k", Reason::Host),
        ("http://example.net:3900/quotes/k", Reason::Host),
        ("http://quotes.s3.amazonaws.com/k", Reason::Host),
        ("http://zone.s3.example.net/quotes/k", Reason::Port),
        ("http://zone.s3.example.net:3901/quotes/k", Reason::Port),
        ("http://zone.s3.example.net:3900/evil/k", Reason::Bucket),
        ("http://quotes.s3.example.net:3900/x", Reason::Resource),
        ("http://zone.s3.example.net:3900/quotes/k?acl", Reason::Resource),
    ];
    for (location, expected) in table {
        assert_eq!(why(policy(), FROM, location).await, Some(expected), "{location}");
    }
    // Nobody knows the hosts of its regions.
    let mut call = put(FROM, policy());
    call.next().await.answer(with(status(301), "x-amz-bucket-region", "eu-west-1"));
    assert_eq!(reason(&call.end().await.unwrap()), Some(Reason::NoLocation));
}

/// Where the host of a bucket would be too long for DNS in its region, there is no such host.
#[tokio::test]
async fn a_bucket_that_is_too_long_for_a_region_is_not_looked_for() {
    let bucket = format!("{}x", "a.".repeat(116));
    let mut call = put(&format!("http://{bucket}.s3.amazonaws.com/k"), S3::new());
    call.next().await.answer(with(status(301), "x-amz-bucket-region", "ap-southeast-1"));
    assert_eq!(reason(&call.end().await.unwrap()), Some(Reason::Host));
}

#[cfg(feature = "s3-xml")]
#[tokio::test]
async fn an_endpoint_in_xml_is_checked_like_a_location() {
    const FROM: &str = "https://s3.us-west-2.amazonaws.com/quotes/k";
    let table = [
        (FROM, "s3-website.us-west-1.amazonaws.com", Reason::Family),
        (FROM, "quotes.s3-accelerate.amazonaws.com", Reason::Family),
        (FROM, "s3.cn-north-1.amazonaws.com.cn", Reason::Partition),
        (FROM, "s3.us-west-1.amazonaws.com:443", Reason::Host),
        (FROM, "https://s3.us-west-1.amazonaws.com", Reason::Host),
        (FROM, "u@s3.us-west-1.amazonaws.com", Reason::Host),
        (FROM, "attacker.s3.us-west-1.amazonaws.com", Reason::Bucket),
        (FROM, "s3.us-west-2.amazonaws.com", Reason::Loop),
        (FROM, "", Reason::NoLocation),
        (
            "https://quotes.s3-fips.us-west-2.amazonaws.com/k",
            "s3.us-west-1.amazonaws.com",
            Reason::Fips,
        ),
        (
            "http://s3.us-west-2.amazonaws.com/q/k",
            "s3-fips.us-west-1.amazonaws.com",
            Reason::Downgrade,
        ),
    ];
    for (from, endpoint, expected) in table {
        let mut call = put(from, S3::new());
        call.next().await.answer(error(301, &format!("<Endpoint>{endpoint}</Endpoint>")));
        assert_eq!(reason(&call.end().await.unwrap()), Some(expected), "{endpoint}");
    }
}
