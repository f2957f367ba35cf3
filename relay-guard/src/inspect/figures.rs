//! What a host's record says about its last windows.

use relay_guard_common::host::{HostRecord, SKETCH_BITS, WindowRecord};

/// When an inside host is taken for a zombie: more than this in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Length of a window, nanoseconds.
    pub window_ns: u64,
    /// Connection attempts.
    pub attempts: u32,
    /// Distinct destinations.
    pub destinations: u32,
}

/// A host's figures, of the fuller of its last two windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
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

impl Figures {
    /// The figures of a record, read at `now_ns` (`CLOCK_MONOTONIC`).
    ///
    /// The kernel turns windows over when the host sends, so a record may be older than a window: then its running
    /// window is the previous one, or both are over.
    #[must_use]
    pub fn of(record: &HostRecord, now_ns: u64, window_ns: u64) -> Self {
        let age = now_ns.saturating_sub(record.window_start_ns);
        let windows: &[&WindowRecord] = if age < window_ns {
            &[&record.current, &record.previous]
        } else if age < window_ns.saturating_mul(2) {
            &[&record.current]
        } else {
            &[]
        };
        let destinations = windows.iter().map(|window| estimate(window)).max().unwrap_or(0);
        let fullest = windows.iter().max_by_key(|window| window.attempts);
        fullest.map_or_else(Self::default, |window| Self {
            attempts: window.attempts,
            established: window.established,
            refused: window.refused,
            stopped: window.stopped,
            destinations,
        })
    }

    /// How near the thresholds the host is: 100 is at the nearer one, above is a zombie.
    #[must_use]
    pub fn score(&self, thresholds: &Thresholds) -> u32 {
        let percent = |value: u64, limit: u32| (value * 100 / u64::from(limit.max(1))).min(9999) as u32;
        let exceeds =
            self.attempts > u64::from(thresholds.attempts) || self.destinations > thresholds.destinations;
        let score = percent(self.attempts, thresholds.attempts)
            .max(percent(self.destinations.into(), thresholds.destinations));
        // Just over a large threshold still rounds to 100.
        if exceeds { score.max(101) } else { score.min(100) }
    }

    /// The figures in words, for logs and reports.
    #[must_use]
    pub fn describe(&self, thresholds: &Thresholds) -> String {
        let seconds = thresholds.window_ns / 1_000_000_000;
        format!(
            "{} attempts to about {} servers in {seconds} s (limits {} and {}; {} established, {} refused)",
            self.attempts,
            self.destinations,
            thresholds.attempts,
            thresholds.destinations,
            self.established,
            self.refused
        )
    }
}

/// Linear counting (Whang et al. 1990): −m ln(share of empty bits).
fn estimate(window: &WindowRecord) -> u32 {
    let used: u32 = window.sketch.iter().map(|word| word.count_ones()).sum();
    let bits = f64::from(SKETCH_BITS);
    // A full sketch says "at least this many".
    let empty = (bits - f64::from(used)).max(1.0);
    (-bits * (empty / bits).ln()).round() as u32
}

#[cfg(test)]
mod tests {
    use relay_guard_common::address::Address;

    use super::*;

    const THRESHOLDS: Thresholds = Thresholds { window_ns: 60, attempts: 60, destinations: 30 };

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
            let estimated = f64::from(estimate(&window(0, destinations)));
            let truth = f64::from(destinations);
            assert!((estimated - truth).abs() <= (truth * 0.1).max(1.0), "{destinations}: {estimated}");
        }
        let full = WindowRecord { sketch: [u64::MAX; 16], ..window(0, 0) };
        assert!(estimate(&full) > 5000);
    }

    #[test]
    fn old_windows_do_not_count() {
        let mut record = HostRecord::new(1000);
        record.current = window(5, 5);
        record.previous = window(9, 2);
        let attempts = |now| Figures::of(&record, now, 60).attempts;
        assert_eq!((attempts(1000), attempts(1059)), (9, 9));
        assert_eq!((attempts(1060), attempts(1119)), (5, 5));
        assert_eq!(attempts(1120), 0);
        assert_eq!(Figures::of(&record, 1000, 60).destinations, 5);
    }

    #[test]
    fn scores() {
        let score = |attempts, destinations| {
            Figures { attempts, destinations, ..Figures::default() }.score(&THRESHOLDS)
        };
        assert_eq!(score(0, 0), 0);
        assert_eq!(score(30, 0), 50);
        assert_eq!(score(60, 30), 100);
        assert_eq!(score(61, 0), 101);
        assert_eq!(score(0, 31), 103);
        let wide = Thresholds { attempts: 10_000, ..THRESHOLDS };
        assert_eq!(Figures { attempts: 10_001, ..Figures::default() }.score(&wide), 101);
    }
}
