//! How many addresses each two of several sets share.

use std::collections::HashMap;

use thiserror::Error;

use super::{Count, Family, RangeSet};
use crate::policy::{ListSlot, Lists, MAX_LISTS};

/// More sets than can be compared at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{sets} lists are more than can be compared at once ({MAX_LISTS}); give fewer")]
pub struct OverlapError {
    /// How many were given.
    pub sets: usize,
}

/// The addresses that sets of one family share, as counts. Sets are named by their place, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlaps {
    sets: usize,
    /// Row by row, each set with each.
    shared: Vec<Count>,
    /// Of each set, what no other holds.
    alone: Vec<Count>,
}

impl Overlaps {
    /// Compares sets, each with each.
    ///
    /// # Errors
    /// [`OverlapError`] if there are more than [`MAX_LISTS`].
    pub fn of<A: Family>(sets: &[&RangeSet<A>]) -> Result<Self, OverlapError> {
        let count = sets.len();
        if count > MAX_LISTS {
            return Err(OverlapError { sets: count });
        }
        let mut overlaps =
            Self { sets: count, shared: vec![Count::ZERO; count * count], alone: vec![Count::ZERO; count] };
        for (holders, addresses) in by_holders(sets) {
            overlaps.add(holders, addresses);
        }
        Ok(overlaps)
    }

    /// The addresses in both of two sets; all of a set, if both are the same.
    ///
    /// # Panics
    /// If there is no such set.
    pub fn shared(&self, one: usize, other: usize) -> Count {
        assert!(one < self.sets && other < self.sets, "there are {} sets", self.sets);
        self.shared[one * self.sets + other]
    }

    /// The addresses in this set and in no other.
    ///
    /// # Panics
    /// If there is no such set.
    pub fn alone(&self, set: usize) -> Count {
        self.alone[set]
    }

    /// Counts addresses that exactly these sets hold.
    fn add(&mut self, holders: Lists, addresses: Count) {
        for one in ListSlot::in_set(holders).map(|slot| usize::from(slot.number())) {
            for other in ListSlot::in_set(holders).map(|slot| usize::from(slot.number())) {
                let shared = &mut self.shared[one * self.sets + other];
                *shared = *shared + addresses;
            }
            if holders.count_ones() == 1 {
                self.alone[one] = addresses;
            }
        }
    }
}

/// How many addresses there are that the same sets hold: bit *n* for set *n*.
fn by_holders<A: Family>(sets: &[&RangeSet<A>]) -> HashMap<Lists, Count> {
    let mut edges: Vec<(A, u8)> =
        Vec::with_capacity(2 * sets.iter().map(|set| set.ranges().len()).sum::<usize>());
    for (number, set) in (0_u8..).zip(sets) {
        for range in set.ranges() {
            edges.push((range.first, number));
            edges.extend(range.last.checked_succ().map(|end| (end, number)));
        }
    }
    // Each set's edges are one ascending run, which the stable sort finds and merges.
    edges.sort();
    let mut counts = HashMap::new();
    let mut count = |holders: Lists, first: A, last: A| {
        if holders != 0 {
            let sum = counts.entry(holders).or_insert(Count::ZERO);
            *sum = *sum + A::count(first, last);
        }
    };
    let (mut first, mut holders) = (A::MIN, 0);
    for (at, number) in edges {
        if let Some(last) = at.checked_pred().filter(|last| *last >= first) {
            count(holders, first, last);
        }
        // A set has at most one edge at an address.
        first = at;
        holders ^= 1 << number;
    }
    count(holders, first, A::MAX);
    counts
}
