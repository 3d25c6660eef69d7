//! Whether a redirect is S3's, and to be followed: values in, values out.

use http::{HeaderMap, Method, StatusCode, Uri, header, request, response};

use super::{
    endpoint::S3Endpoint,
    error_xml::ErrorXml,
    leads::{Source, Target, at_endpoint, at_location, bucket_region, in_region},
    refused::{Reason, Refused},
    resource::{self, Resource},
    signing::SignedWith,
    site::{Site, Sites},
    split,
};
use crate::rules::origin;

/// A response, and what belongs to it.
pub(super) struct Facts<'a> {
    pub(super) sites: &'a Sites,
    pub(super) request: &'a request::Parts,
    pub(super) response: &'a response::Parts,
    pub(super) xml: Xml,
    /// How many redirects may still be followed.
    pub(super) left: usize,
}

/// What is known of the XML in a response.
pub(super) enum Xml {
    /// It can be asked for.
    Unread,
    Read(ErrorXml),
    /// There is none that could be read.
    None,
    /// Nothing here reads XML.
    Off,
}

pub(super) enum Outcome {
    /// It is no redirect of S3.
    Pass,
    /// The XML of the response is needed.
    ReadXml,
    Follow(Next),
    Stop(Refused),
}

/// The next request.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) uri: Uri,
    /// To sign for, if that is known.
    pub(super) region: Option<String>,
}

pub(super) fn decide(facts: &Facts<'_>) -> Outcome {
    let uri = facts.request.uri.to_string();
    let Ok(parts) = split::split(&uri) else { return Outcome::Pass };
    let Some(site) = facts.sites.source(&parts.host) else { return Outcome::Pass };
    if origin::has_other_host(&facts.request.uri, &facts.request.headers) {
        // It says which bucket is meant, and not the URI.
        return Outcome::Pass;
    }
    let resource = Resource::new(site.bucket(), parts.path);
    let source = Source { parts: parts.clone(), site: &site, resource };
    let found = match facts.response.status {
        StatusCode::BAD_REQUEST => match wrong_region(facts, &source) {
            Ok(region) if facts.left > 0 => in_region(&source, &region),
            Ok(_) => Err(Reason::TooManyRedirects.into()),
            Err(outcome) => return outcome,
        },
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            if facts.left == 0 {
                Err(Reason::TooManyRedirects.into())
            } else if facts.response.headers.contains_key(header::LOCATION) {
                at_location(&source, &facts.response.headers)
            } else {
                match elsewhere(facts, &source) {
                    Some(found) => found,
                    None => return Outcome::ReadXml,
                }
            }
        }
        _ => return Outcome::Pass,
    };
    match found.and_then(|target| next(facts, &source, target)) {
        Ok(next) => Outcome::Follow(next),
        Err(refused) => Outcome::Stop(refused),
    }
}

/// Reads a 400: the region to sign for anew, where that is what was wrong.
fn wrong_region(facts: &Facts<'_>, source: &Source<'_>) -> Result<String, Outcome> {
    if signer(facts).is_none() {
        return Err(Outcome::Pass);
    }
    let of_header = bucket_region(&facts.response.headers);
    if facts.request.method == Method::HEAD {
        return of_header.map(str::to_owned).ok_or(Outcome::Pass);
    }
    let error = match &facts.xml {
        _ if !is_xml(&facts.response.headers) => return Err(Outcome::Pass),
        Xml::Unread => return Err(Outcome::ReadXml),
        Xml::None | Xml::Off => return Err(Outcome::Pass),
        Xml::Read(error) => error,
    };
    // Some servers name a region in every error.
    let region = match error.code.as_deref() {
        Some("AuthorizationHeaderMalformed") => of_header.or(error.region.as_deref()),
        Some("IllegalLocationConstraintException") if !creates_bucket(facts, source) => of_header,
        _ => None,
    };
    region.map(str::to_owned).ok_or(Outcome::Pass)
}

/// The region of a bucket that does not exist yet is the caller's to choose.
fn creates_bucket(facts: &Facts<'_>, source: &Source<'_>) -> bool {
    facts.request.method == Method::PUT
        && source.resource.key == "/"
        && source.parts.query.is_none_or(str::is_empty)
}

/// Reads a redirect without `Location`: S3's usual 301. `None` if that takes its XML.
fn elsewhere(facts: &Facts<'_>, source: &Source<'_>) -> Option<Result<Target, Refused>> {
    if let Site::Compatible { .. } = source.site {
        return Some(Err(Reason::NoLocation.into()));
    }
    if let Some(region) = bucket_region(&facts.response.headers) {
        return Some(in_region(source, region));
    }
    if facts.request.method == Method::HEAD || !is_xml(&facts.response.headers) {
        return Some(Err(Reason::NoLocation.into()));
    }
    Some(match &facts.xml {
        Xml::Unread => return None,
        Xml::None => Err(Reason::NoLocation.into()),
        Xml::Off => Err(Reason::NeedsXml.into()),
        Xml::Read(ErrorXml { region: Some(region), .. }) => in_region(source, region),
        Xml::Read(error) => at_endpoint(source, error),
    })
}

/// Makes the next request's URI, unless it would be the same request, or one whose signature fails.
fn next(facts: &Facts<'_>, source: &Source<'_>, target: Target) -> Result<Next, Refused> {
    let refuse = |reason| Refused::to(reason, &target.authority);
    let signer = signer(facts);
    let is_there = source.is_at(&target);
    let signs_anew = match (signer, &target.region) {
        (Some(signer), Some(region)) => signer.signed_region() != region,
        (None, _) | (_, None) => false,
    };
    if is_there && source.parts.scheme == target.scheme && !signs_anew {
        return Err(refuse(Reason::Loop));
    }
    if !is_there || signs_anew {
        let is_presigned = resource::has_parameter(source.parts.query, "X-Amz-Signature");
        if is_presigned || (signer.is_none() && is_signed_v4(&facts.request.headers)) {
            return Err(refuse(Reason::NeedsSigning));
        }
    }
    let Target { scheme, authority, path, query, .. } = &target;
    let query = query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
    let uri = format!("{}://{authority}{path}{query}", scheme.as_str()).parse();
    let uri: Uri = uri.map_err(|_| refuse(Reason::BadLocation))?;
    // A bucket's name may be too long for the name of a host in another region.
    if let Site::Aws(_) = source.site {
        S3Endpoint::parse(authority).ok_or_else(|| refuse(Reason::Host))?;
    }
    Ok(Next { uri, region: target.region })
}

/// Returns what a signer inside has said of the request.
fn signer<'a>(facts: &Facts<'a>) -> Option<&'a SignedWith> {
    facts.response.extensions.get()
}

/// Its signature holds for one host.
fn is_signed_v4(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    values.any(|value| value.as_bytes().starts_with(b"AWS4-"))
}

fn is_xml(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.to_ascii_lowercase().contains("xml"))
}
