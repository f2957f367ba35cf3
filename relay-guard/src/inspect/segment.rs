//! What inspection is fed with: TCP segments of connections, from the kernel's ring or from a file.

use relay_guard_common::flow::{FlowKey, Party, opening::Numbers};
use relay_guard_common::parse::Flags;

/// A segment, or a part of one: long ones come in several pieces, each with the sequence number at which it begins.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// When it was seen, nanoseconds of a clock that goes on evenly: `CLOCK_MONOTONIC`, or a capture file's.
    pub time_ns: u64,
    /// Between whom.
    pub flow: FlowKey,
    /// Who sent it.
    pub from: Party,
    /// The sequence number of its first octet (of its SYN, if it is one), as it is on the wire.
    pub sequence: u32,
    /// What it acknowledges, as it is on the wire; nothing without the flag ACK.
    pub acknowledgment: Option<u32>,
    /// Its flags.
    pub flags: Flags,
    /// Octets of payload on the wire.
    pub len: u32,
    /// What was captured of these, from the first on; no longer than `len`.
    pub payload: &'a [u8],
    /// The handshake's numbers, if somebody kept them who saw it, as the kernel does. A reader of files sees the handshake itself.
    pub opening: Option<Opening>,
    /// Whether this party sent payload before it that was left out on purpose: nothing is waited for.
    pub skipped_own: bool,
    /// Whether the other party sent payload before it that was left out on purpose: what is missing up to `acknowledgment`
    /// does not come any more.
    pub skipped_other: bool,
}

impl Segment<'_> {
    /// Its connection, as who captured it knows that.
    #[must_use]
    pub const fn connection(&self) -> Connection {
        Connection { flow: self.flow, opening: self.opening }
    }

    /// The number of its first octet of payload: a SYN takes the one before.
    #[must_use]
    pub const fn first_octet(&self) -> u32 {
        self.sequence.wrapping_add((self.flags.0 & Flags::SYN != 0) as u32)
    }
}

/// The sequence numbers of the first octets of payload, as they are on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opening {
    /// The client's.
    pub client: u32,
    /// The server's.
    pub server: u32,
}

impl From<Numbers> for Opening {
    fn from(numbers: Numbers) -> Self {
        Self { client: numbers.client, server: numbers.server }
    }
}

/// A connection as the kernel knows it. The same ends meet again, and the kernel sees that earlier than who reads its ring: by the
/// opening it is told which one is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Between whom.
    pub flow: FlowKey,
    /// What the kernel's segments of it said ([`Segment::opening`]).
    pub opening: Option<Opening>,
}

/// What is to be done about a connection's capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowCommand {
    /// Nothing more of it is worth to be captured: it is encrypted, or no SMTP. Its end is still told.
    Enough(Connection),
    /// It is over, or was given up: nothing needs to be known of it any more.
    Forget(Connection),
    /// End it, by resets to both ends.
    End(Connection),
}
