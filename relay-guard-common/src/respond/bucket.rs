//! Rates without a clock tick or a lock: token buckets that all CPUs take from.
//!
//! A bucket is kept as the generic cell rate algorithm keeps it (ITU-T I.371 annex A): not tokens, but the time when the next
//! one is due if all came evenly (the theoretical arrival time). That is one number, which fits one word with a tag that says
//! whose it is, and one compare-and-swap moves it.
//!
//! A bucket for each prefix would be as many as a flood has sources. There is a fixed number of places instead, and a prefix
//! has two of them ([`prefix`](super::prefix)). A place whose time has passed says nothing any more and is free for anybody.
//! If both are in use by others, that is said ([`Take::Taken`]), and nothing is counted.

use super::response::Rate;
use crate::shared::SharedU64;

/// Bits of the time in a bucket; above them is the tag.
const TIME_BITS: u32 = 48;

/// Times are microseconds modulo 2^48: they come round after 8.9 years without a boot.
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// How far ahead a bucket's time can be, microseconds (12 days). A time further ahead is one of years ago that came round.
const LONGEST_US: u64 = 1 << 40;

/// How often a bucket is tried when other CPUs move it at the same moment.
const ATTEMPTS: u32 = 4;

/// Tag of the buckets that stand alone, and have no other user.
pub const ONLY_TAG: u16 = 1;

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

/// What came of taking one from a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Take {
    /// Within the rate; it is counted.
    Conforms = 0,
    /// Over the rate; it is not counted.
    Exceeds = 1,
    /// The place is another's; nothing was counted or compared.
    Taken = 2,
}

/// Takes one from a bucket, if `rate` allows it at `now_us` (microseconds of a clock that does not go back, such as
/// `CLOCK_MONOTONIC`).
///
/// A bucket begins as 0. `tag` is not 0 and says whose it is. `rate` comes from [`Rate::per_second`] or
/// [`Rate::per_minute`]: times further ahead than those can be are not kept.
///
/// Who loses the race for the bucket to other CPUs each of 4 times exceeds the rate. So a rate is never passed, however many
/// CPUs there are; and who is wrongly told so came in the same instant as four others of his prefix that were let in.
#[inline(always)]
#[must_use]
pub fn take(bucket: &SharedU64, tag: u16, now_us: u64, rate: Rate) -> Take {
    if rate.interval_us == 0 {
        return Take::Conforms;
    }
    let mut attempt = 0;
    while attempt < ATTEMPTS {
        let found = bucket.load();
        let ahead = ahead(found, now_us);
        if ahead != 0 && tag_of(found) != tag {
            return Take::Taken;
        }
        if ahead > rate.tolerance_us {
            return Take::Exceeds;
        }
        let due = now_us.wrapping_add(ahead + rate.interval_us) & TIME_MASK;
        if bucket.replace(found, u64::from(tag) << TIME_BITS | due) {
            return Take::Conforms;
        }
        attempt += 1;
    }
    Take::Exceeds
}

/// [`take`] from whichever of two places has the tag, else from one that is free, the first before the second.
///
/// Two CPUs that do not see each other may give a prefix both places; it then has a burst more, once.
#[inline(always)]
#[must_use]
pub fn take_either(first: &SharedU64, second: &SharedU64, tag: u16, now_us: u64, rate: Rate) -> Take {
    let (in_first, in_second) = (first.load(), second.load());
    let stay = tag_of(in_first) == tag || (tag_of(in_second) != tag && ahead(in_first, now_us) == 0);
    take(if stay { first } else { second }, tag, now_us, rate)
}

/// How far ahead of now a bucket's time is, microseconds; 0 if it has passed, or if nobody ever set it.
#[inline(always)]
const fn ahead(bucket: u64, now_us: u64) -> u64 {
    let ahead = bucket.wrapping_sub(now_us) & TIME_MASK;
    if bucket != 0 && ahead < LONGEST_US { ahead } else { 0 }
}

#[inline(always)]
const fn tag_of(bucket: u64) -> u16 {
    (bucket >> TIME_BITS) as u16
}
