//! IPv4: a root entry for each /16, a node for each /16 of several kinds, a leaf for each touched /24.
//!
//! - Root entry (a word): [`CLEAN`](crate::class::CLEAN); or a class with [`WHOLE`]; or the index of a node.
//! - Node: bits of the touched /24s; word 8: index of their first leaf, the others follow in order; bytes 40 … 47:
//!   how many bits are set before each 32-bit word of the bits.
//! - Leaf: bits of the listed addresses; word 8: their class; or, with [`DENSE`], the index of 8 cells that hold
//!   256 half-words, the class of each address, where classes mix.

use super::{Cell, Cells};

/// Index of the first root cell.
pub const ROOT: u32 = 1;
/// Cells of the root.
pub const ROOT_CELLS: u32 = 65536 / ROOT_ENTRIES_PER_CELL;
const ROOT_ENTRIES_PER_CELL: u32 = 16;

/// In a root entry: the /16 is of one class.
pub const WHOLE: u32 = 1 << 31;
/// In a leaf's class word: the classes are in dense cells.
pub const DENSE: u32 = 1 << 31;
/// Cells of a dense leaf.
pub const DENSE_CELLS: u32 = 8;
const DENSE_ENTRIES_PER_CELL: u32 = 32;

/// Word that holds a node's first leaf, or a leaf's class.
pub const LINK_WORD: usize = 8;
/// First of a node's 8 bytes of cumulative counts.
pub const RANK_BYTE: usize = 40;

/// Cell and word of a /16's root entry.
#[inline(always)]
#[must_use]
pub const fn root_slot(sixteen: u32) -> (u32, usize) {
    (ROOT + sixteen / ROOT_ENTRIES_PER_CELL, (sixteen % ROOT_ENTRIES_PER_CELL) as usize)
}

/// Cell (counted from the dense leaf's first) and half-word of an address's last octet in a dense leaf.
#[inline(always)]
#[must_use]
pub const fn dense_slot(last_octet: u32) -> (u32, usize) {
    (last_octet / DENSE_ENTRIES_PER_CELL, (last_octet % DENSE_ENTRIES_PER_CELL) as usize)
}

/// How many of a node's /24s before `third_octet` are touched.
#[inline(always)]
const fn rank(node: &Cell, third_octet: usize) -> u32 {
    let word = third_octet >> 5;
    let below = node.word(word) & ((1u32 << (third_octet & 31)) - 1);
    node.byte(RANK_BYTE + word) as u32 + below.count_ones()
}

/// The class of an address (host byte order); `None` if the table does not hold what it points to.
#[inline(always)]
pub fn lookup<C: Cells + ?Sized>(cells: &C, address: u32) -> Option<u32> {
    let (index, word) = root_slot(address >> 16);
    let entry = cells.cell(index)?.word(word);
    // Clean is 0 too.
    if entry & WHOLE != 0 || entry == 0 {
        return Some(entry & !WHOLE);
    }
    let node = cells.cell(entry)?;
    let third_octet = (address >> 8 & 0xff) as usize;
    if !node.bit(third_octet) {
        return Some(0);
    }
    let leaf = cells.cell(node.word(LINK_WORD).wrapping_add(rank(node, third_octet)))?;
    let last_octet = address & 0xff;
    if !leaf.bit(last_octet as usize) {
        return Some(0);
    }
    let class = leaf.word(LINK_WORD);
    if class & DENSE == 0 {
        return Some(class);
    }
    let (cell, half) = dense_slot(last_octet);
    Some(u32::from(cells.cell((class & !DENSE).wrapping_add(cell))?.half(half)))
}
