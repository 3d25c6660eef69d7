//! What a vector asks of a client, and how this crate is told so.

use std::str::FromStr;

use http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use tower_follow_redirect::{
    FollowRedirectLayer, OnRefusal, Policy,
    policy::{
        self, Attempt, Decision, DenyPrivateNetworks, HttpsOnly, Referer, SameOrigin, Standard,
    },
    rules::method::MethodRule,
};

/// The options of a vector. An unknown one is an error, since it would silently not be tested.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    max_redirects: Option<usize>,
    limit_action: Option<LimitAction>,
    mode: Option<Mode>,
    policy: Option<String>,
    https_only: Option<bool>,
    follow_cross_scheme: Option<bool>,
    deny_schemes: Option<Many<String>>,
    allow_redirect_schemes: Option<Many<String>>,
    auto_referer: Option<bool>,
    strip_cross_origin: Option<Many<String>>,
    strip_always: Option<Many<String>>,
    keep_post_on: Option<Many<u16>>,
    loop_detection: Option<bool>,
    unrestricted_auth: Option<bool>,
    redirect_auth: Option<RedirectAuth>,
    /// The script has the second `Location` already.
    duplicate_location: Option<bool>,
    cookie_store: Value,
    netrc: Value,
    proxy: Value,
    hsts: Value,
    bearer: Value,
    url_userinfo_to_basic: Value,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LimitAction {
    Stop,
    Error,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Follow,
    Manual,
    Error,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RedirectAuth {
    Never,
    SameHost,
    Always,
}

/// A list, or its only item.
#[derive(Deserialize)]
#[serde(untagged)]
enum Many<T> {
    One(T),
    List(Vec<T>),
}

impl<T> Many<T> {
    fn items(&self) -> &[T] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::List(items) => items,
        }
    }
}

/// How far the crate offers what a vector asks for.
pub enum Offer {
    All(Layer),
    /// The layer does without something that is not its own to do, and is named.
    Without(&'static str, Layer),
}

pub type Layer = FollowRedirectLayer<Box<dyn Policy>>;

impl Config {
    /// Makes the layer that was asked for.
    ///
    /// # Errors
    ///
    /// Fails if an option has a value that is not known.
    pub fn offer(&self) -> Result<Offer, String> {
        let layer = self.layer()?;
        Ok(match self.foreign() {
            Some(option) => Offer::Without(option, layer),
            None => Offer::All(layer),
        })
    }

    /// Returns whether credentials may cross an origin.
    pub fn grants_credentials(&self) -> bool {
        self.unrestricted_auth == Some(true)
            || matches!(self.redirect_auth, Some(RedirectAuth::SameHost | RedirectAuth::Always))
    }

    /// Returns the option that asks for what another layer or the transport does.
    fn foreign(&self) -> Option<&'static str> {
        let options = [
            ("cookie_store", &self.cookie_store),
            ("netrc", &self.netrc),
            ("proxy", &self.proxy),
            ("hsts", &self.hsts),
            ("bearer", &self.bearer),
            ("url_userinfo_to_basic", &self.url_userinfo_to_basic),
        ];
        options.into_iter().find(|(_, value)| is_on(value)).map(|(name, _)| name)
    }

    fn layer(&self) -> Result<Layer, String> {
        let mut layer = FollowRedirectLayer::new();
        if let Some(limit) = self.max_redirects {
            layer = layer.limit(limit);
        }
        if let Some(LimitAction::Stop) = self.limit_action {
            layer = layer.on_refusal(OnRefusal::Return);
        }
        if self.loop_detection == Some(true) {
            layer = layer.detect_loops();
        }
        for &status in items(&self.keep_post_on) {
            layer = keep_method_on(layer, status)?;
        }
        if let Some(names) = &self.strip_cross_origin {
            layer =
                header_names(names)?.into_iter().fold(layer, FollowRedirectLayer::sensitive_header);
        }
        Ok(layer.with_policy(self.policy()?))
    }

