//! The daemon's clocks. Only the daemon's loop reads them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Now, nanoseconds of `CLOCK_MONOTONIC`: the kernel programs' time.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Now, seconds since the Unix epoch: the administrator's time.
#[must_use]
pub fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What the loop tells the pure parts of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Seconds since the Unix epoch; it may be set back.
    pub unix_s: u64,
    /// Seconds of `CLOCK_MONOTONIC`; it is not.
    pub monotonic_s: u64,
    /// A random number, for jitter.
    pub random: u64,
}

impl Tick {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        let mut random = [0; 8];
        // Without randomness (early at boot) feeds are only spread less.
        let _ = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::NONBLOCK);
        Self {
            unix_s: unix_s(),
            monotonic_s: monotonic_ns() / 1_000_000_000,
            random: u64::from_ne_bytes(random),
        }
    }

    /// The Unix time of a monotonic one, both in seconds.
    #[must_use]
    pub const fn to_unix(self, monotonic_s: u64) -> u64 {
        self.unix_s.saturating_add(monotonic_s).saturating_sub(self.monotonic_s)
    }
}

/// Both clocks at one moment, to turn times of one into times of the other.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    monotonic_ns: u64,
    unix_ns: u128,
}

impl Moment {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { monotonic_ns: monotonic_ns(), unix_ns: unix.as_nanos() }
    }

    /// The monotonic time (ns) of a Unix time (s); `u64::MAX` stays what it is, forever; what is past is 0, never.
    #[must_use]
    pub fn to_monotonic(self, unix_s: u64) -> u64 {
        if unix_s == u64::MAX {
            return u64::MAX;
        }
        let ahead = (u128::from(unix_s) * 1_000_000_000).saturating_sub(self.unix_ns);
        if ahead == 0 {
            return 0;
        }
        u64::try_from(u128::from(self.monotonic_ns) + ahead).unwrap_or(u64::MAX - 1)
    }

    /// The Unix time (s) of a monotonic time (ns).
    #[must_use]
    pub fn to_unix(self, monotonic_ns: u64) -> u64 {
        let offset = self.unix_ns.saturating_sub(u128::from(self.monotonic_ns));
        u64::try_from((offset + u128::from(monotonic_ns)) / 1_000_000_000).unwrap_or(u64::MAX)
    }

    /// Whether the clocks have moved apart since: somebody set the time.
    #[must_use]
    pub fn has_drifted(self) -> bool {
        let offset = |moment: Self| moment.unix_ns as i128 - i128::from(moment.monotonic_ns);
        (offset(Self::now()) - offset(self)).unsigned_abs() > 2_000_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_turn_into_each_other() {
        let moment = Moment { monotonic_ns: 5_000_000_000, unix_ns: 1_000_000_000_000 };
        assert_eq!(moment.to_monotonic(1010), 15_000_000_000);
        assert_eq!(moment.to_unix(15_000_000_000), 1010);
        assert_eq!(moment.to_monotonic(999), 0);
        assert_eq!(moment.to_monotonic(u64::MAX), u64::MAX);
    }
}
