//! What arrived on a connection, read from its bytes.

use std::fmt;

/// A request as far as it arrived.
pub struct Received {
    pub head: String,
    pub content: Vec<u8>,
    pub end: End,
}

/// How the content of a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As its framing says: whoever reads it takes it for the whole.
    Whole,
    /// Before that, as anybody can see.
    Cut,
}

/// How the length of a content is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

impl Received {
    /// Reads the requests that came on one connection. A head that was cut is none.
    pub fn all(mut bytes: &[u8]) -> Vec<Self> {
        let mut all = Vec::new();
        while let Some(length) = head_length(bytes) {
            let head = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let mut content = Vec::new();
            let (end, used) =
                Framing::of(&head).read(&bytes[length..], |part| content.extend_from_slice(part));
            all.push(Self { head, content, end });
            bytes = &bytes[length + used..];
        }
        all
    }

    pub fn is_whole(&self) -> bool {
        self.end == End::Whole
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.head.lines().next().unwrap_or_default();
        write!(f, "{line} with {} bytes, {:?}", self.content.len(), self.end)
    }
}

/// Returns the length of the head that `bytes` begin with, if it is all there.
pub fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|end| end + 4)
}

/// Returns the length on the wire of the content that follows `head`, if it is all there.
pub fn content_length(head: &str, bytes: &[u8]) -> Option<usize> {
    let (end, used) = Framing::of(head).read(bytes, |_| {});
    (end == End::Whole).then_some(used)
}

/// Returns the value of a field in a head.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Framing {
    fn of(head: &str) -> Self {
        if field(head, "transfer-encoding").is_some() {
            return Self::Chunked;
        }
        let length = field(head, "content-length").map_or(0, |length| length.parse().unwrap());
        Self::Length(length)
    }

    /// Hands on the content that `bytes` begin with; returns how it ends, and how long it is on the
    /// wire.
    fn read(self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> (End, usize) {
        match self {
            Self::Length(length) if length <= bytes.len() => {
                content(&bytes[..length]);
                (End::Whole, length)
            }
            Self::Length(_) => {
                content(bytes);
                (End::Cut, bytes.len())
            }
            Self::Chunked => chunks(bytes, content),
        }
    }
}

fn chunks(bytes: &[u8], mut content: impl FnMut(&[u8])) -> (End, usize) {
    let mut rest = bytes;
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        rest = &rest[line + 2..];
        content(&rest[..size.min(rest.len())]);
        if rest.len() < size + 2 {
            break;
        }
        assert_eq!(rest[size..size + 2], *b"\r\n");
        rest = &rest[size + 2..];
        if size == 0 {
            return (End::Whole, bytes.len() - rest.len());
        }
    }
    (End::Cut, bytes.len())
}

#[test]
fn what_is_short_is_cut() {
    let ends = |bytes: &str| {
        let all = Received::all(bytes.as_bytes());
        all.into_iter().map(|r| (String::from_utf8(r.content).unwrap(), r.end)).collect::<Vec<_>>()
    };
    let length = "PUT / HTTP/1.1\r\ncontent-length: 4\r\n\r\n";
    let chunked = "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
    assert_eq!(ends(&length[..20]), []);
    assert_eq!(ends(&format!("{length}ha")), [("ha".into(), End::Cut)]);
    let whole = || ("ha h".into(), End::Whole);
    assert_eq!(ends(&format!("{length}ha h{length}ha h")), [whole(), whole()]);
    assert_eq!(ends(&format!("{chunked}3\r\nha \r\n1\r\nh\r\n0\r\n\r\n")), [whole()]);
    assert_eq!(ends(&format!("{chunked}3\r\nha \r\n0\r\n")), [("ha ".into(), End::Cut)]);
    assert_eq!(ends(&format!("{chunked}3\r\nh")), [("h".into(), End::Cut)]);
}
