//! A copy of a request's head that costs two allocations, made anew only to follow a redirect.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, request};

/// Method, URI, version and header fields of a request, flat.
///
/// Names and values lie in one buffer, in order, since most calls are never redirected and need
/// nothing of it.
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    version: Version,
    bytes: Bytes,
    fields: Vec<Field>,
}

struct Field {
    name: usize,
    value: usize,
    secrecy: Secrecy,
}

/// What `HeaderValue::is_sensitive` said.
#[derive(Clone, Copy)]
enum Secrecy {
    Plain,
    Sensitive,
}

impl Head {
    pub(crate) fn copy(parts: &request::Parts) -> Self {
        let size =
            parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let mut bytes = Vec::with_capacity(size);
        let mut fields = Vec::with_capacity(parts.headers.len());
        for (name, value) in &parts.headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(value.as_bytes());
            let secrecy = if value.is_sensitive() { Secrecy::Sensitive } else { Secrecy::Plain };
            fields.push(Field { name: name.as_str().len(), value: value.len(), secrecy });
        }
        Self {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            bytes: bytes.into(),
            fields,
        }
    }

    /// Makes the head anew, with every repeated field in its order. Its extensions are empty.
    pub(crate) fn rebuild(&self) -> request::Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = self.method.clone();
        parts.uri = self.uri.clone();
        parts.version = self.version;
        // Values count here, and a map may hold more of them than it has room for names.
        parts.headers = HeaderMap::try_with_capacity(self.fields.len()).unwrap_or_default();
        let mut at = 0;
        for field in &self.fields {
            let name = HeaderName::from_bytes(&self.bytes[at..at + field.name]);
            at += field.name;
            let value = HeaderValue::from_maybe_shared(self.bytes.slice(at..at + field.value));
            at += field.value;
            let mut value = value.expect("it was a header value");
            value.set_sensitive(matches!(field.secrecy, Secrecy::Sensitive));
            parts.headers.append(name.expect("it was a header name"), value);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_by_the_copy() {
        let mut secret = HeaderValue::from_static("s");
        secret.set_sensitive(true);
        let mut request = Request::put("http://a.test/x?y")
            .version(Version::HTTP_2)
            .header("accept", "*/*")
            .header("x-mine", "1")
            .header("x-empty", "")
            .header("x-mine", HeaderValue::from_bytes(b"\xff 2").unwrap())
            .body(())
            .unwrap();
        request.headers_mut().append("x-mine", secret);
        let (parts, ()) = request.into_parts();

        let copy = Head::copy(&parts).rebuild();
        assert_eq!(copy.method, parts.method);
        assert_eq!(copy.uri, parts.uri);
        assert_eq!(copy.version, parts.version);
        assert_eq!(copy.headers, parts.headers);
        let sensitive: Vec<_> =
            copy.headers.get_all("x-mine").iter().map(HeaderValue::is_sensitive).collect();
        assert_eq!(sensitive, [false, false, true]);
    }
}
