//! Programs of the lab: a link that loses packets and counts what each connection sends, the ends of a VLAN, and an XDP
//! program that is none of the guard's.
// On the host the programs are only checked, linted and documented; there this is an ordinary, empty binary.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg_attr(target_arch = "bpf", no_main)]
#![expect(clippy::needless_pass_by_value, reason = "aya's macros hand the context over by value")]
#![expect(unsafe_code, reason = "programs and maps are found by section and symbol name; helpers are C")]

#[path = "../program.rs"]
mod program;

use aya_ebpf::{
    bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC, xdp_action},
    btf_maps::Array,
    helpers::generated::{bpf_skb_vlan_pop, bpf_skb_vlan_push},
    macros::{btf_map, classifier, xdp},
    programs::{TcContext, XdpContext},
};

const LINK_LEN: usize = 14;
const TCP: u8 = 6;
const UDP: u8 = 17;
const RST: u8 = 4;
/// UDP port of RFC 862, "echo".
const ECHO_PORT: u16 = 7;

/// The VLAN; also `addresses::VLAN` of the lab.
const VLAN: u16 = 66;
const ETHERTYPE_VLAN: u16 = 0x8100;

/// One for each port of a client, IPv4's first.
const FLOW_COUNT: usize = 2 << 16;

/// What is counted of a flow: segments, those of them that are lost, those of them with RST; of the client's, then of the
/// server's. What is lost was sent before.
type Flow = [u32; 6];

/// Written by the kernel, a client's half and a server's half by one program each. 3 MiB.
#[btf_map]
static FLOWS: Array<Flow, FLOW_COUNT> = Array::new();

/// Written by userspace: what chance begins with, and how many of 65,536 segments are lost.
#[btf_map]
static LOSS: Array<[u64; 2], 1> = Array::new();

/// On the egress of a client's device.
#[classifier]
fn lab_loss_from_client(context: TcContext) -> i32 {
    pass_or_lose(&context, Sender::Client)
}

/// On its ingress.
#[classifier]
fn lab_loss_from_server(context: TcContext) -> i32 {
    pass_or_lose(&context, Sender::Server)
}

/// Who has sent a segment.
#[derive(Clone, Copy)]
enum Sender {
    Client,
    Server,
}

#[inline(always)]
fn pass_or_lose(context: &TcContext, sender: Sender) -> i32 {
    match is_lost(context, sender) {
        Some(true) => TC_ACT_SHOT,
        // On to the next program: any other number is the last word.
        Some(false) | None => TC_ACT_UNSPEC,
    }
}

/// Nothing for what is no TCP over untagged Ethernet, and for IPv6 with extension headers.
#[inline(always)]
fn is_lost(context: &TcContext, sender: Sender) -> Option<bool> {
    let (transport, family) = match u16::from_be(context.load(12).ok()?) {
        0x0800 if context.load::<u8>(LINK_LEN + 9).ok()? == TCP => {
            let words = context.load::<u8>(LINK_LEN).ok()? & 15;
            (LINK_LEN + usize::from(words) * 4, 0)
        }
        0x86dd if context.load::<u8>(LINK_LEN + 6).ok()? == TCP => (LINK_LEN + 40, 1 << 16),
        _ => return None,
    };
    let (port_at, counts_at) = match sender {
        Sender::Client => (transport, 0),
        Sender::Server => (transport + 2, 3),
    };
    let port = u16::from_be(context.load(port_at).ok()?);
    let reset = u32::from(context.load::<u8>(transport + 13).ok()? & RST != 0);
    let flow = FLOWS.get_ptr_mut(u32::from(port) | family)?;
    let &[seed, share] = LOSS.get(0)?;
    // SAFETY: a live element; this half of it is written here alone, and packets of one connection come in turn.
    let flow = unsafe { &mut *flow };
    let number = flow[counts_at];
    let lost = chance(seed, u64::from(port) << 40 | (counts_at as u64) << 32 | u64::from(number)) < share;
    flow[counts_at] = number.wrapping_add(1);
    flow[counts_at + 1] = flow[counts_at + 1].wrapping_add(u32::from(lost));
    flow[counts_at + 2] = flow[counts_at + 2].wrapping_add(reset);
    Some(lost)
}

