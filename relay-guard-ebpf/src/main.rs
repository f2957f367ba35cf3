//! relay-guard's kernel programs.
//!
//! Entry points only. The way of a packet: [`packet`] (bounded access) → [`mod@judge`] (parse, role, decide, count,
//! remember, tell; on the way, [`mod@watch`]: what userspace is handed) → [`mod@respond`] (what is answered) → here, where the effect becomes a return code. Everything pure is in `relay-guard-common`;
//! maps are in [`maps`], each private beside its accessors.
// On the host the programs are only checked, linted and documented; there this is an ordinary, empty binary.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg_attr(target_arch = "bpf", no_main)]
// Packets are written a word at a time, which Rust has not stabilised for BPF.
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![expect(
    clippy::needless_borrows_for_generic_args,
    reason = "by reference a key stays where it is, by value it is copied onto the 512 bytes of BPF stack"
)]
#![expect(clippy::needless_pass_by_value, reason = "aya's macros hand the context over by value")]
#![expect(unsafe_code, reason = "programs and maps are found by section and symbol name; helpers are C")]

#[macro_use]
mod store;

mod judge;
mod log;
mod maps;
mod packet;
mod program;
mod respond;
mod watch;

use aya_ebpf::{
    bindings::{BPF_F_INGRESS, TC_ACT_SHOT, TC_ACT_UNSPEC, xdp_action},
    helpers::generated::{bpf_redirect, bpf_xdp_get_buff_len},
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use judge::{Judgement, Sight, judge};
use packet::{Packet, unknown};
use relay_guard_common::{
    parse::Layer,
    respond::{question::Question, reply::Way},
    role::Hook,
};
use respond::{Skb, XdpFrame, respond};

/// XDP on outside and inside interfaces. `frags`: jumbo frames come in several buffers; headers are in the first.
#[xdp(frags)]
fn guard_xdp(context: XdpContext) -> u32 {
    let judgement = judge_xdp(&context);
    if judgement.question() != Question::NONE {
        return match respond(&XdpFrame(context.ctx), unknown(judgement.question())) {
            Way::Nowhere => xdp_action::XDP_DROP,
            Way::Back => xdp_action::XDP_TX,
            Way::Onward => xdp_action::XDP_PASS,
        };
    }
    if judgement.passes() { xdp_action::XDP_PASS } else { xdp_action::XDP_DROP }
}

/// Judges a frame. A function of its own, as answering is: their frames on the stack are as large as one may be, and do not
/// add up.
#[inline(never)]
fn judge_xdp(context: &XdpContext) -> Judgement {
    let sight = Sight {
        // SAFETY: the context is the kernel's own for this run; the field is readable since Linux 4.16.
        ifindex: unsafe { (*context.ctx).ingress_ifindex },
        hook: Hook::Ingress,
        layer: Layer::Ethernet,
        frame_len: frame_len(context),
    };
    judge(&XdpFrame(context.ctx), &Packet::new(context.data(), context.data_end()), &sight)
}

/// Bytes in the first buffer from which on there may be more buffers: a usual frame is shorter, and spared the call.
const JUMBO: usize = 2048;

#[inline(always)]
fn frame_len(context: &XdpContext) -> u64 {
    let first = context.data_end().wrapping_sub(context.data());
    if first < JUMBO {
        return first as u64;
    }
    // SAFETY: the context is the kernel's own for this run; the helper is there since Linux 5.18.
    unsafe { bpf_xdp_get_buff_len(context.ctx) }
}

/// tc ingress where XDP cannot attach, for devices with an Ethernet header.
#[classifier]
fn guard_ingress(context: TcContext) -> i32 {
    classify(&context, Layer::Ethernet, Hook::Ingress)
}

/// tc ingress for devices without an Ethernet header (ppp, wg, tun).
#[classifier]
fn guard_ingress_l3(context: TcContext) -> i32 {
    classify(&context, Layer::Network, Hook::Ingress)
}

/// tc egress: replies to inside hosts, and the gateway's own outbound SMTP.
#[classifier]
fn guard_egress(context: TcContext) -> i32 {
    classify(&context, Layer::Ethernet, egress_hook(&context))
}

/// tc egress for devices without an Ethernet header.
#[classifier]
fn guard_egress_l3(context: TcContext) -> i32 {
    classify(&context, Layer::Network, egress_hook(&context))
}

/// Bytes that are made linear where an skb's headers are not: link, IPv6 with extensions, TCP.
const PULL_LEN: u32 = 256;

#[inline(always)]
fn classify(context: &TcContext, layer: Layer, hook: Hook) -> i32 {
    let judgement = judge_skb(context, layer, hook);
    if judgement.question() != Question::NONE {
        return match respond(&Skb(context.skb.skb), unknown(judgement.question())) {
            Way::Nowhere => TC_ACT_SHOT,
            Way::Back => send_back(context, hook),
            Way::Onward => TC_ACT_UNSPEC,
        };
    }
    // Unspecified lets later filters and the qdisc have their say.
    if judgement.passes() { TC_ACT_UNSPEC } else { TC_ACT_SHOT }
}

/// Judges a packet; see [`judge_xdp`].
#[inline(never)]
fn judge_skb(context: &TcContext, layer: Layer, hook: Hook) -> Judgement {
    let len = context.len();
    if context.data_end().wrapping_sub(context.data()) < PULL_LEN as usize && len as usize > linear(context) {
        // A failure leaves the packet as it is: it is parsed as far as it goes.
        let _ = context.pull_data(if len < PULL_LEN { len } else { PULL_LEN });
    }
    let sight = Sight {
        // SAFETY: the context is the kernel's own for this run.
        ifindex: unsafe { (*context.skb.skb).ifindex },
        hook,
        layer,
        frame_len: u64::from(len),
    };
    judge(&Skb(context.skb.skb), &Packet::new(context.data(), context.data_end()), &sight)
}

/// Back to where it came from: out of the interface, or up into the gateway if the gateway sent it.
#[inline(always)]
fn send_back(context: &TcContext, hook: Hook) -> i32 {
    let way = if matches!(hook, Hook::Ingress) { 0 } else { u64::from(BPF_F_INGRESS) };
    // SAFETY: the context is the kernel's own for this run.
    let ifindex = unsafe { (*context.skb.skb).ifindex };
    // SAFETY: a helper that takes numbers.
    unsafe { bpf_redirect(ifindex, way) as i32 }
}

#[inline(always)]
fn linear(context: &TcContext) -> usize {
    context.data_end().wrapping_sub(context.data())
}

/// Forwarded packets came in somewhere; the gateway's own did not.
#[inline(always)]
fn egress_hook(context: &TcContext) -> Hook {
    // SAFETY: the context is the kernel's own for this run.
    if unsafe { (*context.skb.skb).ingress_ifindex } == 0 { Hook::EgressOwn } else { Hook::EgressForwarded }
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
