//! The running daemon, asked and steered through its commands; what it says is checked against real connections.

mod explain;
mod protected;
mod refused_writes;
mod reload;
mod socket;
mod stopping;
mod verdicts;

use std::fs;
use std::net::IpAddr;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::namespace::BPFFS;
use relay_guard_tests::scene::Scene;
use serde_json::Value;

/// More than any step here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Exit code and JSON of a command.
fn ask(guard: &Guard<'_>, words: &[&str]) -> Result<(i32, Value)> {
    let output = guard.cli(words.iter().copied().chain(["--json"]))?;
    let json = serde_json::from_slice(&output.stdout).with_context(|| format!("{words:?}: {output:?}"))?;
    Ok((output.status.code().context("killed")?, json))
}

fn explain(guard: &Guard<'_>, address: IpAddr) -> Result<(i32, Value)> {
    ask(guard, &["explain", &address.to_string()])
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether anything is left in the gateway's pin directory.
fn pins_left(scene: &Scene) -> bool {
    scene.lab.gateway.run(|| fs::exists(format!("{BPFFS}/relay-guard")).expect("the bpffs can be read"))
}
