//! `cargo xtask check`: what a change must pass besides the tests. It needs neither root nor a BPF toolchain.

mod licences;
mod spdx;

use std::fs;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::Verdict;
use crate::process;
use crate::steps::{Outcome, Steps, Stream};
use crate::workspace::{KERNEL_CRATE, Workspace};

/// Options of `cargo xtask check`.
#[derive(Args, Debug)]
#[command(
    after_help = "All checks are run even if one fails. Licences, bans and sources are checked by cargo-deny if
it is installed, otherwise licences and sources by a built-in reader of deny.toml. Advisories are
never checked here: their database has to be fetched, and this works without a network.

Examples:
  cargo xtask check
  cargo fmt --all && cargo xtask check"
)]
pub(crate) struct Options {}

/// Carries out `cargo xtask check`.
///
/// # Errors
///
/// When cargo cannot be run at all.
pub(crate) fn run(_options: &Options) -> anyhow::Result<Verdict> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(Stream::Stdout);
    for (name, mut command) in commands(&workspace) {
        steps.run(name, &mut command)?;
    }
    dependencies(&workspace, &mut steps)?;
    steps.summary();
    Ok(steps.verdict())
}

/// The kernel crate goes separately: together with the others its `no_std` dependencies would get their `std`
/// features.
fn commands(workspace: &Workspace) -> Vec<(&'static str, Command)> {
    let others = ["--workspace", "--exclude", KERNEL_CRATE];
    let kernel = ["--package", KERNEL_CRATE];
    let clippy = |targets: &[&'static str]| {
        workspace.cargo([&["clippy"], targets, &["--", "-D", "warnings"]].concat())
    };
    let doc = |crates: &[&'static str]| {
        let words = [&["doc", "--no-deps", "--document-private-items"], crates].concat();
        let mut command = workspace.cargo(words);
        command.env("RUSTDOCFLAGS", "-D warnings");
        command
    };
    vec![
        ("format", workspace.cargo(["fmt", "--all", "--check"])),
        ("lints", clippy(&[&others[..], &["--all-targets"]].concat())),
        ("lints, kernel crate", clippy(&kernel)),
        ("documentation", doc(&others)),
        ("documentation, kernel crate", doc(&kernel)),
    ]
}

fn dependencies(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let name = "licences, sources";
    let checked = if process::find_program("cargo-deny").is_some() {
        cargo_deny(workspace).and_then(|mut command| steps.run(name, &mut command))
    } else {
        built_in(name, workspace, steps)
    };
    // A check that could not be made must not hide what the others found.
    if let Err(error) = checked {
        steps.step(name, "could not run", || Ok(Outcome::Failed(format!("{error:#}"))))?;
    }
    let why = "not checked: needs the network (`cargo deny check advisories`)".to_owned();
    steps.step("advisories", "known vulnerabilities", || Ok(Outcome::Skipped(why)))?;
    Ok(())
}

/// Left to itself, cargo-deny asks for the dependencies on every platform, and those are not downloaded.
fn cargo_deny(workspace: &Workspace) -> anyhow::Result<Command> {
    let list = workspace.target().join("xtask-dependencies.json");
    let what = || format!("{}: cannot write", list.display());
    fs::create_dir_all(workspace.target()).with_context(what)?;
    fs::write(&list, licences::dependencies(workspace)?.to_string()).with_context(what)?;
    let mut command = workspace.cargo(["deny", "--offline", "--metadata-path"]);
    command.arg(&list).args(["check", "licenses", "bans", "sources"]);
    Ok(command)
}

fn built_in(name: &str, workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<bool> {
    let mut problems = Vec::new();
    let detail = "built-in check against deny.toml (cargo-deny is not installed)";
    let fine = steps.step(name, detail, || {
        problems = licences::problems(workspace)?;
        Ok(match problems.len() {
            0 => Outcome::Done,
            count => Outcome::Failed(format!("{count} not allowed")),
        })
    })?;
    for problem in &problems {
        steps.say(&format!("    {problem}"));
    }
    Ok(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_crate_is_checked_like_the_others_but_apart_from_them() {
        let workspace = Workspace::find().unwrap();
        let lines: Vec<_> = commands(&workspace).iter().map(|(_, command)| process::shown(command)).collect();
        assert_eq!(
            lines[1],
            "cargo clippy --workspace --exclude relay-guard-ebpf --all-targets -- -D warnings"
        );
        assert_eq!(lines[2], "cargo clippy --package relay-guard-ebpf -- -D warnings");
        assert_eq!(lines[4], "cargo doc --no-deps --document-private-items --package relay-guard-ebpf");
    }
}
