//! Nodes: which of 256 parts of a prefix share a child.
//!
//! - Doublewords 0 … 3: bits of the parts that begin another child than the part before them.
//! - Doublewords 4 and 5: the prefix, both halves.
//! - Word 12: index of the first child, the others follow in order. Word 13: the prefix's length (7 bits); from bit 8 on
//!   the class of addresses that do not begin with it; from bit 24 on at which bit of the address the 8 bits begin that
//!   choose (7 bits): those behind the prefix, or any others of the same half that tell its parts apart; bit 31 is 1.
//! - Bytes 56 … 59: how many bits are set before each of the doublewords of bits.

use super::super::Cell;

/// Bits by which a node chooses; they are all of one half.
pub const BITS: u32 = 8;
/// Parts of a node.
pub const PARTS: usize = 1 << BITS;

/// In a node's word 13, where a leaf has 0.
const NODE: u32 = 1 << 31;
const LENGTH_MASK: u32 = 127;
const LOWER: u32 = 64;
const OTHERWISE_SHIFT: u32 = 8;
const OTHERWISE_MASK: u32 = 0xffff;
const POSITION_SHIFT: u32 = 24;

const PREFIX_DOUBLE: usize = 4;
const CHILD_WORD: usize = 12;
const KIND_WORD: usize = 13;
const RANK_BYTE: usize = 56;

/// A node for a prefix of this length that chooses by the 8 bits from bit `position` on, which are all of the half in which
/// bit `length` is; no part begins a child yet.
#[must_use]
pub const fn new(prefix: u128, length: u32, position: u32, otherwise: u32) -> Cell {
    let mut cell = Cell::ZERO;
    cell.0[PREFIX_DOUBLE] = (prefix >> 64) as u64;
    cell.0[PREFIX_DOUBLE + 1] = prefix as u64;
    let otherwise = (otherwise & OTHERWISE_MASK) << OTHERWISE_SHIFT;
    let position = (position & LENGTH_MASK) << POSITION_SHIFT;
    cell.set_word(KIND_WORD, NODE | position | otherwise | length & LENGTH_MASK);
    cell
}

/// Completes a node of which the bits are set.
pub const fn close(cell: &mut Cell, first_child: u32) {
    cell.set_word(CHILD_WORD, first_child);
    let mut before = 0;
    let mut double = 0;
    while double < 4 {
        // Before the last one there are at most 192.
        cell.set_byte(RANK_BYTE + double, before as u8);
        before += cell.double(double).count_ones();
        double += 1;
    }
}

/// Whether a cell of the trie is a node; else it is a leaf.
#[inline(always)]
#[must_use]
pub const fn is_node(cell: &Cell) -> bool {
    cell.word(KIND_WORD) & NODE != 0
}

/// The class of addresses that do not begin with the node's prefix.
#[inline(always)]
#[must_use]
pub const fn otherwise(cell: &Cell) -> u32 {
    cell.word(KIND_WORD) >> OTHERWISE_SHIFT & OTHERWISE_MASK
}

/// The child of an address; 0, which is the header's cell, if the address does not begin with the node's prefix.
#[inline(always)]
#[must_use]
pub const fn child(cell: &Cell, upper: u64, lower: u64) -> u32 {
    let kind = cell.word(KIND_WORD);
    let mut differs = upper ^ cell.double(PREFIX_DOUBLE);
    let mut half = upper;
    if kind & LOWER != 0 {
        if differs != 0 {
            return 0;
        }
        differs = lower ^ cell.double(PREFIX_DOUBLE + 1);
        half = lower;
    }
    // In two steps: all 64 at once is no shift that there is.
    if differs >> 1 >> (63 - (kind & (LOWER - 1))) != 0 {
        return 0;
    }
    let part = half << (kind >> POSITION_SHIFT & (LOWER - 1)) >> (64 - BITS);
    let double = (part >> 6) as usize;
    let begun = cell.double(double) & u64::MAX >> (63 - (part & 63));
    // The first part begins a child: one is set at least.
    cell.word(CHILD_WORD) + cell.byte(RANK_BYTE + double) as u32 + begun.count_ones() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node for a prefix, of which these parts begin children, from cell 100 on.
    fn node(prefix: u128, length: u32, parts: &[usize]) -> Cell {
        let mut cell = new(prefix, length, length, 77);
        for part in parts {
            cell.set_bit(*part);
        }
        close(&mut cell, 100);
        cell
    }

    #[test]
    fn parts_share_the_child_of_the_last_one_that_begins_one() {
        let begin = [0, 1, 63, 64, 127, 128, 200, 255];
        for length in [0, 1, 24, 55, 56, 64, 100, 120] {
            let prefix =
                0x2001_0db8_a5a5_5a5a_c3c3_3c3c_9999_6666_u128 & !u128::MAX.checked_shr(length).unwrap_or(0);
            let cell = node(prefix, length, &begin);
            assert!(is_node(&cell));
            for part in 0..PARTS {
                let address = prefix | (part as u128) << (128 - length - BITS);
                let before = begin.iter().filter(|begin| **begin <= part).count() as u32;
                let found = child(&cell, (address >> 64) as u64, address as u64);
                assert_eq!(found, 100 + before - 1, "/{length}, part {part}");
            }
        }
    }

    #[test]
    fn other_prefixes_have_no_child() {
        for length in [1, 24, 56, 64, 100, 120] {
            let cell = node(0, length, &[0]);
            for bit in 128 - length..128 {
                let address = 1_u128 << bit;
                assert_eq!(child(&cell, (address >> 64) as u64, address as u64), 0, "/{length}, bit {bit}");
            }
            assert_eq!(otherwise(&cell), 77);
        }
    }

    #[test]
    fn bits_behind_others_may_choose() {
        for (length, position) in [(0, 8), (3, 56), (32, 40), (64, 65), (70, 120)] {
            let mut cell = new(0, length, position, 77);
            (0..PARTS).for_each(|part| cell.set_bit(part));
            close(&mut cell, 100);
            for part in 0..PARTS as u128 {
                // All bits between are set.
                let between = (u128::MAX >> length) & !u128::MAX.checked_shr(position).unwrap_or(0);
                let address = between | part << (128 - position - BITS);
                let found = child(&cell, (address >> 64) as u64, address as u64);
                assert_eq!(found, 100 + part as u32, "/{length}, from bit {position}");
            }
        }
    }

    #[test]
    fn every_part_may_begin_a_child() {
        let all: Vec<usize> = (0..PARTS).collect();
        let cell = node(0, 56, &all);
        assert!((0..256).all(|part| child(&cell, part, 0) == 100 + part as u32));
    }
}