    fn policy(&self) -> Result<Box<dyn Policy>, String> {
        let policies = [
            self.mode.and_then(Mode::policy),
            self.policy.as_deref().map(named_policy).transpose()?,
            (!self.allows_http()).then(|| Box::new(HttpsOnly) as Box<dyn Policy>),
            (self.follow_cross_scheme == Some(false)).then(same_scheme),
            (self.auto_referer == Some(true)).then(|| Box::new(Referer::auto()) as _),
            self.unrestricted_auth
                .filter(|&unrestricted| unrestricted)
                .map(|_| Box::new(Decision::FollowWithCredentials) as _),
            self.redirect_auth.map(RedirectAuth::policy),
            self.strip_always.as_ref().map(|names| header_names(names).map(strip)).transpose()?,
        ];
        // All of them pass where they have no opinion, so that one may grant credentials.
        Ok(policies
            .into_iter()
            .flatten()
            .reduce(|all, next| Box::new(all.and(next)))
            .unwrap_or_else(|| Box::new(Standard)))
    }

    fn allows_http(&self) -> bool {
        let http = |schemes: &Option<Many<String>>| items(schemes).iter().any(|s| s == "http");
        let https = items(&self.allow_redirect_schemes).iter().any(|scheme| scheme == "https");
        let only_https = https && !http(&self.allow_redirect_schemes);
        self.https_only != Some(true) && !http(&self.deny_schemes) && !only_https
    }
}

impl Mode {
    fn policy(self) -> Option<Box<dyn Policy>> {
        match self {
            Self::Follow => None,
            Self::Manual => Some(Box::new(Decision::Stop)),
            Self::Error => Some(Box::new(Decision::fail("redirects are errors here"))),
        }
    }
}

impl RedirectAuth {
    fn policy(self) -> Box<dyn Policy> {
        match self {
            Self::Never => strip(vec![header::AUTHORIZATION]),
            Self::SameHost => Box::new(policy::redirect_fn(|attempt| {
                if target_host(attempt) == attempt.request().uri.host() {
                    Decision::FollowWithCredentials
                } else {
                    Decision::Pass
                }
            })),
            Self::Always => Box::new(Decision::FollowWithCredentials),
        }
    }
}

fn named_policy(name: &str) -> Result<Box<dyn Policy>, String> {
    if let Some(end) = name.strip_prefix("stop-if-path-ends ") {
        return Ok(stop_if_path_ends(end.to_owned()));
    }
    Ok(match name {
        "follow" | "standard" => Box::new(Standard),
        "none" | "stop" => Box::new(Decision::Stop),
        "same-origin" => Box::new(SameOrigin),
        "https-only" => Box::new(HttpsOnly),
        "deny-private-networks" => Box::new(DenyPrivateNetworks::new()),
        _ => return Err(format!("config: the policy `{name}` is unknown")),
    })
}

fn stop_if_path_ends(end: String) -> Box<dyn Policy> {
    Box::new(policy::redirect_fn(move |attempt| match attempt.target() {
        Ok(target) if target.uri().path().ends_with(&end) => Decision::Stop,
        Ok(_) | Err(_) => Decision::Pass,
    }))
}

fn same_scheme() -> Box<dyn Policy> {
    Box::new(policy::redirect_fn(|attempt| match attempt.target() {
        Ok(target) if target.uri().scheme() != attempt.request().uri.scheme() => Decision::Stop,
        Ok(_) | Err(_) => Decision::Pass,
    }))
}

fn strip(names: Vec<HeaderName>) -> Box<dyn Policy> {
    Box::new(policy::redirect_fn(move |attempt| {
        for name in &names {
            attempt.strip_header(name.clone());
        }
        Decision::Pass
    }))
}

fn target_host<'a>(attempt: &'a Attempt<'_>) -> Option<&'a str> {
    attempt.target().ok()?.uri().host()
}

fn keep_method_on(layer: FollowRedirectLayer, status: u16) -> Result<FollowRedirectLayer, String> {
    match StatusCode::from_u16(status) {
        Ok(
            status @ (StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER),
        ) => Ok(layer.method_rule(status, MethodRule::Keep)),
        // They do so anyway.
        Ok(StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) => Ok(layer),
        _ => Err(format!("config: {status} redirects no method")),
    }
}

fn header_names(names: &Many<String>) -> Result<Vec<HeaderName>, String> {
    let parse = |name: &String| {
        HeaderName::from_str(name).map_err(|error| format!("config: `{name}`: {error}"))
    };
    names.items().iter().map(parse).collect()
}

fn items<T>(list: &Option<Many<T>>) -> &[T] {
    list.as_ref().map_or(&[], Many::items)
}

/// Returns whether the value of an option turns it on.
fn is_on(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
    }
}
