//! What a person at a terminal sees: colours, and how far an upload is.

use crate::{
    program::{Scratch, follow, follow_on_a_terminal},
    server::{Connection, OK, Request, Server, redirect},
};

const RED: &str = "\x1b[1m\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";

fn redirecting() -> Server {
    Server::answering(|request| match request.path() {
        "/old" => redirect(302, "/new"),
        "/mail" => redirect(302, "mailto:a@b.test"),
        _ => OK.into(),
    })
}

#[test]
fn statuses_have_colours() {
    let shown = follow_on_a_terminal(&[], &["-v", &redirecting().url("/old")], "");
    assert!(shown.contains(&format!("{YELLOW}HTTP/1.1 302 Found")), "{shown:?}");
    assert!(shown.contains(&format!("{GREEN}HTTP/1.1 200 OK")), "{shown:?}");
    assert!(shown.contains("\x1b[1mGET /old HTTP/1.1"), "{shown:?}");
}

#[test]
fn a_failure_is_red() {
    let shown = follow_on_a_terminal(&[], &[&redirecting().url("/mail")], "");
    assert!(shown.starts_with(&format!("{RED}follow:")), "{shown:?}");
}

#[test]
fn there_are_no_colours_where_nobody_wants_them() {
    let server = redirecting();
    for path in ["/old", "/mail"] {
        let args = ["-v", &*server.url(path)];
        let no_colour = follow_on_a_terminal(&[("NO_COLOR", "1")], &args, "");
        let dumb = follow_on_a_terminal(&[("TERM", "dumb")], &args, "");
        let run = follow(&args);
        for shown in [no_colour, dumb, run.stdout, run.stderr] {
            assert!(!shown.contains('\x1b'), "{shown:?}");
        }
    }
}

/// Asks for the content, and answers once it has come.
fn uploading(length: usize) -> Server {
    Server::start(move |mut connection: Connection| -> Option<Request> {
        loop {
            connection.head()?;
            connection.say("HTTP/1.1 100 Continue\r\n\r\n");
            connection.bytes(length);
            connection.say(OK);
        }
    })
}

#[test]
fn a_large_upload_shows_how_far_it_is() {
    let length = 3 << 20;
    let file = Scratch::file("large", &"x".repeat(length));
    let server = uploading(length);
    let shown = follow_on_a_terminal(&[], &["-v", "-T", file.name(), &server.url("/")], "");
    let whole = "uploaded 3.0 of 3.0 MiB (100 %), ";
    // It is drawn over itself, and is gone before the next line.
    let (_, after) = shown.split_once(whole).unwrap_or_else(|| panic!("{shown:?}"));
    let (rate, after) = after.split_once("\r\x1b[K").unwrap_or_else(|| panic!("{shown:?}"));
    assert!(rate.ends_with(" MiB/s"), "{shown:?}");
    assert!(after.contains("HTTP/1.1 200 OK") && !after.contains("uploaded"), "{shown:?}");
}

#[test]
fn a_small_upload_or_one_to_a_file_shows_no_progress() {
    let length = 1 << 20;
    let file = Scratch::file("small", &"x".repeat(length));
    let server = uploading(length);
    let args = ["-v", "-T", file.name(), &*server.url("/")];
    let shown = follow_on_a_terminal(&[], &args, "");
    assert!(shown.contains("200 OK") && !shown.contains("uploaded"), "{shown:?}");

    let length = 3 << 20;
    let file = Scratch::file("large", &"x".repeat(length));
    let run = follow(&["-v", "-T", file.name(), &uploading(length).url("/")]);
    assert!(run.stderr.contains("200 OK") && !run.stderr.contains("uploaded"), "{}", run.stderr);
}
