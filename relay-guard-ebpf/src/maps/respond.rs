//! What answers say and how many there may be.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, HashMap, PerCpuArray},
    macros::btf_map,
};
use relay_guard_common::{
    action::Action,
    address::Address,
    counter::Loss,
    respond::{
        bucket::{ONLY_TAG, Take, take, take_either, take_either_roughly},
        limits::{Answering, CAP_BUCKETS, LIMIT_BUCKETS},
        prefix::{places, prefix_hash},
        reply::MAX_SPOKEN,
        response::{MAX_RESPONSES, Rate, Response},
    },
};

use super::{counters, settings, shared};

/// Written by userspace. 1.5 MiB. In memory that can be mapped, which begins on a page.
#[btf_map]
static RESPONSES: Array<Response, MAX_RESPONSES, { BPF_F_MMAPABLE as usize }> = Array::new();

/// What is answered under a rule's or verdict's parameter.
#[inline(always)]
pub(crate) fn response(param: u16) -> Option<&'static Response> {
    RESPONSES.get(param.into())
}

/// Written by userspace, whole. 96 bytes. A segment that comes while it is written may see half of a key, and is then taken
/// for a stranger's.
#[btf_map]
static ANSWERING: Array<Answering, 1> = Array::new();

/// What holds for all answers.
#[inline(always)]
pub(crate) fn answering() -> Option<&'static Answering> {
    ANSWERING.get(0)
}

/// Addresses that nothing is answered to: this machine's own, and the broadcast addresses of its networks. Written by
/// userspace. At most 1024 × about 88 bytes.
#[btf_map]
static OWN_ADDRESSES: HashMap<Address, u8, 1024> = HashMap::new();

/// Whether an address is one of this machine's, or stands for all of a network of its. `listed`: a list decided about it, which
/// lists do not about what is protected.
#[inline(always)]
pub(crate) fn is_own(address: Address, listed: bool) -> bool {
    if listed && answering().is_some_and(|answering| answering.own_listed == 0) {
        return false;
    }
    OWN_ADDRESSES.get_ptr(&address).is_some()
}

/// Written by the kernel: buckets of sources' prefixes. 128 KiB.
#[btf_map]
static CAPS: Array<u64, CAP_BUCKETS> = Array::new();

/// Written by the kernel: buckets of limited sources. 512 KiB.
#[btf_map]
static LIMITS: Array<u64, LIMIT_BUCKETS> = Array::new();

/// Written by the kernel: the bucket of all answers, and that of the tarpit's.
#[btf_map]
static TOTALS: Array<u64, 2> = Array::new();

/// Whether one more answer may go to a source. What an answer takes from a cap, it has taken even if another cap says no.
#[inline(always)]
pub(crate) fn within_caps(source: Address, tarpit: bool) -> bool {
    let (upper, lower) = source.halves();
    take_caps(upper, lower, tarpit.into()) != 0
}

/// A global function: the verifier checks it once by itself.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn take_caps(upper: u64, lower: u64, tarpit: u64) -> u32 {
    let Some(answering) = answering() else { return 0 };
    let now = now_us();
    let source = Address::from_halves(upper, lower);
    let Answering { keys, prefix, prefix_v4, prefix_v6, .. } = answering;
    let hash = prefix_hash(keys.current, source, *prefix_v4, *prefix_v6, 0);
    let within = take_cap(hash, now, *prefix)
        && (tarpit == 0 || take_total(1, now, answering.tarpit))
        && take_total(0, now, answering.total);
    within.into()
}

/// Answers that a CPU takes from a bucket at once, where a burst may be twice as many.
const SHARE: u64 = 32;

/// Written by the kernel: what each CPU has left of its shares.
#[btf_map]
static SHARES: PerCpuArray<u64, 2> = PerCpuArray::new();

/// Takes an answer from a bucket of all. CPUs take shares of it, and do not meet at the bucket for each answer.
#[inline(always)]
fn take_total(index: u32, now: u64, rate: Rate) -> bool {
    let (Some(bucket), Some(left)) = (shared(&TOTALS, index), SHARES.get_ptr_mut(index)) else {
        return false;
    };
    // SAFETY: this CPU's own entry; programs of one CPU run one after the other.
    let left = unsafe { &mut *left };
    if *left > 0 {
        *left -= 1;
        return true;
    }
    let interval_us = rate.interval_us * SHARE;
    let share = if rate.tolerance_us / 2 >= interval_us {
        Rate { interval_us, tolerance_us: rate.tolerance_us - interval_us }
    } else {
        rate
    };
    let conforms = matches!(take(bucket, ONLY_TAG, now, share), Take::Conforms);
    if conforms && share.interval_us != rate.interval_us {
        *left = SHARE - 1;
    }
    conforms
}

