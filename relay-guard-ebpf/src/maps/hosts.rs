//! What is kept about inside hosts that open outbound SMTP.

use core::hint::black_box;

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    btf_maps::{Array, HashMap},
    macros::btf_map,
};
use relay_guard_common::{
    address::Address,
    counter::Loss,
    host::{ATTEMPTS as PLACES, Attempt, HostCounters, HostRecord},
    parse::Segment,
    shared::SharedU64,
};

use super::{counters, settings, shared};

/// Made and updated by the kernel; idle entries are removed by userspace. Preallocated: 16384 × 448 bytes
/// = 7 MiB by default; `limits.inside_hosts` sets the number at load. Not LRU: a host that forges sources must
/// not push out the records of the others; what finds it full is counted.
#[btf_map]
static HOSTS: HashMap<Address, HostRecord, 16384> = HashMap::new();

/// Made and updated by the kernel: which attempts of all hosts were counted. 8 MiB, however many hosts there are.
#[btf_map]
static ATTEMPTS: Array<u64, PLACES> = Array::new();

/// Where it is remembered that an attempt was counted.
#[inline(always)]
fn slot(attempt: &Attempt) -> Option<&'static SharedU64> {
    shared(&ATTEMPTS, attempt.place())
}

/// Counts a SYN of the host that sent it; makes its record if it has none.
#[inline(always)]
pub(crate) fn on_syn(segment: &Segment, window_ns: u64, stopped: bool) {
    let now = settings::now_ns();
    let key = on_stack(segment.source);
    let host = match get(&key) {
        Some(host) => host,
        None => {
            // The record is longer than a program's stack: it comes from constant memory, its window unset.
            static EMPTY: HostRecord = HostRecord::new(0);
            if HOSTS.insert(&key, &EMPTY, BPF_NOEXIST.into()).is_err() {
                counters::lose(Loss::HostTableFull);
            }
            match get(&key) {
                Some(host) => host,
                None => return,
            }
        }
    };
    let attempt = Attempt {
        host: segment.source,
        peer: segment.destination,
        host_port: segment.source_port,
        sequence: segment.sequence,
    };
    if let Some(slot) = slot(&attempt) {
        host.on_syn(&attempt, slot, now, window_ns, stopped);
    }
}

/// Counts a server's answer for the host it went to. With `strict`, only if it answers a known attempt.
#[inline(always)]
pub(crate) fn on_reply(segment: &Segment, strict: bool) {
    let syn_ack = segment.flags.is_syn_ack();
    if !syn_ack && !segment.flags.is_reset() {
        return;
    }
    let Some(host) = get(&on_stack(segment.destination)) else { return };
    let attempt = Attempt {
        host: segment.destination,
        peer: segment.source,
        host_port: segment.destination_port,
        sequence: segment.acknowledgment.wrapping_sub(1),
    };
    let Some(slot) = slot(&attempt) else { return };
    if syn_ack { host.on_syn_ack(&attempt, slot, strict) } else { host.on_reset(&attempt, slot) }
}

/// Linux before 6.2 takes no key of a map from memory that a function was given, but from the stack.
#[inline(always)]
fn on_stack(key: Address) -> Address {
    black_box(key)
}

#[inline(always)]
fn get(key: &Address) -> Option<&'static HostCounters> {
    // SAFETY: entries stay in place while programs run under RCU; userspace removes idle ones only, and a removed
    // one that is counted in once more does no harm. `HostCounters` is `HostRecord` with atomics: same layout,
    // asserted beside both.
    HOSTS.get_ptr(key).map(|record| unsafe { &*record.cast::<HostCounters>() })
}
