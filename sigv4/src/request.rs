//! What of a request is signed.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, Uri, header, request, uri::Scheme};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::{error::SignError, signer::Rules};

/// What is encoded in the path that is signed.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Returns whether the query has a signature, of version 4 or 2.
pub(crate) fn is_presigned(uri: &Uri) -> bool {
    let fields = uri.query().unwrap_or_default().split('&');
    fields.filter_map(|field| field.split('=').next()).any(|name| {
        name.eq_ignore_ascii_case("x-amz-signature") || name.eq_ignore_ascii_case("awsaccesskeyid")
    })
}

/// Returns what the client sends as `Host`.
pub(crate) fn host(head: &request::Parts) -> Result<Cow<'_, str>, SignError> {
    if let Some(host) = head.headers.get(header::HOST) {
        let host = host.to_str().map_err(|_| SignError::Header(header::HOST))?;
        return Ok(host.into());
    }
    let uri = &head.uri;
    let host = uri.host().ok_or(SignError::NoHost)?;
    let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    Ok(match uri.port_u16() {
        Some(port) if port != default => format!("{host}:{port}").into(),
        _ => host.into(),
    })
}

/// Returns the URI that is signed.
///
/// S3 decodes the path, and encodes what it finds in one way; another way to write a key must be
/// signed the same. Nothing else about a key changes: neither `//` nor `/./`.
pub(crate) fn target(uri: &Uri, host: &str, rules: Rules) -> String {
    let path = match rules {
        Rules::S3 => {
            let key: Vec<u8> = percent_decode_str(uri.path()).collect();
            percent_encode(&key, ENCODED).to_string()
        }
        Rules::Common => uri.path().to_owned(),
    };
    match uri.query() {
        Some(query) => format!("https://{host}{path}?{query}"),
        None => format!("https://{host}{path}"),
    }
}

/// Returns the fields that are signed, but `Host`.
pub(crate) fn signed_fields(
    headers: &HeaderMap,
) -> Result<impl Iterator<Item = (&str, &str)>, SignError> {
    let mut fields = Vec::new();
    for (name, value) in headers.iter().filter(|(name, _)| is_signed(name)) {
        let value = value.to_str().map_err(|_| SignError::Header(name.clone()))?;
        fields.push((name.as_str(), value));
    }
    Ok(fields.into_iter())
}

/// Returns whether a field means something to the server, and nobody changes it on the way.
fn is_signed(name: &HeaderName) -> bool {
    let prefixed = ["x-amz-", "content-", "if-"].iter().any(|p| name.as_str().starts_with(p));
    let named = name == header::DATE || name == header::RANGE;
    (prefixed || named) && name != header::CONTENT_LENGTH
}
