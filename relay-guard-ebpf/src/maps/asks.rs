//! Questions to userspace about sources of which nothing is known, and who was asked about lately.

use aya_ebpf::{
    btf_maps::{Array, RingBuf},
    macros::btf_map,
};
use relay_guard_common::{
    ask::{
        ASK_RING_BYTES, Ask,
        mark::{MARKS, Places, Sighting, look, mark},
        may_be_listed,
    },
    counter::Loss,
    parse::Segment,
    respond::bucket::{ONLY_TAG, Take, take},
    settings::Settings,
};

use super::{counters, policy, ports, settings, shared};

/// Written by the kernel, read by the daemon. 256 KiB. A ring of its own: no flood of events keeps questions away.
#[btf_map]
static ASKS: RingBuf<Ask, ASK_RING_BYTES> = RingBuf::new();

/// Written by the kernel: who was asked about lately. 2 MiB.
#[btf_map]
static ASKED: Array<u64, MARKS> = Array::new();

/// Chooses the places in `ASKED` and `OPENINGS`. Written by userspace, once: the marks of another key are nobody's.
#[btf_map]
static ASK_KEY: Array<[u64; 2], 1> = Array::new();

/// Written by the kernel: the bucket of all questions.
#[btf_map]
static ASK_BUDGET: Array<u64, 1> = Array::new();

/// The key that chooses places.
#[inline(always)]
pub(crate) fn key() -> Option<[u64; 2]> {
    ASK_KEY.get(0).copied()
}

/// Asks about the source of a SYN of inbound SMTP of which nothing is known, if it is to be. Whether the SYN is held.
#[inline(always)]
pub(crate) fn ask(segment: &Segment) -> bool {
    ask_about(segment) != 0
}

/// A global function: the verifier checks it once by itself.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn ask_about(segment: *const Segment) -> u32 {
    // SAFETY: this crate's only call hands over a reference.
    let Some(segment) = (unsafe { segment.as_ref() }) else { return 0 };
    let Segment { source, destination_port, .. } = *segment;
    let settings = settings::get();
    let group = ports::inbound_group(destination_port);
    if !settings.asks_about(source, group) || !may_be_listed(source) {
        return 0;
    }
    let now_ns = settings::now_ns();
    let now_ms = now_ns / 1_000_000;
    let Some(key) = key() else { return 0 };
    let places = Places::of(key, source);
    let (Some(first), Some(second)) = (shared(&ASKED, places.first), shared(&ASKED, places.second)) else {
        return 0;
    };
    let found = (first.load(), second.load());
    let (place, is_new) = match look(found.0, found.1, places.tag, now_ms) {
        Sighting::Lately => return 0,
        Sighting::Before { second: true } => (Some((second, found.1)), false),
        Sighting::Before { second: false } => (Some((first, found.0)), false),
        Sighting::New { second: true } => (Some((second, found.1)), true),
        Sighting::New { second: false } => (Some((first, found.0)), true),
        Sighting::NoPlace => (None, true),
    };
    if !within_budget(&settings, now_ns) {
        counters::lose(Loss::AskRateLimited);
        return 0;
    }
    let hold = is_new && settings.holds(now_ns) && !policy::was_clean(source, group);
    let Some(mut entry) = ASKS.reserve(0) else {
        counters::lose(Loss::AskRingFull);
        return 0;
    };
    let marked = match place {
        // Who loses the race has no mark, as who finds no place.
        Some((place, found)) => place.replace(found, mark(places.tag, now_ms)),
        None => false,
    };
    if hold && !marked {
        counters::lose(Loss::HoldTableFull);
    }
    let held = u8::from(hold && marked);
    entry.write(Ask { time_ns: now_ns, source, port: destination_port, held, reserved: [0; 5] });
    entry.submit(0);
    held.into()
}

#[inline(always)]
fn within_budget(settings: &Settings, now_ns: u64) -> bool {
    let Some(bucket) = shared(&ASK_BUDGET, 0) else { return false };
    matches!(take(bucket, ONLY_TAG, now_ns / 1000, settings.asks), Take::Conforms)
}
