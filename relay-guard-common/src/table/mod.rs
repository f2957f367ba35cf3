//! The table: address → class, all list policy in one lookup.
//!
//! One flat array of 64-byte cells, one cache line each:
//!
//! | cells | hold |
//! |---|---|
//! | 0 | header ([`header`]) |
//! | 1 … 4096 | IPv4 root: an entry for each /16 |
//! | then | IPv4 nodes (a /16 each), sparse cells, leaves (a /24 each), dense leaves; IPv6 nodes, IPv6 leaves |
//!
//! This module knows the layout and how to read it. Cells come from a [`Cells`]: the BPF map in the kernel, a
//! slice in userspace. The builder lives in userspace and uses the same names.

mod cell;
pub mod header;
pub mod v4;
pub mod v6;

pub use cell::{Cell, Cells};

use crate::{address::Address, class::CLEAN};

/// The class of an address; [`CLEAN`] if no list holds it, or where the table contradicts itself.
#[inline(always)]
#[must_use]
pub fn lookup<C: Cells + ?Sized>(cells: &C, address: Address) -> u32 {
    let class = match address.as_v4() {
        Some(v4) => v4::lookup(cells, v4),
        None => {
            let (upper, lower) = address.halves();
            v6::lookup(cells, upper, lower)
        }
    };
    class.unwrap_or(CLEAN)
}
