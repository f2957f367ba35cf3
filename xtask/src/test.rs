//! `cargo xtask test`: every test there is, the quick ones first, and a little fuzzing last.
//!
//! All stages select the same crates and differ only in the targets they run: cargo would otherwise build the
//! dependencies again for every selection of features.

use std::process::Command;

use clap::Args;

use crate::Verdict;
use crate::fuzz;
use crate::privilege::Access;
use crate::setup::{self, Part};
use crate::steps::{Steps, Stream};
use crate::workspace::{KERNEL_CRATE, Workspace, host_triple};

/// Options of `cargo xtask test`.
#[derive(Args, Debug)]
#[command(
    after_help = "Tests run as root: those of the lab make network namespaces and load kernel programs.
For an ordinary user cargo starts them with `sudo -E`. Integration tests find the built program in
RELAY_GUARD_BIN.

Examples:
  cargo xtask test                                  everything, quick tests first, a minute of fuzzing last
  cargo xtask test -- cookie                        tests whose name contains \"cookie\"
  cargo xtask test -- -p relay-guard-common         one crate
  cargo xtask test -- --test lab -- --nocapture     one file of integration tests, with its output"
)]
pub(crate) struct Options {
    /// Arguments for `cargo test`; without any, everything is run
    #[arg(last = true, value_name = "CARGO TEST ARGUMENTS")]
    args: Vec<String>,
}

/// Carries out `cargo xtask test`.
///
/// # Errors
///
/// When setup cannot be completed, there is no way to root, or cargo cannot be run.
pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let mut steps = Steps::new(Stream::Stdout);
    setup::prepare(&parts(&options.args), &mut steps)?;
    let access = Access::probe();
    access.require("test")?;
    let workspace = Workspace::find()?;
    let host = host_triple()?;
    for (name, args) in stages(&options.args, |kind| workspace.has_target(kind)) {
        let mut command = workspace.cargo(args.iter().map(String::as_str));
        prepare(&mut command, &workspace, access, &host);
        if !steps.run(name, &mut command)? {
            break;
        }
    }
    if options.args.is_empty() && steps.verdict() == Verdict::Fine {
        fuzz::short(&workspace, &mut steps)?;
    }
    steps.summary();
    Ok(steps.verdict())
}

/// What the run needs: only the whole of it fuzzes.
fn parts(args: &[String]) -> Vec<Part> {
    let fuzz = args.is_empty().then_some(Part::Fuzz);
    [Part::Bpf, Part::Lab].into_iter().chain(fuzz).collect()
}

fn prepare(command: &mut Command, workspace: &Workspace, access: Access, host: &str) {
    command.env("RELAY_GUARD_BIN", workspace.program("debug", "relay-guard"));
    // Only `cargo test` starts what it builds; the same setting for all stages keeps their builds the same.
    if let Some((name, value)) = access.runner(host) {
        command.env(name, value);
    }
}

/// The cargo commands to run, in order, each with its name.
fn stages(args: &[String], has_target: impl Fn(&str) -> bool) -> Vec<(&'static str, Vec<String>)> {
    let everything = ["--workspace", "--exclude", KERNEL_CRATE];
    let stage = |words: &[&str], rest: &[String]| {
        words.iter().map(|&word| word.to_owned()).chain(rest.iter().cloned()).collect::<Vec<_>>()
    };
    let build = ("build", stage(&[&["build"], &everything[..], &["--bin", "relay-guard"]].concat(), &[]));
    if !args.is_empty() {
        let selection = if selects_crates(args) { &[][..] } else { &everything };
        return vec![build, ("tests", stage(&[&["test"], selection].concat(), args))];
    }
    let test = |targets: &[&str]| stage(&[&["test"], &everything[..], targets].concat(), &[]);
    let mut stages = vec![("unit tests", test(&["--lib", "--bins"])), build];
    if has_target("test") {
        stages.push(("integration tests", test(&["--test", "*"])));
    }
    stages.push(("documentation tests", test(&["--doc"])));
    stages
}

/// Whether cargo's own arguments (those before a `--`) say which crates to test.
fn selects_crates(args: &[String]) -> bool {
    let mut own = args.iter().take_while(|arg| *arg != "--");
    own.any(|arg| {
        arg.starts_with("-p")
            || arg.starts_with("--package")
            || arg == "--workspace"
            || arg.starts_with("--manifest-path")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(args: &[&str], with_integration_tests: bool) -> Vec<String> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let stages = stages(&args, |_| with_integration_tests);
        stages.into_iter().map(|(_, words)| words.join(" ")).collect()
    }

    #[test]
    fn the_program_is_built_before_the_integration_tests_that_run_it() {
        let all = "--workspace --exclude relay-guard-ebpf";
        let expected = [
            format!("test {all} --lib --bins"),
            format!("build {all} --bin relay-guard"),
            format!("test {all} --test *"),
            format!("test {all} --doc"),
        ];
        assert_eq!(lines(&[], true), expected);
        assert_eq!(lines(&[], false), [&expected[..2], &expected[3..]].concat());
    }

    #[test]
    fn arguments_narrow_one_run_of_cargo_test() {
        for (args, expected) in [
            (&["cookie"][..], "test --workspace --exclude relay-guard-ebpf cookie"),
            (&["-p", "xtask", "plan"], "test -p xtask plan"),
            (&["--package=xtask"], "test --package=xtask"),
            (&["lab", "--", "-p"], "test --workspace --exclude relay-guard-ebpf lab -- -p"),
        ] {
            assert_eq!(lines(args, true)[1..], [expected]);
        }
    }
}
