//! The table of calls, and the bounds that it keeps to.

use tower::BoxError;

use crate::{
    calls::{self, Call, Client, Content, Location, Policies, Texts},
    count::{Cost, count},
};

/// One line: a call, how our instructions may stand to tower-http's (a few percent above what was measured), and
/// how often we may allocate.
struct Row {
    name: &'static str,
    call: Call,
    bound: f64,
    allocations: f64,
}

/// How far a bound may be passed: another libc moves and allocates with other instructions.
const ELSEWHERE: f64 = 1.15;

/// Calls that are not redirected.
fn straight() -> Vec<Row> {
    let call = Call::default();
    let (full, stream) = (Content::Full(64), Content::Stream(65536));
    let row = |name, bound, allocations, call| Row { name, call, bound, allocations };
    vec![
        row("no fields", 0.83, 0.0, Call { fields: 0, ..call }),
        row("8 fields", 0.4, 1.0, call),
        row("14 fields", 0.31, 1.0, Call { fields: 14, ..call }),
        row("8 constant fields", 1.0, 1.0, Call { texts: Texts::Static, ..call }),
        row("14 constant fields", 0.96, 1.0, Call { texts: Texts::Static, fields: 14, ..call }),
        row("8 fields, boxed policy", 0.63, 1.0, Call { policy: Policies::Boxed, ..call }),
        row("no fields, Full", 2.1, 3.0, Call { fields: 0, content: full, ..call }),
        row("8 fields, Full", 1.02, 4.0, Call { content: full, ..call }),
        row("14 fields, Full", 0.57, 4.0, Call { fields: 14, content: full, ..call }),
        row("no fields, stream of 64 KiB", 14.6, 13.0, Call { fields: 0, content: stream, ..call }),
        row("8 fields, stream of 64 KiB", 4.6, 14.0, Call { content: stream, ..call }),
        row("14 fields, stream of 64 KiB", 2.9, 14.0, Call { fields: 14, content: stream, ..call }),
    ]
}

/// Calls that are redirected. Their costs are those of one hop.
fn redirected() -> Vec<Row> {
    let call = Call { redirects: 3, ..Call::default() };
    let row = |name, bound, allocations, call| Row { name, call, bound, allocations };
    let full = Content::Full(64);
    vec![
        row("1 hop", 2.3, 30.0, Call { redirects: 1, ..call }),
        row("3 hops", 1.15, 13.0, call),
        row("20 hops", 0.64, 6.0, Call { redirects: 20, ..call }),
        row("3 hops, no fields", 0.7, 5.0, Call { fields: 0, ..call }),
        row(
            "1 hop, constant fields",
            1.4,
            14.0,
            Call { texts: Texts::Static, redirects: 1, ..call },
        ),
        row("3 hops, constant fields", 0.97, 8.0, Call { texts: Texts::Static, ..call }),
        row("3 hops, absolute", 1.04, 13.0, Call { location: Location::Absolute, ..call }),
        row("3 hops, other origins", 1.65, 14.0, Call { location: Location::OtherOrigin, ..call }),
        row("3 hops, boxed policy", 1.1, 13.0, Call { policy: Policies::Boxed, ..call }),
        row("3 hops, Full", 1.28, 14.0, Call { content: full, ..call }),
        row(
            "3 hops, Full, 303",
            1.3,
            13.0,
            Call { content: full, location: Location::SeeOther, ..call },
        ),
    ]
}

/// Makes every call once, with every client.
pub fn try_all() {
    for Row { call, .. } in straight().into_iter().chain(redirected()) {
        for client in [Client::Direct, Client::Ours, Client::TowerHttp] {
            calls::make(client, call, 1);
        }
    }
}

/// Prints the table, and says which bounds are passed.
pub fn measure() -> Result<Vec<String>, BoxError> {
    let mut complaints = Vec::new();
    print_head("not redirected");
    for row in straight() {
        let (ours, theirs) = (added(Client::Ours, row.call)?, added(Client::TowerHttp, row.call)?);
        complaints.extend(row.judge(ours, theirs));
    }
    print_head("for each hop");
    for row in redirected() {
        let (ours, theirs) = (hop(Client::Ours, row.call)?, hop(Client::TowerHttp, row.call)?);
        complaints.extend(row.judge(ours, theirs));
    }
    Ok(complaints)
}

fn print_head(what: &str) {
    println!(
        "\n{what:<28} {:>8} {:>10} {:>6} {:>6} {:>12} {:>10}",
        "ours", "tower-http", "ratio", "bound", "allocations", "tower-http"
    );
}

impl Row {
    /// Prints the line, and complains of what is beyond its bound.
    fn judge(&self, ours: Cost, theirs: Cost) -> Vec<String> {
        let Self { name, bound, allocations, .. } = self;
        let ratio = ours.instructions / theirs.instructions;
        println!(
            "{name:<28} {:>8.0} {:>10.0} {ratio:>6.2} {bound:>6.2} {:>12.0} {:>10.0}",
            ours.instructions, theirs.instructions, ours.allocations, theirs.allocations
        );
        let most = bound * ELSEWHERE;
        let mut complaints = Vec::new();
        if ratio > most {
            complaints.push(format!("{name}: {ratio:.2} of tower-http's, {most:.2} at most"));
        }
        // Those of several hops are shared among these.
        if ours.allocations.round() > *allocations {
            let count = ours.allocations;
            complaints.push(format!("{name}: {count:.1} allocations, {allocations} at most"));
        }
        complaints
    }
}

/// Returns what a client costs more than the requests would by themselves.
pub fn added(client: Client, call: Call) -> Result<Cost, BoxError> {
    Ok(count(client, call)?.minus(count(Client::Direct, call)?))
}

/// Returns what each redirect of a call costs.
fn hop(client: Client, call: Call) -> Result<Cost, BoxError> {
    let none = Call { redirects: 0, ..call };
    let all = added(client, call)?.minus(added(client, none)?);
    Ok(all.divided_by(call.redirects))
}
