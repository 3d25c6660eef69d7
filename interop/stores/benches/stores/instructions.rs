//! How many instructions a call takes, as valgrind counts those that are executed.
//!
//! A process of its own makes calls; that which makes twice as many tells what starting up takes.

use std::{env, error::Error, io, process::Command};

use crate::calls::{Caller, Client};

/// The first argument of a process that makes calls.
pub const CHILD: &str = "--child";

const CALLS: u64 = 20_000;

/// Counts the instructions of one call, if valgrind is there.
pub fn of_a_call(client: Client) -> Result<Option<f64>, Box<dyn Error>> {
    let Some(once) = run(client, CALLS)? else { return Ok(None) };
    let Some(twice) = run(client, 2 * CALLS)? else { return Ok(None) };
    Ok(Some((twice as f64 - once as f64) / CALLS as f64))
}

fn run(client: Client, calls: u64) -> Result<Option<u64>, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([CHILD, client.name(), &calls.to_string()])
        .output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        output => output?,
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("valgrind failed: {}\n{said}", output.status).into());
    }
    // `==1== Collected : 123`
    let count = said.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = count.ok_or_else(|| format!("valgrind counted nothing:\n{said}"))?;
    Ok(Some(count.trim().parse()?))
}

/// Makes the calls that the arguments say.
pub fn child(args: &[String]) -> Result<(), Box<dyn Error>> {
    let [name, calls] = args else { return Err("no such calls".into()) };
    let client = Client::ALL.into_iter().find(|client| client.name() == name);
    Caller::new(client.ok_or("no such client")?).calls(calls.parse()?);
    Ok(())
}
