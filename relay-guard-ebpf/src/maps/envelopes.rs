//! The ring of lines that refused senders offered, kept below a rate per CPU.

use aya_ebpf::{
    Global,
    btf_maps::{PerCpuArray, RingBuf},
    macros::btf_map,
};
use relay_guard_common::{
    counter::Loss,
    event::EventBudget,
    respond::{
        envelope::{ENVELOPE_LINE_LEN, ENVELOPE_RING_BYTES, EnvelopeLine},
        question::Question,
    },
};

use super::{counters, settings};
use crate::{
    packet::bounded,
    respond::{Medium, Request},
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

/// Tells userspace of a line that is about to be answered; `spoken` is the verb's number above the line's length.
#[inline(never)]
pub(crate) fn tell<M: Medium>(medium: &M, word: u64, request: &Request, spoken: u64) {
    let question = Question::unpack(word);
    let line_len = spoken as u32;
    let now = settings::now_ns();
    let Some(budget) = ENVELOPE_BUDGET.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's own entry; programs of one CPU run one after the other.
    if !unsafe { &mut *budget }.take(now, ENVELOPES_PER_SECOND.load()) {
        return counters::lose(Loss::EnvelopeRateLimited);
    }
    let Some(mut entry) = ENVELOPES.reserve(0) else {
        return counters::lose(Loss::EnvelopeRingFull);
    };
    let len = if line_len > ENVELOPE_LINE_LEN as u32 { ENVELOPE_LINE_LEN as u32 } else { line_len };
    // SAFETY: the ring's memory for one record, of which every value is one; nobody else sees it before it is submitted.
    let record = unsafe { entry.assume_init_mut() };
    record.time_ns = now;
    record.source = request.tuple.source;
    record.destination = request.tuple.destination;
    record.source_port = request.tuple.source_port;
    record.destination_port = request.tuple.destination_port;
    record.class = question.class;
    record.verb = (spoken >> 32) as u8;
    record.direction = question.direction as u8;
    record.len = len as u16;
    record.ifindex = medium.ifindex();
    let line = record.line.as_mut_ptr();
    if len == 0
        || !medium.load(request.payload_offset as u32, line, bounded(len, ENVELOPE_LINE_LEN as u32 - 1))
    {
        record.len = 0;
    }
    entry.submit(0);
}
