//! IPv6: a trie that skips the bits that all have in common.
//!
//! - [`Root`], in the header: 2^bits cells, one of which an address chooses by its first bits.
//! - [Node](node): a prefix that is divided by its next 8 bits; children are counted, so that they cost nothing where
//!   neighbouring parts share one.
//! - [Leaf](leaf): a few prefixes, compared all at once, and the class of all else.
//!
//! A lookup waits for memory once per cell. On lists of any size, if their prefixes are spread evenly, these are one node
//! and one leaf: the root has as many cells as that takes. The nodes are small, 2 bits for each part, and stay in the
//! cache; only leaves are many.

pub mod leaf;
pub mod node;

use super::{Cells, header};

/// Cells on the way from the root to a leaf, included, at most: nodes of which each takes 8 of a half's bits, and a leaf.
pub const MAX_DEPTH: u32 = 2 * 64 / node::BITS + 1;
/// The last bit of a half at which a node, or the root, may begin to choose.
pub const LAST_POSITION: u32 = 64 - node::BITS;

/// The first step of every lookup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Root {
    /// Index of the first cell.
    pub first: u32,
    /// The bits that come before those that choose.
    pub prefix: u64,
    /// How many these are, up to [`LAST_POSITION`].
    pub position: u32,
    /// How many bits choose.
    pub bits: u32,
    /// The class of addresses that do not begin with the prefix.
    pub otherwise: u32,
}

/// The class of an address by its upper and lower 64 bits (host byte order); `None` if the table does not hold what
/// it points to.
#[inline(always)]
pub fn lookup<C: Cells + ?Sized>(cells: &C, upper: u64, lower: u64) -> Option<u32> {
    let root = header::v6_root(cells.cell(header::INDEX)?);
    // In two steps: all 64 at once is no shift that there is.
    if (upper ^ root.prefix) >> 1 >> ((63 - root.position) & 63) != 0 {
        return Some(root.otherwise);
    }
    let chosen = upper << (root.position & 63) >> 1 >> ((63 - root.bits) & 63);
    let mut index = root.first.wrapping_add(chosen as u32);
    for _ in 0..MAX_DEPTH {
        let cell = cells.cell(index)?;
        if !node::is_node(cell) {
            return Some(leaf::class_of(cell, upper, lower));
        }
        index = node::child(cell, upper, lower);
        if index == header::INDEX {
            return Some(node::otherwise(cell));
        }
    }
    None
}
