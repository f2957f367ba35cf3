//! Which ports are ours, and which of them are judged alike.

use core::hint::black_box;

use aya_ebpf::{btf_maps::Array, macros::btf_map};
use relay_guard_common::ports::{PortGroups, PortSet};

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

/// Written by userspace. 32 KiB.
#[btf_map]
static PORT_GROUPS: Array<PortGroups, 1> = Array::new();

/// The group of a port (host byte order) for inbound SMTP.
#[inline(always)]
pub(crate) fn inbound_group(port: u16) -> usize {
    match PORT_GROUPS.get(0) {
        Some(groups) => groups.inbound(black_box(port)),
        None => 0,
    }
}

/// The group of a port (host byte order) for outbound SMTP.
#[inline(always)]
pub(crate) fn outbound_group(port: u16) -> usize {
    match PORT_GROUPS.get(0) {
        Some(groups) => groups.outbound(black_box(port)),
        None => 0,
    }
}
