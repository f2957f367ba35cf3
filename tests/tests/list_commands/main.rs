//! `relay-guard list` and its subcommands that need no daemon, from end to end: what they print, as text and as JSON,
//! and their exit codes. Needs neither root nor the network, but for `served`.

mod check;
mod convert;
mod diff;
mod overlap;
mod refusals;
mod search;
mod served;

use std::process::Output;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::offline::Offline;
use serde_json::Value;

/// Columns of a terminal that everything must fit.
const COLUMNS: usize = 80;

/// What a command printed, which must have ended with `code`, said nothing on standard error and used no colours.
fn printed(output: &Output, code: i32) -> Result<String> {
    ensure!(output.status.code() == Some(code) && output.stderr.is_empty(), "not {code}, silent: {output:?}");
    ensure!(!output.stdout.contains(&0x1b), "colours without a terminal: {output:?}");
    Ok(String::from_utf8(output.stdout.clone())?)
}

/// The same as JSON.
fn json(output: &Output, code: i32) -> Result<Value> {
    serde_json::from_str(&printed(output, code)?).with_context(|| format!("no JSON: {output:?}"))
}

/// Checks that no line is wider than a terminal.
fn assert_fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "{} characters: {line}", line.chars().count());
    }
}

/// A configuration with these lists: names and files.
fn configure(offline: &Offline, lists: &[(&str, &str)]) -> Result<()> {
    let mut text = "[interfaces]\noutside = [\"eth0\"]\n".to_owned();
    for (name, file) in lists {
        text += &format!("[[lists]]\nname = \"{name}\"\nfile = \"{file}\"\n");
    }
    offline.write("guard.toml", text)
}
