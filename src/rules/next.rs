//! What the next request keeps of the header fields of the one before ([RFC 9110 §15.4]).
//!
//! [RFC 9110 §15.4]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::{credentials, fields, method::Content, origin};

/// What a redirect crosses, and what may come along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crossing {
    WithinOrigin,
    /// To another origin, without credentials.
    Anonymous,
    /// To another origin, with the credentials of the request, since a policy grants them.
    Trusted,
}

/// What a redirect that is followed may take to another origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    Nothing,
    Credentials,
}

impl Crossing {
    /// Returns what a redirect crosses from one URI to the next.
    pub(crate) fn between(from: &Uri, to: &Uri, grant: Grant) -> Self {
        match (origin::same_origin(from, to), grant) {
            (true, _) => Self::WithinOrigin,
            (false, Grant::Credentials) => Self::Trusted,
            (false, Grant::Nothing) => Self::Anonymous,
        }
    }
}

/// The names that are secret in one call, besides those that always are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Secrets<'a> {
    /// Those the user has added.
    pub(crate) added: &'a [HeaderName],
    /// Those a policy has set: they are meant for one origin.
    pub(crate) set_by_policy: &'a [HeaderName],
}

impl Secrets<'_> {
    /// Returns the credentials among `headers`.
    pub(crate) fn of(self, headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
        headers
            .iter()
            .filter(|(name, value)| {
                credentials::is_credential(name, value)
                    || self.added.contains(name)
                    || self.set_by_policy.contains(name)
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// What the next request changes, as far as its fields depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'a> {
    /// The method that was sent.
    pub(crate) method: &'a Method,
    pub(crate) next_method: &'a Method,
    pub(crate) content: Content,
    pub(crate) crossing: Crossing,
}

impl Change<'_> {
    /// Makes those of the next request of the fields that were sent.
    pub(crate) fn apply(self, headers: &mut HeaderMap, secrets: Secrets<'_>) {
        fields::drop_hop_fields(headers);
        if self.content == Content::Drop {
            fields::drop_content_fields(headers);
        }
        if self.method != self.next_method {
            fields::drop_method_fields(headers);
        }
        if self.crossing != Crossing::WithinOrigin {
            credentials::leave_origin(headers);
            for name in secrets.set_by_policy {
                headers.remove(name);
            }
        }
        if self.crossing == Crossing::Anonymous {
            credentials::strip(headers, secrets.added);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crossing_takes_what_it_must() {
        const KEEP: Content = Content::Keep;
        const DROP: Content = Content::Drop;
        let table = [
            (
                "POST",
                KEEP,
                Crossing::WithinOrigin,
                "accept authorization content-type host if-match x-own",
            ),
            ("GET", DROP, Crossing::WithinOrigin, "accept authorization host x-own"),
            ("POST", DROP, Crossing::WithinOrigin, "accept authorization host if-match x-own"),
            ("PUT", KEEP, Crossing::WithinOrigin, "accept authorization content-type host x-own"),
            ("POST", KEEP, Crossing::Anonymous, "accept content-type if-match"),
            ("POST", KEEP, Crossing::Trusted, "accept authorization content-type if-match"),
        ];
        let mut sent = HeaderMap::new();
        let names =
            ["accept", "authorization", "connection", "content-type", "host", "if-match", "x-own"];
        for name in names {
            sent.insert(name, HeaderValue::from_static("v"));
        }
        let own = [HeaderName::from_static("x-own")];
        let secrets = Secrets { added: &[], set_by_policy: &own };
        for (method, content, crossing, expected) in table {
            let next_method = Method::try_from(method).unwrap();
            let change =
                Change { method: &Method::POST, next_method: &next_method, content, crossing };
            let mut headers = sent.clone();
            change.apply(&mut headers, secrets);
            let mut found: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
            found.sort_unstable();
            assert_eq!(found.join(" "), expected, "{method} {content:?} {crossing:?}");
        }
    }
}
