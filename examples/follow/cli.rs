//! The flags: curl's where curl has one.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use http::{HeaderName, Method};

use crate::{
    values::{
        ConnectTo, HeaderEdit, Keys, Private, ProtoRedir, RefererFlag, Scope, redirects, seconds,
    },
    write_out::Template,
};

/// Fetches URLs, and follows redirects correctly.
#[derive(Debug, Parser)]
#[command(name = "follow", version, args_override_self = true, max_term_width = 120)]
pub(crate) struct Cli {
    /// What to fetch, in turn, by one client
    #[arg(required = true, value_name = "URL")]
    pub(crate) urls: Vec<String>,

    /// Method; redirects rewrite it as usual
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) request: Option<Method>,

    /// Send HEAD, and print the responses' heads
    #[arg(short = 'I', long, conflicts_with_all = ["data", "upload_file"])]
    pub(crate) head: bool,

    /// Add a header; `K;` is empty, `K:` is not sent
    #[arg(short = 'H', long, value_name = "K: V")]
    pub(crate) header: Vec<HeaderEdit>,

    /// Send this, or a file's content, by POST
    #[arg(short, long = "data-binary", alias = "data", value_name = "STRING|@FILE")]
    #[arg(allow_hyphen_values = true, conflicts_with = "upload_file")]
    pub(crate) data: Vec<String>,

    /// Upload by PUT; `-` is standard input
    #[arg(short = 'T', long, value_name = "FILE|-")]
    pub(crate) upload_file: Option<PathBuf>,

    /// Write the responses to a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Print %{http_code}, %{url_effective}, … afterwards
    #[arg(short, long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub(crate) write_out: Option<Template>,

    /// Send Referer; `;auto` sets it on redirects
    #[arg(short = 'e', long, value_name = "URL;auto")]
    pub(crate) referer: Option<RefererFlag>,

    /// Trust every certificate
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,

    /// Trust these certificates only (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,

    /// Speak HTTP/1.1 only
    #[arg(long = "http1.1", conflicts_with = "http2_prior_knowledge")]
    pub(crate) http11: bool,

    /// Speak HTTP/2 only
    #[arg(long)]
    pub(crate) http2_prior_knowledge: bool,

    /// Connect to another host and port instead
    #[arg(long, value_name = "H1:P1:H2:P2")]
    pub(crate) connect_to: Vec<ConnectTo>,

    /// Give up on a URL after so long; 0 is never
    #[arg(short = 'm', long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) max_time: Option<Duration>,

    /// Follow so many redirects, by default 20; -1 is any
    #[arg(long, value_name = "N", value_parser = redirects, allow_negative_numbers = true)]
    pub(crate) max_redirs: Option<usize>,

    /// Keep POST after a 301
    #[arg(long)]
    pub(crate) post301: bool,

    /// Keep POST after a 302
    #[arg(long)]
    pub(crate) post302: bool,

    /// Keep POST after a 303
    #[arg(long)]
    pub(crate) post303: bool,

    /// Send credentials wherever redirects lead
    #[arg(long)]
    pub(crate) location_trusted: bool,

    /// Follow to `=https` only, or to `=http,https`
    #[arg(long, value_name = "PROTOCOLS")]
    pub(crate) proto_redir: Option<ProtoRedir>,

    /// Wait so long for 100 Continue, by default 1
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) expect100_timeout: Option<Duration>,

    /// Ask for it above so much, by default 1 MiB
    #[arg(long, value_name = "BYTES")]
    pub(crate) expect100_threshold: Option<u64>,

    /// Never ask for 100 Continue
    #[arg(long)]
    pub(crate) no_expect: bool,

    /// Record so much to send it again, by default 64 KiB
    #[arg(long, value_name = "BYTES")]
    pub(crate) replay_limit: Option<u64>,

    /// Record up to so much, past that limit in a file
    #[arg(long, value_name = "BYTES")]
    pub(crate) spill: Option<u64>,

    /// standard, none, same-origin, …: all must agree
    #[arg(long, value_enum, value_name = "NAME", hide_possible_values = true)]
    pub(crate) policy: Vec<PolicyName>,

    /// What `deny-private-networks` allows besides
    #[arg(long, value_name = "HOST|.DOMAIN|NET")]
    pub(crate) allow_private: Vec<Private>,

    /// Deny private networks to the URLs themselves, too
    #[arg(long)]
    pub(crate) check_first: bool,

    /// How `strict` confirms, by default `ask`
    #[arg(long, value_enum, value_name = "yes|no|ask", hide_possible_values = true)]
    pub(crate) confirm: Option<Confirm>,

    /// A domain that speaks S3
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) s3_domain: Vec<String>,

    /// Sign every hop anew
    #[arg(long, value_name = "aws:amz:REGION:s3", requires = "user")]
    pub(crate) aws_sigv4: Option<Scope>,

    /// The keys to sign with
    #[arg(short, long, value_name = "AK:SK", requires = "aws_sigv4")]
    pub(crate) user: Option<Keys>,

    /// Remember permanent redirects (308) in a file
    #[arg(long, value_name = "FILE")]
    pub(crate) permanent_cache: Option<PathBuf>,

    /// A header that never crosses an origin
    #[arg(long, value_name = "NAME")]
    pub(crate) sensitive_header: Vec<HeaderName>,

    /// What a refused redirect gives
    #[arg(long, value_enum, value_name = "error|return", hide_possible_values = true)]
    #[arg(default_value_t = Refused::Error)]
    pub(crate) on_refusal: Refused,

    /// Write a line of JSON per hop
    #[arg(long, value_name = "FILE|-")]
    pub(crate) trace: Option<PathBuf>,

    /// Show heads and progress
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Follow redirects, as always: for those used to curl
    #[arg(short = 'L', long, hide = true)]
    location: bool,
}

/// `--policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyName {
    Standard,
    None,
    SameOrigin,
    DenyPrivateNetworks,
    Strict,
    S3,
}

/// `--confirm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Confirm {
    Yes,
    No,
    Ask,
}

/// `--on-refusal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Refused {
    Error,
    Return,
}

impl Cli {
    /// Returns the method of the first request of every URL.
    pub(crate) fn method(&self) -> Method {
        match &self.request {
            Some(method) => method.clone(),
            None if self.head => Method::HEAD,
            None if !self.data.is_empty() => Method::POST,
            None if self.upload_file.is_some() => Method::PUT,
            None => Method::GET,
        }
    }
}
