//! `permanent-cache.json`: remembered permanent redirects, against a scripted service and a clock that
//! the vector turns.

mod clock;
mod config;
mod play;
mod script;
mod shelf;
mod vectors;

use serde::Deserialize;
use serde_json::Value;

pub use self::vectors::Vector;
use self::{config::Config, play::Play};
use crate::vector::{self, Verdict};

/// What a file says besides its vectors. Were it something else, each of them would mean something
/// else.
#[derive(Deserialize)]
struct Frame {
    format: u32,
    clock_start: String,
    defaults: Config,
}

impl vector::Vector for Vector {
    fn check_file(file: &Value) -> Result<(), String> {
        let frame = Frame::deserialize(file).map_err(|error| error.to_string())?;
        if frame.format != 1 || frame.clock_start != clock::START_AS_TEXT {
            return Err(format!("format {}, clock at {}", frame.format, frame.clock_start));
        }
        if frame.defaults != Config::default() {
            return Err("the defaults are not ours".into());
        }
        Ok(())
    }

    fn read(_: &str, value: &Value) -> serde_json::Result<Self> {
        Self::deserialize(value)
    }

    fn class(&self) -> &str {
        &self.level
    }

    /// What the vectors call a policy is this crate's.
    fn is_open(&self) -> bool {
        false
    }

    async fn judge(&self) -> Verdict {
        let mut play = match Play::of(self) {
            Ok(play) => play,
            Err(verdict) => return verdict,
        };
        for (index, step) in self.steps.iter().enumerate() {
            match play.step(step).await {
                Ok(differ) => {
                    if let Some(text) = differ.text() {
                        return Verdict::Deviates(format!("step {index}: {text}"));
                    }
                }
                Err(why) => return Verdict::Unreadable(format!("step {index}: {why}")),
            }
        }
        Verdict::Passed
    }
}
