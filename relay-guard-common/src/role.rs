//! What a segment is to us: which side it came in on, and who is to be judged.

use crate::{
    flow::Party,
    ports::{GUARDED, WATCHED},
};

/// The side of the gateway that an interface is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// Towards the internet.
    Outside = 1,
    /// Towards the guarded hosts.
    Inside = 2,
}

impl Side {
    /// The side with this number, if there is one.
    #[inline(always)]
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Outside),
            2 => Some(Self::Inside),
            _ => None,
        }
    }

    /// The word for it in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Inside => "inside",
        }
    }
}

/// Where on an interface a program sees packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hook {
    /// Packets coming in.
    Ingress,
    /// Packets that were forwarded, going out.
    EgressForwarded,
    /// Packets of the gateway itself, going out.
    EgressOwn,
}

/// Which way SMTP goes, for counters and events. Numbers are append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Not told: the packet was not SMTP, or its interface has no side.
    Unknown = 0,
    /// From outside to a guarded port.
    Inbound = 1,
    /// From an inside host, or the gateway itself, to a watched port.
    Outbound = 2,
}

impl Direction {
    /// All directions, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Inbound, Self::Outbound];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The direction with this number, if there is one.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Unknown),
            1 => Some(Self::Inbound),
            2 => Some(Self::Outbound),
            _ => None,
        }
    }

    /// The word for it in output and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// What a segment is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Inbound SMTP: its source is judged.
    Inbound,
    /// Outbound SMTP: its source, an inside host or the gateway, is judged and counted.
    Outbound,
    /// A reply to an inside host's outbound SMTP: counted for its destination.
    ReplyToHost,
    /// A reply to the gateway, on the outside: counted for its destination if that asked. Behind NAT it may
    /// belong to any inside host, whose own reply is seen again, with its address, on the inside.
    ReplyToGateway,
    /// A reply of one of our servers, or of the gateway, to inbound SMTP: judged nowhere, and of use only where inbound SMTP is
    /// looked into.
    ReplyOfServer,
}

impl Role {
    /// The role with this number, if there is one.
    #[inline(always)]
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Inbound,
            1 => Self::Outbound,
            2 => Self::ReplyToHost,
            3 => Self::ReplyToGateway,
            4 => Self::ReplyOfServer,
            _ => return None,
        })
    }

    /// The direction under which it is counted.
    #[inline(always)]
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::Inbound | Self::ReplyOfServer => Direction::Inbound,
            Self::Outbound | Self::ReplyToHost | Self::ReplyToGateway => Direction::Outbound,
        }
    }

    /// Who sent it.
    #[inline(always)]
    #[must_use]
    pub const fn from(self) -> Party {
        match self {
            Self::Inbound | Self::Outbound => Party::Client,
            Self::ReplyToHost | Self::ReplyToGateway | Self::ReplyOfServer => Party::Server,
        }
    }
}

/// What a segment seen at `hook` of an interface on `side` is to us, by the flags of its ports
/// ([`PortSet::flags`](crate::ports::PortSet::flags)); `None` if it is not judged there.
#[inline(always)]
#[must_use]
pub const fn role(hook: Hook, side: Side, source_flags: u8, destination_flags: u8) -> Option<Role> {
    match (hook, side) {
        (Hook::Ingress, Side::Outside) if destination_flags & GUARDED != 0 => Some(Role::Inbound),
        (Hook::Ingress, Side::Outside) if source_flags & WATCHED != 0 => Some(Role::ReplyToGateway),
        (Hook::Ingress, Side::Inside) | (Hook::EgressOwn, Side::Outside)
            if destination_flags & WATCHED != 0 =>
        {
            Some(Role::Outbound)
        }
        // The gateway's own, too: it may be the server that the host talks to.
        (Hook::EgressForwarded | Hook::EgressOwn, Side::Inside) if source_flags & WATCHED != 0 => {
            Some(Role::ReplyToHost)
        }
        (Hook::EgressForwarded | Hook::EgressOwn, Side::Outside) if source_flags & GUARDED != 0 => {
            Some(Role::ReplyOfServer)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hook_judges_its_own_share() {
        const BOTH: u8 = GUARDED | WATCHED;
        let cases = [
            (Hook::Ingress, Side::Outside, 0, GUARDED, Some(Role::Inbound)),
            (Hook::Ingress, Side::Outside, BOTH, BOTH, Some(Role::Inbound)),
            (Hook::Ingress, Side::Outside, WATCHED, 0, Some(Role::ReplyToGateway)),
            (Hook::Ingress, Side::Outside, GUARDED, 0, None),
            (Hook::Ingress, Side::Outside, 0, WATCHED, None),
            (Hook::Ingress, Side::Inside, 0, WATCHED, Some(Role::Outbound)),
            (Hook::Ingress, Side::Inside, 0, GUARDED, None),
            (Hook::Ingress, Side::Inside, BOTH, 0, None),
            (Hook::EgressForwarded, Side::Inside, WATCHED, 0, Some(Role::ReplyToHost)),
            (Hook::EgressForwarded, Side::Inside, GUARDED, 0, None),
            (Hook::EgressForwarded, Side::Outside, 0, BOTH, None),
            (Hook::EgressForwarded, Side::Outside, GUARDED, 0, Some(Role::ReplyOfServer)),
            (Hook::EgressForwarded, Side::Outside, WATCHED, 0, None),
            (Hook::EgressOwn, Side::Outside, GUARDED, 0, Some(Role::ReplyOfServer)),
            (Hook::EgressOwn, Side::Outside, GUARDED, WATCHED, Some(Role::Outbound)),
            (Hook::EgressOwn, Side::Outside, 0, BOTH, Some(Role::Outbound)),
            (Hook::EgressOwn, Side::Inside, BOTH, 0, Some(Role::ReplyToHost)),
            (Hook::EgressOwn, Side::Inside, 0, BOTH, None),
        ];
        for (hook, side, source, destination, expected) in cases {
            assert_eq!(role(hook, side, source, destination), expected, "{hook:?} {side:?}");
        }
    }
}
