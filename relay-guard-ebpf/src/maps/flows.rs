//! Connections that are looked into.

use core::hint::black_box;

use aya_ebpf::{bindings::BPF_NOEXIST, btf_maps::HashMap, macros::btf_map};
use relay_guard_common::{
    counter::Loss,
    flow::{
        FlowKey,
        state::{FlowRecord, FlowState},
    },
};

use super::counters;

/// Made and updated by the kernel; given orders and removed by userspace. Preallocated: 65536 × 144 bytes = 9 MiB by default;
/// `limits.flows` sets the number at load. Not LRU: what floods the table must not push out what is being looked into.
#[btf_map]
static FLOWS: HashMap<FlowKey, FlowRecord, 65536> = HashMap::new();

/// A connection's entry. The key is to be on the stack: see [`on_stack`].
#[inline(always)]
pub(crate) fn get(flow: &FlowKey) -> Option<&'static FlowState> {
    // SAFETY: entries stay in place while programs run under RCU; one that is replaced or removed and counted in once more does
    // no harm. `FlowState` is `FlowRecord` with atomics: same layout, asserted beside both.
    FLOWS.get_ptr(flow).map(|record| unsafe { &*record.cast::<FlowState>() })
}

/// Makes a connection's entry, if there is room. Whether there is one now.
#[inline(always)]
pub(crate) fn make(flow: &FlowKey, record: &FlowRecord) -> bool {
    // Another CPU may have made it.
    let made = FLOWS.insert(flow, record, BPF_NOEXIST.into()).is_ok() || get(flow).is_some();
    if !made {
        counters::lose(Loss::FlowTableFull);
    }
    made
}

/// Linux before 6.2 takes no key of a map from memory that a function was given, but from the stack.
#[inline(always)]
pub(crate) fn on_stack(flow: FlowKey) -> FlowKey {
    black_box(flow)
}
