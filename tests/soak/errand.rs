//! What is asked for, one request after the other: which redirects it meets, and what it brings.
//!
//! The URL has the way in its path, one segment for each redirect, so that a server needs to know nothing.

use std::{fmt, io, str::FromStr, sync::LazyLock};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use tower::BoxError;
use tower_follow_redirect::BodyFactory;

use crate::support::body::{Length, OneShot, byte_at};

pub type Content = UnsyncBoxBody<Bytes, io::Error>;

/// One request in so many is an upload.
const UPLOADS: u64 = 10;

/// What is sent at once, and what waits for `100 Continue`.
const SIZES: [usize; 6] = [1, 1000, 20_000, 60_000, 300_000, 1_500_000];

/// What the layer records, whatever the content is.
const RECORDED: usize = 64 * 1024;

/// From here on content waits.
const WAITS: usize = 1024 * 1024;

const CHUNK: u64 = 16 * 1024;

/// The bytes of all content, and of all responses.
static PATTERN: LazyLock<Bytes> =
    LazyLock::new(|| (0..SIZES[5] as u64).map(byte_at).collect::<Vec<_>>().into());

/// One redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub status: u16,
    pub reads: Reads,
    pub to: To,
    /// The size of the redirect's body.
    pub body: usize,
    pub then: Then,
}

/// How much of the content a server reads before it redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Nothing,
    /// The first frame; the rest when it has answered.
    Begins,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Here,
    ToTheOther,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Stays,
    Closes,
}

/// One request of the load.
pub struct Errand {
    pub steps: Vec<Step>,
    pub upload: Option<Upload>,
    /// The size of the last response.
    pub answer: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Upload {
    pub size: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// In one frame.
    Whole,
    Known,
    /// It waits for `100 Continue`, whatever its size.
    Unknown,
    Again,
}

impl Errand {
    /// Makes the errand of a number.
    pub fn new(number: u64) -> Self {
        let mut choose = Choose(number);
        let upload = (number % UPLOADS == 0).then(|| Upload {
            size: choose.of(&SIZES),
            kind: choose.of(&[Kind::Whole, Kind::Known, Kind::Unknown, Kind::Again]),
        });
        let most = if upload.is_some() { 2 } else { 4 };
        let steps = (0..=choose.below(most)).map(|_| Step::new(&mut choose, upload)).collect();
        Self { steps, upload, answer: choose.of(&[0, 10, 5000, 100_000]) }
    }

    /// Returns how many requests it takes.
    pub fn requests(&self) -> u64 {
        self.steps.len() as u64 + 1
    }

    /// Returns how much content arrives at the end: none where a redirect makes it a GET.
    pub fn stored(&self) -> u64 {
        let is_kept = self.steps.iter().all(|step| step.status != 303);
        self.upload.filter(|_| is_kept).map_or(0, |upload| upload.size as u64)
    }

    /// Returns the path of its first URL.
    pub fn path(&self) -> String {
        let steps: String = self.steps.iter().map(|step| format!("/{step}")).collect();
        format!("{steps}/end-{}", self.answer)
    }

    pub fn request(&self, server: &str) -> Request<Content> {
        let request = Request::builder()
            .uri(format!("{server}{}", self.path()))
            .header("authorization", "Bearer of-this-origin");
        let Some(upload) = self.upload else {
            let nothing = Empty::new().map_err(|never| match never {}).boxed_unsync();
            return request.body(nothing).unwrap();
        };
        let mut request = request.method(Method::PUT).body(upload.content()).unwrap();
        if upload.kind == Kind::Again {
            request.extensions_mut().insert(BodyFactory::new(move || upload.content()));
        }
        request
    }
}

impl Upload {
    fn content(self) -> Content {
        let one_shot = |length| {
            let (body, _) = OneShot::new(self.size as u64, CHUNK, length);
            body.boxed_unsync()
        };
        match self.kind {
            Kind::Whole => {
                Full::new(pattern(self.size)).map_err(|never| match never {}).boxed_unsync()
            }
            Kind::Known | Kind::Again => one_shot(Length::Known),
            Kind::Unknown => one_shot(Length::Unknown),
        }
    }

    /// Chooses how much of it a server may read and it can still be sent again.
    fn reads(self, choose: &mut Choose) -> Reads {
        let waits = self.size > WAITS || self.kind == Kind::Unknown;
        let is_kept = self.size <= RECORDED || matches!(self.kind, Kind::Whole | Kind::Again);
        match (waits, is_kept) {
            (true, false) => Reads::Nothing,
            (true, true) => choose.of(&[Reads::Nothing, Reads::Nothing, Reads::Begins, Reads::All]),
            (false, true) => choose.of(&[Reads::Begins, Reads::All]),
            // It would be lost: it makes do with a 303.
            (false, false) => Reads::All,
        }
    }
}

/// Returns the first bytes of all content, and of all responses.
pub fn pattern(size: usize) -> Bytes {
    PATTERN.slice(..size)
}

impl Step {
    fn new(choose: &mut Choose, upload: Option<Upload>) -> Self {
        let mut status = choose.of(&[301, 302, 303, 307, 308]);
        let mut reads = Reads::Nothing;
        if let Some(upload) = upload {
            reads = upload.reads(choose);
            let is_lost =
                upload.size > RECORDED && upload.kind == Kind::Known && upload.size <= WAITS;
            status = if is_lost { 303 } else { choose.of(&[303, 307, 307, 308, 308]) };
        }
        Self {
            status,
            reads,
            to: choose.of(&[To::Here, To::ToTheOther]),
            body: choose.of(&[0, 0, 100, 8192, 50_000]),
            then: if choose.below(64) == 0 { Then::Closes } else { Then::Stays },
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, reads, to, body, then } = self;
        write!(f, "{status}-{reads:?}-{to:?}-{body}-{then:?}")
    }
}

impl FromStr for Step {
    type Err = BoxError;

    fn from_str(text: &str) -> Result<Self, BoxError> {
        let [status, reads, to, body, then] = text.split('-').collect::<Vec<_>>()[..] else {
            return Err(format!("no step: {text}").into());
        };
        Ok(Self {
            status: status.parse()?,
            reads: match reads {
                "Nothing" => Reads::Nothing,
                "Begins" => Reads::Begins,
                _ => Reads::All,
            },
            to: if to == "Here" { To::Here } else { To::ToTheOther },
            body: body.parse()?,
            then: if then == "Stays" { Then::Stays } else { Then::Closes },
        })
    }
}

/// Chooses by a number, the same every time.
struct Choose(u64);

impl Choose {
    fn below(&mut self, options: u64) -> u64 {
        // The multiplier is Knuth's; its high bits are the good ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % options
    }

    fn of<T: Copy>(&mut self, options: &[T]) -> T {
        options[self.below(options.len() as u64) as usize]
    }
}
