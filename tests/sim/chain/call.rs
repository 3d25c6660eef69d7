//! What a caller asks for, what it makes of the answer, and when it has enough.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, header};
use tower_follow_redirect::{Fragment, OnInformational, ReplayLimit};

use super::{
    choices::Choices,
    content::{Content, OneShot},
    journal::{Kept, Secret},
    mood::Mood,
    server::{ORIGINS, uri},
    stage::Stage,
};

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub at: (usize, usize),
    pub content: Arc<Content>,
    pub expects: bool,
    pub upgrades: bool,
    pub replay_limit: Option<u64>,
    pub hears: bool,
    pub reads: Reads,
    pub leaves: Leaves,
    /// How long it is until the next call.
    pub rests: Duration,
}

/// What is done with the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    All,
    Frames(usize),
    After(Duration),
}

/// When the caller drops all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    Never,
    AfterPolls(usize),
    At(Duration),
}

impl Call {
    pub fn choose(choices: &mut Choices<'_>, mood: Mood) -> Self {
        let methods = [Method::GET, Method::PUT, Method::POST, Method::HEAD, Method::DELETE];
        let method = match choices.below(40) {
            0..=9 => Method::GET,
            _ if mood == Mood::Permanent => Method::GET,
            39 => Method::CONNECT,
            _ => choices.pick(&methods),
        };
        let content = Content::choose(choices);
        let size = content.size() as u64;
        Self {
            method,
            at: (mood.origin(choices), choices.below(if mood == Mood::Anything { 4 } else { 2 })),
            content: Arc::new(content),
            expects: choices.one_in(8),
            upgrades: choices.one_in(60),
            // Just enough, or a byte less.
            replay_limit: choices.maybe(5, |choices| {
                choices.pick(&[0, size, size, size.saturating_sub(1), 100_000])
            }),
            hears: choices.one_in(6),
            reads: match choices.below(5) {
                0..=2 => Reads::All,
                3 => Reads::Frames(choices.below(3)),
                _ => Reads::After(Duration::from_millis(choices.pick(&[1, 5000]))),
            },
            leaves: match choices.below(10) {
                _ if mood != Mood::Anything => Leaves::Never,
                0..=7 => Leaves::Never,
                8 => Leaves::AfterPolls(choices.below(12)),
                _ => Leaves::At(Duration::from_millis(choices.pick(&[0, 1, 60, 1000, 3000]))),
            },
            rests: Duration::from_secs(choices.pick(&[0, 0, 120])),
        }
    }

    /// Makes the request.
    pub fn request(&self, stage: &Stage) -> Request<OneShot> {
        let (body, factory) = self.content.body(&stage.clock, &stage.tokens);
        let (origin, page) = self.at;
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(uri(origin, page))
            .header(header::ACCEPT, "*/*")
            .header(header::HOST, ORIGINS[origin].split_once("//").map_or("", |(_, host)| host))
            .header("x-plain", "yes")
            .header(header::AUTHORIZATION, SECRET)
            .header(header::COOKIE, SECRET)
            .header("x-api-key", SECRET)
            .header("x-added", SECRET)
            .body(body)
            .expect("every part is valid");
        let headers = request.headers_mut();
        let mut marked = HeaderValue::from_static(SECRET);
        marked.set_sensitive(true);
        headers.insert("x-marked", marked);
        if !self.content.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        if self.expects {
            headers.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        }
        if self.upgrades {
            headers.insert(header::UPGRADE, HeaderValue::from_static("other"));
        }
        let extensions = request.extensions_mut();
        extensions.insert(Secret);
        extensions.insert(Kept);
        extensions.insert(Fragment::new("here"));
        if let Some(factory) = factory {
            extensions.insert(factory);
        }
        if let Some(bytes) = self.replay_limit {
            extensions.insert(ReplayLimit::new(bytes));
        }
        if self.hears {
            extensions.insert(OnInformational::new(|_| {}));
        }
        request
    }
}

/// The value of all credentials.
pub const SECRET: &str = "a secret";
