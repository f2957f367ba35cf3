//! The user's wish to stop: Ctrl-C, a signal, or a key in the live view.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

/// A flag that goes up once and stays up. Signals only raise it; who runs looks at it and cleans up in order.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// A flag that SIGINT, SIGTERM and SIGHUP raise, in place of ending the process; further ones do nothing.
    ///
    /// # Errors
    /// When the system refuses the signal handlers.
    pub fn on_signals() -> Result<Self> {
        let interrupt = Self::default();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let signals =
            runtime.block_on(async { kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>() });
        let signals = signals.context("cannot watch for Ctrl-C")?;
        let raised = interrupt.clone();
        thread::spawn(move || {
            runtime.block_on(async {
                let mut waiting = tokio::task::JoinSet::new();
                for mut one in signals {
                    waiting.spawn(async move { one.recv().await });
                }
                waiting.join_next().await;
            });
            raised.raise();
        });
        Ok(interrupt)
    }

    /// Raises the flag.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it is up.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
