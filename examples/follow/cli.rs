//! The flags: curl's where curl has one.

use std::{io, path::PathBuf, time::Duration};

use clap::{CommandFactory, Parser, ValueEnum};
use http::{HeaderName, Method};

use crate::{
    values::{
        ConnectTo, Domain, HeaderEdit, Keys, Private, ProtoRedir, RefererFlag, Scope, bytes,
        redirects, seconds,
    },
    write_out::Template,
};

/// Fetches URLs, and follows redirects correctly.
#[derive(Debug, Parser)]
#[command(name = "follow", version, args_override_self = true, max_term_width = 100)]
#[command(override_usage = "follow [OPTIONS] <URL>...")]
#[command(disable_help_flag = true, after_help = "`--help all` has them all.")]
pub(crate) struct Cli {
    /// What to fetch, in turn, by one client
    #[arg(required_unless_present = "help", value_name = "URL", hide_short_help = true)]
    pub(crate) urls: Vec<String>,

    /// Method; redirects rewrite it as usual
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) request: Option<Method>,

    /// Send HEAD, and print the responses' heads
    #[arg(short = 'I', long, conflicts_with_all = ["data", "upload_file"])]
    pub(crate) head: bool,

    /// Add a header (`K;` is empty, `K:` not sent)
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

    /// Print %{http_code} and its like afterwards
    #[arg(short, long, value_name = "FORMAT", allow_hyphen_values = true)]
    pub(crate) write_out: Option<Template>,

    /// Send Referer; `;auto` sets it on redirects
    #[arg(short = 'e', long, value_name = "URL;auto")]
    #[arg(hide_short_help = true)]
    pub(crate) referer: Option<RefererFlag>,

    /// Trust every certificate
    #[arg(short = 'k', long)]
    #[arg(hide_short_help = true)]
    pub(crate) insecure: bool,

    /// Trust these certificates only (PEM)
    #[arg(long, value_name = "FILE")]
    #[arg(hide_short_help = true)]
    pub(crate) cacert: Option<PathBuf>,

    /// Speak HTTP/1.1 only
    #[arg(long = "http1.1", conflicts_with = "http2_prior_knowledge")]
    #[arg(hide_short_help = true)]
    pub(crate) http11: bool,

    /// Speak HTTP/2 only
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub(crate) http2_prior_knowledge: bool,

    /// Connect to another host and port instead
    #[arg(long, value_name = "H1:P1:H2:P2")]
    #[arg(hide_short_help = true)]
    pub(crate) connect_to: Vec<ConnectTo>,

    /// Give up on a URL after so long; 0 is never
    #[arg(short = 'm', long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    #[arg(hide_short_help = true)]
    pub(crate) max_time: Option<Duration>,

    /// At most N redirects, by default 20; -1: any
    #[arg(long, value_name = "N", value_parser = redirects, allow_negative_numbers = true)]
    pub(crate) max_redirs: Option<usize>,

    /// Keep POST after a 301
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub(crate) post301: bool,

    /// Keep POST after a 302
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub(crate) post302: bool,

    /// Keep POST after a 303
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub(crate) post303: bool,

    /// Send credentials wherever redirects lead
    #[arg(long)]
    pub(crate) location_trusted: bool,

    /// Follow to `=https` only, or to `=http,https`
    #[arg(long, value_name = "PROTOCOLS")]
    #[arg(hide_short_help = true)]
    pub(crate) proto_redir: Option<ProtoRedir>,

    /// Wait so long for 100 Continue, by default 1
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    #[arg(hide_short_help = true)]
    pub(crate) expect100_timeout: Option<Duration>,

    /// Ask for it above so many, by default 1 MiB
    #[arg(long, value_name = "BYTES", value_parser = bytes, allow_negative_numbers = true)]
    #[arg(hide_short_help = true)]
    pub(crate) expect100_threshold: Option<u64>,

    /// Never ask for 100 Continue
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub(crate) no_expect: bool,

    /// Record so many to send them again, by default 64 KiB
    #[arg(long, value_name = "BYTES", value_parser = bytes, allow_negative_numbers = true)]
    #[arg(hide_short_help = true)]
    pub(crate) replay_limit: Option<u64>,

    /// Record up to so many, past that limit in a file
    #[arg(long, value_name = "BYTES", value_parser = bytes, allow_negative_numbers = true)]
    #[arg(hide_short_help = true)]
    pub(crate) spill: Option<u64>,

    /// standard, none, s3, …: all must agree
    #[arg(long, value_enum, value_name = "NAME", hide_possible_values = true)]
    pub(crate) policy: Vec<PolicyName>,

    /// What `deny-private-networks` allows besides
    #[arg(long, value_name = "HOST|.DOMAIN|NET")]
    #[arg(hide_short_help = true)]
    pub(crate) allow_private: Vec<Private>,

    /// Deny private networks to the URLs themselves, too
    #[arg(long)]
    #[arg(hide_short_help = true)]
    pub(crate) check_first: bool,

    /// How `strict` confirms, by default `ask`
    #[arg(long, value_enum, value_name = "yes|no|ask", hide_possible_values = true)]
    #[arg(hide_short_help = true)]
    pub(crate) confirm: Option<Confirm>,

    /// A domain that speaks S3
    #[arg(long, value_name = "DOMAIN")]
    #[arg(hide_short_help = true)]
    pub(crate) s3_domain: Vec<Domain>,

    /// Sign every hop anew
    #[arg(long, value_name = "aws:amz:REGION:s3", requires = "user")]
    #[arg(hide_short_help = true)]
    pub(crate) aws_sigv4: Option<Scope>,

    /// The keys to sign with
    #[arg(short, long, value_name = "AK:SK", requires = "aws_sigv4")]
    #[arg(hide_short_help = true)]
    pub(crate) user: Option<Keys>,

    /// Remember permanent redirects (308) in a file
    #[arg(long, value_name = "FILE")]
    pub(crate) permanent_cache: Option<PathBuf>,

    /// A header that never crosses an origin
    #[arg(long, value_name = "NAME")]
    #[arg(hide_short_help = true)]
    pub(crate) sensitive_header: Vec<HeaderName>,

    /// What a refusal gives
    #[arg(long, value_enum, value_name = "error|return", hide_possible_values = true)]
    #[arg(default_value_t = Refused::Error)]
    pub(crate) on_refusal: Refused,

    /// Write a line of JSON per hop
    #[arg(long, value_name = "FILE|-")]
    pub(crate) trace: Option<PathBuf>,

    /// Show heads and progress
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Print this, or all
    #[arg(short, long, value_enum, value_name = "all", num_args = 0..=1)]
    #[arg(default_missing_value = "some", hide_possible_values = true)]
    pub(crate) help: Option<Help>,

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

/// Returns what `--help all` says of `--policy`: all names, by lines of the width of the other texts.
fn policies() -> String {
    let names = PolicyName::value_variants().iter().filter_map(PolicyName::to_possible_value);
    let names: Vec<_> = names.map(|name| name.get_name().to_owned()).collect();
    let lines: Vec<_> = names.chunks(3).map(|names| names.join(", ")).collect();
    format!("{}: all must agree", lines.join(",\n"))
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

/// `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Help {
    Some,
    All,
}

impl Help {
    /// Prints the flags that are used most, on one small screen, or all.
    pub(crate) fn print(self) -> io::Result<()> {
        let mut command = Cli::command();
        if self == Self::All {
            command = command
                .after_help("")
                .mut_args(|flag| flag.hide_short_help(false))
                .mut_arg("policy", |flag| flag.help(policies()));
        }
        command.print_help()
    }
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
