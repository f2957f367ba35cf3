//! Which ports are ours.

use aya_ebpf::{btf_maps::Array, macros::btf_map};
use relay_guard_common::ports::PortSet;

/// Written by userspace. 16 KiB.
#[btf_map]
static PORTS: Array<PortSet, 1> = Array::new();

/// Flags of a port (host byte order).
#[inline(always)]
pub(crate) fn flags(port: u16) -> u8 {
    match PORTS.get(0) {
        Some(set) => set.flags(port),
        None => 0,
    }
}
