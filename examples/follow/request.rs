//! The first request of a URL.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, Request, Uri, Version, header};
use percent_encoding::percent_decode_str;
use tower_follow_redirect::Fragment;
use url::Url;

use crate::{
    body::{Body, Source},
    cli::Cli,
    failure::Failure,
    sign,
    values::HeaderEdit,
};

/// A URL of the command line: what is requested, and what is not part of a request.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) fragment: Option<String>,
    authorization: Option<HeaderValue>,
}

impl Target {
    /// Reads a URL. Without a scheme it is `http`, as for curl.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let bad = |why: &dyn std::fmt::Display| {
            Failure::url(format!("{} is no URL to fetch: {why}", redacted_text(text)))
        };
        let with_scheme = if text.contains("://") { text.into() } else { format!("http://{text}") };
        let mut url = Url::parse(&with_scheme).map_err(|error| bad(&error))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(&"its scheme is neither http nor https"));
        }
        let authorization = basic(&url);
        let fragment = url.fragment().map(Into::into);
        url.set_fragment(None);
        // An http URL has a host, so that these cannot fail.
        let _ = (url.set_username(""), url.set_password(None));
        let uri = url.as_str().parse().map_err(|error| bad(&error))?;
        Ok(Self { uri, fragment, authorization })
    }

    /// Returns the host and the port.
    pub(crate) fn place(&self) -> String {
        let is_https = self.uri.scheme_str() == Some("https");
        let port = self.uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        format!("{}:{port}", self.uri.host().unwrap_or_default())
    }

    /// Returns the URL without userinfo.
    pub(crate) fn url(&self) -> String {
        match &self.fragment {
            Some(fragment) => format!("{}#{fragment}", self.uri),
            None => self.uri.to_string(),
        }
    }

    /// Appends the name of the file that is uploaded to a folder, as curl does.
    pub(crate) fn uploading(mut self, file: &Path) -> Result<Self, Failure> {
        let (false, Some(name)) = (self.uri.query().is_some(), file.file_name()) else {
            return Ok(self);
        };
        if self.uri.path().ends_with('/') {
            let mut url = Url::parse(&self.uri.to_string())
                .map_err(|error| Failure::url(error.to_string()))?;
            if let Ok(mut path) = url.path_segments_mut() {
                path.pop_if_empty().push(&name.to_string_lossy());
            }
            let uri = url.as_str().parse();
            self.uri =
                uri.map_err(|error| Failure::url(format!("{}: {error}", redacted(url.as_str()))))?;
        }
        Ok(self)
    }
}

/// Turns userinfo into credentials (RFC 7617).
fn basic(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut credentials: Vec<u8> = percent_decode_str(url.username()).collect();
    credentials.push(b':');
    credentials.extend(percent_decode_str(url.password().unwrap_or_default()));
    let value = format!("Basic {}", BASE64_STANDARD.encode(credentials));
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Makes the request of `target`.
pub(crate) fn build(cli: &Cli, source: &Source, target: &Target) -> Result<Request<Body>, Failure> {
    let (body, factory) = source.open()?;
    let mut request = Request::new(body);
    *request.method_mut() = cli.method();
    *request.uri_mut() = target.uri.clone();
    *request.headers_mut() = headers(cli, target);
    if cli.http2_prior_knowledge {
        *request.version_mut() = Version::HTTP_2;
    }
    let content = match source {
        Source::Data(data) => Some(data),
        Source::Nothing | Source::File(_) | Source::Stdin => None,
    };
    sign::prepare(cli, &mut request, content);
    if let Some(factory) = factory {
        request.extensions_mut().insert(factory);
    }
    if let Some(fragment) = &target.fragment {
        request.extensions_mut().insert(Fragment::new(fragment.as_str()));
    }
    Ok(request)
}

/// The defaults, less those that `-H` removes or replaces, and what `-H` adds.
fn headers(cli: &Cli, target: &Target) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let agent = concat!("follow/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    if let Some(value) = &target.authorization {
        headers.insert(header::AUTHORIZATION, value.clone());
    }
    if let Some(value) = cli.referer.as_ref().and_then(|referer| referer.first.as_ref()) {
        headers.insert(header::REFERER, value.clone());
    }
    let mut added = HeaderMap::new();
    for edit in &cli.header {
        match edit {
            HeaderEdit::Add(name, value) => {
                added.append(name, value.clone());
            }
            // The layer takes a blank one for "do not wait", and does not send it.
            HeaderEdit::Remove(name) if name == header::EXPECT => {
                added.insert(name, HeaderValue::from_static(""));
            }
            HeaderEdit::Remove(name) => {
                headers.remove(name);
            }
        }
    }
    for name in added.keys() {
        headers.remove(name);
    }
    headers.extend(added);
    headers
}

/// Writes a URL without userinfo, without fragment, and with `…` for its query.
pub(crate) fn redacted(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let (url, query) = match url.split_once('?') {
        Some((url, _)) => (url, "?…"),
        None => (url, ""),
    };
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let userinfo = authority.rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}{}{query}", &rest[userinfo..])
}

/// Writes what is no URL. A password may have a `/` or a `?` in it, and then it cannot be told where it ends.
fn redacted_text(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match rest.rfind('@') {
        Some(at) if at >= authority.len() && scheme.is_empty() => "…".into(),
        Some(at) if at >= authority.len() => format!("{scheme}://…"),
        _ => redacted(text),
    }
}
