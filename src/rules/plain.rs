//! URIs and references that RFC 3986 and the URL standard leave as they are.
//!
//! Most servers redirect to a path or a URL that has nothing to normalise. For these no URL is parsed,
//! written and parsed again. Whatever is not plain is no matter of this file, and property tests in
//! [`location`](super::location) and [`origin`](super::origin) show that what is plain means the same
//! to the [`url`] crate.

use http::{
    Uri,
    uri::{Authority, PathAndQuery},
};

/// No plain reference is longer, so that no URI gets too long.
const LIMIT: usize = 8 * 1024;

/// Resolves an absolute URI or an absolute path without a fragment, if it is plain.
pub(super) fn resolve(base: &Uri, reference: &[u8]) -> Option<Uri> {
    if reference.len() > LIMIT {
        return None;
    }
    if let [b'/', rest @ ..] = reference {
        let is_path = !rest.starts_with(b"/") && is_path_and_query(reference);
        return if is_path { with_path(base, reference) } else { None };
    }
    let rest = [&b"http://"[..], b"https://"].iter().find_map(|s| reference.strip_prefix(*s))?;
    let path = rest.iter().position(|&byte| byte == b'/')?;
    let (authority, path) = rest.split_at_checked(path)?;
    let is_plain = is_authority(authority) && is_path_and_query(path);
    if is_plain { reference.try_into().ok() } else { None }
}

/// Puts a path in place of that of `base`.
fn with_path(base: &Uri, path: &[u8]) -> Option<Uri> {
    if !has_plain_origin(base) {
        return None;
    }
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

/// Returns whether scheme and authority are plain. Where those of two URIs are, and are not the same,
/// the origins differ.
pub(super) fn has_plain_origin(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", Authority::as_str);
    matches!(uri.scheme_str(), Some("http" | "https"))
        && authority.len() < LIMIT
        && is_authority(authority.as_bytes())
}

/// Returns whether it is a name in lower case with or without a port that is no default. It is no
/// IPv4 address, which would end in a number, and needs nothing of IDNA.
fn is_authority(authority: &[u8]) -> bool {
    let end = authority.iter().position(|&byte| byte == b':').unwrap_or(authority.len());
    let (host, port) = authority.split_at(end);
    is_host(host) && (port.is_empty() || is_port(port))
}

fn is_host(host: &[u8]) -> bool {
    // What stands before a byte; the first label begins as if after a dot.
    let mut before = b'.';
    let mut last_label = b'.';
    for &byte in host {
        let is_plain = match byte {
            b'a'..=b'z' | b'0'..=b'9' => true,
            b'.' => before != b'.',
            // `xn--` is an A-label, which is checked before it is believed.
            b'-' => before != b'-',
            _ => false,
        };
        if !is_plain {
            return false;
        }
        if before == b'.' {
            last_label = byte;
        }
        before = byte;
    }
    before != b'.' && last_label.is_ascii_lowercase()
}

fn is_port(port: &[u8]) -> bool {
    // Without leading zeros, and with room for what would be too large.
    let [b':', b'1'..=b'9', rest @ ..] = port else { return false };
    let is_number = rest.len() < 4 && rest.iter().all(u8::is_ascii_digit);
    is_number && port != b":80" && port != b":443"
}

/// Returns whether nothing in it is encoded or removed. Every `.` and `..` segment begins with a dot
/// or with `%2e`.
fn is_path_and_query(path: &[u8]) -> bool {
    let is_plain = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.'
                    | b'_'
                    | b'~'
                    | b'!'
                    | b'$'
                    | b'&'
                    | b'('
                    | b')'
                    | b'*'
                    | b'+'
                    | b','
                    | b';'
                    | b'='
                    | b':'
                    | b'@'
                    | b'/'
                    | b'?'
                    | b'%'
            )
    };
    path.iter().all(is_plain) && !path.windows(2).any(|pair| matches!(pair, b"/." | b"/%"))
}
