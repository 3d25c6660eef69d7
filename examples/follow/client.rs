//! The client: hyper's, the wire tap around it, and the redirect layer on top.

use http::{Method, StatusCode};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tower::Layer;
use tower_follow_redirect::{
    ExpectContinue, FollowRedirect, FollowRedirectLayer, OnRefusal, Spill, policy::Policy,
    rules::method::MethodRule,
};

use crate::{
    cli::{Cli, Refused},
    connect::Connector,
    console::Console,
    failure::Failure,
    memory::Memory,
    policy,
    sign::{Signed, signed},
    wire::{Log, Wire},
};

pub(crate) type Service = FollowRedirect<Signed, Box<dyn Policy>>;

/// Makes the client that fetches every URL.
pub(crate) fn new(
    cli: &Cli,
    memory: Option<&Memory>,
    connector: Connector,
    log: Log,
    console: Console,
) -> Result<Service, Failure> {
    let client = Client::builder(TokioExecutor::new())
        .http2_only(cli.http2_prior_knowledge)
        .pool_timer(TokioTimer::new())
        .build(connector);
    Ok(layer(cli, memory)?.layer(signed(cli, Wire::new(client, log, console))))
}

fn layer(
    cli: &Cli,
    memory: Option<&Memory>,
) -> Result<FollowRedirectLayer<Box<dyn Policy>>, Failure> {
    let mut layer = FollowRedirectLayer::new()
        .with_policy(policy::chosen(cli, memory)?)
        .expect_continue(expect_continue(cli))
        .on_refusal(match cli.on_refusal {
            Refused::Error => OnRefusal::Error,
            Refused::Return => OnRefusal::Return,
        });
    if let Some(redirects) = cli.max_redirs {
        layer = layer.limit(redirects);
    }
    if let Some(bytes) = cli.replay_limit {
        layer = layer.replay_limit(bytes);
    }
    if let Some(bytes) = cli.spill {
        layer = layer.spill(Spill::up_to(bytes));
    }
    let layer =
        cli.sensitive_header.iter().cloned().fold(layer, FollowRedirectLayer::sensitive_header);
    Ok(kept_posts(cli)
        .into_iter()
        .fold(layer, |layer, status| layer.method_rule(status, MethodRule::Keep)))
}

fn expect_continue(cli: &Cli) -> ExpectContinue {
    let expect = match cli.expect100_threshold {
        _ if cli.no_expect => ExpectContinue::off(),
        Some(bytes) => ExpectContinue::above(bytes),
        None => ExpectContinue::default(),
    };
    match cli.expect100_timeout {
        Some(wait) => expect.wait(wait),
        None => expect,
    }
}

/// The statuses after which a POST stays one. As for curl, the flags are about POST only.
fn kept_posts(cli: &Cli) -> Vec<StatusCode> {
    let flags = [
        (cli.post301, StatusCode::MOVED_PERMANENTLY),
        (cli.post302, StatusCode::FOUND),
        (cli.post303, StatusCode::SEE_OTHER),
    ];
    let is_post = cli.method() == Method::POST;
    flags.into_iter().filter(|(keep, _)| *keep && is_post).map(|(_, status)| status).collect()
}