/// A number below 65,536, the same each time for the same segment of the same flow (SplitMix64).
#[inline(always)]
fn chance(seed: u64, segment: u64) -> u64 {
    let mut mixed = seed.wrapping_add(segment.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ mixed >> 31) & 0xffff
}

/// On the egress of a VLAN's end: everything gets its tag.
#[classifier]
fn lab_tag(context: TcContext) -> i32 {
    if has_tag(&context) {
        return TC_ACT_UNSPEC;
    }
    // SAFETY: the context is the kernel's own for this run, and nothing of the packet is held.
    let error = unsafe { bpf_skb_vlan_push(context.skb.skb, ETHERTYPE_VLAN.to_be(), VLAN) };
    if error == 0 { TC_ACT_UNSPEC } else { TC_ACT_SHOT }
}

/// On its ingress: everything loses its tag, and what has none is not for this end.
#[classifier]
fn lab_untag(context: TcContext) -> i32 {
    // SAFETY: the context is the kernel's own for this run.
    let tag = unsafe { (*context.skb.skb).vlan_tci } as u16 & 0x0fff;
    if !has_tag(&context) || tag != VLAN {
        return TC_ACT_SHOT;
    }
    // SAFETY: as above, and nothing of the packet is held.
    let error = unsafe { bpf_skb_vlan_pop(context.skb.skb) };
    if error == 0 { TC_ACT_UNSPEC } else { TC_ACT_SHOT }
}

/// Whether the kernel knows of a tag: on the way in it has taken it out of the frame by now.
#[inline(always)]
fn has_tag(context: &TcContext) -> bool {
    // SAFETY: the context is the kernel's own for this run.
    unsafe { (*context.skb.skb).vlan_present != 0 }
}

/// Sends datagrams to the echo port back by the device that they came by; everything else passes.
#[xdp(frags)]
fn lab_echo(context: XdpContext) -> u32 {
    match echo(&context) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_PASS,
    }
}

/// Passes everything: veth gives frames that come by XDP only to a device that has a program.
#[xdp(frags)]
fn lab_pass(_context: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

#[inline(always)]
fn echo(context: &XdpContext) -> Option<()> {
    let is_echo = read::<u16>(context, 12)? == 0x0800_u16.to_be()
        && read::<u8>(context, LINK_LEN)? == 0x45
        && read::<u8>(context, LINK_LEN + 9)? == UDP
        && read::<u16>(context, LINK_LEN + 22)? == ECHO_PORT.to_be();
    if !is_echo {
        return None;
    }
    // Both checksums stay what they are when two words change places.
    swap::<[u8; 6]>(context, 0, 6)?;
    swap::<[u8; 4]>(context, LINK_LEN + 12, LINK_LEN + 16)?;
    swap::<[u8; 2]>(context, LINK_LEN + 20, LINK_LEN + 22)
}

#[inline(always)]
fn swap<T: Copy>(context: &XdpContext, one: usize, other: usize) -> Option<()> {
    let (first, second) = (read::<T>(context, one)?, read::<T>(context, other)?);
    write(context, one, second)?;
    write(context, other, first)
}

#[inline(always)]
fn read<T: Copy>(context: &XdpContext, offset: usize) -> Option<T> {
    let at = place::<T>(context, offset)?;
    // SAFETY: `place` has compared it with the frame's end; `T` is plain bytes, wherever they lie.
    Some(unsafe { at.read_unaligned() })
}

#[inline(always)]
fn write<T: Copy>(context: &XdpContext, offset: usize, value: T) -> Option<()> {
    let at = place::<T>(context, offset)?;
    // SAFETY: as in `read`; packet memory is writable.
    unsafe { at.write_unaligned(value) };
    Some(())
}

#[inline(always)]
fn place<T>(context: &XdpContext, offset: usize) -> Option<*mut T> {
    let at = context.data() + offset;
    (at + size_of::<T>() <= context.data_end()).then_some(at as *mut T)
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
