//! The members of a list in a field ([RFC 9110 §5.6.1]), where a comma may be quoted.
//!
//! [RFC 9110 §5.6.1]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1

use http::{HeaderMap, HeaderName};

/// Returns the members of all lines of a field, without the whitespace around them and the empty ones.
pub(super) fn members<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).iter().flat_map(|line| split(line.as_bytes()))
}

fn split(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = At::Plain;
    line.split(move |&byte| {
        at = at.after(byte);
        at == At::Plain && byte == b','
    })
    .map(<[u8]>::trim_ascii)
    .filter(|member| !member.is_empty())
}

/// Where in a line a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Plain,
    Quoted,
    /// After a backslash in a quoted string.
    Escaped,
}

impl At {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Plain, b'"') | (Self::Escaped, _) => Self::Quoted,
            (Self::Quoted, b'"') => Self::Plain,
            (Self::Quoted, b'\\') => Self::Escaped,
            (at, _) => at,
        }
    }
}

/// Returns whether `text` may stand between two quotes: it ends neither early nor never.
pub(super) fn is_quoted_text(text: &[u8]) -> bool {
    let mut at = At::Quoted;
    for &byte in text {
        at = at.after(byte);
        if at == At::Plain {
            return false;
        }
    }
    at == At::Quoted
}

/// Returns whether a byte may be in a token ([RFC 9110 §5.6.2]).
///
/// [RFC 9110 §5.6.2]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_in_a_quoted_string_is_no_end() {
        let table: [(&str, &[&str]); 8] = [
            ("", &[]),
            (" , ,\t,", &[]),
            ("a, b ,c", &["a", "b", "c"]),
            ("a=\"b, c\", d", &["a=\"b, c\"", "d"]),
            ("a=\"b\\\", c\", d", &["a=\"b\\\", c\"", "d"]),
            ("a=\"b\\\\\", c", &["a=\"b\\\\\"", "c"]),
            ("a\\\", b", &["a\\\", b"]),
            ("a=\"b, c", &["a=\"b, c"]),
        ];
        for (line, expected) in table {
            let found: Vec<&[u8]> = split(line.as_bytes()).collect();
            let expected: Vec<&[u8]> = expected.iter().map(|member| member.as_bytes()).collect();
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_quoted_text_ends_where_its_quote_stands() {
        let table: [(&[u8], bool); 6] = [
            (b"", true),
            (b"a, b", true),
            (b"a\\\"b", true),
            (b"a\"b", false),
            (b"a\\", false),
            (b"a\\\\", true),
        ];
        for (text, expected) in table {
            assert_eq!(is_quoted_text(text), expected, "{}", text.escape_ascii());
        }
    }
}
