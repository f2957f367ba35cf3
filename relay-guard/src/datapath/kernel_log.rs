//! The kernel programs' log lines (aya-log), where they were loaded with the switch on.
#![expect(unsafe_code, reason = "polling a descriptor that aya owns")]

use aya_log::EbpfLogger;
use tokio::io::{Interest, unix::AsyncFd};

use super::{Datapath, DatapathError};

impl Datapath {
    /// Passes the programs' log lines on to the `log` crate for as long as the runtime lives. Needs a tokio runtime.
    ///
    /// # Errors
    /// If the ring is taken already or cannot be polled.
    pub fn forward_log(&mut self) -> Result<(), DatapathError> {
        let failed = |error: &dyn std::fmt::Display| DatapathError::Map {
            what: "read the kernel programs' log",
            error: error.to_string(),
        };
        let logger = EbpfLogger::init(self.programs()).map_err(|error| failed(&error))?;
        // SAFETY: the ring's descriptor stays the same and open as long as the logger, which the `AsyncFd` owns.
        let logger = unsafe { AsyncFd::register_with_interest(logger, Interest::READABLE) }
            .map_err(|error| failed(&error))?;
        tokio::spawn(forward(logger));
        Ok(())
    }
}

async fn forward<T: log::Log>(mut logger: AsyncFd<EbpfLogger<T>>) {
    while let Ok(mut ready) = logger.readable_mut().await {
        ready.get_inner_mut().flush();
        ready.clear_ready();
    }
}
