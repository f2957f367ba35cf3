//! One frame, from its bytes to its effect.

use relay_guard_common::{
    action::Action,
    counter::Effect,
    decide::{Decision, Half, decide_inbound, decide_outbound, is_own},
    parse::{self, Frame as _, Layer, Segment, Transport},
    probe::{PROBE_HALF_OFFSET, PROBE_SIDE_OFFSET, ProbeAnswer},
    reason::Reason,
    role::{Direction, Hook, Role, Side, role},
    settings::Settings,
};

use crate::{
    log,
    maps::{counters, events, hosts, interfaces, policy::MapPolicy, ports, settings},
    packet::Packet,
};

/// From where a program sees a frame.
pub(crate) struct Sight {
    /// Interface of the hook.
    pub(crate) ifindex: u32,
    /// Which way the frame goes there.
    pub(crate) hook: Hook,
    /// What the frame begins with.
    pub(crate) layer: Layer,
    /// Bytes of the frame, for counters.
    pub(crate) frame_len: u64,
}

/// Judges a frame and carries out all of it but the return code.
#[inline(always)]
pub(crate) fn judge(packet: &Packet, sight: &Sight) -> Effect {
    match try_judge(packet, sight) {
        Ok(effect) => effect,
        Err(reason) => {
            // What is not judged passes and is counted.
            counters::count(reason, Direction::Unknown, Effect::Passed, sight.frame_len);
            Effect::Passed
        }
    }
}

#[inline(always)]
fn try_judge(packet: &Packet, sight: &Sight) -> Result<Effect, Reason> {
    let transport = match parse::transport(packet, sight.layer) {
        Ok(transport) => transport,
        Err(reason @ (Reason::OverlappingFragment | Reason::TinyFragment)) => return fragment(sight, reason),
        Err(reason) => return Err(reason),
    };
    let source_flags = ports::flags(transport.source_port);
    let destination_flags = ports::flags(transport.destination_port);
    if source_flags | destination_flags == 0 {
        return Err(Reason::OtherPort);
    }
    ours(packet, sight, &transport, source_flags, destination_flags)
}

/// A segment of a port that is ours.
#[inline(always)]
fn ours(
    packet: &Packet,
    sight: &Sight,
    transport: &Transport,
    source_flags: u8,
    destination_flags: u8,
) -> Result<Effect, Reason> {
    let interface = interfaces::get(sight.ifindex).ok_or(Reason::NotJudged)?;
    let settings = settings::get();
    if interface.probe != 0 {
        return Ok(probe(packet, transport, source_flags, destination_flags, &settings));
    }
    let side = Side::from_u8(interface.side).ok_or(Reason::NotJudged)?;
    let role = role(sight.hook, side, source_flags, destination_flags).ok_or(Reason::NotJudged)?;
    let segment = match transport.segment(packet) {
        Ok(segment) => segment,
        Err(Reason::TinyFragment) => return fragment(sight, Reason::TinyFragment),
        Err(reason) => return Err(reason),
    };
    let decision = decide(role, &segment, Half::Both);
    let effect = decision.effect(settings.enforce != 0);
    counters::count(decision.reason, role.direction(), effect, sight.frame_len);
    counters::count_class(decision.class, sight.frame_len);
    if decision.action != Action::Pass {
        counters::count_action(decision.action, role.direction(), effect, sight.frame_len);
    }
    remember(role, &segment, effect, &settings);
    if decision.action != Action::Pass && segment.flags.is_syn() {
        events::tell(&segment, &decision, role.direction(), effect, sight.ifindex);
        log::decided(&segment, &decision, sight.ifindex);
    }
    Ok(effect)
}

#[inline(always)]
fn decide(role: Role, segment: &Segment, half: Half) -> Decision {
    let Segment { source, destination, destination_port, .. } = *segment;
    match role {
        Role::Inbound => decide_inbound(&MapPolicy, source, destination_port),
        Role::Outbound => decide_outbound(&MapPolicy, source, destination, destination_port, half),
        Role::ReplyToHost | Role::ReplyToGateway => Decision::new(Action::Pass, Reason::Reply),
    }
}

/// What the host table keeps of a segment.
#[inline(always)]
fn remember(role: Role, segment: &Segment, effect: Effect, settings: &Settings) {
    match role {
        Role::Inbound => {}
        Role::Outbound => {
            // Mail to our own servers is no sign of anything: hosts may use them as a relay as much as they like.
            if segment.flags.is_syn() && !is_own(&MapPolicy, segment.destination) {
                hosts::on_syn(segment, settings.window_ns, matches!(effect, Effect::Stopped));
            }
        }
        Role::ReplyToHost => hosts::on_reply(segment, false),
        Role::ReplyToGateway => hosts::on_reply(segment, true),
    }
}

/// A fragment that hides a TCP header (RFC 1858, RFC 3128): dropped on interfaces of ours.
#[inline(always)]
fn fragment(sight: &Sight, reason: Reason) -> Result<Effect, Reason> {
    let interface = interfaces::get(sight.ifindex).ok_or(reason)?;
    if interface.probe != 0 || sight.hook != Hook::Ingress {
        return Err(reason);
    }
    let effect = Decision::new(Action::Drop, reason).effect(settings::get().enforce != 0);
    counters::count(reason, Direction::Unknown, effect, sight.frame_len);
    Ok(effect)
}

/// A question from userspace: answered in the frame, nothing counted, nothing remembered.
#[inline(always)]
fn probe(
    packet: &Packet,
    transport: &Transport,
    source_flags: u8,
    destination_flags: u8,
    settings: &Settings,
) -> Effect {
    // No closures here: one that is not inlined brings its `Option` types into the object's BTF, in a form that
    // the kernel rejects.
    let Some([side]) = packet.read(PROBE_SIDE_OFFSET) else { return Effect::Passed };
    let Some([half]) = packet.read(PROBE_HALF_OFFSET) else { return Effect::Passed };
    let Some(side) = Side::from_u8(side) else { return Effect::Passed };
    let Some(role) = role(Hook::Ingress, side, source_flags, destination_flags) else {
        return Effect::Passed;
    };
    let Ok(segment) = transport.segment(packet) else { return Effect::Passed };
    let decision = decide(role, &segment, Half::from_u8(half));
    let enforce = settings.enforce != 0;
    packet.write_front(ProbeAnswer::new(&decision, enforce).to_bytes());
    decision.effect(enforce)
}
