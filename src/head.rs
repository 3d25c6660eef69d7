//! A copy of a request's head that costs one allocation, made whole only to follow a redirect.

use std::mem;

use bytes::Bytes;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, request,
};

/// The head of a request that was sent.
#[derive(Clone)]
pub(crate) enum Head {
    /// Most calls are never redirected and need nothing of it.
    Flat(Flat),
    /// Somebody has asked for it.
    Whole(Box<request::Parts>),
}

/// A head whose fields lie in one buffer.
#[derive(Clone)]
pub(crate) struct Flat {
    method: Method,
    uri: Uri,
    version: Version,
    extensions: Extensions,
    /// Each value counts, of a repeated field too.
    count: usize,
    /// Of each its [`Lengths`], its name and its value.
    fields: Vec<u8>,
}

impl Head {
    #[inline]
    pub(crate) fn copy(request: &request::Parts) -> Self {
        Self::Flat(Flat {
            method: request.method.clone(),
            uri: request.uri.clone(),
            version: request.version,
            extensions: request.extensions.clone(),
            count: request.headers.len(),
            fields: flatten(&request.headers),
        })
    }

    pub(crate) fn method(&self) -> &Method {
        match self {
            Self::Flat(flat) => &flat.method,
            Self::Whole(request) => &request.method,
        }
    }

    pub(crate) fn uri(&self) -> &Uri {
        match self {
            Self::Flat(flat) => &flat.uri,
            Self::Whole(request) => &request.uri,
        }
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        match self {
            Self::Flat(flat) => &flat.extensions,
            Self::Whole(request) => &request.extensions,
        }
    }

    /// Makes the head whole; it stays so.
    pub(crate) fn whole(&mut self) -> &mut request::Parts {
        if let Self::Flat(flat) = self {
            let fields = mem::take(&mut flat.fields);
            *self = Self::Whole(Box::new(flat.with(&fields.into())));
        }
        match self {
            Self::Whole(request) => request,
            Self::Flat(_) => unreachable!("it was made whole"),
        }
    }

    /// Makes a copy of the whole head.
    pub(crate) fn to_parts(&self) -> request::Parts {
        match self {
            Self::Flat(flat) => flat.with(&Bytes::copy_from_slice(&flat.fields)),
            Self::Whole(request) => request::Parts::clone(request),
        }
    }
}

impl Flat {
    fn with(&self, fields: &Bytes) -> request::Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = self.method.clone();
        parts.uri = self.uri.clone();
        parts.version = self.version;
        parts.extensions = self.extensions.clone();
        parts.headers = unflatten(fields, self.count);
        parts
    }
}

/// What most fields need at most; for others the buffer grows.
const USUAL_SIZE: usize = 40;

fn flatten(headers: &HeaderMap) -> Vec<u8> {
    // To add the lengths up first would take longer than the copy.
    let mut fields = Vec::with_capacity(headers.len() * USUAL_SIZE);
    for (name, value) in headers {
        let (sensitive, name, value) = (value.is_sensitive(), name.as_str(), value.as_bytes());
        let lengths = Lengths { name: name.len(), value: value.len(), sensitive };
        fields.reserve(Lengths::SIZE + name.len() + value.len());
        fields.extend_from_slice(&lengths.to_bytes());
        fields.extend_from_slice(name.as_bytes());
        fields.extend_from_slice(value);
    }
    fields
}

/// Makes the fields anew, with every repeated one in its order.
fn unflatten(fields: &Bytes, count: usize) -> HeaderMap {
    // A map may hold more values than it has room for names.
    let mut headers = HeaderMap::try_with_capacity(count).unwrap_or_default();
    let mut rest = &fields[..];
    while let Some((lengths, after)) = rest.split_first_chunk() {
        let Lengths { name, value, sensitive } = Lengths::from_bytes(*lengths);
        let (name, after) = after.split_at(name);
        let (value, after) = after.split_at(value);
        let name = HeaderName::from_bytes(name).expect("it was a header name");
        let value = HeaderValue::from_maybe_shared(fields.slice_ref(value));
        let mut value = value.expect("it was a header value");
        value.set_sensitive(sensitive);
        headers.append(name, value);
        rest = after;
    }
    headers
}

/// The lengths of a name and a value, and what `HeaderValue::is_sensitive` said.
struct Lengths {
    name: usize,
    value: usize,
    sensitive: bool,
}

impl Lengths {
    const SIZE: usize = 8;

    /// No name is longer than 16 bits tell, and no value than 47.
    fn to_bytes(&self) -> [u8; Self::SIZE] {
        let Self { name, value, sensitive } = *self;
        ((value as u64) << 17 | (name as u64) << 1 | u64::from(sensitive)).to_le_bytes()
    }

    fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let all = u64::from_le_bytes(bytes);
        let name = (all >> 1) as usize & 0xffff;
        Self { name, value: (all >> 17) as usize, sensitive: all & 1 == 1 }
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
            .header("x-long".repeat(100), "long".repeat(20_000))
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
