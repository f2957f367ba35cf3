//! What a rule's answers say: ready-made lines, and how connections are limited. Userspace writes them, the kernel copies.

use crate::assert_layout;

/// How many responses there may be. 0 is the one without any text: it refuses in a few fixed words.
pub const MAX_RESPONSES: usize = 512;

/// Literal pieces of a line; an address can stand between any two.
pub const MAX_PIECES: usize = 4;

/// The longest reply line, in octets with its code and CRLF (RFC 5321 §4.5.3.1.5).
pub const MAX_LINE_LEN: usize = 512;

/// Octets that all literal pieces of a response may take together.
pub const POOL_LEN: usize = 2048;

/// The lines that a client can get. Numbers are places in [`Response::lines`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LineId {
    /// To the handshake's end: `220 …`, or the refusal itself where refusals are made there.
    Greeting = 0,
    /// To EHLO and HELO: `250 …`.
    Hello = 1,
    /// To MAIL: `250 2.1.0 …`.
    Sender = 2,
    /// To RCPT: the refusal.
    Recipient = 3,
    /// To DATA, where no recipient was taken: a refusal.
    Data = 4,
    /// To RSET and NOOP: `250 2.0.0 …`.
    Done = 5,
    /// To QUIT: `221 2.0.0 …`.
    Bye = 6,
    /// To anything else: `502 5.5.1 …`, or `451 4.7.1 …` where refusals are temporary; the tail of a line that came in pieces ends here.
    Unknown = 7,
    /// The refusal in few words, where a frame has no room for the whole.
    Brief = 8,
}

impl LineId {
    /// All lines, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Greeting,
        Self::Hello,
        Self::Sender,
        Self::Recipient,
        Self::Data,
        Self::Done,
        Self::Bye,
        Self::Unknown,
        Self::Brief,
    ];
}

/// Part of a line as it stands in [`Response::pool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Piece {
    /// Where it begins in the pool; less than [`POOL_LEN`].
    pub start: u16,
    /// Its length in octets; less than [`MAX_LINE_LEN`]. 0: nothing.
    pub len: u16,
    /// Its Internet checksum (RFC 1071) before complementing, folded to 16 bits, of its octets as big-endian words from its
    /// first octet on; an odd last octet is the upper half of a word.
    pub sum: u16,
    /// Always zero.
    pub reserved: u16,
}
assert_layout!(Piece, 8, 2);

/// A reply line, CRLF included: pieces, with the sender's address after each of the first [`Line::addresses`] of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Line {
    /// The pieces; those after the last address but one are not looked at.
    pub pieces: [Piece; MAX_PIECES],
    /// How many times the sender's address stands in the line: 0 to 3. The line has one piece more than that, of which any may
    /// be empty.
    pub addresses: u16,
    /// Always zero.
    pub reserved: [u16; 3],
}
assert_layout!(Line, 40, 2);

/// Where in the dialogue a sender is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Stage {
    /// At each recipient: servers bounce at once, with the reason.
    #[default]
    Recipient = 0,
    /// In the greeting, which is then the last that is said.
    Greeting = 1,
}

/// One entry of `RESPONSES`, which a [`Rule`](crate::class::Rule) or [`Verdict`](crate::verdict::Verdict) names.
///
/// Written by userspace only. An entry that rules name is never rewritten: other content gets another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct Response {
    /// A [`Stage`]'s number.
    pub stage: u8,
    /// Of a limit: the [`Action`](crate::action::Action)'s number for connections over it. Never a limit itself.
    pub over: u8,
    /// Of a limit: leading bits of an IPv4 source that share a bucket, 1 to 32.
    pub prefix_v4: u8,
    /// Of a limit: leading bits of an IPv6 source that share a bucket, 1 to 128.
    pub prefix_v6: u8,
    /// Always zero.
    pub reserved: u32,
    /// Of a limit: its rate.
    pub rate: Rate,
    /// The lines, by [`LineId`].
    pub lines: [Line; LineId::ALL.len()],
    /// The octets of all pieces. Longer than what may be used, so that any start and any length are within it.
    pub pool: [u8; POOL_LEN + MAX_LINE_LEN],
}
assert_layout!(Response, 2944, 8);

/// A rate, as [`limits`](super::limits) counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Rate {
    /// Time that one takes, microseconds. 0: there is no limit.
    pub interval_us: u64,
    /// How much earlier than its time one may come, microseconds: (burst − 1) × interval.
    pub tolerance_us: u64,
}
assert_layout!(Rate, 16, 8);
