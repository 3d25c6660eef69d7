//! What is sent, how often, and when.

use std::{thread, time::Duration};

use crate::{
    program::{Scratch, follow, follow_with},
    server::{OK, Request, Server, redirect},
};

#[test]
fn a_file_is_opened_again_for_the_next_hop() {
    let back = Server::answering(|_| OK.into());
    let target = back.url("/there");
    let front = Server::answering(move |_| redirect(307, &target));
    let content = "ha ".repeat(100_000);
    let file = Scratch::file("upload.txt", &content);
    let run =
        follow(&["-T", file.name(), "--no-expect", "-w", " %{size_upload}", &front.url("/here")]);
    run.succeeds(&format!("ok {}", 2 * content.len()));
    for server in [&front, &back] {
        let request = &server.requests()[0];
        assert!(request.head.starts_with("PUT "), "{}", request.head);
        assert_eq!(request.field("content-length"), Some(&*content.len().to_string()));
        assert_eq!(request.body, content.as_bytes());
    }
}

#[test]
fn a_folder_gets_the_name_of_the_file() {
    let server = Server::answering(|_| OK.into());
    let file = Scratch::file("a name.txt", "x");
    follow(&["-T", file.name(), &server.url("/folder/")]).succeeds("ok");
    assert_eq!(server.requests()[0].path(), "/folder/a%20name.txt");
}

#[test]
fn standard_input_moves_on_whole() {
    let back = Server::answering(|_| OK.into());
    let target = back.url("/there");
    // It never says 100 Continue, and reads all that comes nevertheless.
    let front = Server::start(move |mut connection| {
        let head = connection.head()?;
        connection.say(&redirect(307, &target));
        Some(Request { head, body: connection.rest() })
    });
    let content = "ha ".repeat(500_000);
    let format = " %{size_upload} %{num_redirects}";
    let run = follow_with(&["-T", "-", "-w", format, &front.url("/here")], &content);
    run.succeeds(&format!("ok {} 1", content.len()));
    let request = &front.requests()[0];
    assert_eq!(request.field("expect"), Some("100-continue"));
    assert_eq!(request.body.len(), 0);
    assert_eq!(back.requests()[0].body, content.as_bytes());
}

#[test]
fn standard_input_is_sent_again_from_a_spill() {
    let back = Server::answering(|_| OK.into());
    let target = back.url("/there");
    let front = Server::answering(move |_| redirect(307, &target));
    let content = "ha ".repeat(500_000);
    let url = front.url("/here");
    let flags = ["-T", "-", "--no-expect", "--spill", "1500000", "-w", " %{size_upload}", &url];
    follow_with(&flags, &content).succeeds(&format!("ok {}", 2 * content.len()));
    assert_eq!(back.requests()[0].body, content.as_bytes());
}

#[test]
fn an_upload_goes_on_after_an_early_answer() {
    let server = Server::start(|mut connection| {
        let head = connection.head()?;
        connection.say(OK);
        thread::sleep(Duration::from_millis(100));
        Some(Request { head, body: connection.chunks() })
    });
    let content = "ha ".repeat(1_000_000);
    let args = ["-T", "-", "--no-expect", "-w", " %{size_upload}", &server.url("/")];
    follow_with(&args, &content).succeeds(&format!("ok {}", content.len()));
    while server.requests().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(server.requests()[0].body.len(), content.len());
}

#[test]
fn what_was_sent_of_standard_input_is_gone_beyond_the_limit() {
    let front = Server::answering(|_| redirect(307, "/next"));
    let content = "ha ".repeat(100_000);
    let args = ["-T", "-", "--no-expect", "--replay-limit", "1000", &front.url("/here?secret")];
    let run = follow_with(&args, &content);
    run.fails(65, &front.url("/here?…"));
    assert!(!run.stderr.contains("secret"), "{}", run.stderr);
    let again =
        follow_with(&["-T", "-", "--no-expect", "--max-redirs", "1", &front.url("/")], "ha ha");
    again.fails(47, "too many redirects");
    assert!(front.requests().iter().rev().take(2).all(|request| request.body == b"ha ha"));
}

#[test]
fn waits_for_100_continue_as_long_as_it_is_told() {
    let server = Server::answering(|_| OK.into());
    let args = ["-d", "12345", "-w", " %{time_total}"];
    let flags = ["--expect100-threshold", "4", "--expect100-timeout", "1.3"];
    // This server reads on without a word.
    let run = follow(&[&args[..], &flags[..], &[&*server.url("/")]].concat());
    assert_eq!(run.code, 0);
    let time: f64 = run.stdout.trim_start_matches("ok ").parse().unwrap();
    // Longer than by default.
    assert!(time >= 1.3, "{time}");
    assert_eq!(server.requests()[0].field("expect"), Some("100-continue"));
}
