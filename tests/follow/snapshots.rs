//! Sessions as a person would type them, in `snapshots/*.txt`: each line with a `$` is run, and what stands below it
//! must come: standard error, then standard output, then `[exit N]` if it failed.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test follow snapshots` writes them anew: read the difference.

use std::{env, fmt::Write as _, fs, path::Path};

use crate::{
    program::{Run, Scratch, follow, follow_in},
    server::{Connection, OK, Request, Server, redirect},
};

/// How long `big.iso` is.
const LARGE: usize = 2 << 20;

/// What happens at each path, at every host.
fn answer(connection: &mut Connection) -> Option<Request> {
    loop {
        let head = connection.head()?;
        let path = head.split(' ').nth(1).unwrap_or_default();
        match path.split('?').next().unwrap_or_default() {
            "/upload" => {
                connection.say(&redirect(307, "http://storage.test/upload/big.iso?sig=1a2b"))
            }
            "/upload/big.iso" => {
                connection.say("HTTP/1.1 100 Continue\r\n\r\n");
                connection.bytes(LARGE);
                connection.say(OK);
            }
            "/old" => connection.say(&redirect(302, "/new?token=secret#part")),
            "/circle" => connection.say(&redirect(302, "/circle")),
            "/mail" => connection.say(&redirect(302, "mailto:a@b.test")),
            "/inside" => connection.say(&redirect(302, "http://169.254.169.254/latest/meta-data")),
            "/form" => {
                connection.bytes("text".len());
                connection.say(&redirect(307, "http://storage.test/filled"));
            }
            "/post" => {
                connection.bytes("text".len());
                connection.say(&redirect(302, "/new"));
            }
            _ => connection.say(OK),
        }
    }
}

/// Plays the sessions of a file.
fn play(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/follow/snapshots").join(name);
    let expected = fs::read_to_string(&path).unwrap();
    let found = played(&expected);
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, expected, "{name}");
}

/// Runs every command of a session, and says what came.
fn played(session: &str) -> String {
    let server = Server::start(|mut connection| answer(&mut connection));
    let upload = Scratch::file("big.iso", &"x".repeat(LARGE));
    let to = format!("::{}", server.addr);
    let commands = session.lines().filter(|line| line.starts_with("$ "));
    let runs = commands.map(|command| {
        let words = words(command.strip_prefix("$ follow").expect("it is the only program"));
        let args = ["--connect-to", &to].into_iter().chain(words.iter().map(String::as_str));
        let run = follow_in(upload.folder(), &args.collect::<Vec<_>>());
        format!("{command}\n{}", shown(&run))
    });
    runs.collect::<Vec<_>>().join("\n")
}

/// What a person sees of a run, standard error first, without what differs from run to run.
fn shown(run: &Run) -> String {
    let mut shown = String::new();
    for line in run.stderr.lines().chain(run.stdout.lines()) {
        let line = hidden(&hidden(line, "\"ms\":"), "seconds: ");
        let _ = writeln!(shown, "{}", line.trim_end());
    }
    if run.code != 0 {
        let _ = writeln!(shown, "[exit {}]", run.code);
    }
    shown
}

/// A shell's words: quotes hold them together.
fn words(line: &str) -> Vec<String> {
    let pieces = line.split('\'').enumerate();
    let words = pieces.flat_map(|(nth, piece)| match nth % 2 {
        0 => piece.split_whitespace().map(String::from).collect(),
        _ => vec![piece.to_owned()],
    });
    words.collect()
}

/// Hides the number that stands behind a mark.
fn hidden(line: &str, mark: &str) -> String {
    let Some((before, after)) = line.split_once(mark) else { return line.into() };
    let rest = after.trim_start_matches(|next: char| next.is_ascii_digit() || next == '.');
    format!("{before}{mark}…{rest}")
}

#[test]
fn help() {
    play("help.txt");
}

#[test]
fn help_fits_a_screen() {
    let screens = [(&["-h"][..], 24, 80), (&["--help"], 24, 80), (&["--help", "all"], 50, 100)];
    for (args, lines, columns) in screens {
        let help = follow(args).stdout;
        assert!(help.lines().count() <= lines, "{help}");
        let longest = help.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(columns), "{longest:?}");
    }
}

#[test]
fn wrong_values() {
    play("wrong_values.txt");
}

#[test]
fn redirects() {
    play("redirects.txt");
}

#[test]
fn refusals() {
    play("refusals.txt");
}

#[test]
fn uploads() {
    play("upload.txt");
}

#[test]
fn reports() {
    play("reports.txt");
}

/// The README shows a session that is played here.
#[test]
fn the_readme_shows_what_happens() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let session = fs::read_to_string(root.join("tests/follow/snapshots/upload.txt")).unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains(session.trim_end()), "{session}");
}
