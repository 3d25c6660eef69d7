//! Signs the head of a request: no I/O, and the clock is given.

use std::{fmt, sync::Arc, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest,
        SigningInstructions, SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use http::{HeaderMap, HeaderName, HeaderValue, header, request, uri::Scheme};
use tower_follow_redirect::policy::s3::{SignedWith, SigningRegion};

use crate::{
    error::SignError,
    payload::{CONTENT_SHA256, HASH_OF_NOTHING},
    request::{host, is_presigned, signed_fields, target},
};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs the heads of requests.
#[derive(Clone)]
pub(crate) struct Signer {
    identity: Identity,
    access_key_id: Arc<str>,
    service: Arc<str>,
    unsigned: Unsigned,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

/// Whether a request has content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Empty,
    Some,
}

/// Where content may go without a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unsigned {
    OverHttps,
    Anywhere,
}

/// What a service wants to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    S3,
    Common,
}

impl Signer {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self {
            access_key_id: credentials.access_key_id().into(),
            identity: credentials.into(),
            service: "s3".into(),
            unsigned: Unsigned::OverHttps,
            clock: Arc::new(SystemTime::now),
        }
    }

    pub(crate) fn set_service(&mut self, name: String) {
        self.service = name.into();
    }

    pub(crate) fn allow_unsigned_over_http(&mut self) {
        self.unsigned = Unsigned::Anywhere;
    }

    pub(crate) fn set_clock(&mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) {
        self.clock = Arc::new(now);
    }

    /// Signs a request that has a region, in place of what was signed before.
    pub(crate) fn sign(
        &self,
        head: &mut request::Parts,
        content: Content,
    ) -> Result<Option<SignedWith>, SignError> {
        let Some(region) = head.extensions.get::<SigningRegion>().cloned() else {
            return Ok(None);
        };
        if is_presigned(&head.uri) {
            return Ok(None);
        }
        for name in [header::AUTHORIZATION, DATE, SECURITY_TOKEN] {
            head.headers.remove(name);
        }
        if content == Content::Empty && head.headers.contains_key(CONTENT_SHA256) {
            // It may be the hash of content that a redirect has dropped.
            head.headers.insert(CONTENT_SHA256, HASH_OF_NOTHING);
        }
        let added = self.signature(head, content, region.as_str())?;
        head.headers.extend(added);
        Ok(Some(SignedWith::region(region.as_str())))
    }

    /// Returns the fields that are added.
    fn signature(
        &self,
        head: &request::Parts,
        content: Content,
        region: &str,
    ) -> Result<HeaderMap, SignError> {
        let payload = self.payload(head, content)?;
        let host = host(head)?;
        let target = target(&head.uri, &host, self.rules());
        let fields = signed_fields(&head.headers)?.chain([("host", &*host)]);
        let request = SignableRequest::new(head.method.as_str(), target, fields, payload)
            .map_err(SignError::signer)?;
        let params = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(region)
            .name(&self.service)
            .time((self.clock)())
            .settings(settings(self.rules()))
            .build()
            .map_err(SignError::signer)?
            .into();
        let (instructions, _) = sign(request, &params).map_err(SignError::signer)?.into_parts();
        added_fields(&instructions)
    }

    fn payload(
        &self,
        head: &request::Parts,
        content: Content,
    ) -> Result<SignableBody<'static>, SignError> {
        if let Some(hash) = head.headers.get(CONTENT_SHA256) {
            let hash = hash.to_str().map_err(|_| SignError::Header(CONTENT_SHA256))?;
            return Ok(SignableBody::Precomputed(hash.to_owned()));
        }
        if content == Content::Empty {
            return Ok(SignableBody::empty());
        }
        if self.rules() == Rules::Common {
            return Err(SignError::UnsignedPayload);
        }
        if self.unsigned == Unsigned::OverHttps && head.uri.scheme() != Some(&Scheme::HTTPS) {
            return Err(SignError::UnsignedOverHttp);
        }
        Ok(SignableBody::UnsignedPayload)
    }

    fn rules(&self) -> Rules {
        match &*self.service {
            "s3" | "s3-outposts" | "s3-object-lambda" => Rules::S3,
            _ => Rules::Common,
        }
    }
}

/// Returns the fields that the signer wants to be added; its own method would panic on a bad value.
fn added_fields(instructions: &SigningInstructions) -> Result<HeaderMap, SignError> {
    let mut added = HeaderMap::new();
    for (name, value) in instructions.headers() {
        let name = HeaderName::try_from(name).map_err(SignError::signer)?;
        let mut value = HeaderValue::try_from(value).map_err(SignError::signer)?;
        value.set_sensitive([header::AUTHORIZATION, SECURITY_TOKEN].contains(&name));
        added.insert(name, value);
    }
    Ok(added)
}

fn settings(rules: Rules) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if rules == Rules::S3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

/// Shows no secret.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("access_key_id", &self.access_key_id)
            .field("service", &self.service)
            .field("unsigned", &self.unsigned)
            .finish_non_exhaustive()
    }
}
