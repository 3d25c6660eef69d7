//! A client that only records, and Amazon's example credentials.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, request};
use http_body_util::{Empty, Full};
use tower::{
    BoxError, Service, ServiceExt,
    util::{BoxCloneService, service_fn},
};
use tower_follow_redirect_sigv4::{HomeRegionLayer, SigV4Layer};
use tower_layer::Layer;

pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub const HASH_OF_NOTHING: &str =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test")
}

/// 2013-05-24T00:00:00Z, when S3's examples were signed.
pub fn documented_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_369_353_600)
}

/// The signer of S3's examples.
pub fn signer() -> SigV4Layer {
    SigV4Layer::new(credentials()).clock(documented_time)
}

/// Records the heads that are sent, and answers with what it is given, and then with 200.
#[derive(Clone, Default)]
pub struct Recorder {
    sent: Arc<Mutex<Vec<request::Parts>>>,
    answers: Arc<Mutex<VecDeque<Response<()>>>>,
}

impl Recorder {
    pub fn answering(answers: impl IntoIterator<Item = Response<()>>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    pub fn sent(&self) -> Vec<request::Parts> {
        self.sent.lock().expect("no test panics in it").clone()
    }

    pub fn client<B: Send + 'static>(
        &self,
    ) -> BoxCloneService<Request<B>, Response<Empty<Bytes>>, Infallible> {
        let recorder = self.clone();
        BoxCloneService::new(service_fn(move |request: Request<B>| {
            let recorder = recorder.clone();
            async move {
                recorder.sent.lock().expect("no test panics in it").push(request.into_parts().0);
                let answer = recorder.answers.lock().expect("no test panics in it").pop_front();
                Ok(answer.unwrap_or_default().map(|()| Empty::new()))
            }
        }))
    }
}

/// Signs one request for `us-east-1`, and returns the head that is sent.
pub async fn sign(
    signer: SigV4Layer,
    request: Request<Full<Bytes>>,
) -> Result<request::Parts, BoxError> {
    let recorder = Recorder::default();
    let mut service = HomeRegionLayer::new("us-east-1").layer(signer.layer(recorder.client()));
    service.ready().await?.call(request).await?;
    Ok(recorder.sent().remove(0))
}

/// Returns a part of the one `Authorization`, such as `Signature`.
pub fn authorization<'a>(headers: &'a HeaderMap, part: &str) -> &'a str {
    assert_eq!(headers.get_all("authorization").iter().count(), 1);
    let value = headers["authorization"].to_str().expect("it is ASCII");
    let (_, rest) = value.split_once(&format!("{part}=")).expect("it has the part");
    rest.split(", ").next().expect("a split has a first part")
}
