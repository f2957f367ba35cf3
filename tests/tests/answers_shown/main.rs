//! What an administrator sees of answering: `explain` says what senders get, `status` and `list` what came of it.

mod explained;
mod shown;

use std::net::IpAddr;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::lab::Lab;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::scene::Scene;
use serde_json::Value;

/// What the guard calls itself when it answers.
const NAME: &str = "mx.guarded.example";
/// What contained hosts, and those that write to listed destinations, are told.
const OUTBOUND_TEXT: &str = "ask the people on the second floor";

/// Starts the daemon, with a section about answers behind what the configuration says.
fn start<'lab>(lab: &'lab Lab, config: &GuardConfig) -> Result<Guard<'lab>> {
    let answers = format!(
        "\n[answers]\nname = \"{NAME}\"\ncontact = \"postmaster@guarded.example\"\noutbound_text = \"{OUTBOUND_TEXT}\"\n"
    );
    let mut guard = Guard::with_config_text(lab, &(config.to_toml()? + &answers))?;
    guard.run()?;
    guard.wait_ready()?;
    Ok(guard)
}

/// The `n`th senders that belong to the `list`th list of a test, one of each family.
fn senders(list: u32, n: u32) -> [IpAddr; 2] {
    [nth(addr::SPARE_V4, list * 256 + n), nth(addr::SPARE_V6, list * 256 + n)]
}

/// A list of the senders 0 to 9 of a number, with an action.
fn list(scene: &Scene, name: &str, action: &'static str, number: u32) -> Result<List> {
    let lines: String = (0..10).flat_map(|n| senders(number, n)).map(|one| format!("{one}\n")).collect();
    Ok(List { file: scene.lab.write_file(&format!("{name}.txt"), &lines)?, ..List::new(name, action) })
}

/// What `explain --json` says of an address at a port.
fn explain(guard: &Guard<'_>, address: IpAddr, port: u16) -> Result<Value> {
    guard.request("GET", &format!("/v1/explain?address={address}&port={port}"), None)?.json()
}

/// What a client of a judgement sends and gets, each in words.
fn dialogue(judgement: &Value) -> Result<Vec<(String, String)>> {
    let exchanges = judgement["answer"]["dialogue"].as_array();
    let word = |value: &Value| value.as_str().unwrap_or("(nothing)").to_owned();
    let exchanges = exchanges.with_context(|| format!("no dialogue: {judgement:#}"))?;
    Ok(exchanges.iter().map(|one| (word(&one["client"]), word(&one["server"]))).collect())
}
