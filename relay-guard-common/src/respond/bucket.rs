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
pub(super) const LONGEST_US: u64 = 1 << 40;

/// How often a bucket is tried when other CPUs move it at the same moment.
const ATTEMPTS: u32 = 4;

/// Tag of the buckets that stand alone, and have no other user.
pub const ONLY_TAG: u16 = 1;

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
    try_to_take(bucket, tag, now_us, rate, ATTEMPTS)
}

#[inline(always)]
fn try_to_take(bucket: &SharedU64, tag: u16, now_us: u64, rate: Rate, attempts: u32) -> Take {
    if rate.interval_us == 0 {
        return Take::Conforms;
    }
    let mut attempt = 0;
    while attempt < attempts {
        let found = bucket.load();
        match next(found, tag, now_us, rate) {
            Ok(next) if bucket.replace(found, next) => return Take::Conforms,
            Ok(_) => {}
            Err(take) => return take,
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
    take(either(first, second, tag, now_us), tag, now_us, rate)
}

/// The same for a cap that need not be exact: CPUs that take at the same moment count as one. A compare-and-swap waits for all
/// that was written before it, which in the kernel is a packet's worth.
#[inline(always)]
#[must_use]
pub fn take_either_roughly(first: &SharedU64, second: &SharedU64, tag: u16, now_us: u64, rate: Rate) -> Take {
    if rate.interval_us == 0 {
        return Take::Conforms;
    }
    let bucket = either(first, second, tag, now_us);
    match next(bucket.load(), tag, now_us, rate) {
        Ok(next) => {
            bucket.store(next);
            Take::Conforms
        }
        Err(take) => take,
    }
}

#[inline(always)]
fn either<'a>(first: &'a SharedU64, second: &'a SharedU64, tag: u16, now_us: u64) -> &'a SharedU64 {
    let (in_first, in_second) = (first.load(), second.load());
    let stay = tag_of(in_first) == tag || (tag_of(in_second) != tag && ahead(in_first, now_us) == 0);
    if stay { first } else { second }
}

/// What a bucket holds after one was taken from it; why none can be, else.
#[inline(always)]
const fn next(found: u64, tag: u16, now_us: u64, rate: Rate) -> Result<u64, Take> {
    let ahead = ahead(found, now_us);
    if ahead != 0 && tag_of(found) != tag {
        return Err(Take::Taken);
    }
    if ahead > rate.tolerance_us {
        return Err(Take::Exceeds);
    }
    let due = now_us.wrapping_add(ahead + rate.interval_us) & TIME_MASK;
    Ok((tag as u64) << TIME_BITS | due)
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
            let (c, d) = (SharedU64::new(first), SharedU64::new(second));
            assert_eq!(take_either_roughly(&c, &d, TAG, NOW, rate), outcome, "{case}, roughly");
            assert_eq!((c.load(), d.load()), (a.load(), b.load()), "{case}, roughly");
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

    /// How many of 4 × `burst` at one moment conform, when four threads come together.
    fn take_together(bucket: &SharedU64, now_us: u64, rate: Rate, burst: u32) -> u32 {
        const THREADS: usize = 4;
        let together = Barrier::new(THREADS);
        let come = || {
            together.wait();
            take_many(bucket, TAG, now_us, rate, burst)
        };
        thread::scope(|scope| {
            let threads = [(); THREADS].map(|()| scope.spawn(come));
            threads.map(|thread| thread.join().expect("no panic")).iter().sum()
        })
    }

    #[test]
    fn cpus_together_take_no_more_than_one_alone() {
        const BURST: u32 = 250_000;
        let rate = Rate::per_second(1_000_000, BURST);
        for round in 1..=6 {
            let bucket = SharedU64::default();
            let now = round * 1_000_000;
            let taken = take_together(&bucket, now, rate, BURST);
            assert!(taken <= BURST, "{taken}");
            // Some may have been sent away although there was one for them: what is left is exactly the rest.
            assert_eq!(taken + take_many(&bucket, TAG, now, rate, BURST), BURST);
        }
    }

    #[test]
    fn who_loses_every_race_exceeds_the_rate() {
        let bucket = SharedU64::default();
        assert_eq!(try_to_take(&bucket, TAG, 1, Rate::per_second(1, 1), 0), Take::Exceeds);
        assert_eq!(try_to_take(&bucket, TAG, 1, Rate::per_second(1, 1), 1), Take::Conforms);
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
