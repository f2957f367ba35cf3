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

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use proptest::prelude::*;

    use super::*;

    const TAG: u16 = 0xabcd;
    const OTHER: u16 = 0x1234;

    fn take_many(bucket: &SharedU64, tag: u16, now_us: u64, rate: Rate, times: u32) -> u32 {
        (0..times).filter(|_| take(bucket, tag, now_us, rate) == Take::Conforms).count() as u32
    }

    /// Tokens as one would keep them: in microseconds' worth, filled up by time, `interval_us` for each that is taken.
    struct Naive {
        rate: Rate,
        level: u64,
        last_us: u64,
    }

    impl Naive {
        fn new(rate: Rate, now_us: u64) -> Self {
            Self { rate, level: rate.interval_us + rate.tolerance_us, last_us: now_us }
        }

        fn take(&mut self, now_us: u64) -> Take {
            let full = self.rate.interval_us + self.rate.tolerance_us;
            self.level = full.min(self.level + (now_us - self.last_us));
            self.last_us = now_us;
            if self.level < self.rate.interval_us {
                return Take::Exceeds;
            }
            self.level -= self.rate.interval_us;
            Take::Conforms
        }
    }

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

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let rate = Rate::per_second(10, 5);
        let bucket = SharedU64::default();
        let start = 77_000_000;
        assert_eq!(take_many(&bucket, TAG, start, rate, 20), 5);
        assert_eq!(take_many(&bucket, TAG, start + 99_999, rate, 20), 0);
        assert_eq!(take_many(&bucket, TAG, start + 100_000, rate, 20), 1);
        assert_eq!(take_many(&bucket, TAG, start + 350_000, rate, 20), 2);
        assert_eq!(take_many(&bucket, TAG, start + 10_000_000, rate, 20), 5);
    }

    #[test]
    fn a_clock_a_tick_behind_takes_nothing_from_the_future() {
        let rate = Rate::per_second(1000, 10);
        let bucket = SharedU64::default();
        assert_eq!(take_many(&bucket, TAG, 10_000_000, rate, 4), 4);
        // 4 ms before: what is there counts as if it were 4 ms worse, and never as an empty bucket.
        assert_eq!(take_many(&bucket, TAG, 9_996_000, rate, 20), 2);
    }

    #[test]
    fn no_limit_touches_nothing() {
        let bucket = SharedU64::new(5);
        assert_eq!(take_many(&bucket, TAG, 1, Rate::default(), 1000), 1000);
        assert_eq!(bucket.load(), 5);
    }

    #[test]
    fn a_place_is_anothers_until_its_time_has_passed() {
        let rate = Rate::per_second(10, 2);
        let bucket = SharedU64::default();
        assert_eq!(take_many(&bucket, OTHER, 1_000_000, rate, 5), 2);
        let held = bucket.load();
        assert_eq!(take(&bucket, TAG, 1_199_999, rate), Take::Taken);
        assert_eq!(bucket.load(), held);
        assert_eq!(take(&bucket, TAG, 1_200_000, rate), Take::Conforms);
        assert_eq!(take(&bucket, OTHER, 1_200_000, rate), Take::Taken);
    }

    #[test]
    fn the_place_with_the_tag_is_taken_before_a_free_one() {
        const NOW: u64 = 5_000_000;
        let rate = Rate::per_second(10, 1);
        let due = |tag: u16, due_us: u64| u64::from(tag) << TIME_BITS | due_us;
        let (free, past) = (0, due(OTHER, NOW));
        let (own, own_past, others) = (due(TAG, NOW + 1), due(TAG, NOW), due(OTHER, NOW + 1));
        let taken = due(TAG, NOW + rate.interval_us);
        for (first, second, outcome, first_then, second_then) in [
            (free, free, Take::Conforms, taken, free),
            (past, past, Take::Conforms, taken, past),
            (others, free, Take::Conforms, others, taken),
            (others, past, Take::Conforms, others, taken),
            (others, others, Take::Taken, others, others),
            (own, free, Take::Exceeds, own, free),
            (free, own, Take::Exceeds, free, own),
            (others, own, Take::Exceeds, others, own),
            (own, others, Take::Exceeds, own, others),
            (free, own_past, Take::Conforms, free, taken),
            (own_past, free, Take::Conforms, taken, free),
            (own, own, Take::Exceeds, own, own),
        ] {
            let (a, b) = (SharedU64::new(first), SharedU64::new(second));
            let case = format!("{first:#x} {second:#x}");
            assert_eq!(take_either(&a, &b, TAG, NOW, rate), outcome, "{case}");
            assert_eq!((a.load(), b.load()), (first_then, second_then), "{case}");
        }
    }

    #[test]
    fn time_comes_round() {
        let rate = Rate::per_minute(1, 3);
        for start in [0, 1, TIME_MASK - 1, TIME_MASK, TIME_MASK + 1, u64::MAX / 1000] {
            let bucket = SharedU64::default();
            assert_eq!(take_many(&bucket, TAG, start, rate, 10), 3, "{start:#x}");
            assert_eq!(take(&bucket, OTHER, start + 1, rate), Take::Taken);
            assert_eq!(take_many(&bucket, TAG, start + 60_000_000, rate, 10), 1, "{start:#x}");
            // Years later it is nobody's, whatever its number then means.
            for years in 1..8 {
                let found = bucket.load();
                assert_eq!(take(&bucket, OTHER, start + years * 31_557_600_000_000, rate), Take::Conforms);
                bucket.store(found);
            }
        }
    }

    #[test]
    fn cpus_together_take_no_more_than_one_alone() {
        const THREADS: u32 = 4;
        const TIMES: u32 = 2000;
        let rate = Rate::per_second(1, 1000);
        let bucket = SharedU64::default();
        let together = Barrier::new(THREADS as usize);
        let taken: u32 = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        take_many(&bucket, TAG, 1_000_000, rate, TIMES)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert!(taken <= 1000, "{taken}");
        // Whoever was told that there is nothing left although there was: what is left is exactly the rest.
        assert_eq!(taken + take_many(&bucket, TAG, 1_000_000, rate, 1000), 1000);
    }

    proptest! {
        #[test]
        fn agrees_with_counted_tokens(
            count in 1..20_000u32,
            burst in 0..50u32,
            minute: bool,
            start in prop_oneof![Just(0), Just(TIME_MASK - 1000), 0..u64::MAX / 1000],
            gaps in proptest::collection::vec((0..3u64, 0..2_000_000u64), 1..200),
        ) {
            let rate = if minute { Rate::per_minute(count, burst) } else { Rate::per_second(count, burst) };
            let bucket = SharedU64::default();
            let mut naive = Naive::new(rate, start);
            let mut now = start;
            for (kind, gap) in gaps {
                now += match kind {
                    0 => 0,
                    1 => gap % (rate.interval_us + 1),
                    _ => gap,
                };
                prop_assert_eq!(take(&bucket, TAG, now, rate), naive.take(now), "{} after {}", now, start);
            }
        }
    }
}
