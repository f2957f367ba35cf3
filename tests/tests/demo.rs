//! The demonstration, as `cargo xtask demo` runs it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::child::run_to_end;
use serde_json::{Value, json};

/// Columns of a terminal.
const COLUMNS: usize = 80;
/// The shortest that it takes.
const SECONDS: u64 = 12;

#[test]
fn it_shows_all_that_it_promises() -> Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(["--json", "--seconds", &SECONDS.to_string()]);
    let output = run_to_end(command, Duration::from_secs(SECONDS + 60))?;
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let report: Value = serde_json::from_str(stdout.lines().last().context("a last line")?)
        .with_context(|| format!("{stdout}\n{stderr}"))?;
    assert_eq!(output.status.code(), Some(0), "{report:#}\n{stderr}");
    for (key, value) in [
        ("ok", json!(true)),
        ("problems", json!([])),
        ("listed_connections_passed", json!(0)),
        ("listed_connections_reset", json!(0)),
        ("refusals_missing", json!(0)),
        ("refused_connections_passed", json!(0)),
        ("clean_connections_failed", json!(0)),
        ("hosts_wrongly_contained", json!(0)),
        ("zombie_connections_after_containment", json!(0)),
        ("declared_messages_failed", json!(0)),
        ("excepted_messages_failed", json!(0)),
        ("workstation_messages_failed", json!(0)),
        ("attach_modes", json!({"in0": "native", "out0": "native", "srv0": "native"})),
    ] {
        assert_eq!(report[key], value, "{key} of {report:#}");
    }
    for key in [
        "listed_connections_blocked",
        "refusals_received",
        "clean_connections_ok",
        "zombies_found",
        "zombie_connections_blocked",
        "zombie_messages_delivered",
        "declared_messages_ok",
        "excepted_messages_ok",
        "workstation_messages_ok",
    ] {
        assert!(report[key].as_u64() > Some(0), "{key} of {report:#}");
    }
    let refusal = report["refusal_as_received"].as_str().context("one refusal")?;
    assert!(
        refusal.starts_with("550 5.7.1 198.19.66.") && refusal.contains(" is on demo-refuse"),
        "{refusal}"
    );
    let shown = report["refused_sender_shown"].as_str().context("one refused sender")?;
    assert!(shown.contains(" from <someone@sender.example> to <user@guarded.example>"), "{shown}");
    for line in stderr.lines() {
        assert!(line.chars().count() <= COLUMNS, "wider than a terminal: {line:?}");
    }
    assert!(stderr.contains("\n  550 5.7.1 198.19.66."), "a refusal in the summary:\n{stderr}");
    assert!(report["duration_s"].as_f64() >= Some(SECONDS as f64), "{report:#}");
    Ok(())
}

#[test]
fn it_says_in_one_line_what_it_lacks() -> Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.env("RELAY_GUARD_BIN", "/nowhere/relay-guard");
    let output = run_to_end(command, Duration::from_secs(60))?;
    let stderr = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let last = stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("demo: ") && last.contains("/nowhere/relay-guard"), "{stderr}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(["--seconds", "3"]);
    assert_eq!(
        run_to_end(command, Duration::from_secs(10))?.status.code(),
        Some(2),
        "too short to show anything"
    );
    Ok(())
}
