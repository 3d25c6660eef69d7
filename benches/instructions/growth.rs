//! How the cost grows: with fields, hops, content, policies and concurrent calls.

use std::{fs, ops::RangeInclusive};

use tower::BoxError;

use crate::{
    calls::{Call, Client, Content, Policies},
    plot::{self, Line, Plot},
    table::added,
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/growth.svg");

/// Measures, prints and draws every curve.
pub fn measure() -> Result<(), BoxError> {
    let call = Call::default();
    let redirected = Call { redirects: 1, ..call };
    let both = [("ours", Client::Ours), ("tower-http", Client::TowerHttp)];
    let ours = [("ours", Client::Ours)];
    let plots = [
        plot("header fields", steps(0..=64, 8), &both, |x| Call { fields: x, ..call })?,
        plot("redirects", steps(1..=20, 3), &both, |x| Call { redirects: x, ..call })?,
        plot("KiB in one piece", steps(0..=1024, 256), &both, |x| Call {
            content: Content::Full(x << 10),
            ..call
        })?,
        plot("KiB in pieces of 4 KiB", steps(0..=1024, 128), &both, |x| Call {
            content: Content::Stream(x << 10),
            ..call
        })?,
        plot("policies, 1 redirect", steps(1..=16, 3), &ours, |x| Call {
            policy: Policies::Joined(x),
            ..redirected
        })?,
        plot("concurrent calls, for each", vec![2, 4, 16, 64, 256], &both, |x| Call {
            concurrent: x,
            ..call
        })?,
    ];
    for plot in &plots {
        println!("\n{}", plot.title);
        for line in &plot.lines {
            line.print();
        }
    }
    fs::write(FILE, plot::svg(&plots))?;
    println!("\nwritten: {FILE}");
    Ok(())
}

fn steps(range: RangeInclusive<usize>, by: usize) -> Vec<usize> {
    range.step_by(by).collect()
}

/// Counts what each client adds to the calls.
fn plot(
    title: &'static str,
    xs: Vec<usize>,
    clients: &[(&'static str, Client)],
    call: impl Fn(usize) -> Call,
) -> Result<Plot, BoxError> {
    let line = |&(name, client)| {
        let point = |&x: &usize| {
            let call = call(x);
            let cost = added(client, call)?.divided_by(call.concurrent);
            Ok::<_, BoxError>((x as f64, cost.instructions))
        };
        let points = xs.iter().map(point).collect::<Result<_, _>>()?;
        Ok::<_, BoxError>(Line { name, points })
    };
    Ok(Plot { title, lines: clients.iter().map(line).collect::<Result<_, _>>()? })
}
