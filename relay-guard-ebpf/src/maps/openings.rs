//! Handshakes of connections that may be looked into.

use aya_ebpf::{btf_maps::Array, macros::btf_map};
use relay_guard_common::flow::{
    FlowKey,
    opening::{OPENINGS as PLACES, Opening, Place},
};

use super::asks;

/// Written by the kernel. 1 MiB, however many connections there are.
#[btf_map]
static OPENINGS: Array<[u64; 2], PLACES> = Array::new();

/// The place of a connection in the table.
#[inline(always)]
pub(crate) fn place(flow: &FlowKey) -> Option<(&'static Opening, Place)> {
    let place = Place::of(asks::key()?, flow);
    // SAFETY: live, aligned words that their type lets many write at once, laid out as it is; they live as long as the map.
    OPENINGS.get_ptr(place.index).map(|words| (unsafe { &*words.cast::<Opening>() }, place))
}
