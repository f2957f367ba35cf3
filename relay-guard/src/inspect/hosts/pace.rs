//! How even the time between a host's messages is: a program's clock is steadier than any person or queue.

/// Intervals that must have been seen.
const LEAST: u16 = 16;
/// A pause longer than this begins anew, nanoseconds.
const PAUSE_NS: u64 = 2 * 3600 * 1_000_000_000;
/// What the last interval weighs in the averages.
const SHARE: f32 = 1.0 / 16.0;

/// Moving average and variance of intervals.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    last_ns: u64,
    intervals: u16,
    mean_s: f32,
    variance: f32,
}

impl Pace {
    /// Takes note of a message.
    pub fn note(&mut self, now_ns: u64) {
        let pause = now_ns.saturating_sub(self.last_ns);
        if self.last_ns == 0 || pause > PAUSE_NS {
            *self = Self { last_ns: now_ns, ..Self::default() };
            return;
        }
        self.last_ns = now_ns;
        let seconds = pause as f32 / 1e9;
        if self.intervals == 0 {
            self.mean_s = seconds;
        }
        let off = seconds - self.mean_s;
        self.mean_s += SHARE * off;
        self.variance = (1.0 - SHARE) * (self.variance + SHARE * off * off);
        self.intervals = self.intervals.saturating_add(1);
    }

    /// 100 if all intervals are the same; 0 if they are off by as much as they are long, if there were too few, or if the last
    /// one is long ago.
    pub fn evenness(&self, now_ns: u64) -> u32 {
        if self.intervals < LEAST || self.mean_s <= 0.0 || now_ns.saturating_sub(self.last_ns) > PAUSE_NS {
            return 0;
        }
        let deviation = self.variance.sqrt() / self.mean_s;
        (100.0 * (1.0 - deviation)).clamp(0.0, 100.0).round() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn evenness(intervals: impl IntoIterator<Item = u64>) -> u32 {
        let (mut pace, mut now) = (Pace::default(), SECOND);
        pace.note(now);
        for interval in intervals {
            now += interval * SECOND;
            pace.note(now);
        }
        pace.evenness(now)
    }

    #[test]
    fn clocks_are_even_and_people_are_not() {
        assert_eq!(evenness([300; 20]), 100);
        assert!(evenness((0..40).map(|n| 300 + n % 7)) > 95);
        assert!(evenness((0..40).map(|n| [20, 900, 60, 300][n % 4])) < 30);
        assert_eq!(evenness([300; 15]), 0, "too few");
        assert_eq!(evenness([300; 20].into_iter().chain([7201])), 0, "begun anew");
    }

    #[test]
    fn an_even_pace_is_over_when_it_stops() {
        let mut pace = Pace::default();
        (1..40).for_each(|n| pace.note(n * 60 * SECOND));
        assert_eq!(pace.evenness(40 * 60 * SECOND), 100);
        assert_eq!(pace.evenness(4 * 3600 * SECOND), 0);
    }
}
