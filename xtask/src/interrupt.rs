//! Ctrl-C: the program that xtask started gets the signal from the terminal as well, so xtask only waits for
//! it to end, undoes what it must undo, and stops. A second Ctrl-C ends xtask at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// The shell's convention for "ended by SIGINT".
pub(crate) const EXIT_CODE: u8 = 130;

static REQUESTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Starts to take note of Ctrl-C.
///
/// # Errors
///
/// When the system refuses the signal handler.
pub(crate) fn watch() -> anyhow::Result<()> {
    let seen = REQUESTED.get_or_init(|| Arc::new(AtomicBool::new(false)));
    // The order matters: the first handler sees the flag as the second one left it last time.
    flag::register_conditional_shutdown(SIGINT, i32::from(EXIT_CODE), Arc::clone(seen))
        .and_then(|_| flag::register(SIGINT, Arc::clone(seen)))
        .context("cannot watch for Ctrl-C")?;
    Ok(())
}

/// Whether Ctrl-C was pressed.
pub(crate) fn requested() -> bool {
    REQUESTED.get().is_some_and(|seen| seen.load(Ordering::SeqCst))
}
