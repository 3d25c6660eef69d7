//! The policy: what is allowed, and when it is asked.

use std::{
    fmt,
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::Uri;
use ipnet::IpNet;

use super::{
    NotPublic,
    lists::{Lists, Standing},
    lookup::{Looker, Lookup, Resolve, ResolveFn},
};
use crate::{
    BoxError,
    policy::{Admission, Attempt, Decision, Outgoing, Policy, Recollection, Verdict},
};

/// Stops at redirects that lead into private networks (SSRF), and has no opinion of the others.
///
/// A redirect is stopped at if its host is an [address that is not public](super::AddressKind), or a
/// [name that no public host has](super::NameKind), however either is written. Its
/// [`Refusal`](crate::Refusal) has a [`NotPublic`] as its source. Every redirect is looked at, those
/// within an origin and [remembered](Attempt::is_from_cache) ones too.
///
/// By itself it resolves no names: it goes with a client whose connector looks at the addresses that it
/// connects to (with the feature `hyper-util`: [`http_connector`]). [`resolving`](Self::resolving) is
/// second to that.
///
/// ```
/// use tower_follow_redirect::policy::{AttemptBuilder, Decision, DenyPrivateNetworks};
/// use tower_follow_redirect::{Policy, policy::Verdict};
///
/// let policy = DenyPrivateNetworks::new()
///     .allow_host("reports.corp.example:8443")
///     .allow_suffix("cdn.corp.example")
///     .allow_net("10.20.0.0/16".parse().unwrap())
///     .every_request();
///
/// let decide = |location: &str| {
///     let mut redirect = AttemptBuilder::redirect("https://a.example/", 302, location);
///     match policy.redirect(&mut redirect.attempt()) {
///         Verdict::Decided(decision) => decision,
///         verdict => panic!("it asks nobody: {verdict:?}"),
///     }
/// };
/// assert!(matches!(decide("http://169.254.169.254/"), Decision::StopBecause(_)));
/// assert!(matches!(decide("http://0x7f.1/"), Decision::StopBecause(_)));
/// assert!(matches!(decide("http://10.20.1.1/"), Decision::Pass));
/// assert!(matches!(decide("https://b.example/"), Decision::Pass));
/// ```
///
/// [`http_connector`]: DenyPrivateNetworks#method.http_connector
#[derive(Clone)]
pub struct DenyPrivateNetworks {
    lists: Arc<Lists>,
    asked: Asked,
    resolver: Option<Arc<dyn Resolve>>,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Redirects,
    /// These too, and every request before it leaves.
    Requests,
}

impl DenyPrivateNetworks {
    /// Makes a policy that allows what is public.
    pub fn new() -> Self {
        Self { lists: Arc::default(), asked: Asked::Redirects, resolver: None }
    }

    /// Allows a host, `name`, `name:port`, `address` or `[address]:port`, wherever it is.
    ///
    /// A name may lead to any address then, save those of a cloud's metadata. Where all that is allowed
    /// of a name has a port, it is refused at others. What is no host allows none.
    #[must_use]
    pub fn allow_host(mut self, host: impl AsRef<str>) -> Self {
        Arc::make_mut(&mut self.lists).allow_host(host.as_ref());
        self
    }

    /// Allows a domain and all names below it, as [`allow_host`](Self::allow_host) does; it may begin with
    /// a dot.
    #[must_use]
    pub fn allow_suffix(mut self, domain: impl AsRef<str>) -> Self {
        Arc::make_mut(&mut self.lists).allow_suffix(domain.as_ref());
        self
    }

    /// Allows the addresses of a network, such as `10.20.0.0/16`.
    ///
    /// An address of a cloud's metadata is allowed only by itself (`169.254.169.254/32`). An IPv6 address
    /// that stands for an IPv4 address is allowed only if both are: the second by a network of its own, or
    /// since it is public.
    #[must_use]
    pub fn allow_net(mut self, net: IpNet) -> Self {
        Arc::make_mut(&mut self.lists).allow_net(net);
        self
    }

    /// Denies the addresses of a network, whatever else allows them.
    #[must_use]
    pub fn deny_net(mut self, net: IpNet) -> Self {
        Arc::make_mut(&mut self.lists).deny_net(net);
        self
    }

    /// Looks at every request before it leaves, the first one too.
    ///
    /// Where one is refused, the call ends with an [`Error`](crate::Error) that has the [`NotPublic`] as
    /// its source, and no response. A request in origin form (`/path`) goes to the server that the inner
    /// service is, and is not refused.
    #[must_use]
    pub fn every_request(mut self) -> Self {
        self.asked = Asked::Requests;
        self
    }

    /// Resolves names before they are requested, and refuses those that lead to an address which is not
    /// public, if only to one among others, and those that lead to none.
    ///
    /// **This is best effort**: a name can lead elsewhere by the time that the client resolves it, and
    /// whoever attacks makes it do so. Where the client is one of one's own, let its
    /// [connector](DenyPrivateNetworks#method.http_connector) look instead. This is for clients that offer
    /// nothing of the kind, and for a refusal before the redirect is followed.
    ///
    /// ```
    /// use std::io;
    /// use tower_follow_redirect::policy::DenyPrivateNetworks;
    ///
    /// let policy = DenyPrivateNetworks::new().resolving(|name| async move {
    ///     let addresses = tokio::net::lookup_host((name, 0)).await?;
    ///     Ok::<_, io::Error>(addresses.map(|address| address.ip()).collect::<Vec<_>>())
    /// });
    /// ```
    #[must_use]
    pub fn resolving<F, Fut, A, E>(mut self, resolve: F) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, E>> + Send + 'static,
        A: IntoIterator<Item = IpAddr>,
        E: Into<BoxError>,
    {
        self.resolver = Some(Arc::new(ResolveFn(resolve)));
        self
    }

    /// Looks at the host of a URI, without resolving it: for a connector of one's own, which must look at
    /// the [addresses](Self::usable) of a name besides. A URI without a host passes.
    ///
    /// # Errors
    ///
    /// Fails if the host is an address that is not public, or a name that no public host has.
    ///
    /// ```
    /// use http::Uri;
    /// use tower_follow_redirect::policy::DenyPrivateNetworks;
    ///
    /// let deny = DenyPrivateNetworks::new();
    /// assert!(deny.check(&Uri::from_static("http://example.com/")).is_ok());
    /// let error = deny.check(&Uri::from_static("http://0x7f.1/")).unwrap_err();
    /// assert_eq!(error.to_string(), "127.0.0.1 is an address of this host");
    /// ```
    pub fn check(&self, uri: &Uri) -> Result<(), NotPublic> {
        self.lists.uri(uri).map_or(Ok(()), |standing| standing.map(|_| ()))
    }

    /// Returns those addresses of `name` that may be connected to: for a resolver of one's own, such as
    /// reqwest's `Resolve`. Somebody must [`check`](Self::check) the URI besides, the connector or this
    /// policy with [`every_request`](Self::every_request), since no resolver is asked about an address.
    ///
    /// # Errors
    ///
    /// Fails if there are none.
    ///
    /// ```
    /// use tower_follow_redirect::policy::DenyPrivateNetworks;
    ///
    /// let answer = ["10.0.0.1:80", "192.0.9.1:80"].map(|address| address.parse().unwrap());
    /// let usable = DenyPrivateNetworks::new().usable("a.test", answer)?;
    /// assert_eq!(usable, [answer[1]]);
    /// # Ok::<(), tower_follow_redirect::policy::private::NotPublic>(())
    /// ```
    pub fn usable(
        &self,
        name: &str,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, NotPublic> {
        self.lists.usable(name, addresses)
    }

    fn looker(&self, resolver: &Arc<dyn Resolve>) -> Looker {
        Looker { resolver: Arc::clone(resolver), lists: Arc::clone(&self.lists) }
    }
}

impl Policy for DenyPrivateNetworks {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        let pass = Verdict::from(Decision::Pass);
        let Ok(target) = attempt.target() else { return pass };
        let uri = target.uri().clone();
        match (self.lists.uri(&uri), &self.resolver) {
            (Some(Err(error)), _) => Decision::stop(error).into(),
            (Some(Ok(Standing::Name(trust))), Some(resolver)) => {
                let (name, hop) = (uri.host().unwrap_or_default(), attempt.hops().len() + 1);
                let looker = self.looker(resolver);
                let looking = Lookup::begin(looker, name, hop, attempt.call_state()).run(trust);
                Verdict::ask(async move {
                    looking.await.map_or_else(Decision::stop, |()| Decision::Pass)
                })
            }
            (Some(Ok(_)) | None, _) => pass,
        }
    }

    fn admit(&self, request: &mut Outgoing<'_>) -> Admission {
        if self.asked == Asked::Redirects {
            return Admission::Granted;
        }
        let uri = &request.request().uri;
        match (self.lists.uri(uri), &self.resolver) {
            (Some(Err(error)), _) => Admission::refuse(error),
            (Some(Ok(Standing::Name(trust))), Some(resolver)) => {
                let (name, hop) = (uri.host().unwrap_or_default(), request.hops().len());
                let state = request.call_state();
                let looker = self.looker(resolver);
                match Lookup::outcome(&looker, name, hop, state) {
                    Some(Ok(())) => Admission::Granted,
                    Some(Err(error)) => Admission::refuse(error),
                    None => {
                        let looking = Lookup::begin(looker, name, hop, state).run(trust);
                        Admission::Wait(Recollection::new(async move {
                            let _ = looking.await;
                        }))
                    }
                }
            }
            (Some(Ok(_)) | None, _) => Admission::Granted,
        }
    }
}

impl Default for DenyPrivateNetworks {
    fn default() -> Self {
        Self::new()
    }
}

/// Whoever resolves need not be `Debug`.
impl fmt::Debug for DenyPrivateNetworks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenyPrivateNetworks")
            .field("lists", &self.lists)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}
