//! What can be set, and the defaults.

use std::time::Duration;

use http::StatusCode;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What can be set. The defaults are for a client that lives long and may have many users.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) statuses: Statuses,
    pub(super) methods: Methods,
    pub(super) sharing: Sharing,
    /// For how long a redirect is remembered that says nothing of it.
    pub(super) heuristic: Duration,
    pub(super) queries: Queries,
    /// No redirect is remembered for longer.
    pub(super) max_ttl: Duration,
    pub(super) plaintext: Plaintext,
    pub(super) reach: Reach,
    pub(super) set_cookie: SetCookie,
    pub(super) commit: Commit,
    pub(super) fallback: Fallback,
    /// How old what led astray must be: so a key costs at most one more attempt in that time.
    pub(super) fallback_min_age: Duration,
    pub(super) clear_site_data: ClearSiteData,
    /// In bytes, for source and target each.
    pub(super) max_uri_len: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            statuses: Statuses::Only308,
            methods: Methods::Safe,
            sharing: Sharing::Shared,
            heuristic: DAY,
            queries: Queries::ExplicitOnly,
            max_ttl: 7 * DAY,
            plaintext: Plaintext::UpgradeOnly,
            reach: Reach::AnyOrigin,
            set_cookie: SetCookie::Refuse,
            commit: Commit::OnSuccess,
            fallback: Fallback::Once,
            fallback_min_age: Duration::from_secs(60),
            clear_site_data: ClearSiteData::Obey,
            max_uri_len: 4096,
        }
    }
}

impl Options {
    /// What Chromium and Firefox do: 301 too, at once, and for ever.
    pub(super) fn browser() -> Self {
        Self {
            statuses: Statuses::With301,
            heuristic: Duration::MAX,
            max_ttl: Duration::MAX,
            commit: Commit::OnReceipt,
            fallback: Fallback::Never,
            ..Self::default()
        }
    }
}

/// Which redirects are permanent enough to be remembered.
///
/// ```
/// use tower_follow_redirect::policy::permanent::{PermanentCache, Statuses};
///
/// // As browsers: a 301 is permanent, too.
/// let cache = PermanentCache::builder().statuses(Statuses::With301).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statuses {
    /// 308. This is the default.
    #[default]
    Only308,
    /// 308 and 301. A 301 is sent by mistake more often.
    With301,
}

impl Statuses {
    pub(super) fn contain(self, status: StatusCode) -> bool {
        match status {
            StatusCode::PERMANENT_REDIRECT => true,
            StatusCode::MOVED_PERMANENTLY => self == Self::With301,
            _ => false,
        }
    }
}

/// Which requests learn a redirect, and use it.
///
/// ```
/// use tower_follow_redirect::policy::permanent::{Methods, PermanentCache};
///
/// // A large PUT goes straight to where the last one was redirected to.
/// let cache = PermanentCache::builder().methods(Methods::Any308).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Methods {
    /// GET and HEAD, as [RFC 9111 §4] has it for every cache. This is the default.
    ///
    /// [RFC 9111 §4]: https://www.rfc-editor.org/rfc/rfc9111#section-4
    #[default]
    Safe,
    /// Any but CONNECT, OPTIONS and TRACE, where the status is 308.
    ///
    /// This is no cache but link editing ([RFC 9110 §15.4.9]): the new URI is used for whatever is
    /// requested of the old one. It saves sending a large upload twice.
    ///
    /// [RFC 9110 §15.4.9]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4.9
    Any308,
}

/// Whose responses are remembered ([RFC 9111 §3]).
///
/// ```
/// use tower_follow_redirect::policy::permanent::{PermanentCache, Sharing};
///
/// // The program has one user, as a browser does.
/// let cache = PermanentCache::builder().sharing(Sharing::Private).build();
/// ```
///
/// [RFC 9111 §3]: https://www.rfc-editor.org/rfc/rfc9111#section-3
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sharing {
    /// Those of many users: what is `private`, or was asked for with credentials, is not remembered.
    /// This is the default.
    #[default]
    Shared,
    /// Those of one user.
    Private,
}

/// Whether a URI with a query is remembered where the response does not say for how long.
///
/// ```
/// use tower_follow_redirect::policy::permanent::{PermanentCache, Queries};
///
/// // The queries of this service name pages, and not searches.
/// let cache = PermanentCache::builder().queries(Queries::LikeOthers).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Queries {
    /// It is not. This is the default.
    #[default]
    ExplicitOnly,
    /// It is, as one without a query.
    LikeOthers,
}

