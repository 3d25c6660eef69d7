//! The policy for Amazon S3, besides what `s3.json` has.

mod calls;
mod domains;
mod hosts;
mod properties;
mod signing;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower_follow_redirect::{
    FollowRedirectLayer, Refusal,
    policy::{
        S3,
        s3::{Reason, Refused},
    },
};

use crate::support::step::{Answer, Call, send, status};

/// A PUT to S3, signed with SigV2.
fn put(uri: &str, policy: S3) -> Call<Full<Bytes>> {
    let mut request = send("PUT", uri, "ha ha\n");
    request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("AWS AK:sig"));
    Call::start(FollowRedirectLayer::new().with_policy(policy), request)
}

/// An error of S3, with its XML.
fn error(code: u16, xml: &str) -> Answer {
    let mut response = status(code);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    *response.body_mut() = Full::from(format!("<Error>{xml}</Error>"));
    response
}

fn with(mut answer: Answer, name: &'static str, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}

fn refused<R>(response: &Response<R>) -> Option<&Refused> {
    let source = Refusal::of(response).and_then(std::error::Error::source);
    source.and_then(|source| source.downcast_ref())
}

fn reason<R>(response: &Response<R>) -> Option<Reason> {
    refused(response).map(Refused::reason)
}

async fn body<B>(response: Response<B>) -> String
where
    B: Body,
    B::Error: std::fmt::Debug,
{
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.into()).unwrap()
}
