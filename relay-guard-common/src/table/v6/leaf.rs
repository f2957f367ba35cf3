//! Leaves: a few prefixes, each whole, so that neighbouring parts of a node can share a leaf.
//!
//! - Doublewords 0 … 5: keys. A prefix of up to /64 takes one, the upper half; a longer one takes two that follow each
//!   other, the upper and the lower half.
//! - Doublewords 6 and 7: what a key means, 19 bits each, three to a doubleword: 7 bits the prefix's length − 1, or 0 where
//!   nothing stands; 12 bits its class. Of two halves the upper one's length is 64.
//! - Bits 57 … 62 of these two: the class of addresses that no prefix holds, 6 bits each. Bit 63: 0, where a node has 1.

use super::super::Cell;
use crate::class::MAX_CLASSES;

/// Keys in a leaf.
pub const KEYS: usize = 6;
/// The shortest prefix that a leaf holds.
pub const SHORTEST: u32 = 2;

const MEANINGS: usize = 6;
const MEANINGS_PER_DOUBLE: usize = 3;
const MEANING_BITS: usize = 19;

const LENGTH_MASK: u64 = 127;
/// In a length − 1: the prefix ends in the lower half.
const LOWER: u64 = 64;
const CLASS_PLACE: u32 = 7;
const CLASS_MASK: u64 = MAX_CLASSES as u64 - 1;

const OTHERWISE_PLACE: usize = MEANINGS_PER_DOUBLE * MEANING_BITS;
const OTHERWISE_BITS: usize = 6;
const OTHERWISE_MASK: u64 = (1 << OTHERWISE_BITS) - 1;

const _: () = assert!(MAX_CLASSES.is_power_of_two());
const _: () = assert!(CLASS_MASK << CLASS_PLACE < 1 << MEANING_BITS);
const _: () = assert!(CLASS_MASK < 1 << (2 * OTHERWISE_BITS));

/// A leaf without prefixes.
#[must_use]
pub const fn new(otherwise: u32) -> Cell {
    let mut cell = Cell::ZERO;
    let otherwise = otherwise as u64;
    cell.0[MEANINGS] = (otherwise & OTHERWISE_MASK) << OTHERWISE_PLACE;
    cell.0[MEANINGS + 1] = (otherwise >> OTHERWISE_BITS & OTHERWISE_MASK) << OTHERWISE_PLACE;
    cell
}

/// How many keys a prefix takes.
#[must_use]
pub const fn keys(length: u32) -> usize {
    if length > 64 { 2 } else { 1 }
}

/// Writes a prefix, of [`SHORTEST`] to 128 bits, into the places from `place` on, which are not taken.
pub const fn set(cell: &mut Cell, place: usize, prefix: u128, length: u32, class: u32) {
    cell.0[place] = (prefix >> 64) as u64;
    if length > 64 {
        set_meaning(cell, place, 64, 0);
        cell.0[place + 1] = prefix as u64;
        set_meaning(cell, place + 1, length, class);
    } else {
        set_meaning(cell, place, length, class);
    }
}

const fn set_meaning(cell: &mut Cell, place: usize, length: u32, class: u32) {
    let meaning = (class as u64 & CLASS_MASK) << CLASS_PLACE | (length as u64 - 1) & LENGTH_MASK;
    cell.0[MEANINGS + place / MEANINGS_PER_DOUBLE] |= meaning << (place % MEANINGS_PER_DOUBLE * MEANING_BITS);
}

/// The meaning of a key in the lowest bits, those of others above.
#[inline(always)]
const fn meaning(cell: &Cell, place: usize) -> u64 {
    cell.double(MEANINGS + place / MEANINGS_PER_DOUBLE) >> (place % MEANINGS_PER_DOUBLE * MEANING_BITS)
}

/// The class of an address.
#[inline(always)]
#[must_use]
pub const fn class_of(cell: &Cell, upper: u64, lower: u64) -> u32 {
    let mut place = 0;
    while place < KEYS {
        let here = meaning(cell, place);
        // Nearly all keys are passed by: whether it is an upper half, or nothing, is asked only where one agrees.
        if agrees(upper, cell.double(place), here) && here & LENGTH_MASK != 0 && here & LOWER == 0 {
            let next = if place + 1 < KEYS { meaning(cell, place + 1) } else { 0 };
            if next & LOWER == 0 {
                return class(here);
            }
            if agrees(lower, cell.double(place + 1), next) {
                return class(next);
            }
        }
        place += 1;
    }
    let low = cell.double(MEANINGS) >> OTHERWISE_PLACE & OTHERWISE_MASK;
    let high = cell.double(MEANINGS + 1) >> OTHERWISE_PLACE & OTHERWISE_MASK;
    (high << OTHERWISE_BITS | low) as u32
}

/// Whether half of an address and a key are the same up to the prefix's length.
#[inline(always)]
const fn agrees(half: u64, key: u64, meaning: u64) -> bool {
    // How many bits are not compared: 64 or 128 less the length.
    let rest = !meaning & 63;
    (half ^ key) >> rest == 0
}

#[inline(always)]
const fn class(meaning: u64) -> u32 {
    (meaning >> CLASS_PLACE & CLASS_MASK) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERWISE: u32 = 0xabc;

    fn at(cell: &Cell, address: u128) -> u32 {
        class_of(cell, (address >> 64) as u64, address as u64)
    }

    #[test]
    fn a_prefix_of_every_length_is_told_from_its_neighbours() {
        let address = 0x2001_0db8_a5a5_5a5a_c3c3_3c3c_9999_6666_u128;
        for length in SHORTEST..=128 {
            for place in 0..=KEYS - keys(length) {
                let mut cell = new(OTHERWISE);
                set(&mut cell, place, address, length, 4095);
                for bit in 0..128 {
                    let expected = if bit < 128 - length { 4095 } else { OTHERWISE };
                    assert_eq!(
                        at(&cell, address ^ 1 << bit),
                        expected,
                        "/{length}, bit {bit}, place {place}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_full_leaf_keeps_its_keys_apart() {
        let mut cell = new(OTHERWISE);
        // The lower half of the first is the upper half of another; two have the upper half in common; one is clean.
        // The first key looks like the meaning of a lower half, which must not be read behind the last one.
        let all = [(71_u128 << 64 | 9, 128, 1), (71 << 64 | 8, 127, 2), (9 << 64, 64, 3), (1 << 127, 2, 0)];
        let mut place = 0;
        for (prefix, length, class) in all {
            set(&mut cell, place, prefix, length, class);
            place += keys(length);
        }
        assert_eq!(place, KEYS);
        let cases = [
            (71 << 64 | 9, 1),
            (71 << 64 | 8, 2),
            (71 << 64 | 10, OTHERWISE),
            (9 << 64 | 71, 3),
            (1 << 127, 0),
        ];
        for (address, class) in cases {
            assert_eq!(at(&cell, address), class, "{address:x}");
        }
        assert_eq!(at(&cell, 8 << 64 | 9), OTHERWISE);
    }

    #[test]
    fn a_leaf_without_prefixes_is_of_one_class() {
        for class in [0, 1, 63, 64, 4095] {
            let cell = new(class);
            assert!([0, 1, u128::MAX].iter().all(|&address| at(&cell, address) == class));
            assert!(!super::super::node::is_node(&cell));
        }
        assert_eq!(new(0), Cell::ZERO);
    }
}