/// Whether a redirect is remembered that came without TLS, so that anybody may have sent it.
///
/// ```
/// use tower_follow_redirect::policy::permanent::{PermanentCache, Plaintext};
///
/// // Not even an upgrade is believed that came without TLS.
/// let cache = PermanentCache::builder().plaintext(Plaintext::Never).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plaintext {
    /// Only one from `http` to `https` on the same host and the default ports: it does little harm.
    /// This is the default.
    #[default]
    UpgradeOnly,
    /// Any: for tests, and networks where nobody listens. A captive portal's redirect is then
    /// remembered too.
    Always,
    /// None.
    Never,
}

/// How far a remembered redirect may lead.
///
/// ```
/// use tower_follow_redirect::policy::permanent::{PermanentCache, Reach};
///
/// // A server may rename its own paths, and nothing else.
/// let cache = PermanentCache::builder().reach(Reach::SameOrigin).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// To any origin. This is the default.
    #[default]
    AnyOrigin,
    /// To the same origin. An upgrade to `https` leaves it.
    SameOrigin,
}

/// Whether a redirect is remembered that sets a cookie.
///
/// ```
/// use tower_follow_redirect::policy::permanent::{PermanentCache, SetCookie};
///
/// // Nobody keeps cookies here.
/// let cache = PermanentCache::builder().set_cookie(SetCookie::Forget).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetCookie {
    /// It is not: whoever follows it from memory would not get the cookie. This is the default.
    #[default]
    Refuse,
    /// It is, without the cookie.
    Forget,
}

/// When a redirect that was followed is remembered.
///
/// ```
/// use tower_follow_redirect::policy::permanent::{Commit, PermanentCache};
///
/// // As browsers: a redirect is believed before its target has answered.
/// let cache = PermanentCache::builder().commit(Commit::OnReceipt).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Commit {
    /// When the final response of its chain is no error (below 400). This is the default.
    #[default]
    OnSuccess,
    /// When it is received.
    OnReceipt,
}

/// What happens where a remembered target fails.
///
/// ```
/// use tower_follow_redirect::policy::permanent::{Fallback, PermanentCache};
///
/// // Whoever redirects for good is held to it.
/// let cache = PermanentCache::builder().fallback(Fallback::Never).build();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fallback {
    /// A GET or HEAD is sent once more, to the old URI, and what led astray is forgotten. This is the
    /// default.
    #[default]
    Once,
    /// The failure is the answer.
    Never,
}

/// Whether a server may have its redirects forgotten, by [`Clear-Site-Data`].
///
/// ```
/// use tower_follow_redirect::policy::permanent::{ClearSiteData, PermanentCache};
///
/// // Servers do not say what is kept.
/// let cache = PermanentCache::builder().clear_site_data(ClearSiteData::Ignore).build();
/// ```
///
/// [`Clear-Site-Data`]: https://www.w3.org/TR/clear-site-data/
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClearSiteData {
    /// It may. This is the default.
    #[default]
    Obey,
    /// The field is not read.
    Ignore,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_308_is_permanent_and_301_where_it_is_wanted() {
        for status in (100..600).map(|code| StatusCode::from_u16(code).unwrap()) {
            assert_eq!(Statuses::Only308.contain(status), status == 308, "{status}");
            let with_301 = status == 301 || status == 308;
            assert_eq!(Statuses::With301.contain(status), with_301, "{status}");
        }
    }

    /// They are promised in the documentation: each is a decision of its own.
    #[test]
    fn the_defaults_are_as_documented() {
        let Options {
            statuses,
            methods,
            sharing,
            heuristic,
            queries,
            max_ttl,
            plaintext,
            reach,
            set_cookie,
            commit,
            fallback,
            fallback_min_age,
            clear_site_data,
            max_uri_len,
        } = Options::default();
        assert_eq!(fallback_min_age.as_secs(), 60);
        assert_eq!((statuses, methods), (Statuses::Only308, Methods::Safe));
        assert_eq!((sharing, queries), (Sharing::Shared, Queries::ExplicitOnly));
        assert_eq!((heuristic.as_secs(), max_ttl.as_secs()), (86_400, 604_800));
        assert_eq!((plaintext, reach), (Plaintext::UpgradeOnly, Reach::AnyOrigin));
        assert_eq!((set_cookie, commit), (SetCookie::Refuse, Commit::OnSuccess));
        assert_eq!((fallback, clear_site_data), (Fallback::Once, ClearSiteData::Obey));
        assert_eq!(max_uri_len, 4096);
    }

    #[test]
    fn a_browser_remembers_for_ever_and_at_once() {
        let browser = Options::browser();
        assert_eq!(browser.statuses, Statuses::With301);
        assert_eq!((browser.heuristic, browser.max_ttl), (Duration::MAX, Duration::MAX));
        assert_eq!((browser.commit, browser.fallback), (Commit::OnReceipt, Fallback::Never));
    }
}
