//! A load: so many in a second, a few every fraction of a millisecond.

use std::thread;
use std::time::{Duration, Instant};

/// How long it sleeps between bursts: a sender that spins would take one of the CPUs that are measured.
const STEP: Duration = Duration::from_micros(200);

/// When the next ones are due.
#[derive(Debug)]
pub(super) struct Pace {
    begun: Instant,
    per_second: f64,
    sample: Duration,
    sent: u64,
}

impl Pace {
    pub(super) fn new(per_second: u32, sample: Duration) -> Self {
        Self { begun: Instant::now(), per_second: per_second.into(), sample, sent: 0 }
    }

    /// Waits until some are due, and says how many; nothing when the time is over.
    pub(super) fn next_burst(&mut self) -> Option<u64> {
        loop {
            let elapsed = self.begun.elapsed();
            if elapsed >= self.sample {
                return None;
            }
            let due = (elapsed.as_secs_f64() * self.per_second) as u64;
            if due > self.sent {
                let burst = due - self.sent;
                self.sent = due;
                return Some(burst);
            }
            thread::sleep(STEP);
        }
    }
}
