//! The command line: arguments, exit codes, and one file per command.
//!
//! Exit codes: 0 fine; 1 the answer is no; 2 could not run.

mod answers;
mod args;
mod check;
mod detach;
mod directories;
mod dnsbl;
mod explain;
mod hosts;
mod inspection;
mod list;
mod listed;
mod net;
mod output;
mod progress;
mod refused;
mod reload;
mod replay;
mod run;
mod status;
mod verdicts;

use std::process::ExitCode;

use clap::{Parser as _, error::ErrorKind};

pub use args::{Arguments, Command, ListedArguments, ZoneSelection};
pub use dnsbl::DnsblCommand;
pub use list::ListCommand;
pub use replay::ReplayArguments;

/// What a command comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Fine,
    /// Exit code 1: it ran, and the answer is no.
    No,
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    match dispatch(&arguments) {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Err(error) => {
            output::failure(&error);
            ExitCode::from(2)
        }
    }
}

/// Help goes to stdout with 0, mistakes to stderr with 2.
fn usage(error: &clap::Error) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if is_help {
        // A reader that has gone away is no error of ours.
        let _ = error.print();
    } else {
        output::failure(&anyhow::Error::msg(mistake(&error.to_string())));
    }
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// clap's paragraphs on one line, like every other error: what is wrong, and what may have been meant.
fn mistake(paragraphs: &str) -> String {
    let said = paragraphs.lines().take_while(|line| !line.starts_with("Usage:"));
    let said: Vec<_> = said.map(str::trim).filter(|line| !line.is_empty()).collect();
    let said = said.join("; ").replace(":; ", ": ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    let said = said.strip_suffix("; For more information, try '--help'.").unwrap_or(said);
    format!("{said}; see `relay-guard --help`")
}

fn dispatch(arguments: &Arguments) -> anyhow::Result<Outcome> {
    match &arguments.command {
        Command::Run => run::run(arguments),
        Command::Check => check::run(arguments),
        Command::Status { refused: false } => status::run(arguments),
        Command::Status { refused: true } => refused::run(arguments),
        Command::Explain { address, port } => explain::run(arguments, address, *port),
        Command::Block(request) => verdicts::put(arguments, crate::policy::VerdictKind::Block, request),
        Command::Allow(request) => verdicts::put(arguments, crate::policy::VerdictKind::Allow, request),
        Command::Remove { net } => verdicts::remove(arguments, net),
        Command::Verdicts => verdicts::list(arguments),
        Command::Hosts { address, events } => hosts::run(arguments, address.as_deref(), *events),
        Command::Release { address } => hosts::release(arguments, address),
        Command::List { command } => list::run(arguments, command.as_ref()),
        Command::Dnsbl { command } => dnsbl::run(arguments, command.as_ref()),
        Command::Listed(request) => listed::run(arguments, request),
        Command::Replay(request) => replay::run(arguments, request),
        Command::Reload => reload::run(arguments),
        Command::Detach => detach::run(arguments),
    }
}
