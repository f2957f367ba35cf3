//! The ring of events, kept below a rate per CPU.

use aya_ebpf::{
    Global,
    btf_maps::{PerCpuArray, RingBuf},
    macros::btf_map,
};
use relay_guard_common::{
    counter::{Effect, Loss},
    decide::Decision,
    event::{EVENT_RING_BYTES, Event, EventBudget},
    parse::Segment,
    role::Direction,
};

use super::{counters, settings};

/// Written by the kernel, read by the daemon. 256 KiB.
#[btf_map]
static EVENTS: RingBuf<Event, EVENT_RING_BYTES> = RingBuf::new();

/// Written by the kernel. 16 bytes per CPU.
#[btf_map]
static EVENT_BUDGET: PerCpuArray<EventBudget, 1> = PerCpuArray::new();

/// Events per second and CPU. Set at load.
#[unsafe(no_mangle)]
static EVENTS_PER_SECOND: Global<u64> = Global::new(1000);

/// Tells userspace of a connection attempt that was not simply passed. A function of its own: its record is built on a
/// stack frame that the common way does not have, and frames of one chain of calls share 512 bytes.
#[inline(never)]
pub(crate) fn tell(
    segment: &Segment,
    decision: &Decision,
    direction: Direction,
    effect: Effect,
    ifindex: u32,
) {
    let now = settings::now_ns();
    let Some(budget) = EVENT_BUDGET.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own entry; programs of one CPU run one after the other.
    if !unsafe { &mut *budget }.take(now, EVENTS_PER_SECOND.load()) {
        return counters::lose(Loss::EventRateLimited);
    }
    let Some(mut entry) = EVENTS.reserve(0) else {
        return counters::lose(Loss::EventRingFull);
    };
    entry.write(Event {
        time_ns: now,
        source: segment.source,
        destination: segment.destination,
        source_port: segment.source_port,
        destination_port: segment.destination_port,
        ifindex,
        class: decision.class,
        action: decision.action as u8,
        reason: decision.reason as u8,
        direction: direction as u8,
        effect: effect as u8,
    });
    entry.submit(0);
}
