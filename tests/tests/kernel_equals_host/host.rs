//! What the programs do with a frame, here: the shared functions on policy in memory.

use std::collections::HashMap;

use ipnet::IpNet;
use relay_guard_common::action::Action;
use relay_guard_common::address::Address;
use relay_guard_common::class::Class;
use relay_guard_common::decide::{Decision, Half, Policy, decide_inbound, decide_outbound};
use relay_guard_common::parse::{self, Layer};
use relay_guard_common::ports::{PortGroups, PortSet};
use relay_guard_common::reason::Reason;
use relay_guard_common::role::{Direction, Hook, Role, Side, role};
use relay_guard_common::table::{self, Cell};
use relay_guard_common::verdict::{Steering, Verdict};

use super::outcome::Outcome;
use super::support::kernel::{At, GUARDED, WATCHED};

/// A program, by where it sees frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Xdp,
    Tc(Hook),
}

impl Program {
    fn hook(self) -> Hook {
        match self {
            Self::Xdp => Hook::Ingress,
            Self::Tc(hook) => hook,
        }
    }
}

/// What is decided about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub outcome: Outcome,
    /// The class that decided, 0 if none did.
    pub class: u32,
}

/// Policy as userspace knows it.
#[derive(Debug)]
pub struct Memory {
    pub cells: Vec<Cell>,
    pub classes: HashMap<u32, Class>,
    pub verdicts: HashMap<Address, Verdict>,
    pub prefixes: Vec<(IpNet, Steering)>,
    pub groups: PortGroups,
    pub enforce: bool,
}

impl Policy for Memory {
    fn now_ns(&self) -> u64 {
        // Any time between the first nanosecond and the last: all that times are compared with here.
        u64::MAX / 2
    }

    fn verdict(&self, address: Address) -> Option<Verdict> {
        self.verdicts.get(&address).copied()
    }

    fn prefix(&self, address: Address) -> Option<Steering> {
        let address: std::net::IpAddr = address.into();
        let holding = self.prefixes.iter().filter(|(net, _)| net.contains(&address));
        holding.max_by_key(|(net, _)| net.prefix_len()).map(|(_, steering)| *steering)
    }

    fn class_of(&self, address: Address) -> u32 {
        table::lookup(&self.cells[..], address)
    }

    fn class(&self, class: u32) -> Option<&Class> {
        self.classes.get(&class)
    }

    fn inbound_group(&self, port: u16) -> usize {
        self.groups.inbound(port)
    }

    fn outbound_group(&self, port: u16) -> usize {
        self.groups.outbound(port)
    }

    fn judges_destinations(&self) -> bool {
        true
    }
}

/// Judges a frame that a program sees.
pub fn judge(policy: &Memory, frame: &[u8], at: At, program: Program) -> Judgement {
    let (direction, decision) = match try_judge(policy, frame, at, program.hook()) {
        Ok((direction, decision)) => (direction, decision),
        Err(reason) => (Direction::Unknown, Decision::new(Action::Pass, reason)),
    };
    let effect = decision.effect(policy.enforce);
    Judgement { outcome: Outcome { reason: decision.reason, direction, effect }, class: decision.class }
}

fn try_judge(policy: &Memory, frame: &[u8], at: At, hook: Hook) -> Result<(Direction, Decision), Reason> {
    let side = match at {
        At::Outside => Some(Side::Outside),
        At::Inside => Some(Side::Inside),
        At::Stray => None,
    };
    // Fragments that hide a header are dropped where they come in on a side.
    let hidden = |reason| match side {
        Some(_) if hook == Hook::Ingress => Ok((Direction::Unknown, Decision::new(Action::Drop, reason))),
        _ => Err(reason),
    };
    let transport = match parse::transport(frame, Layer::Ethernet) {
        Err(reason @ (Reason::OverlappingFragment | Reason::TinyFragment)) => return hidden(reason),
        other => other?,
    };
    let ports = PortSet::new(&GUARDED, &WATCHED);
    let (source, destination) = (ports.flags(transport.source_port), ports.flags(transport.destination_port));
    if source | destination == 0 {
        return Err(Reason::OtherPort);
    }
    let role = role(hook, side.ok_or(Reason::NotJudged)?, source, destination).ok_or(Reason::NotJudged)?;
    // Inbound SMTP is not looked into here.
    if matches!(role, Role::ReplyOfServer) {
        return Err(Reason::NotJudged);
    }
    let segment = match transport.segment(frame) {
        Err(reason @ Reason::TinyFragment) => return hidden(reason),
        other => other?,
    };
    let decision = match role {
        Role::Inbound => decide_inbound(policy, segment.source, segment.destination_port),
        Role::Outbound => {
            decide_outbound(policy, segment.source, segment.destination, segment.destination_port, Half::Both)
        }
        Role::ReplyToHost | Role::ReplyToGateway | Role::ReplyOfServer => {
            Decision::new(Action::Pass, Reason::Reply)
        }
    };
    Ok((role.direction(), decision))
}
