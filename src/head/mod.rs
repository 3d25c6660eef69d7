//! A copy of a request's head that costs one allocation, made whole only to follow a redirect.

mod fields;

use std::mem;

use http::{Extensions, HeaderMap, Method, Request, Uri, Version, header, request};

use self::fields::Fields;
use crate::rules::expect;

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
    fields: Fields,
}

impl Head {
    #[inline]
    pub(crate) fn copy(request: &request::Parts) -> Self {
        Self::Flat(Flat {
            method: request.method.clone(),
            uri: request.uri.clone(),
            version: request.version,
            extensions: request.extensions.clone(),
            fields: Fields::copy(&request.headers),
        })
    }

    /// Returns whether the request is about its connection: CONNECT, or an upgrade.
    #[inline]
    pub(crate) fn is_tunnel(&self) -> bool {
        match self {
            Self::Flat(flat) => flat.method == Method::CONNECT || flat.fields.notes.upgrade,
            Self::Whole(request) => expect::is_tunnel(request),
        }
    }

    /// Returns whether the request has the field `Expect`, whatever it says.
    #[inline]
    pub(crate) fn mentions_expect(&self) -> bool {
        match self {
            Self::Flat(flat) => flat.fields.notes.expect,
            Self::Whole(request) => request.headers.contains_key(header::EXPECT),
        }
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
            let headers = mem::take(&mut flat.fields).into_headers();
            *self = Self::Whole(Box::new(flat.with(headers)));
        }
        match self {
            Self::Whole(request) => request,
            Self::Flat(_) => unreachable!("it was made whole"),
        }
    }

    /// Makes a copy of the whole head.
    pub(crate) fn to_parts(&self) -> request::Parts {
        match self {
            Self::Flat(flat) => flat.with(flat.fields.clone().into_headers()),
            Self::Whole(request) => request::Parts::clone(request),
        }
    }
}

impl Flat {
    fn with(&self, headers: HeaderMap) -> request::Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = self.method.clone();
        parts.uri = self.uri.clone();
        parts.version = self.version;
        parts.extensions = self.extensions.clone();
        parts.headers = headers;
        parts
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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
