//! The options of a memory, as vectors write them.

use std::time::Duration;

use http::HeaderName;
use serde::Deserialize;
use tower_follow_redirect::policy::permanent::{
    ClearSiteData, Commit, Fallback, Methods, PermanentCache, PermanentCacheBuilder, Plaintext,
    Queries, Reach, SetCookie, Sharing, Statuses,
};

/// Without a field it is as by default. An unknown one is an error, since it would silently not be
/// tested.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    statuses: Vec<u16>,
    shared: bool,
    heuristic_s: u64,
    heuristic_query: bool,
    max_ttl_s: u64,
    methods: LearnedBy,
    plaintext: WithoutTls,
    commit: When,
    store_set_cookie: bool,
    fallback: bool,
    fallback_on: Vec<Astray>,
    fallback_min_age_s: u64,
    pub max_hops: usize,
    max_uri_len: usize,
    cross_origin: bool,
    partition_header: Option<String>,
    clear_site_data: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LearnedBy {
    Safe,
    Any308,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WithoutTls {
    UpgradeOnly,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum When {
    OnSuccess,
    OnReceipt,
}

/// What shows that a remembered target is gone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Astray {
    Status(u16),
    Error(String),
}

/// What the files say the defaults are, and not the crate.
impl Default for Config {
    fn default() -> Self {
        let gone = [404, 410, 421].map(Astray::Status);
        Self {
            statuses: vec![308],
            shared: true,
            heuristic_s: 86_400,
            heuristic_query: false,
            max_ttl_s: 604_800,
            methods: LearnedBy::Safe,
            plaintext: WithoutTls::UpgradeOnly,
            commit: When::OnSuccess,
            store_set_cookie: false,
            fallback: true,
            fallback_on: [Astray::Error("connect".into())].into_iter().chain(gone).collect(),
            fallback_min_age_s: 60,
            max_hops: 10,
            max_uri_len: 4096,
            cross_origin: true,
            partition_header: None,
            clear_site_data: true,
        }
    }
}

impl Config {
    /// Begins a memory. What a vector does not set is left to the crate, so that its own defaults are
    /// tested.
    ///
    /// # Errors
    ///
    /// Fails, with the reason, if the crate has no such option.
    pub fn builder(&self) -> Result<PermanentCacheBuilder, String> {
        let default = Self::default();
        if self.fallback_on != default.fallback_on {
            return Err("what makes a call fall back is no option".into());
        }
        let mut builder = PermanentCache::builder();
        if self.statuses != default.statuses {
            builder = builder.statuses(self.statuses()?);
        }
        if self.shared != default.shared {
            builder = builder.sharing(Sharing::Private);
        }
        if self.heuristic_s != default.heuristic_s {
            builder = builder.heuristic(Duration::from_secs(self.heuristic_s));
        }
        if self.heuristic_query != default.heuristic_query {
            builder = builder.queries(Queries::LikeOthers);
        }
        if self.max_ttl_s != default.max_ttl_s {
            builder = builder.max_ttl(Duration::from_secs(self.max_ttl_s));
        }
        builder = match self.methods {
            LearnedBy::Safe => builder,
            LearnedBy::Any308 => builder.methods(Methods::Any308),
        };
        builder = match self.plaintext {
            WithoutTls::UpgradeOnly => builder,
            WithoutTls::Always => builder.plaintext(Plaintext::Always),
            WithoutTls::Never => builder.plaintext(Plaintext::Never),
        };
        builder = match self.commit {
            When::OnSuccess => builder,
            When::OnReceipt => builder.commit(Commit::OnReceipt),
        };
        if self.store_set_cookie != default.store_set_cookie {
            builder = builder.set_cookie(SetCookie::Forget);
        }
        if self.fallback_min_age_s != default.fallback_min_age_s {
            builder = builder.fallback_min_age(Duration::from_secs(self.fallback_min_age_s));
        }
        if self.fallback != default.fallback {
            builder = builder.fallback(Fallback::Never);
        }
        if self.max_uri_len != default.max_uri_len {
            builder = builder.max_uri_len(self.max_uri_len);
        }
        if self.cross_origin != default.cross_origin {
            builder = builder.reach(Reach::SameOrigin);
        }
        if self.clear_site_data != default.clear_site_data {
            builder = builder.clear_site_data(ClearSiteData::Ignore);
        }
        match &self.partition_header {
            Some(name) => partitioned(builder, name),
            None => Ok(builder),
        }
    }

    /// A redirect that is not permanent is never remembered: to ask for it changes nothing.
    fn statuses(&self) -> Result<Statuses, String> {
        let has = |status| self.statuses.contains(&status);
        match (has(308), has(301)) {
            (true, true) => Ok(Statuses::With301),
            (true, false) => Ok(Statuses::Only308),
            (false, _) => Err("308 is always remembered".into()),
        }
    }
}

/// Separates what is remembered by a field of the request.
fn partitioned(
    builder: PermanentCacheBuilder,
    name: &str,
) -> Result<PermanentCacheBuilder, String> {
    let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
    Ok(builder.partition(move |request| Some(request.headers.get(&name)?.to_str().ok()?.into())))
}
