//! Maps, each private beside its accessors. Who writes an entry, and the memory ceiling, stand with the map.

pub(crate) mod asks;
pub(crate) mod captures;
pub(crate) mod cookies;
pub(crate) mod counters;
pub(crate) mod envelopes;
pub(crate) mod events;
pub(crate) mod flows;
pub(crate) mod hosts;
pub(crate) mod interfaces;
pub(crate) mod openings;
pub(crate) mod policy;
pub(crate) mod ports;
pub(crate) mod respond;
pub(crate) mod settings;
pub(crate) mod table;

use aya_ebpf::btf_maps::Array;
use relay_guard_common::shared::SharedU64;

/// A number of a map that many write.
#[inline(always)]
fn shared<const N: usize>(map: &Array<u64, N>, index: u32) -> Option<&SharedU64> {
    // SAFETY: a live, aligned u64 that its type lets many write at once; it lives as long as the map.
    map.get_ptr(index).map(|number| unsafe { &*number.cast::<SharedU64>() })
}
