//! Waiting for something to become true: by looking again and again, with a bound, never by a fixed sleep.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often [`until`] looks.
const INTERVAL: Duration = Duration::from_millis(5);

/// Calls `probe` until it gives something, at most for `within`.
///
/// # Errors
/// When the time is over, naming `what` was waited for; or as soon as `probe` fails.
pub fn until<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if start.elapsed() >= within {
            bail!("waited {within:?} in vain for {what}");
        }
        thread::sleep(INTERVAL);
    }
}
