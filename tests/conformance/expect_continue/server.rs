//! A server that plays a script: it says what the script says, when the script says so.

use std::{io, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use super::{
    http1, http2,
    stage::{Answer, End, Playing, Received, Stage, State},
    steps::{Step, When},
    vectors::{Vector, Version},
};
use crate::{network::Network, url::Url};

/// Between two repetitions of a step: a client must be able to keep up with a flood.
const PAUSE: Duration = Duration::from_millis(1);

/// The server of one vector, with all its connections.
pub struct Server {
    pub stage: Arc<Stage>,
    tasks: [JoinHandle<()>; 2],
}

impl Server {
    pub async fn start(vector: &Vector) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stage = Arc::new(Stage::new(Network::new(listener.local_addr()?)));
        let script = Script {
            steps: vector.server.clone(),
            stage: Arc::clone(&stage),
            current: None,
            heard: 0,
        };
        let accepting = accept(listener, Arc::clone(&stage), vector.request.version);
        Ok(Self { stage, tasks: [tokio::spawn(accepting), tokio::spawn(script.play())] })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn accept(listener: TcpListener, stage: Arc<Stage>, version: Version) {
    for number in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        stage.change(|state| state.connections += 1);
        let stage = Arc::clone(&stage);
        tokio::spawn(async move {
            // A connection that breaks is the client's decision.
            let _ = match version {
                Version::Http10 | Version::Http11 => http1::serve(stream, number, &stage).await,
                Version::Http2 => http2::serve(stream, number, &stage).await,
            };
            stage.change(|state| state.ended += 1);
        });
    }
}

/// The script, and where it is at.
struct Script {
    steps: Vec<Step>,
    stage: Arc<Stage>,
    /// The request that is being answered.
    current: Option<usize>,
    /// How many requests the script has turned to.
    heard: usize,
}

impl Script {
    async fn play(mut self) {
        for step in std::mem::take(&mut self.steps) {
            loop {
                let request = self.cue(&step).await;
                self.stage.change(|state| state.playing = Playing::Acting);
                sleep(step.delay()).await;
                let said = self.say(&step, request).await;
                if !step.repeat || said.is_err() {
                    break;
                }
                sleep(PAUSE).await;
            }
        }
        self.stage.change(|state| state.playing = Playing::Done);
    }

    /// Waits for what a step waits for, and returns the request that it answers.
    async fn cue(&mut self, step: &Step) -> usize {
        if let (When::AfterFinal | When::AfterMs, Some(last)) =
            (step.when, self.heard.checked_sub(1))
        {
            return last;
        }
        self.stage.change(|state| state.playing = Playing::Listening);
        if step.when == When::NextRequest {
            self.current = None;
        }
        let number = self.request().await;
        let has_come = |request: &Received| match step.when {
            When::Head | When::AfterMs | When::AfterFinal | When::NextRequest => true,
            When::Body => request.end == End::Complete,
            When::BodyBytes => request.content.len() >= step.bytes,
            When::Timeout => !request.content.is_empty(),
        };
        self.stage.until(|state| has_come(&state.requests[number])).await;
        if step.when == When::NextRequest {
            self.stage.change(|state| compare(step, number, state));
        }
        number
    }

    /// Returns the number of the request that is being answered, or of the next one.
    async fn request(&mut self) -> usize {
        if let Some(number) = self.current {
            return number;
        }
        let number = self.heard;
        self.stage.until(|state| state.requests.len() > number).await;
        self.heard += 1;
        self.current = Some(number);
        number
    }

    async fn say(&mut self, step: &Step, number: usize) -> io::Result<()> {
        let (line, method) = self.stage.see(|state| {
            let request = &state.requests[number];
            (request.line.clone(), request.method.clone())
        });
        if let Some(status) = step.final_status() {
            self.current = None;
            let content = step.raw.is_none().then(|| step.body.clone());
            self.stage.change(|state| state.answers.push(Answer { status, content }));
        }
        line.say(step, &method).await
    }
}

/// Compares a request with what the script says of it.
fn compare(step: &Step, number: usize, state: &mut State) {
    let request = &state.requests[number];
    let mut complaints = Vec::new();
    if let Some(url) = step.url.as_ref().map(|url| Url::parse(url).0) {
        if url != request.url {
            complaints.push(format!("request {number} is to {}, and not to {url}", request.url));
        }
    }
    if let Some(method) = step.method.as_ref().filter(|method| **method != request.method) {
        complaints.push(format!("request {number} is {}, and not {method}", request.method));
    }
    for name in step.headers_absent.iter().filter(|name| request.has(name)) {
        complaints.push(format!("{name} is in request {number}"));
    }
    state.complaints.extend(complaints);
}
