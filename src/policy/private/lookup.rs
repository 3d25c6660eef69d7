//! What a policy learns of a name by resolving it.

use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use http::Extensions;

use super::{
    NotPublic,
    lists::{Lists, Trust},
};
use crate::BoxError;

type Resolving = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, BoxError>> + Send>>;

/// Whoever finds the addresses of a name.
pub(super) trait Resolve: Send + Sync {
    fn resolve(&self, name: &str) -> Resolving;
}

pub(super) struct ResolveFn<F>(pub(super) F);

impl<F, Fut, A, E> Resolve for ResolveFn<F>
where
    F: Fn(String) -> Fut + Send + Sync,
    Fut: Future<Output = Result<A, E>> + Send + 'static,
    A: IntoIterator<Item = IpAddr>,
    E: Into<BoxError>,
{
    fn resolve(&self, name: &str) -> Resolving {
        let resolving = (self.0)(name.to_owned());
        Box::pin(async move {
            resolving.await.map(|addresses| addresses.into_iter().collect()).map_err(Into::into)
        })
    }
}

/// Who looks a name up, and by which lists the addresses are looked at. A clone of a policy may have others.
#[derive(Clone)]
pub(super) struct Looker {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) lists: Arc<Lists>,
}

impl Looker {
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.resolver, &other.resolver) && Arc::ptr_eq(&self.lists, &other.lists)
    }
}

/// One lookup of a name, for one request of a call.
#[derive(Clone)]
pub(super) struct Lookup {
    looker: Looker,
    name: Box<str>,
    /// How many redirects lead to the request.
    hop: usize,
    outcome: Arc<OnceLock<Result<(), NotPublic>>>,
}

/// The last lookup of each policy in a call: two of them may be joined in one.
#[derive(Clone, Default)]
struct Lookups(Vec<Lookup>);

impl Lookup {
    /// Makes a lookup that is yet to be done, and keeps it in place of the policy's last.
    pub(super) fn begin(
        looker: Looker,
        name: &str,
        hop: usize,
        call_state: &mut Extensions,
    ) -> Self {
        let lookup = Self { looker, name: name.into(), hop, outcome: Arc::default() };
        let Lookups(lookups) = call_state.get_or_insert_default();
        lookups.retain(|other| !other.looker.is(&lookup.looker));
        lookups.push(lookup.clone());
        lookup
    }

    /// Returns what was found for a request, if it was looked up.
    pub(super) fn outcome(
        looker: &Looker,
        name: &str,
        hop: usize,
        call_state: &mut Extensions,
    ) -> Option<Result<(), NotPublic>> {
        let Lookups(lookups) = call_state.get()?;
        let is_it =
            |lookup: &&Self| lookup.looker.is(looker) && lookup.hop == hop && *lookup.name == *name;
        lookups.iter().find(is_it)?.outcome.get().cloned()
    }

    /// Resolves the name, and looks at its addresses.
    ///
    /// # Errors
    ///
    /// Fails if one of them is neither public nor allowed: whoever connects may choose it.
    pub(super) async fn run(self, trust: Trust) -> Result<(), NotPublic> {
        let Looker { resolver, lists } = &self.looker;
        let outcome = match resolver.resolve(&self.name).await {
            Ok(addresses) => lists.all(&self.name, addresses, trust),
            Err(error) => Err(NotPublic::unresolved(&self.name, error)),
        };
        self.outcome.get_or_init(|| outcome).clone()
    }
}
