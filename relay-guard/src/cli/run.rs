//! `relay-guard run`.

use std::io::IsTerminal as _;

use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, registry};

use super::{Arguments, Outcome};
use crate::daemon;

/// How the targets begin that say nothing, whatever the environment asks for: names of zones hold keys, and hickory logs the
/// names that it asks for.
const SILENT: &str = "hickory";

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
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let timed = std::env::var_os("JOURNAL_STREAM").is_none();
    // Somebody who embeds the library may have set up a log already.
    let _ = log(filter, colours, timed, std::io::stderr).try_init();
}

fn log<W>(filter: EnvFilter, colours: bool, timed: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer).with_ansi(colours).with_target(false);
    let lines = if timed { lines.boxed() } else { lines.without_time().boxed() };
    registry().with(filter_fn(may_be_said)).with(filter).with(lines)
}

fn may_be_said(what: &Metadata<'_>) -> bool {
    !what.target().starts_with(SILENT)
}

#[cfg(test)]
mod tests;
