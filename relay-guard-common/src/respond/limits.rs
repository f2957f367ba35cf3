//! How much is answered, and how often a source may connect: what userspace says about it, and how much room there is.

use super::{bucket::LONGEST_US, cookie::CookieKeys, response::Rate};
use crate::assert_layout;

/// The one entry of `ANSWERING`: what holds for all answers. Written by userspace only, whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Answering {
    /// Keys of sequence numbers. Without a key nothing is answered: what is to be answered is dropped.
    pub keys: CookieKeys,
    /// All answers together.
    pub total: Rate,
    /// Answers to one source prefix.
    pub prefix: Rate,
    /// Answers of the tarpit, which count among the others too.
    pub tarpit: Rate,
    /// Leading bits of an IPv4 source that are one prefix.
    pub prefix_v4: u32,
    /// Leading bits of an IPv6 source that are one prefix.
    pub prefix_v6: u32,
    /// 1 if lists may hold addresses of `OWN_ADDRESSES`: then each source is looked up there; at 0, where all of these are
    /// protected, only those that no list decided.
    pub own_listed: u32,
    /// Always zero.
    pub reserved: u32,
}
assert_layout!(Answering, 96, 8);

/// Buckets for sources' prefixes: entries of `CAP_BUCKETS` (answers) and of `LIMIT_BUCKETS` (connections), 8 bytes each, powers
/// of two.
pub const CAP_BUCKETS: usize = 1 << 14;
/// See [`CAP_BUCKETS`].
pub const LIMIT_BUCKETS: usize = 1 << 16;

impl Rate {
    /// At most `count` in a second, of which `burst` may come at once.
    ///
    /// An interval is a whole number of microseconds, rounded up: never more than asked for, and more than a million in a
    /// second are a million. A `count` of 0 is no limit at all, as everywhere in a rate; a `burst` of 0 counts as 1. A burst
    /// that takes more than 6 days to earn is cut to that.
    #[must_use]
    pub const fn per_second(count: u32, burst: u32) -> Self {
        Self::per(1_000_000, count, burst)
    }

    /// At most `count` in a minute, of which `burst` may come at once; else as [`per_second`](Self::per_second), with at most
    /// 60 million in a minute.
    #[must_use]
    pub const fn per_minute(count: u32, burst: u32) -> Self {
        Self::per(60_000_000, count, burst)
    }

    const fn per(span_us: u64, count: u32, burst: u32) -> Self {
        if count == 0 {
            return Self { interval_us: 0, tolerance_us: 0 };
        }
        let interval_us = span_us.div_ceil(count as u64);
        let tolerance_us = interval_us * burst.saturating_sub(1) as u64;
        let longest = LONGEST_US / 2;
        Self { interval_us, tolerance_us: if tolerance_us < longest { tolerance_us } else { longest } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_down_and_bounded() {
        const MINUTE: u64 = 60_000_000;
        for (rate, interval_us, tolerance_us) in [
            (Rate::per_second(1, 1), 1_000_000, 0),
            (Rate::per_second(10_000, 10_000), 100, 999_900),
            (Rate::per_second(3, 2), 333_334, 333_334),
            (Rate::per_second(1_000_000, 5), 1, 4),
            (Rate::per_second(u32::MAX, 5), 1, 4),
            (Rate::per_second(0, 5), 0, 0),
            (Rate::per_minute(0, 5), 0, 0),
            (Rate::per_minute(30, 10), 2_000_000, 18_000_000),
            (Rate::per_minute(30, 0), 2_000_000, 0),
            (Rate::per_minute(1, 9163), MINUTE, 9162 * MINUTE),
            (Rate::per_minute(1, u32::MAX), MINUTE, LONGEST_US / 2),
        ] {
            assert_eq!(rate, Rate { interval_us, tolerance_us });
        }
    }
}
