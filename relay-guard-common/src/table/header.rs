//! Cell 0: what the table is.

use super::Cell;

/// Index of the header cell.
pub const INDEX: u32 = 0;

const MAGIC_WORD: usize = 0;
const V6_ROOT_WORD: usize = 1;

/// First word of every table: layout and its version.
pub const MAGIC: u32 = u32::from_le_bytes(*b"RGt2");

/// A header.
#[must_use]
pub const fn new(v6_root: u32) -> Cell {
    let mut cell = Cell::ZERO;
    cell.set_word(MAGIC_WORD, MAGIC);
    cell.set_word(V6_ROOT_WORD, v6_root);
    cell
}

/// Whether the cell is a header of this layout.
#[must_use]
pub const fn is_valid(cell: &Cell) -> bool {
    cell.word(MAGIC_WORD) == MAGIC
}

/// Index of the IPv6 tree's root; 0 if the table holds no IPv6.
#[inline(always)]
#[must_use]
pub const fn v6_root(cell: &Cell) -> u32 {
    cell.word(V6_ROOT_WORD)
}
