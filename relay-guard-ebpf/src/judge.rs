//! One frame, from its bytes to its effect.

use relay_guard_common::{
    action::Action,
    counter::Effect,
    decide::{Decision, Half, decide_inbound, decide_outbound, is_own},
    parse::{self, Frame as _, Layer, Segment, Transport},
    probe::{PROBE_ANSWER_OFFSET, ProbeAnswer},
    reason::Reason,
    respond::{
        cookie::{DOES_NOT_FIT, Tuple},
        question::Question,
        step::Step,
    },
    role::{Direction, Hook, Role, Side, role},
    settings::Settings,
};

use crate::{
    log,
    maps::{
        cookies, counters, events, hosts, interfaces,
        policy::MapPolicy,
        ports,
        respond::{limited, second_action},
        settings,
    },
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

/// What becomes of a frame: one word, because a function that returns more returns it through memory.
#[derive(Clone, Copy)]
pub(crate) struct Judgement(u64);

impl Judgement {
    const PASSED: Self = Self::new(Effect::Passed);

    #[inline(always)]
    const fn new(effect: Effect) -> Self {
        Self(effect as u64)
    }

    /// The [`Question`] that it puts to the responder, or [`Question::NONE`].
    #[inline(always)]
    pub(crate) const fn question(self) -> u64 {
        if self.0 > Effect::Stopped as u64 { self.0 } else { Question::NONE }
    }

    /// Whether it goes on its way.
    #[inline(always)]
    pub(crate) const fn passes(self) -> bool {
        self.0 < Effect::Stopped as u64
    }
}

/// Judges a frame and carries out all of it but the answer and the return code.
#[inline(always)]
pub(crate) fn judge(packet: &Packet, sight: &Sight) -> Judgement {
    match try_judge(packet, sight) {
        Ok(judgement) => judgement,
        Err(reason) => not_judged(reason, sight),
    }
}

#[inline(always)]
fn try_judge(packet: &Packet, sight: &Sight) -> Result<Judgement, Reason> {
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
    Ok(ours(packet, sight, &transport, source_flags, destination_flags))
}

/// A segment of a port that is ours. A function of its own: it has a frame on the stack that the responder's, which is as
/// large, does not share.
#[inline(never)]
fn ours(
    packet: &Packet,
    sight: &Sight,
    transport: &Transport,
    source_flags: u8,
    destination_flags: u8,
) -> Judgement {
    match try_ours(packet, sight, transport, source_flags, destination_flags) {
        Ok(judgement) => judgement,
        Err(reason) => not_judged(reason, sight),
    }
}

/// What is not judged passes and is counted.
#[inline(always)]
fn not_judged(reason: Reason, sight: &Sight) -> Judgement {
    counters::count(reason, Direction::Unknown, Effect::Passed, sight.frame_len);
    Judgement::PASSED
}

#[inline(always)]
fn try_ours(
    packet: &Packet,
    sight: &Sight,
    transport: &Transport,
    source_flags: u8,
    destination_flags: u8,
) -> Result<Judgement, Reason> {
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
    let wanted = decide(role, &segment, Half::Both);
    let decision = within_limit(wanted, &segment).at_port(segment.destination_port);
    let effect = decision.effect(settings.enforce != 0);
    counters::count(decision.reason, role.direction(), effect, sight.frame_len);
    counters::count_class(decision.class, sight.frame_len);
    if wanted.action != Action::Pass {
        counters::count_action(wanted.action, role.direction(), effect, sight.frame_len);
    }
    remember(role, &segment, effect, &settings);
    if decision.action != Action::Pass && segment.flags.is_syn() {
        events::tell(&segment, &decision, role.direction(), effect, sight.ifindex);
        log::decided(&segment, &decision, sight.ifindex);
        if wanted.action == Action::Limit {
            counters::count_step(decision.class, Step::Limited);
        }
        if decision.is_answered() {
            counters::count_step(decision.class, Step::Syn);
        }
    }
    Ok(match effect {
        Effect::Stopped if decision.is_answered() => {
            Judgement(Question::ask(transport, &decision, role.direction(), false))
        }
        _ => Judgement::new(effect),
    })
}

/// The same, but for a limit: to pass while within it, else its second action. Connections are counted by their SYNs; a later
/// segment belongs to one that was let through, unless it acknowledges what we said over the limit.
#[inline(always)]
fn within_limit(decision: Decision, segment: &Segment) -> Decision {
    if decision.action != Action::Limit {
        return decision;
    }
    let is_syn = segment.flags.is_syn();
    let mut action = limited(segment.source, decision.param, is_syn);
    if action != Action::Pass && !is_syn {
        let tuple = Tuple {
            source: segment.source,
            destination: segment.destination,
            source_port: segment.source_port,
            destination_port: segment.destination_port,
        };
        if cookies::offset(&tuple, segment.acknowledgment) == DOES_NOT_FIT {
            action = Action::Pass;
        }
    }
    Decision { action, ..decision }
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
fn fragment(sight: &Sight, reason: Reason) -> Result<Judgement, Reason> {
    let interface = interfaces::get(sight.ifindex).ok_or(reason)?;
    if interface.probe != 0 || sight.hook != Hook::Ingress {
        return Err(reason);
    }
    let effect = Decision::new(Action::Drop, reason).effect(settings::get().enforce != 0);
    counters::count(reason, Direction::Unknown, effect, sight.frame_len);
    Ok(Judgement::new(effect))
}

/// A question from userspace: answered in the frame, nothing counted, nothing remembered.
#[inline(always)]
fn probe(
    packet: &Packet,
    transport: &Transport,
    source_flags: u8,
    destination_flags: u8,
    settings: &Settings,
) -> Judgement {
    // No closures here: one that is not inlined brings its `Option` types into the object's BTF, in a form that
    // the kernel rejects.
    // The three octets of the question stand side by side.
    let Some([answer, half, side]) = packet.read(PROBE_ANSWER_OFFSET) else { return Judgement::PASSED };
    let Some(side) = Side::from_u8(side) else { return Judgement::PASSED };
    let Some(role) = role(Hook::Ingress, side, source_flags, destination_flags) else {
        return Judgement::PASSED;
    };
    let Ok(segment) = transport.segment(packet) else { return Judgement::PASSED };
    let wanted = decide(role, &segment, Half::from_u8(half));
    if answer != 0 {
        let mut decision = wanted;
        if decision.action == Action::Limit {
            decision.action = second_action(decision.param);
        }
        let decision = decision.at_port(segment.destination_port);
        if decision.is_answered() {
            return Judgement(Question::ask(transport, &decision, role.direction(), true));
        }
        return Judgement::new(Effect::Stopped);
    }
    let decision = wanted.at_port(segment.destination_port);
    let enforce = settings.enforce != 0;
    packet.write_front(ProbeAnswer::new(&decision, enforce).to_bytes());
    Judgement::new(decision.effect(enforce))
}
