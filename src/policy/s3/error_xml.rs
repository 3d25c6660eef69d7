//! The XML of S3's errors, as far as a redirect is in it.

/// How much of a response is read for it.
pub(super) const LIMIT: usize = 64 << 10;

/// What an `<Error>` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorXml {
    pub(super) code: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) bucket: Option<String>,
    pub(super) region: Option<String>,
}

impl ErrorXml {
    /// Reads a whole document. What comes twice, or is not plain text, makes it unreadable.
    #[cfg(feature = "s3-xml")]
    pub(super) fn parse(document: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(document).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // DTDs, and with them entities of one's own, are refused by default.
        let document = roxmltree::Document::parse(text).ok()?;
        let root = document.root_element();
        if root.tag_name().name() != "Error" {
            return None;
        }
        let mut error = Self::default();
        let mut seen = Vec::new();
        for child in root.children().filter(roxmltree::Node::is_element) {
            let name = child.tag_name().name();
            let field = match name {
                "Code" => &mut error.code,
                "Endpoint" => &mut error.endpoint,
                "Bucket" => &mut error.bucket,
                "Region" => &mut error.region,
                _ => continue,
            };
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
            let mut nodes = child.children();
            let text = match (nodes.next(), nodes.next()) {
                (None, _) => "",
                (Some(only), None) if only.is_text() => only.text()?.trim(),
                // A comment or an element would split it, and half of it mean something else.
                (Some(_), _) => return None,
            };
            *field = (!text.is_empty()).then(|| text.to_owned());
        }
        Some(error)
    }

    /// Nothing here reads XML.
    #[cfg(not(feature = "s3-xml"))]
    pub(super) fn parse(_: &[u8]) -> Option<Self> {
        None
    }
}

#[cfg(all(test, feature = "s3-xml"))]
mod tests {
    use super::*;

    fn endpoint(xml: &str) -> Option<Option<String>> {
        ErrorXml::parse(xml.as_bytes()).map(|error| error.endpoint)
    }

    #[test]
    fn direct_children_are_read_with_or_without_a_namespace() {
        let table = [
            "<Error><Endpoint>a.test</Endpoint></Error>",
            "\u{feff}<?xml version=\"1.0\"?>\n<Error>\n <Endpoint> a.test\n</Endpoint></Error>",
            "<Error xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Endpoint>a.test</Endpoint>\
             </Error>",
            "<Error><Endpoint><![CDATA[a.test]]></Endpoint></Error>",
            "<Error><Message>it&apos;s</Message><Endpoint>a.test</Endpoint><X><Endpoint>b.test\
             </Endpoint></X></Error>",
        ];
        for xml in table {
            assert_eq!(endpoint(xml), Some(Some("a.test".into())), "{xml}");
        }
        assert_eq!(endpoint("<Error><Endpoint/></Error>"), Some(None));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_read() {
        let table = [
            "",
            "<html/>",
            "<Error><Endpoint>a.test</Endpoint>",
            "<Error><Endpoint>a.test</Endpoint><Endpoint>b.test</Endpoint></Error>",
            "<Error><Endpoint></Endpoint><Endpoint>b.test</Endpoint></Error>",
            "<Error><Endpoint>a.test<!-- -->.evil.test</Endpoint></Error>",
            "<Error><Endpoint>a<b/></Endpoint></Error>",
            "<!DOCTYPE Error [<!ENTITY e \"a.test\">]><Error><Endpoint>&e;</Endpoint></Error>",
            "<!DOCTYPE Error><Error><Endpoint>a.test</Endpoint></Error>",
            "<Error><Endpoint>&e;</Endpoint></Error>",
        ];
        for xml in table {
            assert_eq!(endpoint(xml), None, "{xml}");
        }
        assert_eq!(ErrorXml::parse(b"<Error>\xff</Error>"), None);
    }
}
