//! One connection: the content goes one way, the answer comes back.
//!
//! It does what hyper does: it reads content while the server takes it, also after the answer; it ends
//! with a call that is dropped, and with a response that is dropped before its end.

use std::{
    future::Future,
    mem,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Extensions, Request, Response, header};
use tower::BoxError;
use tower_follow_redirect::ReplayBody;

use super::{
    clock::Sleep,
    content::OneShot,
    informer::Informer,
    intake::{Intake, Taken},
    journal::{Ending, Sent},
    line::{Line, Reader, Reply, wake},
    server::{After, Answer, Hears, Interim, Left, Location, ORIGINS, Pace, Takes, Visit, uri},
    stage::Stage,
};

/// How long a server waits for content before it answers all the same.
const PATIENCE: Duration = Duration::from_secs(7);

pub struct Connection {
    stage: Rc<Stage>,
    line: Line,
    sent: usize,
    visit: Visit,
    intake: Intake,
    hearing: Hearing,
    interim: Option<Sleep>,
    patience: Option<Sleep>,
    phase: Phase,
}

/// What becomes of the extensions of the request, where the callback for 1xx is.
enum Hearing {
    /// They are kept until the answer.
    Kept(Extensions),
    /// Something was said.
    Told(Box<Informer>),
    Over,
}

enum Phase {
    Taking,
    Thinking(Sleep),
    Silent,
    Answered,
    Stalled(Sleep),
}

impl Connection {
    pub fn open(request: Request<ReplayBody<OneShot>>, line: &Line, stage: &Rc<Stage>) -> Self {
        let mut journal = stage.journal.borrow_mut();
        let visit = stage.visit(request.uri());
        let sent = journal.note(&request, &visit, stage.clock.now());
        drop(journal);
        let (head, body) = request.into_parts();
        let hearing = match visit.hears {
            Hears::Until => Hearing::Kept(head.extensions),
            Hears::Never => Hearing::Over,
        };
        let interim = match visit.interim {
            Interim::Continue(time) => Some(stage.clock.sleep(time)),
            Interim::Hints(_) => Some(stage.clock.sleep(Duration::ZERO)),
            Interim::Nothing => None,
        };
        Self {
            stage: Rc::clone(stage),
            line: Rc::clone(line),
            sent,
            visit,
            intake: Intake::new(body, sent, line, stage),
            hearing,
            interim,
            patience: Some(stage.clock.sleep(PATIENCE)),
            phase: Phase::Taking,
        }
    }

    pub fn pace(&self) -> Pace {
        self.visit.pace
    }

