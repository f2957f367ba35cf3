//! Publishing a table: fill a fresh map through its memory, then swap one pointer.
#![expect(unsafe_code, reason = "the kernel's map memory is written through mmap, as cells")]

use aya::maps::{MapData, MapFd};
use memmap2::MmapOptions;
use relay_guard_common::table::Cell;
use rustix::fd::{AsFd as _, AsRawFd as _};

use super::{Datapath, DatapathError};
use crate::table::Plan;

const BPF_MAP_TYPE_ARRAY: u32 = 2;
/// Linux 5.5: the map's memory can be mapped.
const BPF_F_MMAPABLE: u32 = 1 << 10;
/// Linux 5.10: as an inner map it need not have the size of the map that it replaces.
const BPF_F_INNER_MAP: u32 = 1 << 12;

/// Slot of the live table.
const LIVE: u32 = 0;

/// A table in the kernel that no packet sees yet.
#[derive(Debug)]
pub struct PreparedTable {
    map: MapData,
    bytes: u64,
}

impl PreparedTable {
    /// Makes and fills a table.
    ///
    /// # Errors
    /// [`DatapathError::TableTooLarge`] if it would take more than `limit` bytes; or if the kernel refuses.
    pub fn new(plan: &Plan<'_>, limit: u64) -> Result<Self, DatapathError> {
        let bytes = u64::from(plan.cells()) * size_of::<Cell>() as u64;
        if bytes > limit {
            return Err(DatapathError::TableTooLarge { needed: bytes, limit });
        }
        let map = create(plan.cells())?;
        fill(&map, plan)?;
        Ok(Self { map, bytes })
    }

    /// How many bytes it takes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The table's map, for programs of the caller's own.
    #[doc(hidden)]
    #[must_use]
    pub fn fd(&self) -> &MapFd {
        self.map.fd()
    }
}

impl Datapath {
    /// Makes a table the live one. Packets see the old table until the pointer is swapped, then the new one; the old one
    /// is freed when the last packet has left it.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn swap_in(&mut self, table: &PreparedTable) -> Result<(), DatapathError> {
        self.tables.set(LIVE, table.map.fd(), 0).map_err(DatapathError::map("swap in the new table"))
    }

    /// Makes and fills the table of `plan` and swaps it in. Returns how many bytes it takes.
    ///
    /// # Errors
    /// As [`PreparedTable::new`] and [`swap_in`](Self::swap_in).
    pub fn publish(&mut self, plan: &Plan<'_>, limit: u64) -> Result<u64, DatapathError> {
        let table = PreparedTable::new(plan, limit)?;
        self.swap_in(&table)?;
        Ok(table.bytes())
    }
}

fn create(cells: u32) -> Result<MapData, DatapathError> {
    let definition = aya_obj::Map::new_from_params(
        BPF_MAP_TYPE_ARRAY,
        size_of::<u32>() as u32,
        size_of::<Cell>() as u32,
        cells,
        BPF_F_MMAPABLE | BPF_F_INNER_MAP,
    );
    MapData::create(definition, "relay_guard_tab", None).map_err(DatapathError::map("create the table"))
}

fn fill(map: &MapData, plan: &Plan<'_>) -> Result<(), DatapathError> {
    let failed =
        |error: std::io::Error| DatapathError::Map { what: "map the table", error: error.to_string() };
    let cells = plan.cells() as usize;
    let fd = map.fd().as_fd().as_raw_fd();
    // SAFETY: the descriptor is an array map that this function's caller made and nobody else has: no other process
    // changes or truncates its memory.
    let mut memory =
        unsafe { MmapOptions::new().len(cells * size_of::<Cell>()).map_mut(fd) }.map_err(failed)?;
    // SAFETY: every bit pattern is a `Cell`; pages are aligned to more than a cell's 64 bytes, so nothing is cut off
    // at the ends, and elements of 64 bytes follow one another without gaps (array maps round to 8 bytes).
    let (before, cells, _) = unsafe { memory.align_to_mut::<Cell>() };
    debug_assert!(before.is_empty(), "pages are aligned to cells");
    plan.write(cells);
    Ok(())
}
