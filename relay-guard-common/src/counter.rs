//! Counters that the kernel keeps per CPU.

use crate::{action::Action, assert_layout, reason::Reason, role::Direction};

/// Packets and bytes (frame length as the hook sees it).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counter {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}
assert_layout!(Counter, 16, 8);

impl Counter {
    /// Adds another counter, for sums over CPUs.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets.wrapping_add(other.packets),
            bytes: self.bytes.wrapping_add(other.bytes),
        }
    }
}

/// What really happened to a counted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Effect {
    /// It went on its way.
    Passed = 0,
    /// It went on its way only because something is set to observe.
    Observed = 1,
    /// It was dropped (or answered in place of its receiver).
    Stopped = 2,
}

impl Effect {
    /// All effects, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Passed, Self::Observed, Self::Stopped];

    /// The effect with this number; [`Effect::Passed`] for others.
    #[inline(always)]
    #[must_use]
    pub const fn from_u8(number: u8) -> Self {
        match number {
            1 => Self::Observed,
            2 => Self::Stopped,
            _ => Self::Passed,
        }
    }

    /// The word for it in output and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Observed => "observed",
            Self::Stopped => "stopped",
        }
    }
}

/// Entries of `COUNTERS`: one per reason, direction and effect.
pub const COUNTERS: usize = Reason::COUNT * Direction::COUNT * Effect::ALL.len();

/// The index in `COUNTERS` of a reason, direction and effect.
#[inline(always)]
#[must_use]
pub const fn counter_index(reason: Reason, direction: Direction, effect: Effect) -> u32 {
    (reason as u32 * Direction::COUNT as u32 + direction as u32) * Effect::ALL.len() as u32 + effect as u32
}

/// Entries of `ACTION_COUNTERS`: one per action, direction and effect; nothing is counted for [`Action::Pass`].
pub const ACTION_COUNTERS: usize = Action::ALL.len() * Direction::COUNT * Effect::ALL.len();

/// The index in `ACTION_COUNTERS` of an action, direction and effect.
#[inline(always)]
#[must_use]
pub const fn action_index(action: Action, direction: Direction, effect: Effect) -> u32 {
    (action as u32 * Direction::COUNT as u32 + direction as u32) * Effect::ALL.len() as u32 + effect as u32
}

/// What the kernel could not tell userspace, or not keep. Entries of `LOSSES`; numbers are append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Loss {
    /// An event found the ring buffer full.
    EventRingFull = 0,
    /// An event was over the rate of events per second and CPU.
    EventRateLimited = 1,
    /// A new inside host found the host table full.
    HostTableFull = 2,
    /// A line of an envelope found its ring buffer full.
    EnvelopeRingFull = 3,
    /// A line of an envelope was over the rate of lines per second and CPU.
    EnvelopeRateLimited = 4,
    /// A limited source found its places in the table of limits taken, and passed.
    LimitTableFull = 5,
    /// A refusal was sent in few words, because the driver had no room for the whole.
    AnswerCut = 6,
    /// A source was not looked up in DNSBLs: it came over the rate of questions, and passed.
    AskRateLimited = 7,
    /// A source was not looked up in DNSBLs: the ring of questions was full, and it passed.
    AskRingFull = 8,
    /// A source was looked up but not held, because the places that remember who was held were taken.
    HoldTableFull = 9,
    /// Payload of a connection that nothing is known of found the table of flows full, and passed unseen.
    FlowTableFull = 10,
    /// A piece of a segment to look into found the ring of captures full.
    CaptureRingFull = 11,
}

impl Loss {
    /// All losses, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::EventRingFull,
        Self::EventRateLimited,
        Self::HostTableFull,
        Self::EnvelopeRingFull,
        Self::EnvelopeRateLimited,
        Self::LimitTableFull,
        Self::AnswerCut,
        Self::AskRateLimited,
        Self::AskRingFull,
        Self::HoldTableFull,
        Self::FlowTableFull,
        Self::CaptureRingFull,
    ];

    /// The word for it in output and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EventRingFull => "event-ring-full",
            Self::EventRateLimited => "event-rate-limited",
            Self::HostTableFull => "host-table-full",
            Self::EnvelopeRingFull => "envelope-ring-full",
            Self::EnvelopeRateLimited => "envelope-rate-limited",
            Self::LimitTableFull => "limit-table-full",
            Self::AnswerCut => "answer-cut",
            Self::AskRateLimited => "ask-rate-limited",
            Self::AskRingFull => "ask-ring-full",
            Self::HoldTableFull => "hold-table-full",
            Self::FlowTableFull => "flow-table-full",
            Self::CaptureRingFull => "capture-ring-full",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn indices_are_dense_and_distinct() {
        let mut seen = HashSet::new();
        for &reason in Reason::ALL {
            for direction in Direction::ALL {
                for effect in Effect::ALL {
                    let index = counter_index(reason, direction, effect);
                    assert!((index as usize) < COUNTERS);
                    assert!(seen.insert(index));
                }
            }
        }
        assert_eq!(seen.len(), COUNTERS);
    }
}
