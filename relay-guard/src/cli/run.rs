//! `relay-guard run`.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::{Arguments, Outcome};
use crate::daemon;

/// What says nothing, whatever the environment asks for: names of zones hold keys, and hickory logs the names it asks for.
const SILENT: [&str; 3] = ["hickory_net=off", "hickory_proto=off", "hickory_resolver=off"];

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    start_log();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(daemon::run(&arguments.config));
    // A resolver or a file server that does not answer is not waited for.
    runtime.shutdown_background();
    ended?;
    Ok(Outcome::Fine)
}

/// Log lines go to stderr; under systemd the journal brings the time.
fn start_log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = SILENT.iter().fold(filter, |filter, quiet| match quiet.parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    });
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(false);
    // Somebody who embeds the library may have set up a log already.
    let _ = if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.without_time().try_init()
    } else {
        log.try_init()
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_silent_is_a_directive() {
        for quiet in SILENT {
            quiet.parse::<tracing_subscriber::filter::Directive>().unwrap();
        }
    }
}
