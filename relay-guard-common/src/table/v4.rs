//! IPv4: a root entry for each /16; behind it what suits the /16: nothing, a few addresses in as few cells as hold
//! them, or a node with a leaf for each touched /24.
//!
//! Lists of a million addresses are mostly of the middle kind: 18 addresses in a /16. As leaves they would take 18 cells
//! there and 62 MB in all, and each lookup would wait for main memory; they take one cell, and 4 MB stay in the cache.
//!
//! - Root entry (a word): [`CLEAN`](crate::class::CLEAN); or a class with [`WHOLE`]; or with [`SPARSE`], the index of the
//!   first sparse cell ([`SPARSE_INDEX`]) and how many bits of the address choose among 2^bits of them
//!   ([`SPARSE_SHIFT`]); or the index of a node.
//! - Sparse cell: half-words, the lower 16 bits of up to [`SPARSE_ENTRIES`] listed addresses (the first again where there
//!   are fewer); word 14: their class, 0 if there are none; or, with [`MIXED`], the index of a cell that holds the class
//!   of each, in the same places.
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
/// In a root entry: the /16 is in sparse cells.
pub const SPARSE: u32 = 1 << 30;
/// Place of the number of choosing bits, 3 bits wide, in a root entry with [`SPARSE`].
pub const SPARSE_SHIFT: u32 = 27;
/// Most bits that choose among the sparse cells of a /16.
pub const SPARSE_MAX_BITS: u32 = 7;
/// The index in a root entry with [`SPARSE`]: enough, because these cells come before all leaves.
pub const SPARSE_INDEX: u32 = (1 << SPARSE_SHIFT) - 1;
/// Addresses in a sparse cell.
pub const SPARSE_ENTRIES: usize = SPARSE_DOUBLES * 4;
const SPARSE_DOUBLES: usize = 7;
/// Word that holds a sparse cell's class.
pub const SPARSE_WORD: usize = 14;
/// In a sparse cell's class word: the classes are in another cell.
pub const MIXED: u32 = 1 << 31;

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

/// Which of 2^`bits` sparse cells is that of an address, by its lower 16 bits.
#[inline(always)]
#[must_use]
pub const fn sparse_cell(bits: u32, low: u16) -> u32 {
    low as u32 >> (16 - bits)
}

/// The class of an address, by its lower 16 bits, in a /16 with this root entry.
#[inline(always)]
fn sparse<C: Cells + ?Sized>(cells: &C, entry: u32, low: u16) -> Option<u32> {
    let bits = entry >> SPARSE_SHIFT & SPARSE_MAX_BITS;
    let cell = cells.cell((entry & SPARSE_INDEX) + sparse_cell(bits, low))?;
    if !holds(cell, low) {
        return Some(0);
    }
    let class = cell.word(SPARSE_WORD);
    if class & MIXED == 0 {
        return Some(class);
    }
    let classes = cells.cell(class & !MIXED)?;
    let place = (0..SPARSE_ENTRIES).find(|&place| cell.half(place) == low)?;
    Some(u32::from(classes.half(place)))
}

/// Whether one of a sparse cell's half-words is this one: four at a time, and without a branch, which could only be
/// guessed.
#[inline(always)]
fn holds(cell: &Cell, low: u16) -> bool {
    const ONES: u64 = 0x0001_0001_0001_0001;
    let wanted = u64::from(low) * ONES;
    let mut zero = 0;
    for double in 0..SPARSE_DOUBLES {
        // Where they are equal there is a zero, and only a zero borrows from a top bit that was not set.
        let difference = cell.double(double) ^ wanted;
        zero |= difference.wrapping_sub(ONES) & !difference;
    }
    zero & (ONES << 15) != 0
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
    if entry & SPARSE != 0 {
        return sparse(cells, entry, address as u16);
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
