//! Signatures of version 2 ([RESTAuthentication]): they cover bucket and path, but no host.
//!
//! [RESTAuthentication]: https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use md5::{Digest, Md5};
use sha1::Sha1;

use crate::{ACCESS_KEY, BUCKET, SECRET_KEY};

/// The base64 of an MD5, for `Content-MD5`.
pub fn content_md5(content: &[u8]) -> String {
    BASE64.encode(Md5::digest(content))
}

/// Signs a request whose host names the bucket, or whose path does.
pub fn sign<B>(mut request: Request<B>) -> Request<B> {
    let text = string_to_sign(&request);
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET_KEY.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let signature = BASE64.encode(mac.finalize().into_bytes());
    let value = HeaderValue::try_from(format!("AWS {ACCESS_KEY}:{signature}")).unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

fn string_to_sign<B>(request: &Request<B>) -> String {
    let headers = request.headers();
    let [md5, kind, date] =
        [HeaderName::from_static("content-md5"), header::CONTENT_TYPE, header::DATE]
            .map(|name| field(headers, &name));
    let amz: String = amz_fields(headers).concat();
    let host = request.uri().host().unwrap();
    let bucket = if host.starts_with(BUCKET) { format!("/{BUCKET}") } else { String::new() };
    format!("{}\n{md5}\n{kind}\n{date}\n{amz}{bucket}{}", request.method(), request.uri().path())
}

/// Returns the lines of `x-amz-…`, in order.
fn amz_fields(headers: &HeaderMap) -> Vec<String> {
    let names = headers.keys().filter(|name| name.as_str().starts_with("x-amz-"));
    let mut lines: Vec<_> =
        names.map(|name| format!("{name}:{}\n", field(headers, name))).collect();
    lines.sort();
    lines
}

fn field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_string_of_an_upload_is_that_of_the_documentation() {
        let request = Request::put("http://quotes.s3.amazonaws.com/nelson.txt")
            .header("content-md5", "m")
            .header("content-type", "text/plain")
            .header("date", "Tue, 27 Mar 2007 21:15:45 +0000")
            .header("x-amz-meta-b", "2")
            .header("x-amz-acl", "1");
        let text = "PUT\nm\ntext/plain\nTue, 27 Mar 2007 21:15:45 +0000\n\
                    x-amz-acl:1\nx-amz-meta-b:2\n/quotes/nelson.txt";
        assert_eq!(string_to_sign(&request.body(()).unwrap()), text);
    }
}
