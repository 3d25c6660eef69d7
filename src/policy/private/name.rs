//! Which names are never those of public hosts.

use std::fmt;

/// What a name is that no public host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameKind {
    /// This host: `localhost` and all below it ([RFC 6761 §6.3]).
    ///
    /// [RFC 6761 §6.3]: https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    Localhost,
    /// The link: `*.local` ([RFC 6762 §3]).
    ///
    /// [RFC 6762 §3]: https://www.rfc-editor.org/rfc/rfc6762#section-3
    Link,
    /// A private network: `*.internal`, which ICANN keeps for them, `*.home.arpa` ([RFC 8375 §3]), and
    /// the others that they are known to use ([RFC 6762 §G]).
    ///
    /// [RFC 8375 §3]: https://www.rfc-editor.org/rfc/rfc8375#section-3
    /// [RFC 6762 §G]: https://www.rfc-editor.org/rfc/rfc6762#appendix-G
    Private,
    /// Where a cloud tells a machine its credentials, such as `metadata.google.internal`.
    Metadata,
    /// A name of one label, which is looked up in domains of one's own first ([RFC 7085]).
    ///
    /// [RFC 7085]: https://www.rfc-editor.org/rfc/rfc7085
    SingleLabel,
}

impl NameKind {
    /// Returns the kind of a name in lower case and without a final dot, or `None` if a public host may
    /// have it.
    pub(super) fn of(name: &str) -> Option<Self> {
        let listed = NAMES.iter().find(|(suffix, _)| is_within(name, suffix));
        match listed {
            Some((_, kind)) => Some(*kind),
            None => (!name.contains('.')).then_some(Self::SingleLabel),
        }
    }
}

/// Writes what follows "it is": `a name of this host`.
impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Localhost => "a name of this host",
            Self::Link => "a name of the link",
            Self::Private => "a name of a private network",
            Self::Metadata => "a name of a cloud's metadata",
            Self::SingleLabel => "a name of one label, and none of a public host",
        })
    }
}

/// Returns whether `name` is `domain`, or below it.
pub(super) fn is_within(name: &str, domain: &str) -> bool {
    let prefix = name.strip_suffix(domain);
    prefix.is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'))
}

/// The first domain that contains a name says what it is.
const NAMES: &[(&str, NameKind)] = &[
    ("metadata.google.internal", NameKind::Metadata),
    ("metadata.goog", NameKind::Metadata),
    ("metadata.azure.internal", NameKind::Metadata),
    ("instance-data.ec2.internal", NameKind::Metadata),
    ("metadata.tencentyun.com", NameKind::Metadata),
    ("api.metadata.cloud.ibm.com", NameKind::Metadata),
    ("metadata", NameKind::Metadata),
    ("instance-data", NameKind::Metadata),
    ("localhost", NameKind::Localhost),
    ("local", NameKind::Link),
    ("internal", NameKind::Private),
    ("home.arpa", NameKind::Private),
    ("intranet", NameKind::Private),
    ("private", NameKind::Private),
    ("corp", NameKind::Private),
    ("home", NameKind::Private),
    ("lan", NameKind::Private),
    // Of Linux systems that know themselves by it.
    ("localdomain", NameKind::Localhost),
    ("localdomain4", NameKind::Localhost),
    ("localdomain6", NameKind::Localhost),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_label_by_label() {
        let table = [
            ("example.com", None),
            ("public.test", None),
            ("notlocalhost.com", None),
            ("localhost.example.com", None),
            ("xlocal.test", None),
            ("local.test", None),
            ("localhost", Some(NameKind::Localhost)),
            ("a.b.localhost", Some(NameKind::Localhost)),
            ("localhost.localdomain", Some(NameKind::Localhost)),
            ("localhost6.localdomain6", Some(NameKind::Localhost)),
            ("printer.local", Some(NameKind::Link)),
            ("vault.internal", Some(NameKind::Private)),
            ("router.home.arpa", Some(NameKind::Private)),
            ("xhome.arpa", None),
            ("wiki.corp", Some(NameKind::Private)),
            ("nas.lan", Some(NameKind::Private)),
            ("metadata.google.internal", Some(NameKind::Metadata)),
            ("metadata", Some(NameKind::Metadata)),
            ("redis", Some(NameKind::SingleLabel)),
            ("notlocalhost", Some(NameKind::SingleLabel)),
            ("com", Some(NameKind::SingleLabel)),
        ];
        for (name, expected) in table {
            assert_eq!(NameKind::of(name), expected, "{name}");
        }
    }
}
