//! Why a request may not go where it would.

use std::{error, fmt, net::IpAddr, sync::Arc};

use super::{AddressKind, NameKind};
use crate::BoxError;

/// Why a request may not go to a host: it is in a private network, or may be.
///
/// It is the source of a [`Refusal`](crate::Refusal), or of an [`Error`](crate::Error) where the request
/// was not sent; [`of`](Self::of) finds it behind either, and behind the error of a client that could not
/// connect.
///
/// Its text and its `Debug` say nothing that is not known from the URL alone: whether a name exists in a
/// network, and where it leads, is not for whoever has sent the URL. [`cause`](Self::cause) has that, for a
/// log of one's own.
///
/// ```
/// use std::error::Error;
/// use tower_follow_redirect::policy::private::NotPublic;
///
/// /// What whoever has sent the URL is told, and what goes into the log.
/// fn explain(error: &(dyn Error + 'static)) -> Option<(String, String)> {
///     let private = NotPublic::of(error)?;
///     Some((private.to_string(), format!("{}: {:?}", private.host(), private.cause())))
/// }
/// ```
#[derive(Clone)]
pub struct NotPublic {
    host: Box<str>,
    cause: Cause,
}

/// What speaks against a host.
///
/// ```
/// use tower_follow_redirect::policy::private::{AddressKind, Cause, NameKind, NotPublic};
///
/// /// Somebody who asks for the credentials of this machine is worth an alarm.
/// fn is_an_attack(error: &NotPublic) -> bool {
///     matches!(
///         error.cause(),
///         Cause::Address(_, AddressKind::Metadata) | Cause::Name(NameKind::Metadata)
///     )
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// It is neither a name nor an address.
    Unreadable,
    /// Its name is none of a public host.
    Name(NameKind),
    /// It is [allowed](super::DenyPrivateNetworks::allow_host) at another port only.
    Port,
    /// It is an address that is not public, or stands for this one, which is not.
    Address(IpAddr, AddressKind),
    /// It is a name that leads to these addresses, which are neither public nor allowed, or to none.
    Addresses(Vec<IpAddr>),
    /// It is a name that could not be resolved.
    Unresolved(Arc<dyn error::Error + Send + Sync>),
}

impl NotPublic {
    pub(super) fn new(host: impl fmt::Display, cause: Cause) -> Self {
        Self { host: host.to_string().into(), cause }
    }

    /// Makes it of a resolver's error.
    pub(crate) fn unresolved(name: &str, error: impl Into<BoxError>) -> Self {
        Self::new(name, Cause::Unresolved(error.into().into()))
    }

    /// Finds it among an error and its sources.
    ///
    /// ```
    /// use tower_follow_redirect::policy::private::NotPublic;
    ///
    /// fn is_private(error: &tower::BoxError) -> bool {
    ///     NotPublic::of(&**error).is_some()
    /// }
    /// ```
    pub fn of<'e>(error: &'e (dyn error::Error + 'static)) -> Option<&'e Self> {
        std::iter::successors(Some(error), |error| error.source()).find_map(|e| e.downcast_ref())
    }

    /// Returns the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns what speaks against the host, for a log of one's own.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, cause } = self;
        match cause {
            Cause::Unreadable => write!(f, "`{host}` is neither a host name nor an address"),
            Cause::Name(kind) => write!(f, "`{host}` is {kind}"),
            Cause::Port => write!(f, "`{host}` is allowed at another port only"),
            Cause::Address(address, kind) => {
                f.write_str(host)?;
                if host.trim_matches(['[', ']']) != address.to_string() {
                    write!(f, " stands for {address}, which")?;
                }
                write!(f, " is {kind}")
            }
            Cause::Addresses(_) | Cause::Unresolved(_) => {
                write!(f, "`{host}` leads to addresses that are not public, or to none")
            }
        }
    }
}

/// Shows no more than the text does.
impl fmt::Debug for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NotPublic({self})")
    }
}

/// What has no source either: a resolver's error is an answer of the network.
impl error::Error for NotPublic {}
