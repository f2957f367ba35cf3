//! One frame, from its bytes to its effect.

use relay_guard_common::{
    action::Action,
    counter::Effect,
    decide::{Decision, Half, decide_inbound, decide_outbound, is_own},
    flow::{inspect_bit, seen::Seen},
    parse::{self, Frame as _, Layer, Segment, Transport},
    probe::{PROBE_ANSWER_OFFSET, ProbeAnswer},
    reason::Reason,
    respond::{
        cookie::{MAX_LIMITED_DIALOGUE, Tuple},
        question::Question,
        step::Step,
    },
    role::{Direction, Hook, Role, Side, role},
    settings::Settings,
};

use crate::{
    log,
    maps::{
        asks, cookies, counters, events, hosts, interfaces,
        policy::MapPolicy,
        ports,
        respond::{limited, second_action},
        settings,
    },
    packet::{Packet, unknown},
    watch::{Watched, watch},
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
pub(crate) fn judge<M: Watched>(medium: &M, packet: &Packet, sight: &Sight) -> Judgement {
    match try_judge(medium, packet, sight) {
        Ok(judgement) => judgement,
        Err(reason) => {
            // What is not judged passes and is counted.
            counters::count(reason, Direction::Unknown, Effect::Passed, sight.frame_len);
            Judgement::PASSED
        }
    }
}

#[inline(always)]
fn try_judge<M: Watched>(medium: &M, packet: &Packet, sight: &Sight) -> Result<Judgement, Reason> {
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
    ours(medium, packet, sight, &transport, source_flags, destination_flags)
}

/// Where a role's number stands in a word, above a [`Question::place`].
const ROLE_AT: u32 = 32;
const PLACE_MASK: u64 = (1 << ROLE_AT) - 1;

/// A segment of a port that is ours.
#[inline(always)]
fn ours<M: Watched>(
    medium: &M,
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
    let is_inspected = settings.inspect & inspect_bit(role.direction()) != 0;
    if matches!(role, Role::ReplyOfServer) && !is_inspected {
        return Err(Reason::NotJudged);
    }
    let segment = match transport.segment(packet) {
        Ok(segment) => segment,
        Err(Reason::TinyFragment) => return fragment(sight, Reason::TinyFragment),
        Err(reason) => return Err(reason),
    };
    // The verifier shall not follow each place, nor each role, by itself.
    let word = unknown((role as u64) << ROLE_AT | Question::place(transport, sight.hook));
    let place = word & PLACE_MASK;
    let role = Role::from_u8((word >> ROLE_AT) as u8).ok_or(Reason::NotJudged)?;
    let wanted = decide(role, &segment, Half::Both);
    let action = match wanted.action {
        Action::Limit => within_limit(&segment, wanted.param),
        action => action,
    };
    let mut decision = Decision { action, ..wanted }.at_port(segment.destination_port);
    let mut effect = decision.effect(settings.enforce != 0);
    if settings.ask != 0 && is_unknown(role, &segment, &decision) && asks::ask(&segment) {
        // Its action stays to let it pass: policy wants nothing of the source, and no event is told.
        decision.reason = Reason::Held;
        effect = Effect::Stopped;
    }
    let mut wanted = wanted.action;
    // Nobody saw what was stopped.
    if is_inspected && !matches!(effect, Effect::Stopped) && watch(medium, &segment, Seen::pack(place, role))
    {
        wanted = Action::Reset;
        decision = Decision::new(wanted, Reason::SessionEnded);
        effect = decision.effect(settings.enforce != 0);
    }
    let outcome = Outcome { wanted, effect, role };
    carry_out(&segment, decision.pack(), outcome.pack(), sight.frame_len, sight.ifindex.into());
    Ok(match effect {
        Effect::Stopped if decision.is_answered() => {
            Judgement(Question::ask(place, &decision, role.direction(), false))
        }
        _ => Judgement::new(effect),
    })
}

/// Whether it begins a connection of inbound SMTP from a source of which nothing is known.
#[inline(always)]
const fn is_unknown(role: Role, segment: &Segment, decision: &Decision) -> bool {
    matches!(decision.reason, Reason::Clean) && matches!(role, Role::Inbound) && segment.flags.is_syn()
}

/// What was decided, beside the decision.
struct Outcome {
    /// The action before a limit came to another.
    wanted: Action,
    effect: Effect,
    role: Role,
}

impl Outcome {
    #[inline(always)]
    const fn pack(&self) -> u64 {
        (self.role as u64) << 16 | (self.effect as u64) << 8 | self.wanted as u64
    }

    #[inline(always)]
    const fn unpack(word: u64) -> Option<Self> {
        match (Action::from_u8(word as u8), Role::from_u8((word >> 16) as u8)) {
            (Some(wanted), Some(role)) => {
                Some(Self { wanted, effect: Effect::from_u8((word >> 8) as u8), role })
            }
            _ => None,
        }
    }
}

/// Counts, remembers and tells what was decided about a segment. A global function: the verifier checks it once by itself, not
/// once for every decision.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn carry_out(
    segment: *const Segment,
    decision: u64,
    outcome: u64,
    frame_len: u64,
    ifindex: u64,
) -> u32 {
    // SAFETY: this crate's only call hands over a reference.
    let (Some(segment), Some(outcome)) = (unsafe { segment.as_ref() }, Outcome::unpack(outcome)) else {
        return 0;
    };
    let decision = Decision::unpack(decision);
    let Outcome { wanted, effect, role } = outcome;
    let direction = role.direction();
    counters::count(decision.reason, direction, effect, frame_len);
    counters::count_class(decision.class, frame_len);
    if wanted != Action::Pass {
        counters::count_action(wanted, direction, effect, frame_len);
    }
    remember(role, segment, effect, &settings::get());
    if decision.action != Action::Pass && segment.flags.is_syn() {
        events::tell(segment, &decision, direction, effect, ifindex as u32);
        log::decided(segment, &decision, ifindex as u32);
        if wanted == Action::Limit {
            counters::count_step(decision.class, Step::Limited);
        }
        if decision.is_answered() {
            counters::count_step(decision.class, Step::Syn);
        }
    }
    0
}

