//! From segments to what both parties said, in the order in which they said it.
//!
//! A [`Dialogue`] is one connection: two streams and what ties them together. A segment is handed on when all that its sender
//! sent before it was handed on, and all that it acknowledges. So a reply never comes before the command that it answers, however
//! the segments came. What is missing is waited for, within bounds of room and time, and then declared: [`Piece::Gap`].
//!
//! Nothing is invented, and of two copies of an octet the first one counts. What becomes of octets is counted in [`Octets`].
//! This module knows neither SMTP nor a clock.

mod dialogue;
mod octets;
mod piece;
mod stream;

pub use dialogue::{Dialogue, State, Taken};
pub use octets::Octets;
pub use piece::Piece;
pub use stream::{MAX_HELD_OCTETS, MAX_HELD_PIECES};

/// How long what is known to have arrived at its receiver is waited for: its segment may have been overtaken on its way to us.
pub const PATIENCE_NS: u64 = 500_000_000;

/// How long what nobody acknowledged is waited for: it may have been lost before it came to us, and is sent again (RFC 6298; five
/// times in this time, if the round trip is short).
pub const RETRANSMISSION_NS: u64 = 10_000_000_000;

/// How far ahead of all that is known a segment, or what it acknowledges, may be: more than most windows (RFC 7323 allows 1 GiB).
/// Does not hold for what was left out on purpose.
pub const MAX_AHEAD: u64 = 16 << 20;

/// Heap octets of a dialogue, at most.
pub const MAX_DIALOGUE_BYTES: usize = 2 * stream::MAX_STREAM_BYTES;

/// Whether a session is seen from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Begins {
    /// The first octets of both parties are known by number.
    AtTheBeginning,
    /// It was there before: what is seen first may be in the middle of anything.
    InTheMiddle,
}

#[cfg(test)]
mod tests;
