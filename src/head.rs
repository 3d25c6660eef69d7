//! A copy of a request's head that costs one allocation, made whole only to follow a redirect.

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri, request};

/// The head of a request that was sent.
///
/// Its fields are flat, in one buffer, since most calls are never redirected and need nothing of
/// them. Once they are needed they stay whole.
#[derive(Clone)]
pub(crate) struct Head {
    /// Without fields, while they are flat.
    parts: request::Parts,
    flat: Option<Flat>,
}

impl Head {
    pub(crate) fn copy(request: &request::Parts) -> Self {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        parts.method = request.method.clone();
        parts.uri = request.uri.clone();
        parts.version = request.version;
        parts.extensions = request.extensions.clone();
        Self { parts, flat: Some(Flat::copy(&request.headers)) }
    }

    pub(crate) fn method(&self) -> &Method {
        &self.parts.method
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.parts.uri
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.parts.extensions
    }

    /// Makes the head whole.
    pub(crate) fn whole(&mut self) -> &mut request::Parts {
        if let Some(flat) = self.flat.take() {
            self.parts.headers = flat.rebuild();
        }
        &mut self.parts
    }

    /// Makes a copy of the whole head.
    pub(crate) fn to_parts(&self) -> request::Parts {
        let mut parts = self.parts.clone();
        if let Some(flat) = &self.flat {
            parts.headers = flat.rebuild();
        }
        parts
    }
}

/// Header fields, in order.
#[derive(Clone)]
struct Flat {
    bytes: Bytes,
    fields: Vec<Field>,
}

#[derive(Clone)]
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

impl Flat {
    fn copy(headers: &HeaderMap) -> Self {
        let size = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let mut bytes = Vec::with_capacity(size);
        let mut fields = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(value.as_bytes());
            let secrecy = if value.is_sensitive() { Secrecy::Sensitive } else { Secrecy::Plain };
            fields.push(Field { name: name.as_str().len(), value: value.len(), secrecy });
        }
        Self { bytes: bytes.into(), fields }
    }

    /// Makes the fields anew, with every repeated one in its order.
    fn rebuild(&self) -> HeaderMap {
        // Values count here, and a map may hold more of them than it has room for names.
        let mut headers = HeaderMap::try_with_capacity(self.fields.len()).unwrap_or_default();
        let mut at = 0;
        for field in &self.fields {
            let name = HeaderName::from_bytes(&self.bytes[at..at + field.name]);
            at += field.name;
            let value = HeaderValue::from_maybe_shared(self.bytes.slice(at..at + field.value));
            at += field.value;
            let mut value = value.expect("it was a header value");
            value.set_sensitive(matches!(field.secrecy, Secrecy::Sensitive));
            headers.append(name.expect("it was a header name"), value);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Version};

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

        let mut head = Head::copy(&parts);
        for copy in [head.to_parts(), head.whole().clone(), head.to_parts()] {
            assert_eq!(copy.method, parts.method);
            assert_eq!(copy.uri, parts.uri);
            assert_eq!(copy.version, parts.version);
            assert_eq!(copy.headers, parts.headers);
            let sensitive: Vec<_> =
                copy.headers.get_all("x-mine").iter().map(HeaderValue::is_sensitive).collect();
            assert_eq!(sensitive, [false, false, true]);
        }
    }
}
