//! What the kernel counted of a host in the configured window.

use relay_guard_common::host::{HostRecord, SKETCH_BITS, WindowRecord};

use super::seen::estimate;

/// Attempts that must have gone out before the share of failed ones says anything.
const LEAST_ATTEMPTS: u64 = 20;
/// To so many servers: a server that is down fails every attempt of an honest queue.
const LEAST_DESTINATIONS: u32 = 10;

/// A host's figures, of the fuller of its last two windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowFigures {
    /// Connection attempts.
    pub attempts: u64,
    /// Attempts that were accepted.
    pub established: u64,
    /// Attempts that were answered with RST.
    pub refused: u64,
    /// Attempts that the guard stopped.
    pub stopped: u64,
    /// Distinct destinations, estimated.
    pub destinations: u32,
}

impl WindowFigures {
    /// The figures of a record, read at `now_ns` (`CLOCK_MONOTONIC`).
    ///
    /// The kernel turns windows over when the host sends, so a record may be older than a window: then its running
    /// window is the previous one, or both are over. Windows that began before `since_ns` do not count.
    #[must_use]
    pub fn of(record: &HostRecord, (since_ns, now_ns): (u64, u64), window_ns: u64) -> Self {
        let age = now_ns.saturating_sub(record.window_start_ns);
        let before_ns = record.window_start_ns.saturating_sub(window_ns);
        let windows: &[&WindowRecord] =
            if age >= window_ns.saturating_mul(2) || record.window_start_ns < since_ns {
                &[]
            } else if age >= window_ns || before_ns < since_ns {
                &[&record.current]
            } else {
                &[&record.current, &record.previous]
            };
        let destinations = windows.iter().map(|window| distinct(window)).max().unwrap_or(0);
        let fullest = windows.iter().max_by_key(|window| window.attempts);
        fullest.map_or_else(Self::default, |window| Self {
            attempts: window.attempts,
            established: window.established,
            refused: window.refused,
            stopped: window.stopped,
            destinations,
        })
    }

    /// The share of attempts that nobody accepted, percent; 0 where there were few, or few servers. What the guard itself stopped
    /// is neither.
    #[must_use]
    pub fn failed_percent(&self) -> u32 {
        let out = self.attempts.saturating_sub(self.stopped);
        if out < LEAST_ATTEMPTS || self.destinations < LEAST_DESTINATIONS {
            return 0;
        }
        (out.saturating_sub(self.established) * 100 / out) as u32
    }
}

fn distinct(window: &WindowRecord) -> u32 {
    estimate(window.sketch.iter().map(|word| word.count_ones() as usize).sum(), SKETCH_BITS as usize)
}

#[cfg(test)]
mod tests {
    use relay_guard_common::address::Address;

    use super::*;

    fn window(attempts: u64, destinations: u32) -> WindowRecord {
        let mut sketch = [0; 16];
        for number in 0..destinations {
            let bit = Address::v4((0xcb00_7100 + number * 7).to_be_bytes()).hash() % SKETCH_BITS;
            sketch[(bit / 64) as usize] |= 1 << (bit % 64);
        }
        WindowRecord { attempts, established: 0, refused: 0, stopped: 0, sketch }
    }

    #[test]
    fn estimates_are_near_the_truth() {
        for destinations in [0, 1, 5, 30, 100, 500, 2000] {
            let estimated = f64::from(distinct(&window(0, destinations)));
            let truth = f64::from(destinations);
            assert!((estimated - truth).abs() <= (truth * 0.1).max(1.0), "{destinations}: {estimated}");
        }
        let full = WindowRecord { sketch: [u64::MAX; 16], ..window(0, 0) };
        assert!(distinct(&full) > 5000);
    }

    #[test]
    fn old_windows_do_not_count() {
        let mut record = HostRecord::new(1000);
        record.current = window(5, 5);
        record.previous = window(9, 2);
        let attempts = |now| WindowFigures::of(&record, (0, now), 60).attempts;
        assert_eq!((attempts(1000), attempts(1059)), (9, 9));
        assert_eq!((attempts(1060), attempts(1119)), (5, 5));
        assert_eq!(attempts(1120), 0);
        assert_eq!(WindowFigures::of(&record, (0, 1000), 60).destinations, 5);
    }

    #[test]
    fn what_began_before_does_not_count() {
        let mut record = HostRecord::new(1000);
        record.current = window(5, 5);
        record.previous = window(9, 2);
        let attempts = |since| WindowFigures::of(&record, (since, 1010), 60).attempts;
        assert_eq!([0, 940, 941, 1000, 1001].map(attempts), [9, 9, 5, 5, 0]);
    }

    #[test]
    fn failures_say_something_of_many_attempts_to_many_servers() {
        let figures =
            WindowFigures { attempts: 30, established: 6, refused: 4, stopped: 10, destinations: 10 };
        for (figures, expected) in [
            (figures, 70),
            (WindowFigures { attempts: 29, ..figures }, 0),
            (WindowFigures { destinations: 9, ..figures }, 0),
            (WindowFigures { established: 25, ..figures }, 0),
            (WindowFigures { stopped: 0, established: 0, ..figures }, 100),
        ] {
            assert_eq!(figures.failed_percent(), expected, "{figures:?}");
        }
    }
}
