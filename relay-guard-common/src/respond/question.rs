//! What a responder is asked, in one word: the judgement that leads to an answer hands on nothing else.

use crate::{
    action::Action,
    decide::Decision,
    parse::{MAX_OFFSET, Transport},
    role::{Direction, Hook},
};

/// A frame to answer. A word of it goes through a function of which the verifier knows nothing, so that it follows the
/// responder once and not once for every way that leads there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where the IP header begins in the frame; at most [`MAX_OFFSET`].
    pub ip_offset: usize,
    /// Where the TCP header does.
    pub tcp_offset: usize,
    /// IPv6.
    pub v6: bool,
    /// More of the segment is in other packets.
    pub fragmented: bool,
    /// This machine itself sent the segment.
    pub own: bool,
    /// Asked by test-run: nothing is counted, capped or told.
    pub quiet: bool,
    /// Which way the segment goes.
    pub direction: Direction,
    /// What is done: one of the actions that answer.
    pub action: Action,
    /// Which entry of `RESPONSES` says how.
    pub param: u16,
    /// The class that decided.
    pub class: u32,
}

const OFFSET_BITS: u32 = 12;
const FLAGS_AT: u32 = 2 * OFFSET_BITS;
const V6: u64 = 1 << FLAGS_AT;
const FRAGMENTED: u64 = 2 << FLAGS_AT;
const QUIET: u64 = 4 << FLAGS_AT;
const OUTBOUND: u64 = 8 << FLAGS_AT;
const OWN: u64 = 16 << FLAGS_AT;
const ACTION_AT: u32 = FLAGS_AT + 5;
const PARAM_AT: u32 = 32;
const CLASS_AT: u32 = 48;
const _: () = assert!(MAX_OFFSET < 1 << OFFSET_BITS && crate::class::MAX_CLASSES as u64 <= 1 << 16);

impl Question {
    /// The word that asks nothing.
    pub const NONE: u64 = 0;

    /// Where a segment stands, for [`ask`](Self::ask): this of a frame is all that is kept of how it was parsed.
    #[inline(always)]
    #[must_use]
    pub const fn place(transport: &Transport, hook: Hook) -> u64 {
        let (ip_offset, tcp_offset) = transport.offsets();
        ip_offset as u64
            | (tcp_offset as u64) << OFFSET_BITS
            | if transport.is_v6() { V6 } else { 0 }
            | if transport.fragmented { FRAGMENTED } else { 0 }
            | if matches!(hook, Hook::EgressOwn) { OWN } else { 0 }
    }

    /// The word for what was decided about the segment at a [`place`](Self::place), whose action answers: more than any small
    /// number.
    #[inline(always)]
    #[must_use]
    pub const fn ask(place: u64, decision: &Decision, direction: Direction, quiet: bool) -> u64 {
        let flags = if quiet { QUIET } else { 0 }
            | if matches!(direction, Direction::Outbound) { OUTBOUND } else { 0 };
        place
            | flags
            | (decision.action as u64) << ACTION_AT
            | (decision.param as u64) << PARAM_AT
            | (decision.class as u64) << CLASS_AT
    }

    /// The question in a word.
    #[inline(always)]
    #[must_use]
    pub const fn unpack(word: u64) -> Self {
        Self {
            ip_offset: word as usize & MAX_OFFSET,
            tcp_offset: (word >> OFFSET_BITS) as usize & MAX_OFFSET,
            v6: word & V6 != 0,
            fragmented: word & FRAGMENTED != 0,
            quiet: word & QUIET != 0,
            direction: if word & OUTBOUND != 0 { Direction::Outbound } else { Direction::Inbound },
            own: word & OWN != 0,
            action: match (word >> ACTION_AT) as u8 & 0x07 {
                3 => Action::Reset,
                4 => Action::Refuse,
                5 => Action::Tarpit,
                _ => Action::Drop,
            },
            param: (word >> PARAM_AT) as u16,
            class: (word >> CLASS_AT) as u32 & 0xffff,
        }
    }
}
