//! Filling leaves.

use relay_guard_common::table::{
    Cell,
    v6::leaf::{self, KEYS, SHORTEST},
};

use super::{Range, region::Region};

/// A leaf that may have room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    cell: Cell,
    /// Keys that are taken.
    taken: usize,
    /// The class of what has no prefix in it.
    otherwise: u32,
}

impl Leaf {
    /// A leaf without prefixes.
    pub(super) const fn new(otherwise: u32) -> Self {
        Self { cell: leaf::new(otherwise), taken: 0, otherwise }
    }

    /// A leaf of a region, if one holds all of it; `ranges` are those that touch it.
    pub(super) fn of(region: Region, ranges: &[Range]) -> Option<Self> {
        let [at_first, at_last] = region.ends(ranges);
        [at_first, at_last, 0].into_iter().find_map(|otherwise| {
            let mut leaf = Self::new(otherwise);
            leaf.add(region, ranges).then_some(leaf)
        })
    }

    /// Adds what another region holds. `false` if there is no room: the leaf is closed then. What was added of the region
    /// until then is true, but nobody looks for it here.
    pub(super) fn add(&mut self, region: Region, ranges: &[Range]) -> bool {
        if ranges.is_empty() && self.otherwise == 0 {
            return true;
        }
        // Each second range may be of the class that needs no prefix, and one more at an end.
        ranges.len() <= 2 * KEYS + 1 && self.try_add(region, ranges).is_some()
    }

    fn try_add(&mut self, region: Region, ranges: &[Range]) -> Option<()> {
        let mut next = Some(region.first());
        for range in ranges {
            let first = range.first.max(region.first());
            if let Some(clean) = next.filter(|&clean| clean < first) {
                self.add_run(clean, first - 1, 0)?;
            }
            self.add_run(first, range.last.min(region.last()), range.class)?;
            next = range.last.checked_add(1);
        }
        match next.filter(|&clean| clean <= region.last()) {
            Some(clean) => self.add_run(clean, region.last(), 0),
            None => Some(()),
        }
    }

    /// Adds a run of addresses as prefixes.
    fn add_run(&mut self, mut first: u128, last: u128, class: u32) -> Option<()> {
        if class == self.otherwise {
            return Some(());
        }
        loop {
            // All there is has no length that could be counted.
            let size = first.trailing_zeros().min((last - first).checked_add(1)?.ilog2());
            self.add_prefix(first, 128 - size, class)?;
            let end = first + ((1 << size) - 1);
            if end == last {
                return Some(());
            }
            first = end + 1;
        }
    }

    fn add_prefix(&mut self, first: u128, length: u32, class: u32) -> Option<()> {
        if length < SHORTEST || self.taken + leaf::keys(length) > KEYS {
            return None;
        }
        leaf::set(&mut self.cell, self.taken, first, length, class);
        self.taken += leaf::keys(length);
        Some(())
    }

    pub(super) const fn into_cell(self) -> Cell {
        self.cell
    }
}
