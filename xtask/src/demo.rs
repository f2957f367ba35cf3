//! `cargo xtask demo`: the demonstration, built as for use. Everything but its own output goes to standard
//! error, so that the last line of standard output is its result.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::Verdict;
use crate::privilege::Access;
use crate::process;
use crate::setup::{self, Part};
use crate::steps::{Steps, Stream};
use crate::workspace::Workspace;

/// Options of `cargo xtask demo`.
#[derive(Args, Debug)]
#[command(after_help = "Needs root, or sudo. Ends with the demonstration's own exit code.

Examples:
  cargo xtask demo              for people
  cargo xtask demo --json       the result as one line of JSON, the last of standard output
  cargo xtask demo -- --help    what else it takes")]
pub(crate) struct Options {
    /// Passed on to the demonstration
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<OsString>,
}

/// Carries out `cargo xtask demo`.
///
/// # Errors
///
/// When setup cannot be completed, there is no way to root, or something does not build or start.
pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let mut steps = Steps::new(Stream::Stderr);
    setup::prepare(&[Part::Bpf, Part::Lab], &mut steps)?;
    let access = Access::probe();
    access.require("demo")?;
    let workspace = Workspace::find()?;
    build(&mut steps, &workspace, &["-p", "relay-guard"])?;
    build(&mut steps, &workspace, &["-p", "relay-guard-tests", "--bin", "demo"])?;
    let mut demo = access.command(&workspace.program("release", "demo"));
    demo.args(&options.args).env("RELAY_GUARD_BIN", workspace.program("release", "relay-guard"));
    start(&mut demo)
}

/// Builds `what` in release mode.
///
/// # Errors
///
/// When it does not build.
pub(crate) fn build(steps: &mut Steps, workspace: &Workspace, what: &[&str]) -> anyhow::Result<()> {
    let mut command = workspace.cargo(["build", "--release"]);
    if !steps.run("build", command.args(what))? {
        bail!(
            "cargo build --release {}: failed; `cargo xtask setup` installs what building needs",
            what.join(" ")
        );
    }
    Ok(())
}

/// Runs a program that has our standard output to itself; its exit code becomes ours.
///
/// # Errors
///
/// When it cannot be started.
pub(crate) fn start(program: &mut Command) -> anyhow::Result<Verdict> {
    let status = program.status().with_context(|| format!("{}: cannot start", process::shown(program)))?;
    Ok(Verdict::Code(process::exit_code(status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_exit_code_becomes_ours() {
        assert_eq!(start(&mut process::command("sh", ["-c", "exit 3"])).unwrap(), Verdict::Code(3));
        let error = start(&mut Command::new("/no/demo")).unwrap_err();
        assert!(format!("{error:#}").starts_with("demo: cannot start: "), "{error:#}");
    }
}
