//! A part of the address space: all addresses that begin alike.

use super::Range;

/// A prefix as a part of the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    first: u128,
    length: u32,
}

/// Where in a region things differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inner {
    pub(super) region: Region,
    /// The class of all else.
    pub(super) otherwise: u32,
}

impl Region {
    pub(super) const ALL: Self = Self { first: 0, length: 0 };

    pub(super) const fn first(self) -> u128 {
        self.first
    }

    /// How many bits its addresses have in common.
    pub(super) const fn length(self) -> u32 {
        self.length
    }

    pub(super) fn last(self) -> u128 {
        self.first | u128::MAX.checked_shr(self.length).unwrap_or(0)
    }

    /// The smallest region that holds both.
    fn around(first: u128, last: u128) -> Self {
        Self { first, length: (first ^ last).leading_zeros() }.widened_to(128)
    }

    /// The region that holds this one and whose addresses have at most so many bits in common.
    pub(super) fn widened_to(self, length: u32) -> Self {
        let length = self.length.min(length);
        Self { first: self.first & !u128::MAX.checked_shr(length).unwrap_or(0), length }
    }

    /// The classes of its first and last address, given the ranges that touch it.
    pub(super) fn ends(self, ranges: &[Range]) -> [u32; 2] {
        let at_first = ranges.first().filter(|range| range.first <= self.first);
        let at_last = ranges.last().filter(|range| range.last >= self.last());
        [at_first, at_last].map(|range| range.map_or(0, |range| range.class))
    }

    /// Where things differ, given the ranges that touch it.
    pub(super) fn inner(self, ranges: &[Range]) -> Inner {
        let [otherwise, at_last] = self.ends(ranges);
        let region = match ranges {
            // What lies on both sides has to be the same.
            [head, .., tail] if otherwise == at_last && otherwise != 0 => {
                Self::around(head.last + 1, tail.first - 1)
            }
            [first, ..] if otherwise == at_last && otherwise == 0 => {
                Self::around(first.first, ranges.last().map_or(first.last, |range| range.last))
            }
            _ => self,
        };
        Inner { region, otherwise }
    }

    /// Its 2^`bits` parts in order, with those of the ranges that touch each.
    pub(super) fn divide(self, bits: u32, ranges: &[Range]) -> impl Iterator<Item = (Self, &[Range])> {
        let length = self.length + bits;
        let mut rest = ranges;
        (0..1_u128 << bits).map(move |number| {
            // No bits of a region that is all there is: no shift that there is.
            let part = Self { first: self.first | number.checked_shl(128 - length).unwrap_or(0), length };
            let last = part.last();
            rest = after(rest, |range| range.last < part.first);
            (part, &rest[..rest.len() - after(rest, |range| range.first <= last).len()])
        })
    }
}

/// What follows the ranges of which something holds; mostly these are few.
fn after(ranges: &[Range], holds: impl Fn(&Range) -> bool) -> &[Range] {
    const FEW: usize = 4;
    match ranges.iter().take(FEW).position(|range| !holds(range)) {
        Some(count) => &ranges[count..],
        None => &ranges[ranges.partition_point(holds)..],
    }
}
