//! Where a redirect of S3 leads, and whether it is S3's to follow: values in, values out.

use http::{HeaderMap, Method, StatusCode, Uri, header, request, response};

use super::{
    endpoint::S3Endpoint,
    error_xml::ErrorXml,
    refused::{Reason, Refused},
    resource::{self, Resource, Style},
    signing::SignedWith,
    site::{self, Site, Sites},
    split::{self, Parts, Scheme},
};

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

/// A request to S3.
struct Source<'a> {
    parts: Parts<'a>,
    site: &'a Site,
    resource: Resource<'a>,
}

/// Where the next request goes.
struct Target {
    scheme: Scheme,
    authority: String,
    path: String,
    query: Option<String>,
    region: Option<String>,
}

pub(super) fn decide(facts: &Facts<'_>) -> Outcome {
    let uri = facts.request.uri.to_string();
    let Ok(parts) = split::split(&uri) else { return Outcome::Pass };
    let Some(site) = facts.sites.source(&parts.host) else { return Outcome::Pass };
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

/// The same request to a region: style, scheme and kind of endpoint stay.
fn in_region(source: &Source<'_>, region: &str) -> Result<Target, Refused> {
    let Source { parts, site, resource } = source;
    if !site.may_have_region(region) {
        return Err(Reason::Region.into());
    }
    let (style, authority) = match site.partition() {
        Some(partition) => {
            let style = site.style_of(parts, resource);
            let endpoint = site.endpoint_in(partition, region);
            (style, site::host(style, &resource.bucket, &endpoint))
        }
        // Only the signature changes: nobody knows another service's hosts.
        None => (resource.style, parts.authority()),
    };
    source.check_tls(parts.scheme, site.is_fips(), &authority)?;
    source.target(parts.scheme, authority, style, Some(region))
}

/// The same request to the endpoint that the XML names.
fn at_endpoint(source: &Source<'_>, error: &ErrorXml) -> Result<Target, Refused> {
    let Source { parts, site, resource } = source;
    let Some(host) = &error.endpoint else { return Err(Reason::NoLocation.into()) };
    if error.bucket.as_ref().is_some_and(|bucket| bucket.as_bytes() != &*resource.bucket) {
        return Err(Refused::to(Reason::Bucket, host));
    }
    let endpoint = S3Endpoint::parse(host).ok_or_else(|| Refused::to(Reason::Host, host))?;
    if endpoint.family.is_accelerate() {
        return Err(Refused::to(Reason::Family, host));
    }
    source.check_site(&Site::Aws(endpoint.clone()), parts.scheme, host)?;
    let usual = site.style_of(parts, resource);
    let style = match &endpoint.bucket {
        Some(bucket) if bucket.as_bytes() != &*resource.bucket => {
            return Err(Refused::to(Reason::Bucket, host));
        }
        // The certificates of S3 match one label.
        Some(bucket) if bucket.contains('.') && parts.scheme == Scheme::Https => usual,
        Some(_) => Style::Virtual,
        None => usual,
    };
    let authority = site::host(style, &resource.bucket, &endpoint.base);
    source.target(parts.scheme, authority, style, endpoint.region())
}

/// The same request to where `Location` leads.
fn at_location(source: &Source<'_>, headers: &HeaderMap) -> Result<Target, Refused> {
    let location = single(headers, header::LOCATION.as_str()).ok_or(Reason::BadLocation)?;
    let location = split::absolute(location, &source.parts);
    let to =
        split::split(&location).map_err(|reason| Refused::to(reason, after_scheme(&location)))?;
    let refuse = |reason| Refused::to(reason, &to.host);
    if source.parts.scheme == Scheme::Https && to.scheme == Scheme::Http {
        return Err(refuse(Reason::Downgrade));
    }
    let site = match source.site {
        Site::Compatible { domain, .. } => site::below(domain, &to.host),
        alias @ Site::Alias { .. } if to.host == source.parts.host => Some(alias.clone()),
        Site::Alias { .. } | Site::Aws(_) => S3Endpoint::parse(&to.host).map(Site::Aws),
    };
    let site = site.ok_or_else(|| refuse(Reason::Host))?;
    source.check_site(&site, to.scheme, &to.host)?;
    let port = match site {
        Site::Compatible { .. } => source.parts.port,
        Site::Aws(_) | Site::Alias { .. } => None,
    };
    if to.port != port {
        return Err(refuse(Reason::Port));
    }
    let resource = site.resource(to.path, &source.resource);
    if !resource.has_bucket_of(&source.resource) {
        return Err(refuse(Reason::Bucket));
    }
    if !resource.has_key_of(&source.resource) {
        return Err(refuse(Reason::Resource));
    }
    let Some(query) = resource::query(source.parts.query, to.query) else {
        return Err(refuse(Reason::Resource));
    };
    let region = bucket_region(headers).filter(|region| site.may_have_region(region));
    let region = region.or_else(|| site.region());
    let target = source.target(to.scheme, to.authority(), resource.style, region)?;
    Ok(Target { query: query.map(Into::into), ..target })
}

impl Source<'_> {
    /// Refuses a site that this one does not redirect to.
    fn check_site(&self, to: &Site, scheme: Scheme, host: &str) -> Result<(), Refused> {
        let refuse = |reason| Err(Refused::to(reason, host));
        let is_followable = match to {
            Site::Aws(endpoint) => endpoint.is_followable(),
            Site::Alias { .. } | Site::Compatible { .. } => true,
        };
        if !is_followable || (to.is_accelerate() && !self.site.is_accelerate()) {
            return refuse(Reason::Family);
        }
        if self.site.is_fips() && !to.is_fips() {
            return refuse(Reason::Fips);
        }
        if to.partition() != self.site.partition() {
            return refuse(Reason::Partition);
        }
        self.check_tls(scheme, to.is_fips(), host)
    }

    /// FIPS endpoints are there for their TLS.
    fn check_tls(&self, scheme: Scheme, is_fips: bool, host: &str) -> Result<(), Refused> {
        if is_fips && scheme == Scheme::Http {
            return Err(Refused::to(Reason::Downgrade, host));
        }
        Ok(())
    }

    /// Makes the target from what was requested, so that no octet of the key changes.
    fn target(
        &self,
        scheme: Scheme,
        authority: String,
        style: Style,
        region: Option<&str>,
    ) -> Result<Target, Refused> {
        let path = resource::path_in(style, self.parts.path, &self.resource);
        let path = path.ok_or_else(|| Refused::to(Reason::Bucket, &authority))?;
        let query = self.parts.query.map(str::to_owned);
        Ok(Target { scheme, authority, path, query, region: region.map(str::to_owned) })
    }

    fn is_at(&self, target: &Target) -> bool {
        self.parts.authority() == target.authority
            && self.parts.path == target.path
            && self.parts.query == target.query.as_deref()
    }
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

fn bucket_region(headers: &HeaderMap) -> Option<&str> {
    // Two of them are no region, and refused as such.
    headers
        .contains_key("x-amz-bucket-region")
        .then(|| single(headers, "x-amz-bucket-region").unwrap_or_default())
}

/// Returns the value of a field, unless there are several or it is not ASCII.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.any(|other| other != first) {
        return None;
    }
    first.to_str().ok()
}

fn is_xml(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.to_ascii_lowercase().contains("xml"))
}

/// Returns what stands after the scheme of a URL, to find a host in it.
fn after_scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(_, rest)| rest)
}
