//! What a list does: to whom, at which ports, how strongly, and what it says.

use std::sync::Arc;

use relay_guard_common::action::Action;

use super::{Answers, ListSlot, ranges::Lists};
use crate::{config::ListAction, lists::Span};

/// Whom a list judges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Applies {
    /// Sources of inbound SMTP.
    #[default]
    Inbound,
    /// Destinations of outbound SMTP, whoever sends.
    Outbound,
    /// Both.
    Both,
}

impl Applies {
    /// Whether sources of inbound SMTP are judged.
    #[must_use]
    pub const fn to_inbound(self) -> bool {
        matches!(self, Self::Inbound | Self::Both)
    }

    /// Whether destinations of outbound SMTP are judged.
    #[must_use]
    pub const fn to_outbound(self) -> bool {
        matches!(self, Self::Outbound | Self::Both)
    }

    /// The word for it in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Both => "both",
        }
    }
}

/// The ports at which a list judges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PortChoice {
    /// All guarded ports for sources, all watched ones for destinations.
    #[default]
    All,
    /// These (host byte order), where they are guarded or watched.
    Only(Vec<u16>),
}

impl PortChoice {
    /// Whether a port is among them.
    #[must_use]
    pub fn holds(&self, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Only(ports) => ports.contains(&port),
        }
    }
}

/// What a list, or a part of it, does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRule {
    /// What happens to connections.
    pub action: ListAction,
    /// Whom it judges. An allow list makes its holes there alone.
    pub applies: Applies,
    /// Where it judges.
    pub ports: PortChoice,
    /// What is said in its name, where its action says anything.
    pub answers: Arc<Answers>,
}

impl ListRule {
    /// The rule of a list that says nothing but its action: inbound, at all ports.
    #[must_use]
    pub fn of(action: ListAction) -> Self {
        Self { action, ..Self::default() }
    }

    /// Whether somebody may be refused in SMTP's own words.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.action.refuses(self.answers.inbound.limit) || self.action.refuses(self.answers.outbound.limit)
    }
}

/// A list, or a part of it, with its place in the sets of lists.
#[derive(Clone, Copy, Debug)]
pub struct PlacedList<'a> {
    /// Its bit.
    pub slot: ListSlot,
    /// What it does.
    pub rule: &'a ListRule,
    /// The IPv4 addresses that it holds. Only compiling looks at them.
    pub v4: &'a [Span<u32>],
    /// The IPv6 addresses that it holds. Only compiling looks at them.
    pub v6: &'a [Span<u128>],
}

/// Actions of lists that act, strongest first.
pub(super) const STRONGEST_FIRST: [Action; 6] =
    [Action::Drop, Action::Tarpit, Action::Reset, Action::Refuse, Action::Limit, Action::Observe];

/// The places of lists for which something holds.
pub(super) fn slots<'a>(lists: &'a [PlacedList<'a>], holds: impl Fn(&ListRule) -> bool + 'a) -> Lists {
    lists.iter().filter(|list| holds(list.rule)).fold(0, |set, list| set | list.slot.bit())
}