#[inline(always)]
fn take_cap(hash: u64, now: u64, rate: Rate) -> bool {
    let places = places(hash, CAP_BUCKETS);
    match (shared(&CAPS, places.first), shared(&CAPS, places.second)) {
        (Some(first), Some(second)) => {
            matches!(take_either_roughly(first, second, places.tag, now, rate), Take::Conforms)
        }
        _ => false,
    }
}

#[inline(always)]
fn take_of<const N: usize>(map: &Array<u64, N>, buckets: usize, hash: u64, now: u64, rate: Rate) -> Take {
    let places = places(hash, buckets);
    match (shared(map, places.first), shared(map, places.second)) {
        (Some(first), Some(second)) => take_either(first, second, places.tag, now, rate),
        _ => Take::Taken,
    }
}

/// What happens to a connection of a limited source: [`Action::Pass`] within its limit, else the limit's second action. For
/// what is not a SYN, and takes nothing, that second action if it is one that goes on answering.
#[inline(always)]
pub(crate) fn limited(source: Address, param: u16, is_syn: bool) -> Action {
    let (upper, lower) = source.halves();
    second(take_limit(upper, lower, param.into(), is_syn.into()))
}

/// A limit's second action.
#[inline(always)]
pub(crate) fn second_action(param: u16) -> Action {
    match response(param) {
        Some(response) => second(u32::from(response.over)),
        None => Action::Pass,
    }
}

#[inline(always)]
const fn second(number: u32) -> Action {
    match number {
        2 => Action::Drop,
        3 => Action::Reset,
        4 => Action::Refuse,
        5 => Action::Tarpit,
        _ => Action::Pass,
    }
}

/// A global function: the verifier checks it once by itself. The number of the action.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn take_limit(upper: u64, lower: u64, param: u64, is_syn: u64) -> u32 {
    let (Some(response), Some(answering)) = (response(param as u16), answering()) else { return 0 };
    let over = u32::from(response.over);
    if is_syn == 0 {
        const GOES_ON: [u32; 2] = [Action::Refuse as u32, Action::Tarpit as u32];
        return if over == GOES_ON[0] || over == GOES_ON[1] { over } else { 0 };
    }
    let source = Address::from_halves(upper, lower);
    let (v4, v6) = (u32::from(response.prefix_v4), u32::from(response.prefix_v6));
    let hash = prefix_hash(answering.keys.current, source, v4, v6, param as u32);
    match take_of(&LIMITS, LIMIT_BUCKETS, hash, now_us(), response.rate) {
        Take::Conforms => 0,
        Take::Exceeds => over,
        Take::Taken => {
            counters::lose(Loss::LimitTableFull);
            0
        }
    }
}

/// Microseconds of the coarse clock.
#[inline(always)]
fn now_us() -> u64 {
    settings::now_ns() / 1000
}

/// Written by the kernel: which end of a stranger's connection is told next, a bit for each of 65,536 hashes. 8 KiB.
#[btf_map]
static TURNS: Array<u64, TURN_WORDS> = Array::new();

const TURN_WORDS: usize = 1024;

/// Whether it is the client's turn, by a hash of the connection: the server's comes first, and so on in turns.
#[inline(always)]
pub(crate) fn turn(hash: u32) -> bool {
    let bit = 1 << (hash & 63);
    match shared(&TURNS, hash >> 6 & (TURN_WORDS as u32 - 1)) {
        Some(word) => {
            let found = word.load();
            // Who loses the race tells the same end twice.
            let _ = word.replace(found, found ^ bit);
            found & bit != 0
        }
        None => true,
    }
}

/// Written by the kernel. 64 bytes per CPU.
#[btf_map]
static SCRATCH: PerCpuArray<Scratch, 1> = PerCpuArray::new();

/// Room for an address's text.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Scratch {
    pub(crate) doubles: [u64; 8],
}

impl Scratch {
    /// The same as octets.
    #[inline(always)]
    pub(crate) fn octets_mut(&mut self) -> &mut [u8; 64] {
        // SAFETY: 64 octets without padding, of which every value is one.
        unsafe { &mut *(&raw mut self.doubles).cast() }
    }
}

/// This CPU's room for an address's text.
#[inline(always)]
pub(crate) fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: this CPU's own entry; programs of one CPU run one after the other, and each has one answer.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
}

/// Doublewords that hold as much of a payload as is looked at.
pub(crate) const HEARD_DOUBLES: usize = MAX_SPOKEN as usize / 8;

/// Written by the kernel. 1 KiB per CPU.
#[btf_map]
static HEARD: PerCpuArray<[u64; HEARD_DOUBLES], 1> = PerCpuArray::new();

/// This CPU's room for a payload.
#[inline(always)]
pub(crate) fn heard() -> Option<&'static mut [u64; HEARD_DOUBLES]> {
    // SAFETY: as in `scratch`.
    HEARD.get_ptr_mut(0).map(|doubles| unsafe { &mut *doubles })
}
