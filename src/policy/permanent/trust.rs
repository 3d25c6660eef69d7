//! Which redirects may be remembered at all, whatever their response says.
//!
//! [RFC 9110 §15.4.9] lets a URI be replaced where "the connection is secured, and the origin server is
//! a trusted authority". These rules hold again when an entry is used: the options may have changed,
//! and a store that is shared or was on disk holds what anybody wrote there.
//!
//! [RFC 9110 §15.4.9]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4.9

use http::Uri;

use super::{
    entry::length,
    key::Site,
    options::{Options, Plaintext, Reach},
};

/// Returns whether a redirect from `source` to `target` may be believed for longer than once.
///
/// One that gives up TLS never is, under any option.
pub(super) fn trusted(source: &Uri, target: &Uri, options: &Options) -> bool {
    let (Some(source), Some(target)) = (Site::of(source), Site::of(target)) else { return false };
    let is_authentic = match (source.is_https(), options.plaintext) {
        (true, _) => target.is_https(),
        (false, Plaintext::Always) => true,
        (false, Plaintext::Never) => false,
        (false, Plaintext::UpgradeOnly) => is_upgrade(&source, &target),
    };
    let is_in_reach = match options.reach {
        Reach::AnyOrigin => true,
        Reach::SameOrigin => source.is_same(&target),
    };
    is_authentic && is_in_reach
}

/// `source` is without TLS.
fn is_upgrade(source: &Site<'_>, target: &Site<'_>) -> bool {
    target.is_https()
        && source.is_same_host(target)
        && source.has_default_port()
        && target.has_default_port()
}

/// Returns whether neither URI is too long to be kept.
pub(super) fn are_short(source: &Uri, target: &Uri, options: &Options) -> bool {
    [source, target].iter().all(|uri| length(uri) <= options.max_uri_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sent_over_tls_or_leads_to_it_on_the_same_host_is_trusted() {
        let [upgrade, always, never] =
            [Plaintext::UpgradeOnly, Plaintext::Always, Plaintext::Never];
        let any = [upgrade, always, never];
        let table: [(&str, &str, &[Plaintext]); 17] = [
            ("https://a.test/", "https://a.test/x", &any),
            ("https://a.test/", "https://b.test:8443/", &any),
            ("HTTPS://a.test/", "https://b.test/", &any),
            ("https://a.test/", "http://a.test/", &[]),
            ("https://a.test/", "http://b.test/", &[]),
            ("http://a.test/", "https://a.test/x", &[upgrade, always]),
            ("http://A.test:80/", "HTTPS://a.TEST:443/", &[upgrade, always]),
            ("http://a.test/", "https://b.test/", &[always]),
            ("http://a.test/", "https://www.a.test/", &[always]),
            ("http://a.test:8080/", "https://a.test/", &[always]),
            ("http://a.test/", "https://a.test:8443/", &[always]),
            ("http://a.test:443/", "https://a.test/", &[always]),
            ("http://a.test/", "http://a.test/x", &[always]),
            ("http://a.test/", "http://b.test/", &[always]),
            ("/x", "https://a.test/", &[]),
            ("https://a.test/", "/x", &[]),
            ("http://a.test/", "/x", &[]),
        ];
        for (source, target, expected) in table {
            for plaintext in any {
                let options = Options { plaintext, ..Options::default() };
                let found = trusted(&source.parse().unwrap(), &target.parse().unwrap(), &options);
                assert_eq!(found, expected.contains(&plaintext), "{source} {target} {plaintext:?}");
            }
        }
    }

    #[test]
    fn a_redirect_may_be_held_to_its_origin() {
        let options = Options {
            reach: Reach::SameOrigin,
            plaintext: Plaintext::Always,
            ..Options::default()
        };
        for (source, target, expected) in [
            ("https://a.test/", "https://A.test:443/x", true),
            ("http://a.test/", "http://a.test/x", true),
            ("https://a.test/", "https://b.test/", false),
            ("https://a.test/", "https://a.test:8443/", false),
            ("http://a.test/", "https://a.test/", false),
        ] {
            let found = trusted(&source.parse().unwrap(), &target.parse().unwrap(), &options);
            assert_eq!(found, expected, "{source} {target}");
        }
    }

    #[test]
    fn each_of_the_two_has_a_longest_length() {
        let options = Options { max_uri_len: 20, ..Options::default() };
        let [short, long] = [20, 21].map(|length| -> Uri {
            let uri = format!("https://a.test/{}", "x".repeat(length - 15));
            assert_eq!(uri.len(), length);
            uri.parse().unwrap()
        });
        assert!(are_short(&short, &short, &options));
        assert!(!are_short(&long, &short, &options));
        assert!(!are_short(&short, &long, &options));
    }
}
