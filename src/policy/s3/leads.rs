//! Where a redirect of S3 leads, by its region, its `Location` or its XML.

use http::{HeaderMap, header};

use super::{
    endpoint::S3Endpoint,
    error_xml::ErrorXml,
    refused::{Reason, Refused},
    resource::{self, Resource, Style},
    site::{self, Site},
    split::{self, Parts, Scheme},
};

/// A request to S3.
pub(super) struct Source<'a> {
    pub(super) parts: Parts<'a>,
    pub(super) site: &'a Site,
    pub(super) resource: Resource<'a>,
}

/// Where the next request goes.
pub(super) struct Target {
    pub(super) scheme: Scheme,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) region: Option<String>,
}

/// The same request to a region: style, scheme and kind of endpoint stay.
pub(super) fn in_region(source: &Source<'_>, region: &str) -> Result<Target, Refused> {
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
pub(super) fn at_endpoint(source: &Source<'_>, error: &ErrorXml) -> Result<Target, Refused> {
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
pub(super) fn at_location(source: &Source<'_>, headers: &HeaderMap) -> Result<Target, Refused> {
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

    pub(super) fn is_at(&self, target: &Target) -> bool {
        self.parts.authority() == target.authority
            && self.parts.path == target.path
            && self.parts.query == target.query.as_deref()
    }
}

pub(super) fn bucket_region(headers: &HeaderMap) -> Option<&str> {
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

/// Returns what stands after the scheme of a URL, to find a host in it.
fn after_scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(_, rest)| rest)
}
