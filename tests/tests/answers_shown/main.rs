//! What an administrator sees of answering: `explain` says what senders get, `status` and `list` what came of it.

mod contained;
mod explained;
mod shown;

use std::net::IpAddr;

use anyhow::{Context as _, Result, bail};
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::lab::Lab;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::namespace::Namespace;
use relay_guard_tests::scene::Scene;
use relay_guard_tests::smtp::{Delivery, Outcome, Stage};
use serde_json::Value;

/// What the guard calls itself when it answers.
const NAME: &str = "mx.guarded.example";

/// Starts the daemon, with a section about answers behind what the configuration says.
fn start<'lab>(lab: &'lab Lab, config: &GuardConfig) -> Result<Guard<'lab>> {
    start_with(lab, config, "")
}

/// The same with these lines behind it all.
fn start_with<'lab>(lab: &'lab Lab, config: &GuardConfig, more: &str) -> Result<Guard<'lab>> {
    let config = config.to_toml()?;
    let answers = format!("[answers]\nname = \"{NAME}\"\ncontact = \"postmaster@guarded.example\"\n");
    let mut guard = Guard::with_config_text(lab, &format!("{config}\n{answers}{more}"))?;
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

/// A dialogue of a client that is greeted, and refused like this at its recipient.
fn refused_dialogue(refusal: &str) -> Vec<(String, String)> {
    let greeting = format!("220 {NAME} SMTP");
    let hello = format!("250 {NAME}");
    [
        ("SYN", "SYN-ACK"),
        ("ACK", &greeting),
        ("EHLO relay-guard.invalid", &hello),
        ("MAIL FROM:<>", "250 2.1.0 Ok"),
        ("RCPT TO:<postmaster>", refusal),
        ("QUIT", "221 2.0.0 Bye"),
    ]
    .map(|(client, server)| (client.to_owned(), server.to_owned()))
    .to_vec()
}

/// The refusal that a real client gets: the stage, the whole line.
fn refusal(namespace: &Namespace, delivery: &Delivery) -> Result<(Stage, String)> {
    match delivery.attempt_in(namespace) {
        Outcome::Rejected { stage, code, text } => Ok((stage, format!("{code} {text}"))),
        other => bail!("{}: {other}", delivery.source),
    }
}