    /// Is ready when the connection is over.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.line.borrow_mut().connection = Some(cx.waker().clone());
            if self.line.borrow().reader == Reader::Gone {
                return self.poll_left(cx);
            }
            self.poll_interim(cx);
            match &mut self.phase {
                Phase::Taking => match self.poll_taking(cx) {
                    Poll::Ready(Taken::Over(Some(error))) => {
                        return self.fail(error);
                    }
                    Poll::Ready(Taken::Enough | Taken::Over(None)) => {
                        self.patience = None;
                        let thinks = self.stage.clock.sleep(self.visit.thinks);
                        self.phase = Phase::Thinking(thinks);
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Phase::Thinking(thinks) => match Pin::new(thinks).poll(cx) {
                    Poll::Ready(()) => {
                        if self.answer() {
                            return self.close(Ending::Closed);
                        }
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Phase::Silent => return Poll::Pending,
                Phase::Answered => match self.intake.poll(usize::MAX, cx) {
                    Poll::Ready(_) => return self.close(Ending::Closed),
                    Poll::Pending => return Poll::Pending,
                },
                Phase::Stalled(until) => match Pin::new(until).poll(cx) {
                    Poll::Ready(()) => return self.close(Ending::Closed),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// Is ready when a connection is over whose call was dropped, or whose response.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let reads_on = self.visit.left == Left::ReadsOn
            && matches!(self.phase, Phase::Taking | Phase::Thinking(_));
        if reads_on {
            ready!(self.intake.poll(usize::MAX, cx));
        }
        self.close(Ending::Closed)
    }

    fn poll_interim(&mut self, cx: &mut Context<'_>) {
        let Some(interim) = &mut self.interim else { return };
        if Pin::new(interim).poll(cx).is_pending() {
            return;
        }
        self.interim = None;
        match self.visit.interim {
            Interim::Continue(_) => {
                self.say("HTTP/1.1 100 Continue\r\n\r\n");
                let now = self.stage.clock.now();
                self.note(|sent| sent.received.continued = Some(now));
            }
            Interim::Hints(count) => {
                (0..count).for_each(|_| self.say("HTTP/1.1 103 Early Hints\r\n\r\n"));
            }
            Interim::Nothing => {}
        }
    }

    fn say(&mut self, response: &str) {
        if let Hearing::Kept(extensions) = &mut self.hearing {
            self.hearing = Hearing::Told(Box::new(Informer::new(mem::take(extensions))));
        }
        if let Hearing::Told(informer) = &mut self.hearing {
            informer.say(response);
        }
    }

    /// Is ready when the server has what it wants before it answers, or has lost patience.
    fn poll_taking(&mut self, cx: &mut Context<'_>) -> Poll<Taken> {
        let goal = match self.visit.takes {
            Takes::All => usize::MAX,
            // hyper asks for content before it has an answer.
            Takes::UpTo(bytes) if self.visit.hears == Hears::Until => bytes.max(1),
            Takes::UpTo(bytes) => bytes,
        };
        let taken = self.intake.poll(goal, cx);
        if taken.is_ready() {
            return taken;
        }
        match &mut self.patience {
            Some(patience) => ready!(Pin::new(patience).poll(cx)),
            None => return Poll::Pending,
        }
        self.note(|sent| sent.received.starved = sent.received.first.is_none());
        Poll::Ready(Taken::Enough)
    }

    /// Gives the answer. Says whether the connection ends with it.
    fn answer(&mut self) -> bool {
        self.interim = None;
        // hyper drops the callback before anybody gets the response.
        self.hearing = Hearing::Over;
        let reply = match &self.visit.answer {
            Answer::Response(reply) => reply.clone(),
            Answer::Reset => {
                self.deliver(Err(RESET.into()));
                return true;
            }
            Answer::Silence => {
                self.stage.silence(1);
                self.phase = Phase::Silent;
                return false;
            }
        };
        let response = self.response(&reply);
        self.note(|sent| sent.answered = true);
        self.deliver(Ok(response));
        match self.visit.after {
            After::ReadsOn => self.phase = Phase::Answered,
            After::Stalls(time) => self.phase = Phase::Stalled(self.stage.clock.sleep(time)),
            After::Drops => return true,
        }
        false
    }

    fn response(&self, reply: &super::server::Reply) -> Response<Reply> {
        let body = Reply::new(&reply.body, self.sent, &self.line, &self.stage);
        let mut response = Response::builder().status(reply.status);
        // Else nothing is remembered of a request with credentials.
        response = response.header(header::CACHE_CONTROL, "public, max-age=3600");
        response = match (location(&reply.location, &self.stage, self.sent), reply.location) {
            (Some(location), _) => response.header(header::LOCATION, location),
            (None, Location::Region(region)) => response.header("x-amz-bucket-region", region),
            (None, _) => response,
        };
        response.body(body).expect("every part is valid")
    }

    fn deliver(&self, answer: Result<Response<Reply>, BoxError>) {
        let waker = {
            let mut line = self.line.borrow_mut();
            line.answer = Some(answer);
            line.call.take()
        };
        wake(waker);
    }

    /// Ends the connection whose content has failed.
    fn fail(&mut self, error: BoxError) -> Poll<()> {
        self.deliver(Err(error));
        self.close(Ending::Failed)
    }

    fn close(&mut self, ending: Ending) -> Poll<()> {
        if let Phase::Silent = self.phase {
            self.stage.silence(-1);
        }
        self.phase = Phase::Answered;
        self.hearing = Hearing::Over;
        (self.interim, self.patience) = (None, None);
        self.intake.close(ending);
        Poll::Ready(())
    }

    fn note(&self, note: impl FnOnce(&mut Sent)) {
        note(&mut self.stage.journal.borrow_mut().sent[self.sent]);
    }
}

/// The error of a connection that breaks.
pub const RESET: &str = "the connection was reset";

/// Writes a `Location`, if there is one.
fn location(location: &Location, stage: &Stage, sent: usize) -> Option<String> {
    Some(match location {
        Location::None | Location::Region(_) => return None,
        Location::Page(origin, page) => uri(*origin, *page),
        Location::Relative(page) => format!("p{page}"),
        Location::SamePath(origin) => {
            let journal = stage.journal.borrow();
            format!("{}{}", ORIGINS[*origin], journal.sent[sent].uri.path())
        }
        Location::Bad(text) => (*text).to_owned(),
    })
}
