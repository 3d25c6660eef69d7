//! What servers do with the requests that come to them.

use std::{fmt, time::Duration};

use http::Uri;

use super::{choices::Choices, mood::Mood};

/// Where servers are. Those of S3 are two regions of one bucket.
pub const ORIGINS: [&str; 8] = [
    "http://a.test",
    "https://a.test",
    "https://b.test",
    "http://a.test:8080",
    "https://b.test:444",
    "http://c.test",
    "https://quotes.s3.us-east-1.amazonaws.com",
    "https://quotes.s3.us-west-2.amazonaws.com",
];

/// All pages. Which one a request is for is said by its path; every origin has all of them.
#[derive(Clone, Debug)]
pub struct Site {
    pages: Vec<Page>,
}

/// What is done at each visit; from then on, as at the last.
#[derive(Clone, Debug)]
pub struct Page {
    visits: Vec<Visit>,
}

/// What is done with one request.
#[derive(Clone, Debug)]
pub struct Visit {
    pub hears: Hears,
    pub takes: Takes,
    pub interim: Interim,
    /// What the connection does when its call is dropped.
    pub left: Left,
    /// Whether the connection goes as far as it can at once.
    pub pace: Pace,
    /// From when enough was taken to the answer.
    pub thinks: Duration,
    pub answer: Answer,
    pub after: After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    Closes,
    /// It reads the content to its end first.
    ReadsOn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As soon as it is asked, as a service that needs no connection.
    AtOnce,
    InTurn,
}

/// Whether the transport reports 1xx responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// As hyper's HTTP/1 client.
    Until,
    /// It drops the callback before it reads the content, as HTTP/2 does.
    Never,
}

/// How much of the content is taken before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    All,
    UpTo(usize),
}

/// What comes before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interim {
    Nothing,
    Continue(Duration),
    /// So many 103, at once.
    Hints(usize),
}

#[derive(Clone, Debug)]
pub enum Answer {
    Response(Reply),
    /// The connection breaks.
    Reset,
    /// It never comes.
    Silence,
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub location: Location,
    pub body: Reading,
}

#[derive(Clone, Copy, Debug)]
pub enum Location {
    None,
    /// At this origin, by its index.
    Page(usize, usize),
    /// The same path there.
    SamePath(usize),
    /// At the same origin.
    Relative(usize),
    /// It cannot be requested.
    Bad(&'static str),
    /// The bucket is in another region of S3, which only a field says.
    Region(&'static str),
}

/// A response body.
#[derive(Clone, Debug)]
pub struct Reading {
    pub frames: Vec<usize>,
    /// Before each frame.
    pub delay: Duration,
    pub end: ReadingEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingEnd {
    Clean,
    Fails,
    Never,
}

/// What becomes of the content once the answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    ReadsOn,
    /// It reads no more, and closes after a while.
    Stalls(Duration),
    Drops,
}

impl Site {
    pub fn choose(choices: &mut Choices<'_>, mood: Mood) -> Self {
        let count = 2 + choices.below(if mood == Mood::Anything { 5 } else { 3 });
        let pages = (0..count).map(|_| Page::choose(choices, mood, count)).collect();
        Self { pages }
    }

    /// Returns what is done with a request for `uri`, where it was requested `before` so often.
    pub fn visit(&self, uri: &Uri, before: usize) -> &Visit {
        let visits = &self.pages[page(uri) % self.pages.len()].visits;
        &visits[before.min(visits.len() - 1)]
    }
}

/// Makes the URI of a page.
pub fn uri(origin: usize, page: usize) -> String {
    format!("{}/p{page}", ORIGINS[origin])
}

/// Returns which page a URI is for.
pub fn page(uri: &Uri) -> usize {
    uri.path().strip_prefix("/p").and_then(|page| page.parse().ok()).unwrap_or(0)
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, page) in self.pages.iter().enumerate() {
            writeln!(f, "/p{number}:")?;
            page.visits.iter().try_for_each(|visit| writeln!(f, "- {visit:?}"))?;
        }
        Ok(())
    }
}

impl Page {
    fn choose(choices: &mut Choices<'_>, mood: Mood, pages: usize) -> Self {
        let count = 1 + choices.below(3);
        Self { visits: (0..count).map(|_| Visit::choose(choices, mood, pages)).collect() }
    }
}

