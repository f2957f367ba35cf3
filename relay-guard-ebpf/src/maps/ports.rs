//! Which ports are ours.

use core::hint::black_box;

use aya_ebpf::{btf_maps::Array, macros::btf_map};
use relay_guard_common::ports::PortSet;

/// Written by userspace. 16 KiB.
#[btf_map]
static PORTS: Array<PortSet, 1> = Array::new();

/// Flags of a port (host byte order).
#[inline(always)]
pub(crate) fn flags(port: u16) -> u8 {
    match PORTS.get(0) {
        // A port has had its bytes swapped, of which most kernels' verifiers keep no bounds, and the compiler leaves
        // out the mask that a u16 does not need: through memory the port comes back with the bounds of its load.
        Some(set) => set.flags(black_box(port)),
        None => 0,
    }
}
