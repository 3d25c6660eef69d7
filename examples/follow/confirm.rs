//! `--confirm`: who says yes to a redirect of `--policy strict`.

use std::{
    fs::OpenOptions,
    io::{self, BufRead, BufReader, Write},
};

use tokio::task::spawn_blocking;
use tower_follow_redirect::policy::{
    StrictConfirm,
    strict::{Confirmation, Consent},
};

use crate::cli::Confirm;

/// Makes the policy that asks whom the flag names.
pub(crate) fn strict(confirm: Confirm) -> StrictConfirm {
    match confirm {
        Confirm::Yes => StrictConfirm::new(|_| async { Consent::Yes }),
        Confirm::No => StrictConfirm::new(|_| async { Consent::No }),
        Confirm::Ask => StrictConfirm::new(|confirmation| async {
            spawn_blocking(|| ask(confirmation)).await.map_err(io::Error::other)?
        }),
    }
}

/// Asks on the terminal: standard input may be what is uploaded.
fn ask(confirmation: Confirmation) -> io::Result<Consent> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let mut terminal =
        terminal.map_err(|error| io::Error::new(error.kind(), "there is no terminal to ask on"))?;
    write!(terminal, "follow: {confirmation} [y]es, [a]ll to there, [N]o: ")?;
    let mut answer = String::new();
    BufReader::new(terminal).read_line(&mut answer)?;
    Ok(match answer.trim() {
        "y" | "Y" | "yes" => Consent::Yes,
        "a" | "A" | "all" => Consent::ThisChain,
        _ => Consent::No,
    })
}
