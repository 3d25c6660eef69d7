//! What the next request keeps of the header fields of the one before ([RFC 9110 §15.4]).
//!
//! [RFC 9110 §15.4]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4

use http::{HeaderMap, HeaderName, HeaderValue, Uri};

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

/// Makes the fields of the next request from those that were sent.
pub(crate) fn headers(
    sent: &HeaderMap,
    content: Content,
    crossing: Crossing,
    secrets: Secrets<'_>,
) -> HeaderMap {
    let mut headers = sent.clone();
    change(&mut headers, content, crossing, secrets);
    headers
}

/// Makes those of the next request of the fields that were sent.
pub(crate) fn change(
    headers: &mut HeaderMap,
    content: Content,
    crossing: Crossing,
    secrets: Secrets<'_>,
) {
    fields::drop_hop_fields(headers);
    if content == Content::Drop {
        fields::drop_content_fields(headers);
    }
    if crossing != Crossing::WithinOrigin {
        credentials::leave_origin(headers);
        for name in secrets.set_by_policy {
            headers.remove(name);
        }
    }
    if crossing == Crossing::Anonymous {
        credentials::strip(headers, secrets.added);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crossing_takes_what_it_must() {
        let table = [
            (Content::Keep, Crossing::WithinOrigin, "accept authorization content-type host x-own"),
            (Content::Drop, Crossing::WithinOrigin, "accept authorization host x-own"),
            (Content::Keep, Crossing::Anonymous, "accept content-type"),
            (Content::Keep, Crossing::Trusted, "accept authorization content-type"),
        ];
        let mut sent = HeaderMap::new();
        for name in ["accept", "authorization", "connection", "content-type", "host", "x-own"] {
            sent.insert(name, HeaderValue::from_static("v"));
        }
        let own = [HeaderName::from_static("x-own")];
        let secrets = Secrets { added: &[], set_by_policy: &own };
        for (content, crossing, expected) in table {
            let headers = headers(&sent, content, crossing, secrets);
            let mut found: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
            found.sort_unstable();
            assert_eq!(found.join(" "), expected, "{content:?} {crossing:?}");
        }
    }
}
