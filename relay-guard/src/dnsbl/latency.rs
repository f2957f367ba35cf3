//! How long answers take: a histogram of a fixed size, with quantiles.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Buckets between a power of two and the next: quantiles are at most an eighth too high.
const PARTS: u64 = 8;

/// Buckets: all microseconds up to 2^27 (over two minutes); what is longer is in the last.
const BUCKETS: usize = 25 * PARTS as usize;

/// When so many are counted, all counts are halved: what was is forgotten slowly.
const FORGET_AT: u32 = 1 << 16;

/// Times of the last some ten thousand answers.
#[derive(Clone, Debug)]
pub struct Latency {
    buckets: Box<[u32; BUCKETS]>,
    count: u32,
    max_us: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), count: 0, max_us: 0 }
    }
}

/// Quantiles, milliseconds: each is at least the true one, and at most an eighth more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Quantiles {
    /// Half of the answers took no longer.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 99 of a hundred.
    pub p99: f64,
    /// The longest ever, exactly.
    pub max: f64,
}

impl Latency {
    /// Counts one.
    pub fn record(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(us)] += 1;
        self.count += 1;
        self.max_us = self.max_us.max(us);
        if self.count == FORGET_AT {
            self.buckets.iter_mut().for_each(|count| *count /= 2);
            self.count = self.buckets.iter().sum();
        }
    }

    /// The quantiles, if anything was counted.
    #[must_use]
    pub fn quantiles(&self) -> Option<Quantiles> {
        let ms = |percent| self.at(percent) as f64 / 1000.0;
        let max = self.max_us as f64 / 1000.0;
        (self.count != 0).then(|| Quantiles { p50: ms(50), p90: ms(90), p99: ms(99), max })
    }

    /// So many percent took at most this, microseconds.
    fn at(&self, percent: u32) -> u64 {
        let rank = (u64::from(self.count) * u64::from(percent)).div_ceil(100);
        let mut seen = 0;
        let within = self.buckets.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        });
        within.map_or(self.max_us, longest).min(self.max_us)
    }
}

/// The bucket of a time.
fn bucket(us: u64) -> usize {
    if us < PARTS {
        return us as usize;
    }
    let shift = us.ilog2() - PARTS.ilog2();
    let bucket = u64::from(shift) * PARTS + (us >> shift);
    (bucket as usize).min(BUCKETS - 1)
}

/// The longest time of a bucket, microseconds.
const fn longest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PARTS * 2 {
        return bucket;
    }
    let shift = bucket / PARTS - 1;
    (((bucket % PARTS + PARTS) + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_follow_each_other() {
        for number in 0..BUCKETS - 1 {
            let last = longest(number);
            assert_eq!((bucket(last), bucket(last + 1)), (number, number + 1), "{last} µs");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(Latency::default().quantiles(), None);
    }

    #[test]
    fn what_was_is_forgotten() {
        let mut latency = Latency::default();
        let mut record = |ms, times: u32| {
            (0..times).for_each(|_| latency.record(Duration::from_millis(ms)));
            latency.quantiles().map_or(0.0, |quantiles| quantiles.p50)
        };
        assert!(record(500, 1 << 17) > 400.0);
        assert!(record(1, 1 << 17) < 2.0);
        assert!(latency.quantiles().is_some_and(|quantiles| quantiles.max == 500.0));
        assert!(latency.count < FORGET_AT);
    }

    proptest! {
        #[test]
        fn quantiles_are_as_sorting_says(mut times in proptest::collection::vec(0_u64..1 << 26, 1..300), percent in 1_u32..=100) {
            let mut latency = Latency::default();
            times.iter().for_each(|us| latency.record(Duration::from_micros(*us)));
            times.sort_unstable();
            let exact = times[(times.len() * percent as usize).div_ceil(100) - 1];
            let found = latency.at(percent);
            prop_assert!(exact <= found && found <= exact + exact / 8, "{} for {}", found, exact);
            prop_assert_eq!(latency.max_us, times[times.len() - 1]);
        }
    }
}
