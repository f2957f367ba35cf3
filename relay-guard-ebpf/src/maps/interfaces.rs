//! Which side an interface is on.

use aya_ebpf::{btf_maps::HashMap, macros::btf_map};
use relay_guard_common::settings::Interface;

/// Written by userspace. 256 × about 80 bytes.
#[btf_map]
static INTERFACES: HashMap<u32, Interface, 256> = HashMap::new();

/// The entry of an interface, if it is one of ours.
#[inline(always)]
pub(crate) fn get(ifindex: u32) -> Option<Interface> {
    // SAFETY: 4 bytes, copied out at once: an entry replaced meanwhile gives the old or the new one.
    unsafe { INTERFACES.get(&ifindex) }.copied()
}
