//! What may cross an origin ([RFC 9110 §15.4], steps 2 and 3; §17.16.3).
//!
//! Across origins goes what says nothing about the caller: credentials stay behind, and what was
//! removed is not brought back later in the chain, because each request is made from the one before.
//!
//! These fields carry a credential or tell a secret, whatever their value:
//!
//! - RFC 9110's own: `Authorization`, `Proxy-Authorization`, `WWW-Authenticate`, `Proxy-Authenticate`;
//! - `Cookie` and `Cookie2`;
//! - `Referer`, whose URL may be presigned;
//! - the names under which APIs take a key most often: `X-Api-Key`, `Api-Key`, `X-Goog-Api-Key`,
//!   `X-Auth-Key`, `X-Auth-Token`, `X-Access-Token`, `X-Vault-Token`; GitLab's `Private-Token`,
//!   `Job-Token`, `Deploy-Token`; and `X-Csrf-Token`, `X-Xsrf-Token`;
//! - Amazon S3's session tokens and encryption keys, as listed by rclone's GHSA-8mxv-9xhp-86h4:
//!   `X-Amz-Security-Token`, `X-Amz-S3session-Token`, `Ibm-Service-Instance-Id`, and the six fields
//!   `X-Amz-[Copy-Source-]Server-Side-Encryption-Customer-{Algorithm,Key,Key-Md5}`; and the like
//!   of Google and Azure: `X-Goog-Encryption-Key`, `X-Ms-Encryption-Key`.
//!
//! [RFC 9110 §15.4]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4

use http::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
};

/// The fields that the module's documentation lists.
static SENSITIVE_FIELDS: [HeaderName; 30] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("cookie2"),
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::WWW_AUTHENTICATE,
    header::REFERER,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("x-auth-key"),
    HeaderName::from_static("x-auth-token"),
    HeaderName::from_static("x-access-token"),
    HeaderName::from_static("x-vault-token"),
    HeaderName::from_static("private-token"),
    HeaderName::from_static("job-token"),
    HeaderName::from_static("deploy-token"),
    HeaderName::from_static("x-csrf-token"),
    HeaderName::from_static("x-xsrf-token"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-s3session-token"),
    HeaderName::from_static("ibm-service-instance-id"),
    HeaderName::from_static("x-amz-server-side-encryption-customer-algorithm"),
    HeaderName::from_static("x-amz-server-side-encryption-customer-key"),
    HeaderName::from_static("x-amz-server-side-encryption-customer-key-md5"),
    HeaderName::from_static("x-amz-copy-source-server-side-encryption-customer-algorithm"),
    HeaderName::from_static("x-amz-copy-source-server-side-encryption-customer-key"),
    HeaderName::from_static("x-amz-copy-source-server-side-encryption-customer-key-md5"),
    HeaderName::from_static("x-goog-encryption-key"),
    HeaderName::from_static("x-ms-encryption-key"),
];

/// Returns whether `name` or `value` must not reach another origin.
///
/// That is so for the fields this module lists, and for every value that is marked
/// [sensitive](HeaderValue::is_sensitive).
///
/// ```
/// use http::{HeaderValue, header};
/// use tower_follow_redirect::rules::credentials::is_credential;
///
/// let mut value = HeaderValue::from_static("v");
/// assert!(is_credential(&header::AUTHORIZATION, &value));
/// assert!(!is_credential(&header::ACCEPT, &value));
/// value.set_sensitive(true);
/// assert!(is_credential(&header::ACCEPT, &value));
/// ```
pub fn is_credential(name: &HeaderName, value: &HeaderValue) -> bool {
    value.is_sensitive() || is_secret_field(name)
}

/// Returns whether the module lists `name`.
pub(crate) fn is_secret_field(name: &HeaderName) -> bool {
    SENSITIVE_FIELDS.contains(name)
}

/// Removes every credential, and the fields in `also`. A field with one secret value loses all of
/// them.
///
/// ```
/// use http::{HeaderMap, HeaderName, HeaderValue, header};
/// use tower_follow_redirect::rules::credentials;
///
/// let mut headers = HeaderMap::new();
/// for name in [header::AUTHORIZATION, header::ACCEPT, HeaderName::from_static("x-tenant")] {
///     headers.insert(name, HeaderValue::from_static("v"));
/// }
/// credentials::strip(&mut headers, &[HeaderName::from_static("x-tenant")]);
/// assert_eq!(headers.keys().collect::<Vec<_>>(), [header::ACCEPT]);
/// ```
pub fn strip(headers: &mut HeaderMap, also: &[HeaderName]) {
    let secret: Vec<HeaderName> = headers
        .iter()
        .filter(|(name, value)| is_credential(name, value) || also.contains(name))
        .map(|(name, _)| name.clone())
        .collect();
    for name in secret {
        headers.remove(name);
    }
}

/// Replaces what names the old origin: `Host` goes, `Origin` becomes `null` ([RFC 6454 §7.3]).
///
/// ```
/// use http::{HeaderMap, HeaderValue, header};
/// use tower_follow_redirect::rules::credentials::leave_origin;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(header::HOST, HeaderValue::from_static("a.test"));
/// headers.insert(header::ORIGIN, HeaderValue::from_static("https://a.test"));
/// leave_origin(&mut headers);
/// assert!(!headers.contains_key(header::HOST));
/// assert_eq!(headers[header::ORIGIN], "null");
/// ```
///
/// [RFC 6454 §7.3]: https://www.rfc-editor.org/rfc/rfc6454#section-7.3
pub fn leave_origin(headers: &mut HeaderMap) {
    headers.remove(header::HOST);
    if headers.contains_key(header::ORIGIN) {
        headers.insert(header::ORIGIN, HeaderValue::from_static("null"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_field_and_all_its_values_go() {
        for name in &SENSITIVE_FIELDS {
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_static("first"));
            headers.append(name, HeaderValue::from_static("second"));
            headers.append(header::ACCEPT, HeaderValue::from_static("*/*"));
            strip(&mut headers, &[]);
            assert_eq!(headers.keys().collect::<Vec<_>>(), [header::ACCEPT], "{name}");
        }
    }

    #[test]
    fn a_value_marked_sensitive_goes_whatever_its_name() {
        let mut secret = HeaderValue::from_static("s");
        secret.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.append("x-mine", HeaderValue::from_static("plain"));
        headers.append("x-mine", secret);
        headers.append("x-other", HeaderValue::from_static("plain"));
        strip(&mut headers, &[]);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-other"]);
    }

    #[test]
    fn names_can_be_added() {
        let mut headers = HeaderMap::new();
        headers.append("x-mine", HeaderValue::from_static("v"));
        strip(&mut headers, &[]);
        assert_eq!(headers.len(), 1);
        strip(&mut headers, &[HeaderName::from_static("x-mine")]);
        assert_eq!(headers.len(), 0);
    }

    #[test]
    fn host_goes_and_origin_becomes_null() {
        let mut headers = HeaderMap::new();
        headers.append(header::HOST, HeaderValue::from_static("a.test"));
        headers.append(header::ORIGIN, HeaderValue::from_static("https://a.test"));
        leave_origin(&mut headers);
        assert_eq!(headers.get(header::ORIGIN).unwrap(), "null");
        assert!(!headers.contains_key(header::HOST));
    }
}
