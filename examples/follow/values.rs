//! Values of flags, parsed.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use http::{HeaderName, HeaderValue, header, uri::Authority};
use tower_follow_redirect::policy::private::IpNet;

/// What `-H` does to the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HeaderEdit {
    /// `Name: value`, or `Name;` for an empty value.
    Add(HeaderName, HeaderValue),
    /// `Name:`.
    Remove(HeaderName),
}

impl FromStr for HeaderEdit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match (text.split_once(':'), text.strip_suffix(';')) {
            (Some((name, value)), _) => (name, value.trim()),
            (None, Some(name)) => {
                return Ok(Self::Add(header_name(name)?, HeaderValue::from_static("")));
            }
            (None, None) => return Err("expected `Name: value`, `Name;` or `Name:`".into()),
        };
        let name = header_name(name)?;
        if value.is_empty() {
            return Self::removing(name);
        }
        // Whatever goes into a field may go in, UTF-8 included.
        let value = HeaderValue::from_bytes(value.as_bytes());
        value
            .map(|value| Self::Add(name, value))
            .map_err(|_| "the value holds a control character".into())
    }
}

impl HeaderEdit {
    fn removing(name: HeaderName) -> Result<Self, String> {
        match name {
            header::HOST | header::CONTENT_LENGTH | header::TRANSFER_ENCODING => {
                Err(format!("no request goes without its `{name}`"))
            }
            name => Ok(Self::Remove(name)),
        }
    }
}

/// `--aws-sigv4 aws:amz:REGION:s3`: what is signed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) region: String,
    pub(crate) service: String,
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split(':').collect::<Vec<_>>()[..] {
            ["aws", "amz", region, service] if !region.is_empty() && !service.is_empty() => {
                Ok(Self { region: region.into(), service: service.into() })
            }
            _ => Err("expected `aws:amz:REGION:SERVICE`".into()),
        }
    }
}

/// `--user AK:SK`: the keys to sign with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) access: String,
    pub(crate) secret: String,
}

impl FromStr for Keys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((access, secret)) if !access.is_empty() && !secret.is_empty() => {
                Ok(Self { access: access.into(), secret: secret.into() })
            }
            // Without the text, which may be the secret.
            _ => Err("expected `ACCESS-KEY:SECRET-KEY`".into()),
        }
    }
}

/// The secret is not shown.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("access", &self.access).finish_non_exhaustive()
    }
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    name.trim().parse().map_err(|_| format!("`{name}` is no header name"))
}

/// `--connect-to H1:P1:H2:P2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectTo {
    from: (Option<String>, Option<u16>),
    to: (Option<String>, Option<u16>),
}

impl ConnectTo {
    /// Returns where to connect instead of `host` and `port`, if this is about them.
    pub(crate) fn map(&self, host: &str, port: u16) -> Option<(String, u16)> {
        let (from_host, from_port) = &self.from;
        let matches = from_host.as_ref().is_none_or(|from| from.eq_ignore_ascii_case(host))
            && from_port.is_none_or(|from| from == port);
        let (to_host, to_port) = &self.to;
        matches.then(|| (to_host.clone().unwrap_or_else(|| host.into()), to_port.unwrap_or(port)))
    }
}

impl FromStr for ConnectTo {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = split_outside_brackets(text);
        let [from_host, from_port, to_host, to_port] = parts[..] else {
            return Err("expected `HOST1:PORT1:HOST2:PORT2`, each of which may be empty".into());
        };
        Ok(Self { from: (host(from_host), port(from_port)?), to: (host(to_host), port(to_port)?) })
    }
}

/// `--allow-private`: a host, with or without a port, a domain, or a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Private {
    Host(String),
    /// With its dot.
    Suffix(String),
    Net(IpNet),
}

impl FromStr for Private {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return text.parse().map(Self::Net).map_err(|_| format!("`{text}` is no network"));
        }
        let is_host = text.parse::<IpAddr>().is_ok() || text.parse::<Authority>().is_ok();
        match text.strip_prefix('.') {
            Some(domain) if domain.parse::<Authority>().is_ok() => Ok(Self::Suffix(text.into())),
            None if is_host => Ok(Self::Host(text.into())),
            Some(_) | None => Err("expected `HOST`, `HOST:PORT`, `.DOMAIN` or `10.0.0.0/8`".into()),
        }
    }
}

/// `--s3-domain`: a host, without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Domain(pub(crate) String);

impl FromStr for Domain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let authority = text.parse::<Authority>();
        match authority {
            Ok(authority) if authority.host() == text => Ok(Self(text.into())),
            _ => Err("expected a domain, such as `s3.example.com`".into()),
        }
    }
}

/// Splits at colons, save those of an IPv6 address in brackets.
fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.split(|c| {
        inside = match c {
            '[' => true,
            ']' => false,
            _ => inside,
        };
        c == ':' && !inside
    })
    .collect()
}

fn host(text: &str) -> Option<String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    (!bare.is_empty()).then(|| bare.into())
}

fn port(text: &str) -> Result<Option<u16>, String> {
    match text {
        "" => Ok(None),
        _ => text.parse().map(Some).map_err(|_| format!("`{text}` is no port")),
    }
}

/// `-e 'URL;auto'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefererFlag {
    /// What the first request says.
    pub(crate) first: Option<HeaderValue>,
    /// Whether those after it say where they come from.
    pub(crate) auto: bool,
}

impl FromStr for RefererFlag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (url, auto) = match text.strip_suffix(";auto") {
            Some(url) => (url, true),
            None => (text, false),
        };
        let value = HeaderValue::from_bytes(url.as_bytes());
        let value = value.map_err(|_| "a Referer holds no control character")?;
        Ok(Self { first: (!value.is_empty()).then_some(value), auto })
    }
}

/// `--proto-redir`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProtoRedir {
    HttpAndHttps,
    HttpsOnly,
}

impl FromStr for ProtoRedir {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "=https" => Ok(Self::HttpsOnly),
            "=http,https" | "=https,http" => Ok(Self::HttpAndHttps),
            _ => Err("expected `=https` or `=http,https`: nothing else is ever followed".into()),
        }
    }
}

/// Reads a number of seconds, with a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "expected a number of seconds, such as 0.5".into())
}

/// Reads a number of bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a number of bytes".into())
}

/// Reads `--max-redirs`: -1 is no limit.
pub(crate) fn redirects(text: &str) -> Result<usize, String> {
    match text {
        "-1" => Ok(usize::MAX),
        _ => text.parse().map_err(|_| "expected a number, or -1 for no limit".into()),
    }
}
