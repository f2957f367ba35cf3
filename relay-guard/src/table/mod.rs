//! Building the table: disjoint ranges with classes → cells.
//!
//! The layout and how it is read are `relay_guard_common::table`'s; this is the only place that writes it. Pure: cells
//! are written into memory that the caller brings, which for the live table is the kernel's own (mmap).

mod sparse;
mod v4;
mod v6;

use relay_guard_common::table::{Cell, header};
use thiserror::Error;

/// A range of addresses (host byte order integers, both ends included) and its class, which is not clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassRange<A> {
    /// First address.
    pub first: A,
    /// Last address.
    pub last: A,
    /// Class, 1 to [`MAX_CLASSES`](relay_guard_common::class::MAX_CLASSES) − 1.
    pub class: u32,
}

/// Why a table cannot be built.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TableError {
    /// It would need more cells than an index can name.
    #[error("the lists need {0} table cells, more than the layout's limit of {MAX_CELLS}; use fewer entries")]
    TooLarge(u64),
}

/// Cells that a table may have: the top bit of an index says something else.
pub const MAX_CELLS: u64 = 1 << 31;

/// A table that is ready to be written: its exact size is known.
#[derive(Debug)]
pub struct Plan<'a> {
    v4: v4::Plan<'a>,
    v6: v6::Trie,
}

impl<'a> Plan<'a> {
    /// Plans the table of these ranges, which ascend and do not overlap.
    ///
    /// # Errors
    /// [`TableError::TooLarge`].
    pub fn new(v4: &'a [ClassRange<u32>], v6: &[ClassRange<u128>]) -> Result<Self, TableError> {
        let v4 = v4::Plan::new(v4);
        let v6 = v6::Trie::new(v6, v4.end() as u32);
        let cells = v4.end() + v6.cells();
        if cells > MAX_CELLS { Err(TableError::TooLarge(cells)) } else { Ok(Self { v4, v6 }) }
    }

    /// How many cells the table has.
    #[must_use]
    pub fn cells(&self) -> u32 {
        u32::try_from(self.v4.end() + self.v6.cells()).unwrap_or(u32::MAX)
    }

    /// Writes the table.
    ///
    /// # Panics
    /// If there are fewer than [`cells`](Self::cells) cells. They have to be zero.
    pub fn write(&self, cells: &mut [Cell]) {
        self.v4.write(cells);
        let v6 = self.v6.write(cells);
        cells[header::INDEX as usize] = header::new(v6);
    }

    /// The table in memory of its own.
    #[must_use]
    pub fn to_cells(&self) -> Vec<Cell> {
        let mut cells = vec![Cell::ZERO; self.cells() as usize];
        self.write(&mut cells);
        cells
    }
}

#[cfg(test)]
mod tests;
