//! The IPv6 part of the table: a trie, built from the whole space downwards.

mod leaf;
mod region;
mod spread;

use relay_guard_common::table::{
    Cell,
    v6::{LAST_POSITION, Root, node},
};

use super::ClassRange;
use leaf::Leaf;
use region::{Inner, Region};

type Range = ClassRange<u128>;

/// Ranges for each cell of the root, at least: cells that nothing touches are only memory, 8 bytes for each range.
const RANGES_PER_CELL: usize = 8;
/// Ranges for each cell of the root that has any, at least: these are what the cache is to hold.
const RANGES_PER_TOUCHED_CELL: usize = 32;
/// Most bits by which the root chooses: its cells are 64 MiB then.
const MAX_ROOT_BITS: u32 = 20;

/// All cells, and where a lookup begins.
#[derive(Debug)]
pub(super) struct Trie {
    root: Root,
    cells: Vec<Cell>,
    /// Index in the table of the first cell.
    at: u32,
}

impl Trie {
    /// The cells will stand in the table from `at` on.
    pub(super) fn new(ranges: &[Range], at: u32) -> Self {
        let mut trie = Self { root: Root::default(), cells: Vec::new(), at };
        trie.build(ranges);
        trie
    }

    fn build(&mut self, ranges: &[Range]) {
        let Inner { region, otherwise } = Region::ALL.inner(ranges);
        let region = region.widened_to(LAST_POSITION);
        let position = region.length();
        let bits = root_bits(region, ranges);
        let cells: Vec<Cell> =
            region.divide(bits, ranges).map(|(part, ranges)| self.cell(part, ranges)).collect();
        let prefix = (region.first() >> 64) as u64;
        self.root = Root { first: self.push(&cells), prefix, position, bits, otherwise };
    }

    /// The cell of a region.
    fn cell(&mut self, region: Region, ranges: &[Range]) -> Cell {
        match Leaf::of(region, ranges) {
            Some(leaf) => leaf.into_cell(),
            None => self.node(region.inner(ranges), ranges),
        }
    }

    /// A node. Parts share a leaf as far as there is room in it.
    fn node(&mut self, inner: Inner, ranges: &[Range]) -> Cell {
        if let Some((mut node, leaves)) = spread::node(inner, ranges) {
            node::close(&mut node, self.push(&leaves));
            return node;
        }
        let Inner { region, otherwise } = inner;
        let last_position = if region.length() < 64 { LAST_POSITION } else { 64 + LAST_POSITION };
        let region = region.widened_to(last_position);
        let mut node = node::new(region.first(), region.length(), region.length(), otherwise);
        let mut children = Vec::new();
        let mut open: Option<Leaf> = None;
        for (number, (part, ranges)) in region.divide(node::BITS, ranges).enumerate() {
            if open.as_mut().is_some_and(|leaf| leaf.add(part, ranges)) {
                continue;
            }
            children.extend(open.take().map(Leaf::into_cell));
            node.set_bit(number);
            open = Leaf::of(part, ranges);
            if open.is_none() {
                children.push(self.node(part.inner(ranges), ranges));
            }
        }
        children.extend(open.map(Leaf::into_cell));
        node::close(&mut node, self.push(&children));
        node
    }

    /// Adds cells that follow one another; the index in the table of the first one.
    fn push(&mut self, cells: &[Cell]) -> u32 {
        // A table that is too large is refused, before any index is used.
        let index = self.at.wrapping_add(self.cells.len() as u32);
        self.cells.extend_from_slice(cells);
        index
    }

    pub(super) const fn cells(&self) -> u64 {
        self.cells.len() as u64
    }

    /// Writes all cells; where a lookup begins.
    pub(super) fn write(&self, cells: &mut [Cell]) -> Root {
        cells[self.at as usize..][..self.cells.len()].copy_from_slice(&self.cells);
        self.root
    }
}

/// By how many bits the root chooses: as many as there may be, since each one is a step that need not be taken below.
fn root_bits(region: Region, ranges: &[Range]) -> u32 {
    let most = (ranges.len() / RANGES_PER_CELL).max(1).ilog2();
    let most = most.min(MAX_ROOT_BITS).min(LAST_POSITION - region.length());
    let touched = |bits: u32| {
        let place = 128 - region.length() - bits;
        ranges.chunk_by(|a, b| a.first.checked_shr(place) == b.first.checked_shr(place)).count()
    };
    (0..=most).rev().find(|&bits| touched(bits) <= ranges.len() / RANGES_PER_TOUCHED_CELL).unwrap_or(0)
}

#[cfg(test)]
mod tests;