impl Visit {
    fn choose(choices: &mut Choices<'_>, mood: Mood, pages: usize) -> Self {
        let short = |choices: &mut Choices<'_>| {
            Duration::from_millis(choices.pick(&[0, 0, 0, 1, 50, 900, 1100]))
        };
        let takes = match choices.below(4) {
            0 | 1 => Takes::All,
            2 => Takes::UpTo(0),
            _ => Takes::UpTo(choices.pick(&[1, 50, 3000, 30_000])),
        };
        let interim = match choices.below(8) {
            0..=3 => Interim::Nothing,
            4..=6 => Interim::Continue(short(choices)),
            _ => Interim::Hints(choices.pick(&[1, 3, 10])),
        };
        let after = match choices.below(5) {
            0..=2 => After::ReadsOn,
            3 => After::Stalls(Duration::from_millis(choices.pick(&[0, 100, 5000]))),
            _ => After::Drops,
        };
        let hears = if choices.one_in(4) { Hears::Never } else { Hears::Until };
        let thinks = short(choices);
        let left = if choices.one_in(2) { Left::ReadsOn } else { Left::Closes };
        let pace = if choices.one_in(3) { Pace::AtOnce } else { Pace::InTurn };
        if mood == Mood::Rush {
            return Self {
                hears,
                left,
                pace: Pace::AtOnce,
                takes: Takes::UpTo(0),
                interim: Interim::Nothing,
                thinks: Duration::ZERO,
                answer: Answer::Response(Reply::choose(choices, mood, pages)),
                after,
            };
        }
        let answer = match choices.below(24) {
            22 => Answer::Reset,
            23 => Answer::Silence,
            _ => Answer::Response(Reply::choose(choices, mood, pages)),
        };
        Self { hears, left, pace, takes, interim, thinks, answer, after }
    }
}

impl Reply {
    fn choose(choices: &mut Choices<'_>, mood: Mood, pages: usize) -> Self {
        let status = match (choices.below(12), mood) {
            (0..=10, Mood::Rush) => choices.pick(&[307, 308]),
            (0..=5, Mood::Permanent) => 308,
            (6..=8, Mood::Permanent) => 200,
            (9.., Mood::Permanent) => choices.pick(&[404, 410, 404, 308]),
            (0..=5, _) => choices.pick(&[301, 302, 303, 307, 308, 307, 308]),
            (6..=8, _) => 200,
            (9 | 10, _) => choices.pick(&[204, 300, 304, 400, 404, 410, 417, 503]),
            _ => choices.pick(&[400, 404, 417, 417]),
        };
        let location = match choices.below(16) {
            _ if mood != Mood::Anything => {
                Location::Page(mood.origin(choices), choices.below(pages))
            }
            0..=6 => Location::Page(mood.origin(choices), choices.below(pages)),
            7..=10 => Location::Relative(choices.below(pages)),
            11..=12 => Location::SamePath(mood.origin(choices)),
            13 => Location::Bad(choices.pick(&["http://", "ftp://a.test/x", "http://[", ""])),
            14 => Location::Region(choices.pick(&["us-west-2", "us-east-1", "nowhere"])),
            _ => Location::None,
        };
        let mut body = Reading::choose(choices);
        if mood == Mood::Rush {
            body.delay = Duration::ZERO;
        }
        Self { status, location, body }
    }
}

impl Reading {
    fn choose(choices: &mut Choices<'_>) -> Self {
        let end = match choices.below(20) {
            18 => ReadingEnd::Fails,
            19 => ReadingEnd::Never,
            _ => ReadingEnd::Clean,
        };
        let frames = match choices.below(4) {
            0 | 1 => Vec::new(),
            2 => vec![choices.pick(&[0, 10, 1000])],
            _ => (0..1 + choices.below(4)).map(|_| choices.pick(&[0, 1, 500, 40_000])).collect(),
        };
        let delay = Duration::from_millis(choices.pick(&[0, 0, 0, 1, 200]));
        Self { frames, delay, end }
    }

    pub fn size(&self) -> usize {
        self.frames.iter().sum()
    }
}
