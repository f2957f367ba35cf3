//! IPv6: a search tree over the boundaries at which the class changes.
//!
//! The tree is keyed by the upper 64 bits of the address; where the class changes within a /64, its value is the
//! root of another tree, keyed by the lower 64 bits. Lists hold mostly prefixes of /32 … /64, whose boundaries
//! cost one tree; strides of 8 bits would cost them 4 … 6 nodes of their own each.
//!
//! Every cell says what it is in [`KIND_WORD`]:
//! - branch: up to [`BRANCH_KEYS`] keys (doublewords), one more child than keys; word 14: the first child's
//!   index, the others follow in order. Child *i* holds the keys from key *i − 1* on.
//! - leaf: up to [`LEAF_KEYS`] keys and, from word [`LEAF_VALUES`] on, the value of each, which holds from its key
//!   up to the next one.
//!
//! Keys ascend; unused ones are `u64::MAX`. The first key of a tree is 0, so that every address has a value.

use super::{Cell, Cells, header};

/// Word that holds a cell's kind and how many keys it has.
pub const KIND_WORD: usize = 15;
/// In [`KIND_WORD`]: the cell is a leaf.
pub const LEAF: u32 = 1 << 31;
/// Keys of a branch.
pub const BRANCH_KEYS: usize = 7;
/// Word that holds a branch's first child.
pub const CHILD_WORD: usize = 14;
/// Keys of a leaf.
pub const LEAF_KEYS: usize = 5;
/// First word of a leaf's values.
pub const LEAF_VALUES: usize = 10;
/// In a value: it is the root of a tree over the lower 64 bits, not a class.
pub const LOWER: u32 = 1 << 31;
/// Cells on the way from a root to a leaf at most: 8^10 leaves are more than fit.
pub const MAX_DEPTH: usize = 11;

/// The class of an address by its upper and lower 64 bits (host byte order); `None` if the table does not hold what
/// it points to.
#[inline(always)]
pub fn lookup<C: Cells + ?Sized>(cells: &C, upper: u64, lower: u64) -> Option<u32> {
    let root = header::v6_root(cells.cell(header::INDEX)?);
    if root == 0 {
        return Some(0);
    }
    let value = search(cells, root, upper)?;
    if value & LOWER == 0 {
        return Some(value);
    }
    search(cells, value & !LOWER, lower)
}

/// The value that holds for `key` in the tree at `root`.
#[inline(always)]
fn search<C: Cells + ?Sized>(cells: &C, root: u32, key: u64) -> Option<u32> {
    let mut index = root;
    for _ in 0..MAX_DEPTH {
        let cell = cells.cell(index)?;
        let kind = cell.word(KIND_WORD);
        if kind & LEAF != 0 {
            return Some(leaf_value(cell, key));
        }
        index = cell.word(CHILD_WORD).wrapping_add(branch_child(cell, kind, key));
    }
    None
}

/// Which child of a branch holds the key: how many of its keys are not above it.
#[inline(always)]
fn branch_child(cell: &Cell, keys: u32, key: u64) -> u32 {
    let mut child = if cell.double(3) <= key { 4 } else { 0 };
    child += if cell.double(child + 1) <= key { 2 } else { 0 };
    child += if cell.double(child) <= key { 1 } else { 0 };
    // A key of u64::MAX is not above unused keys either.
    (child as u32).min(keys)
}

/// The value of the last key of a leaf that is not above the key.
#[inline(always)]
fn leaf_value(cell: &Cell, key: u64) -> u32 {
    let mut value = cell.word(LEAF_VALUES);
    for index in 1..LEAF_KEYS {
        if cell.double(index) <= key && index < (cell.word(KIND_WORD) & !LEAF) as usize {
            value = cell.word(LEAF_VALUES + index);
        }
    }
    value
}
