//! Programs of `cargo xtask bench respond`: what sends to the guard, what counts its answers, what it is compared with.
//!
//! Two devices are the ends of a wire. On the client's, [`respond_feed`] is run with live frames and sends one prepared
//! SYN after the other; [`respond_count`] takes the answers and drops them, or [`respond_client`] goes on with the
//! dialogue. On the server's, [`respond_slot`] hands each frame to the program in slot 0 (the guard, [`respond_bounce`]),
//! or to the kernel where there is none.
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
#[macro_use]
#[path = "parts/load.rs"]
mod load;
#[path = "parts/client.rs"]
mod client;

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::{Array, PerCpuArray, ProgramArray},
    helpers::bpf_xdp_adjust_tail,
    macros::{btf_map, xdp},
    programs::XdpContext,
};

store! {
    store_u64, u64, "*(u64 *)({0} + 0) = {1}";
    store_u32, u32, "*(u32 *)({0} + 0) = {1}";
    store_u16, u16, "*(u16 *)({0} + 0) = {1}";
    store_u8, u8, "*(u8 *)({0} + 0) = {1}";
}

load! {
    load_u64, u64, "{0} = *(u64 *)({1} + 0)";
    load_u32, u32, "{0} = *(u32 *)({1} + 0)";
    load_u16, u16, "{0} = *(u16 *)({1} + 0)";
    load_u8, u8, "{0} = *(u8 *)({1} + 0)";
}

/// Number of prepared frames, a power of two.
const FRAME_COUNT: usize = 1 << 16;
/// Doublewords of a prepared frame: a SYN over IPv6 with the options of today, 94 bytes, fits.
const FRAME_DOUBLES: usize = 12;

/// Written by userspace. 6 MiB.
#[btf_map]
static FRAMES: Array<[u64; FRAME_DOUBLES], FRAME_COUNT> = Array::new();

/// What is fed.
#[derive(Clone, Copy)]
#[repr(C)]
struct Feed {
    /// How many frames there were.
    next: u32,
    /// Bytes at the end of the frame that none of them needs; at least one.
    cut: u32,
}

/// Written by userspace and here.
#[btf_map]
static FEED: Array<Feed, 1> = Array::new();

/// What has come. Numbers are places in [`TALLY`]; userspace has the same.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Tally {
    /// A SYN: it came back as it was.
    Syn = 0,
    /// A SYN-ACK.
    SynAck = 1,
    /// A RST.
    Reset = 2,
    /// The server acknowledged the client's FIN: a dialogue has ended as it should.
    Completed = 3,
    /// A recipient was refused.
    Refused = 4,
    /// The server ended a dialogue too early.
    Broken = 5,
    /// Anything else.
    Other = 6,
}

/// Number of places.
const TALLIES: usize = 7;

/// Written here.
#[btf_map]
static TALLY: PerCpuArray<u64, TALLIES> = PerCpuArray::new();

/// Slot 0: what is measured.
#[btf_map]
static MEASURED: ProgramArray<1> = ProgramArray::new();

/// Counts one.
#[inline(always)]
fn count(tally: Tally) {
    if let Some(place) = TALLY.get_ptr_mut(tally as u32) {
        // SAFETY: a live element of this CPU, and programs here do not interrupt one another.
        unsafe { *place += 1 };
    }
}

/// Makes the frame, which is longer than any prepared one, the next of these, and sends it.
#[xdp(frags)]
fn respond_feed(context: XdpContext) -> u32 {
    match feed(&context) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_ABORTED,
    }
}

#[inline(always)]
fn feed(context: &XdpContext) -> Option<()> {
    let feed = FEED.get_ptr_mut(0)?;
    // SAFETY: a live element; test-runs come one after the other.
    let Feed { next, cut } = unsafe { *feed };
    // SAFETY: as above.
    unsafe { (*feed).next = next.wrapping_add(1) };
    let frame = FRAMES.get(next & (FRAME_COUNT as u32 - 1))?;
    let start = context.data();
    if start + FRAME_DOUBLES * 8 > context.data_end() {
        return None;
    }
    for (index, double) in frame.iter().enumerate() {
        store_u64(start + index * 8, *double);
    }
    // Also what makes the kernel give the next frame its full length again.
    // SAFETY: the context is the kernel's own for this run; no pointer into the frame is used afterwards.
    (unsafe { bpf_xdp_adjust_tail(context.ctx, -(cut as i32)) } == 0).then_some(())
}

const ETHERTYPE: usize = 12;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// Where a TCP header has its flags, behind Ethernet and IPv4 without options or IPv6 without extensions.
const FLAGS_V4: usize = 14 + 20 + 13;
const FLAGS_V6: usize = 14 + 40 + 13;

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// Counts what comes by its flags, and drops it.
#[xdp(frags)]
fn respond_count(context: XdpContext) -> u32 {
    count(match flags(&context) {
        Some(flags) if flags & RST != 0 => Tally::Reset,
        Some(flags) if flags & (SYN | ACK) == SYN | ACK => Tally::SynAck,
        Some(flags) if flags & SYN != 0 => Tally::Syn,
        _ => Tally::Other,
    });
    xdp_action::XDP_DROP
}

#[inline(always)]
fn flags(context: &XdpContext) -> Option<u8> {
    let (start, end) = (context.data(), context.data_end());
    if start + FLAGS_V4 + 1 > end {
        return None;
    }
    let at = match u16::from_be(load_u16(start + ETHERTYPE)) {
        IPV4 => FLAGS_V4,
        IPV6 => FLAGS_V6,
        _ => return None,
    };
    if start + at + 1 > end {
        return None;
    }
    Some(load_u8(start + at))
}

/// Sends everything back to where it came from, and does nothing else.
#[xdp(frags)]
fn respond_bounce(context: XdpContext) -> u32 {
    let start = context.data();
    if start + 12 > context.data_end() {
        return xdp_action::XDP_ABORTED;
    }
    let (destination, source) = (load_u64(start) & 0xffff_ffff_ffff, load_u32(start + 8));
    let source_start = load_u16(start + 6);
    store_u16(start, source_start);
    store_u32(start + 2, source);
    store_u32(start + 6, destination as u32);
    store_u16(start + 10, (destination >> 32) as u16);
    xdp_action::XDP_TX
}

/// Goes on with what is measured; where that is nothing, with the kernel's own stack.
#[xdp(frags)]
fn respond_slot(context: XdpContext) -> u32 {
    // SAFETY: nothing here is to be dropped, and the context is the kernel's own for this run.
    unsafe { MEASURED.tail_call(&context, 0) };
    xdp_action::XDP_PASS
}

/// Answers each segment of the server with the next one of the dialogue, or of the next dialogue.
#[xdp(frags)]
fn respond_client(context: XdpContext) -> u32 {
    match client::turn(&context) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_DROP,
    }
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
