//! The ring of lines that refused senders offered, kept below a rate per CPU.

use aya_ebpf::{
    Global,
    btf_maps::{PerCpuArray, RingBuf},
    macros::btf_map,
};
use relay_guard_common::{
    event::EventBudget,
    respond::envelope::{ENVELOPE_RING_BYTES, EnvelopeLine},
};

/// Written by the kernel, read by the daemon. 256 KiB. Not the ring of events: a flood in one starves no other.
#[btf_map]
static ENVELOPES: RingBuf<EnvelopeLine, ENVELOPE_RING_BYTES> = RingBuf::new();

/// Written by the kernel. 16 bytes per CPU.
#[btf_map]
static ENVELOPE_BUDGET: PerCpuArray<EventBudget, 1> = PerCpuArray::new();

/// Lines per second and CPU. Set at load.
#[unsafe(no_mangle)]
static ENVELOPES_PER_SECOND: Global<u64> = Global::new(300);
