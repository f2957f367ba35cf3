//! The demonstration: mail through a guarded gateway for half a minute, judged by what arrived.
//!
//! Clean senders deliver; those on one list are dropped and learn nothing, those on another are refused and learn why; an
//! inside host turns zombie, is found and contained, while the declared mail server and an excepted monitoring host keep
//! sending. Everything is real but the machines: the lab's
//! namespaces, TCP, SMTP, and the program under test in the kernel. What the program *says* is only shown; what counts
//! is what the clients and servers saw, and whom it contained.

mod display;
mod flow;
mod interrupt;
mod observer;
mod play;
mod progress;
mod report;
mod scenario;
mod screen;
mod snapshot;
mod summary;
mod traffic;

use anyhow::Result;

pub use interrupt::Interrupt;
pub use report::Report;
pub use scenario::{DEFAULT_SECONDS, LEAST_SECONDS};

/// What the demonstration is asked to do.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long traffic runs, in seconds; at least [`LEAST_SECONDS`].
    pub seconds: u64,
    /// Lines instead of the live view, also at a terminal.
    pub plain: bool,
}

/// How it ended, if it could run at all.
#[derive(Debug)]
pub enum End {
    /// It ran to its end.
    Finished {
        /// The result.
        report: Box<Report>,
        /// The same as a table for people, within 80 columns.
        summary: String,
    },
    /// The user stopped it.
    Interrupted,
}

/// Runs the demonstration; nothing of it is left when this returns, whatever it returns. Progress goes to standard
/// error.
///
/// # Errors
/// When it could not run: no root, no program, a lab that does not work without the guard, a guard that does not start.
pub fn run(options: Options, interrupt: &Interrupt) -> Result<End> {
    play::run(options, interrupt)
}
