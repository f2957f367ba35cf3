//! Programs of `cargo xtask bench datapath`: what the guard is compared with, and what feeds it.
//!
//! A test-run repeats one frame, which flatters every cache. [`bench_feed`] instead writes one of a thousand prepared
//! headers over the frame, with the next of a million prepared sources in it, and goes on with the program in slot 0:
//! the guard, or one of those below. What the feeding costs is in all of them and cancels out; sources alone are fed in
//! millions, because whole headers would push what is measured out of the caches.
// On the host the programs are only checked, linted and documented; there this is an ordinary, empty binary.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg_attr(target_arch = "bpf", no_main)]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![expect(clippy::needless_pass_by_value, reason = "aya's macros hand the context over by value")]
#![expect(unsafe_code, reason = "programs and maps are found by section and symbol name; helpers are C")]

#[path = "../program.rs"]
mod program;
#[macro_use]
#[path = "../store.rs"]
mod store;

use aya_ebpf::{
    bindings::{BPF_F_NO_PREALLOC, xdp_action},
    btf_maps::{Array, HashMap, LpmTrie, ProgramArray},
    macros::{btf_map, xdp},
    maps::lpm_trie::Key,
    programs::XdpContext,
};

/// Number of prepared headers and sources, powers of two.
const HEADER_COUNT: usize = 1 << 10;
const SOURCE_COUNT: usize = 1 << 20;

const LINK_LEN: usize = 14;
/// Doublewords of network header and what follows.
const NETWORK_DOUBLES: usize = 8;
/// What all of it takes in a frame.
const FRAME_LEN: usize = LINK_LEN + NETWORK_DOUBLES * 8;
/// The doublewords of the network header that hold the source: IPv4's in half of the first one, IPv6's in both.
const SOURCE_DOUBLES: [usize; 2] = [1, 2];

/// A prepared header.
#[derive(Clone, Copy)]
#[repr(C)]
struct Headers {
    /// The last two bytes are not used.
    link: [u64; 2],
    /// The source is zero.
    network: [u64; NETWORK_DOUBLES],
    /// Which bits of a source belong in there: no branch, which would tell the processor what comes next.
    source: [u64; 2],
}

/// Written by userspace. 96 KiB.
#[btf_map]
static HEADERS: Array<Headers, HEADER_COUNT> = Array::new();

/// Written by userspace. 16 MiB.
#[btf_map]
static SOURCES: Array<[u64; 2], SOURCE_COUNT> = Array::new();

/// How many packets there were.
#[btf_map]
static NEXT: Array<u32, 1> = Array::new();

/// Slot 0: the program that is measured.
#[btf_map]
static MEASURED: ProgramArray<1> = ProgramArray::new();

/// The peers: IPv4 sources (octets as they stand in the packet) in the kernel's own maps.
#[btf_map]
static TRIE: LpmTrie<[u8; 4], u32, 1_048_576, { BPF_F_NO_PREALLOC as usize }> = LpmTrie::new();
#[btf_map]
static HASH: HashMap<[u8; 4], u32, 1_048_576> = HashMap::new();

/// Makes the frame the next prepared one and goes on with what is measured.
#[xdp(frags)]
fn bench_feed(context: XdpContext) -> u32 {
    if feed(&context).is_some() {
        // SAFETY: nothing here is to be dropped, and the context is the kernel's own for this run.
        unsafe { MEASURED.tail_call(&context, 0) };
    }
    // Only where a slot is empty or the frame too short: userspace takes this as a failure.
    xdp_action::XDP_ABORTED
}

#[inline(always)]
fn feed(context: &XdpContext) -> Option<()> {
    let next = NEXT.get_ptr_mut(0)?;
    // SAFETY: a live element; test-runs come one after the other.
    let index = unsafe { *next };
    // SAFETY: as above.
    unsafe { *next = index.wrapping_add(1) };
    let sources = SOURCES.get(index & (SOURCE_COUNT as u32 - 1))?;
    // The headers in an order that does not repeat soon (Fibonacci hashing): a branch predictor learns short ones.
    let scattered = index.wrapping_mul(0x9e37_79b9).rotate_left(16) ^ index >> 10;
    let headers = HEADERS.get(scattered & (HEADER_COUNT as u32 - 1))?;
    let start = context.data();
    if start + FRAME_LEN > context.data_end() {
        return None;
    }
    // In the pieces in which they are read later: a read that spans two fresh writes waits for both of them.
    store_u64(start, headers.link[0]);
    store_u32(start + 8, headers.link[1] as u32);
    store_u16(start + 12, (headers.link[1] >> 32) as u16);
    for double in 0..NETWORK_DOUBLES {
        let mut value = headers.network[double];
        for (part, place) in SOURCE_DOUBLES.into_iter().enumerate() {
            if double == place {
                value |= sources[part] & headers.source[part];
            }
        }
        store_u64(start + LINK_LEN + double * 8, value);
    }
    Some(())
}

store! {
    store_u64, u64, "*(u64 *)({0} + 0) = {1}";
    store_u32, u32, "*(u32 *)({0} + 0) = {1}";
    store_u16, u16, "*(u16 *)({0} + 0) = {1}";
}

/// The least that a program can do for a packet that passes.
#[xdp(frags)]
fn bench_pass(_context: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

/// The least that a program can do for a packet that is dropped.
#[xdp(frags)]
fn bench_drop(_context: XdpContext) -> u32 {
    xdp_action::XDP_DROP
}

/// A blocklist in the kernel's LPM trie, without any parsing.
#[xdp(frags)]
fn bench_trie(context: XdpContext) -> u32 {
    match source(&context) {
        Some(source) if TRIE.get(&Key::new(32, source)).is_some() => xdp_action::XDP_DROP,
        _ => xdp_action::XDP_PASS,
    }
}

/// A blocklist of single addresses in the kernel's hash map, without any parsing.
#[xdp(frags)]
fn bench_hash(context: XdpContext) -> u32 {
    match source(&context) {
        // SAFETY: only whether there is an entry is looked at.
        Some(source) if unsafe { HASH.get(source) }.is_some() => xdp_action::XDP_DROP,
        _ => xdp_action::XDP_PASS,
    }
}

/// The source of what is taken for an untagged IPv4 packet.
#[inline(always)]
fn source(context: &XdpContext) -> Option<[u8; 4]> {
    const OFFSET: usize = LINK_LEN + 12;
    let at = context.data() + OFFSET;
    if at + 4 > context.data_end() {
        return None;
    }
    // SAFETY: the comparison above proves that the frame has these bytes, which have no alignment.
    Some(unsafe { *(at as *const [u8; 4]) })
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
