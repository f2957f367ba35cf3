//! The live table. `bin/bench_table.rs` takes this file as it is, so that what is measured is what runs.

use aya_ebpf::{
    bindings::{BPF_F_INNER_MAP, BPF_F_MMAPABLE},
    btf_maps::{Array, ArrayOfMaps},
    macros::btf_map,
};
use relay_guard_common::{
    class::CLEAN,
    table::{self, Cell, Cells},
};

/// Cells as arrays, not as structs: if the values of the map that this declares were structs in BTF, Linux before 6.2
/// would take no table without BTF in its place, and the daemon makes them without.
type Table = Array<[u64; Cell::DOUBLES], 1, { (BPF_F_MMAPABLE | BPF_F_INNER_MAP) as usize }>;

/// Slot 0: the live table. Written by userspace, whole tables only. Its memory is the table's; see
/// `limits.table_bytes`.
#[btf_map]
static TABLES: ArrayOfMaps<Table, 1> = ArrayOfMaps::new();

/// Cells of the live table.
struct LiveTable<'a>(&'a Table);

impl Cells for LiveTable<'_> {
    #[inline(always)]
    fn cell(&self, index: u32) -> Option<&Cell> {
        // SAFETY: a `Cell` is that array, aligned to its size; so is every element, as the memory of a map that can be
        // mapped begins on a page. It lives as long as the map.
        self.0.get_ptr(index).map(|doubles| unsafe { &*doubles.cast::<Cell>() })
    }
}

/// The class of an IPv4 address (host byte order) in the live table.
#[inline(always)]
pub(crate) fn class_of_v4(address: u32) -> u32 {
    // Fetched once: all of a lookup reads one table, whatever is swapped meanwhile.
    TABLES.get(0).and_then(|live| table::v4::lookup(&LiveTable(live), address)).unwrap_or(CLEAN)
}

/// The class of an IPv6 address (halves in host byte order) in the live table.
///
/// A global function (exported, scalars only): the verifier checks it once by itself instead of once for every way
/// that leads to it, which for a search is most of its work.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn class_of_v6(upper: u64, lower: u64) -> u32 {
    TABLES.get(0).and_then(|live| table::v6::lookup(&LiveTable(live), upper, lower)).unwrap_or(CLEAN)
}
