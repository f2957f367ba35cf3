//! The project's automation: everything a contributor or CI runs goes through `cargo xtask`.
//!
//! It knows how tools are installed, started and ordered; it knows nothing about mail or packets.
//!
//! Exit codes: 0 all is well; 1 the answer is no (a test or check failed); 2 it could not run. `demo` and
//! `bench` end with their program's own code.

mod bench;
mod check;
mod demo;
mod fuzz;
mod interrupt;
mod privilege;
mod process;
mod setup;
mod steps;
mod test;
mod vm;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How a run that could be carried out ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing to complain about: exit code 0.
    Fine,
    /// A test or check failed: exit code 1.
    No,
    /// The program that was started ended with this code.
    Code(u8),
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fine => Self::SUCCESS,
            Verdict::No => Self::from(1),
            Verdict::Code(code) => Self::from(code),
        }
    }
}

/// relay-guard's automation: install what is needed, test, demonstrate, check, measure, fuzz
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Examples:
  cargo xtask setup             install the BPF toolchain and the lab's programs
  cargo xtask test              every test, privileged ones included
  cargo xtask test -- cookie    only tests whose name contains \"cookie\"
  cargo xtask demo              see the guard stop a client in a private network
  cargo xtask check             format, lints, documentation, licences
  cargo xtask bench datapath    measure the kernel program
  cargo xtask fuzz --for 10m    look for inputs that break an invariant
  cargo xtask vm --kernel 6.1   the demonstration on Debian 12's kernel, in a virtual machine

Exit codes: 0 fine; 1 a test or check failed; 2 could not run."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what building and testing need; does nothing when all is there
    Setup(setup::Options),
    /// Run every test, privileged ones included (runs setup first)
    Test(test::Options),
    /// Build in release mode and run the demonstration (runs setup first)
    Demo(demo::Options),
    /// Check format, lints, documentation and licences
    Check(check::Options),
    /// Build and run a benchmark
    Bench(bench::Options),
    /// Look for inputs that break an invariant
    Fuzz(fuzz::Options),
    /// Run the demonstration on other kernels, in a virtual machine
    Vm(vm::Options),
}

impl Command {
    fn run(self) -> anyhow::Result<Verdict> {
        match self {
            Self::Setup(options) => setup::run(&options),
            Self::Test(options) => test::run(&options),
            Self::Demo(options) => demo::run(&options),
            Self::Check(options) => check::run(&options),
            Self::Bench(options) => bench::run(&options),
            Self::Fuzz(options) => fuzz::run(&options),
            Self::Vm(options) => vm::run(&options),
        }
    }
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let ended = interrupt::watch().and_then(|()| command.run());
    match ended {
        _ if interrupt::requested() => {
            eprintln!("xtask: interrupted");
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Ok(verdict) => verdict.into(),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_after_a_program_name_are_passed_on_untouched() {
        let cli = Cli::try_parse_from(["cargo xtask", "bench", "datapath", "--json", "-n", "3"]).unwrap();
        let Command::Bench(options) = cli.command else { panic!("not a bench: {cli:?}") };
        assert_eq!(options.args, ["--json", "-n", "3"]);
        let cli = Cli::try_parse_from(["cargo xtask", "demo", "--json", "fast"]).unwrap();
        let Command::Demo(options) = cli.command else { panic!("not a demo: {cli:?}") };
        assert_eq!(options.args, ["--json", "fast"]);
    }
}
