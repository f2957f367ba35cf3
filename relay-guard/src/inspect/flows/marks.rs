//! What is remembered of connections without a session: that they were opened, or that they are over.

use std::collections::VecDeque;

use relay_guard_common::flow::{FlowKey, Party};

use crate::inspect::{
    reassembly::MAX_AHEAD,
    segment::{Opening, Segment},
};

/// A connection whose handshake was seen, but no payload yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Opened {
    pub client: Option<u32>,
    pub server: Option<u32>,
}

impl From<Opening> for Opened {
    fn from(opening: Opening) -> Self {
        Self { client: Some(opening.client), server: Some(opening.server) }
    }
}

impl Opened {
    /// What a segment tells of the beginning, if it is part of a handshake's first half.
    pub fn by(segment: &Segment<'_>) -> Option<Self> {
        let first = Some(segment.first_octet());
        match segment.from {
            Party::Client if segment.flags.is_syn() => Some(Self { client: first, server: None }),
            Party::Server if segment.flags.is_syn_ack() => {
                Some(Self { client: segment.acknowledgment, server: first })
            }
            _ => None,
        }
    }

    /// The number that a party begins with.
    pub const fn of(&self, party: Party) -> Option<u32> {
        match party {
            Party::Client => self.client,
            Party::Server => self.server,
        }
    }

    /// Whether these are the beginnings of different connections, as far as both are known.
    pub fn differs(&self, other: &Self) -> bool {
        let differ = |a: Option<u32>, b: Option<u32>| a.zip(b).is_some_and(|(a, b)| a != b);
        differ(self.client, other.client) || differ(self.server, other.server)
    }

    /// Whether a segment can be part of the connection that began so.
    pub fn fits(&self, segment: &Segment<'_>) -> bool {
        let reaches = |number: u32, begin: Option<u32>, skipped: bool| {
            begin.is_none_or(|begin| {
                skipped || (0..=MAX_AHEAD as i32).contains(&(number.wrapping_sub(begin) as i32))
            })
        };
        let acknowledged = segment
            .acknowledgment
            .is_none_or(|number| reaches(number, self.of(segment.from.other()), segment.skipped_other));
        acknowledged && reaches(segment.first_octet(), self.of(segment.from), segment.skipped_own)
    }
}

/// A connection that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    pub began: Opened,
    /// The numbers behind the last octets.
    pub ends: Opening,
    pub reset_by: Option<Party>,
}

impl Finished {
    /// Whether a segment is still of this connection: sent again, or sent before its sender knew that the other broke it off.
    pub fn is_late(&self, segment: &Segment<'_>) -> bool {
        if segment.opening.is_some_and(|opening| self.began.differs(&opening.into())) {
            return false;
        }
        let end = match segment.from {
            Party::Client => self.ends.client,
            Party::Server => self.ends.server,
        };
        let ahead = i64::from(segment.first_octet().wrapping_add(segment.len).wrapping_sub(end) as i32);
        let reach = if self.reset_by == Some(segment.from.other()) { MAX_AHEAD as i64 } else { 0 };
        (-(MAX_AHEAD as i64)..=reach).contains(&ahead)
    }
}

/// Marks of one kind by age, so that they go when their time is over, or when there is no room for more.
#[derive(Debug)]
pub(super) struct Ages {
    entries: VecDeque<(u64, u64, FlowKey)>,
    lifetime_ns: u64,
}

impl Ages {
    pub const fn new(lifetime_ns: u64) -> Self {
        Self { entries: VecDeque::new(), lifetime_ns }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a mark with a number of its own.
    pub fn push(&mut self, now_ns: u64, number: u64, key: FlowKey) {
        self.entries.push_back((now_ns, number, key));
    }

    /// When the oldest one is to go.
    pub fn due_ns(&self) -> Option<u64> {
        self.entries.front().map(|(since_ns, ..)| since_ns.saturating_add(self.lifetime_ns))
    }

    /// Takes the oldest one out.
    pub fn pop(&mut self) -> Option<(u64, FlowKey)> {
        self.entries.pop_front().map(|(_, number, key)| (number, key))
    }

    /// Heap octets.
    pub fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<(u64, u64, FlowKey)>()
    }
}