/// What happens to a limited source's segment: it passes while within the limit, else it gets the limit's second action.
/// Connections are counted by their SYNs; a later segment belongs to one that was let through, unless it acknowledges what we
/// said over the limit.
#[inline(never)]
fn within_limit(segment: &Segment, param: u16) -> Action {
    let is_syn = segment.flags.is_syn();
    let action = limited(segment.source, param, is_syn);
    if action == Action::Pass || is_syn {
        return action;
    }
    let tuple = Tuple {
        source: segment.source,
        destination: segment.destination,
        source_port: segment.source_port,
        destination_port: segment.destination_port,
    };
    if cookies::offset(&tuple, segment.acknowledgment) < MAX_LIMITED_DIALOGUE { action } else { Action::Pass }
}

/// What policy wants done with a segment.
#[inline(always)]
fn decide(role: Role, segment: &Segment, half: Half) -> Decision {
    Decision::unpack(decide_segment(segment, (half as u64) << 8 | role as u64))
}

/// A global function: the verifier checks it once by itself, not once for every way in which a segment is found.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn decide_segment(segment: *const Segment, role_and_half: u64) -> u64 {
    const REPLY: Decision = Decision::new(Action::Pass, Reason::Reply);
    // SAFETY: this crate's calls hand over references.
    let Some(segment) = (unsafe { segment.as_ref() }) else { return REPLY.pack() };
    let Segment { source, destination, destination_port, .. } = *segment;
    let half = Half::from_u8((role_and_half >> 8) as u8);
    let decision = match Role::from_u8(role_and_half as u8) {
        Some(Role::Inbound) => decide_inbound(&MapPolicy, source, destination_port),
        Some(Role::Outbound) => decide_outbound(&MapPolicy, source, destination, destination_port, half),
        Some(Role::ReplyToHost | Role::ReplyToGateway | Role::ReplyOfServer) | None => REPLY,
    };
    decision.pack()
}

/// What the host table keeps of a segment.
#[inline(always)]
fn remember(role: Role, segment: &Segment, effect: Effect, settings: &Settings) {
    match role {
        Role::Inbound | Role::ReplyOfServer => {}
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
            return Judgement(Question::ask(
                Question::place(transport, Hook::Ingress),
                &decision,
                role.direction(),
                true,
            ));
        }
        return Judgement::new(Effect::Stopped);
    }
    let decision = wanted.at_port(segment.destination_port);
    let enforce = settings.enforce != 0;
    packet.write_front(ProbeAnswer::new(&decision, enforce).to_bytes());
    Judgement::new(decision.effect(enforce))
}
