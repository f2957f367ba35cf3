//! Policy from maps: what `relay-guard-common` asks for when it decides.

use core::hint::black_box;

use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC},
    btf_maps::{Array, HashMap, LpmTrie},
    macros::btf_map,
};
use relay_guard_common::{
    address::Address,
    class::{Class, MAX_CLASSES},
    decide::{Decision, Policy, decide_destination},
    verdict::{Steering, Verdict},
};

use super::{
    ports, settings,
    table::{class_of_v4, class_of_v6},
};

/// Written by userspace. 256 KiB. Memory that can be mapped begins on a page, so that a class is one cache line.
#[btf_map]
static CLASSES: Array<Class, { MAX_CLASSES as usize }, { BPF_F_MMAPABLE as usize }> = Array::new();

/// Written by userspace. Preallocated: 131072 × 128 bytes = 16 MiB by default; `limits.verdicts` and
/// `lookups.cache_entries` together are the number at load.
#[btf_map]
static VERDICTS: HashMap<Address, Verdict, 65536> = HashMap::new();

/// The administrator's CIDRs. Written by userspace. At most 4096 × about 100 bytes; `limits.prefix_verdicts`.
#[btf_map]
static PREFIXES: LpmTrie<Address, Steering, 4096, { BPF_F_NO_PREALLOC as usize }> = LpmTrie::new();

/// What is decided about a destination, as [`Decision::pack`] puts it. A global function: the verifier checks it once by
/// itself instead of once for every way that leads to it.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn judge_destination(upper: u64, lower: u64, port: u64) -> u64 {
    decide_destination(&MapPolicy, Address::from_halves(upper, lower), port as u16).pack()
}

/// Whether DNSBLs once knew nothing against a source at ports of a group.
#[inline(always)]
pub(crate) fn was_clean(source: Address, group: usize) -> bool {
    if settings::get().verdicts == 0 {
        return false;
    }
    // Linux before 6.2 takes no key of a map from memory that a function was given, but from the stack.
    let key = black_box(source);
    // SAFETY: one octet is read: an entry replaced or removed meanwhile gives the old or the new one.
    unsafe { VERDICTS.get(&key) }.is_some_and(|verdict| verdict.was_clean(group))
}

/// Policy as the maps hold it.
pub(crate) struct MapPolicy;

impl Policy for MapPolicy {
    #[inline(always)]
    fn now_ns(&self) -> u64 {
        settings::now_ns()
    }

    #[inline(always)]
    fn verdict(&self, address: Address) -> Option<Verdict> {
        if settings::get().verdicts == 0 {
            return None;
        }
        // SAFETY: copied out at once: an entry replaced or removed meanwhile gives the old or the new one.
        unsafe { VERDICTS.get(&address) }.copied()
    }

    #[inline(always)]
    fn prefix(&self, address: Address) -> Option<Steering> {
        if settings::get().prefixes == 0 {
            return None;
        }
        let key = aya_ebpf::maps::lpm_trie::Key::new(128, address);
        PREFIXES.get(&key).copied()
    }

    #[inline(always)]
    fn class_of(&self, address: Address) -> u32 {
        match address.as_v4() {
            Some(v4) => class_of_v4(v4),
            None => {
                let (upper, lower) = address.halves();
                class_of_v6(upper, lower)
            }
        }
    }

    #[inline(always)]
    fn class(&self, class: u32) -> Option<&Class> {
        CLASSES.get(class)
    }

    #[inline(always)]
    fn inbound_group(&self, port: u16) -> usize {
        ports::inbound_group(port)
    }

    #[inline(always)]
    fn outbound_group(&self, port: u16) -> usize {
        ports::outbound_group(port)
    }

    #[inline(always)]
    fn judges_destinations(&self) -> bool {
        settings::get().destinations != 0
    }

    #[inline(always)]
    fn destination(&self, destination: Address, port: u16) -> Decision {
        let (upper, lower) = destination.halves();
        Decision::unpack(judge_destination(upper, lower, port.into()))
    }
}
