//! Marks: who was asked about lately, in a table that no flood fills for long.
//!
//! A mark is one word, a tag that says whose it is and a time. A source has two places in a fixed table, chosen by a keyed hash
//! of its address. In one of them it leaves its mark when it is asked about, if both are not others' who were asked about so
//! lately that they are still coming back.

use crate::{address::Address, respond::prefix::prefix_hash};

/// How many marks there are: entries of `ASKED`, 8 bytes each, a power of two up to 2^18.
///
/// At 15,000 new sources in a second, half of the places are in use; at 1,000, one in 30, and one source in 1,000 finds
/// both of its places taken.
pub const MARKS: usize = 1 << 18;

/// How long a source is not asked about again, milliseconds: until the answer should be there, and then some.
pub const ASKED_LATELY_MS: u64 = 5_000;

/// How long a place is kept for a source, milliseconds: until it has repeated its SYN three times (after 1, 3 and 7 seconds,
/// RFC 6298 §2).
pub const KEPT_MS: u64 = 8_000;

/// How long a source that was held is not held again, milliseconds, if nobody else needs the place.
pub const HELD_BEFORE_MS: u64 = 60_000;

/// Bits of a mark's time: milliseconds, which come round after 2 years. Above them is the tag.
const TIME_BITS: u32 = 36;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;

/// CPUs' coarse clocks may be a tick apart: a mark up to so far in the future, milliseconds, is one of now.
const CLOCK_SLACK_MS: u64 = 1_000;

/// Tells marks' hashes from those of limits under the same key.
const SALT: u32 = u32::MAX;

/// The places of a source's mark, and its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// One; less than [`MARKS`].
    pub first: u32,
    /// The other, never the same.
    pub second: u32,
    /// Up to 28 bits, never 0.
    pub tag: u32,
}

impl Places {
    /// The places of a source, by a key that nobody outside knows.
    #[inline(always)]
    #[must_use]
    pub const fn of(key: [u64; 2], source: Address) -> Self {
        Self::of_hash(prefix_hash(key, source, 32, 128, SALT))
    }

    #[inline(always)]
    const fn of_hash(hash: u64) -> Self {
        const MASK: u32 = MARKS as u32 - 1;
        let first = hash as u32 & MASK;
        // Odd, so that it is not 0.
        let step = (hash >> 18) as u32 | 1;
        let tag = (hash >> TIME_BITS) as u32;
        Self { first, second: (first ^ step) & MASK, tag: if tag == 0 { 1 } else { tag } }
    }
}

/// What two places say of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It was asked about so lately that it is not asked about again.
    Lately,
    /// It was asked about, and held if that was wanted: it is not held again. Its mark is in the second place, or the first.
    Before {
        /// Whether the mark is in the second place.
        second: bool,
    },
    /// It was not asked about, as far as anybody knows. Its mark goes into the second place, or the first.
    New {
        /// Whether the mark goes into the second place.
        second: bool,
    },
    /// It was not asked about, and there is no place for its mark.
    NoPlace,
}

/// What the words in a source's places say at a time (milliseconds of `CLOCK_MONOTONIC`).
#[inline(always)]
#[must_use]
pub const fn look(first: u64, second: u64, tag: u32, now_ms: u64) -> Sighting {
    let ages = [age_ms(first, now_ms), age_ms(second, now_ms)];
    let own = [own_age_ms(first, tag, ages[0]), own_age_ms(second, tag, ages[1])];
    // Two CPUs that did not see each other may have given it both.
    let in_second = own[1] < own[0];
    let own = if in_second { own[1] } else { own[0] };
    if own < ASKED_LATELY_MS {
        return Sighting::Lately;
    }
    if own < HELD_BEFORE_MS {
        return Sighting::Before { second: in_second };
    }
    let second = ages[1] > ages[0];
    let oldest = if second { ages[1] } else { ages[0] };
    if oldest < KEPT_MS { Sighting::NoPlace } else { Sighting::New { second } }
}

/// The mark of a source that is asked about now (milliseconds of `CLOCK_MONOTONIC`).
#[inline(always)]
#[must_use]
pub const fn mark(tag: u32, now_ms: u64) -> u64 {
    (tag as u64) << TIME_BITS | now_ms & TIME_MASK
}

/// How old a mark is; of an empty place, older than any.
#[inline(always)]
const fn age_ms(mark: u64, now_ms: u64) -> u64 {
    if mark == 0 {
        return u64::MAX;
    }
    let age = now_ms.wrapping_sub(mark) & TIME_MASK;
    if age > TIME_MASK - CLOCK_SLACK_MS { 0 } else { age }
}

/// How old a mark is if it is the source's own.
#[inline(always)]
const fn own_age_ms(mark: u64, tag: u32, age_ms: u64) -> u64 {
    if mark >> TIME_BITS == tag as u64 { age_ms } else { u64::MAX }
}

#[cfg(test)]
mod tests;
