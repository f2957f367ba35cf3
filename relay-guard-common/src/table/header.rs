//! Cell 0: what the table is, and where its IPv6 part begins.

use super::{Cell, v6::Root};

/// Index of the header cell.
pub const INDEX: u32 = 0;

const MAGIC_WORD: usize = 0;
const V6_FIRST_WORD: usize = 1;
const V6_PREFIX_DOUBLE: usize = 1;
const V6_POSITION_WORD: usize = 4;
const V6_BITS_WORD: usize = 5;
const V6_OTHERWISE_WORD: usize = 6;

/// First word of every table: layout and its version.
pub const MAGIC: u32 = u32::from_le_bytes(*b"RGt3");

/// A header.
#[must_use]
pub const fn new(v6: Root) -> Cell {
    let mut cell = Cell::ZERO;
    cell.set_word(MAGIC_WORD, MAGIC);
    cell.set_word(V6_FIRST_WORD, v6.first);
    cell.0[V6_PREFIX_DOUBLE] = v6.prefix;
    cell.set_word(V6_POSITION_WORD, v6.position);
    cell.set_word(V6_BITS_WORD, v6.bits);
    cell.set_word(V6_OTHERWISE_WORD, v6.otherwise);
    cell
}

/// Whether the cell is a header of this layout.
#[must_use]
pub const fn is_valid(cell: &Cell) -> bool {
    cell.word(MAGIC_WORD) == MAGIC
}

/// The IPv6 part's root.
#[inline(always)]
#[must_use]
pub const fn v6_root(cell: &Cell) -> Root {
    Root {
        first: cell.word(V6_FIRST_WORD),
        prefix: cell.double(V6_PREFIX_DOUBLE),
        position: cell.word(V6_POSITION_WORD),
        bits: cell.word(V6_BITS_WORD),
        otherwise: cell.word(V6_OTHERWISE_WORD),
    }
}
