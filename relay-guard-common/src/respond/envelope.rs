//! What a refused sender offered: a line of its envelope, for userspace.

use crate::{address::Address, assert_layout};

/// Octets of a line that are told; longer lines are cut.
pub const ENVELOPE_LINE_LEN: usize = 256;

/// Size of the ring `ENVELOPES` in bytes: some 800 lines.
pub const ENVELOPE_RING_BYTES: usize = 256 * 1024;

/// One record of the ring `ENVELOPES`: a HELO, MAIL or RCPT line that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct EnvelopeLine {
    /// When, nanoseconds of `CLOCK_MONOTONIC`, coarse.
    pub time_ns: u64,
    /// Who sent it.
    pub source: Address,
    /// Whom it was for.
    pub destination: Address,
    /// Source port, host byte order.
    pub source_port: u16,
    /// Destination port, host byte order.
    pub destination_port: u16,
    /// Class that decided, 0 if none did.
    pub class: u32,
    /// A [`Verb`](super::verb::Verb)'s number.
    pub verb: u8,
    /// A [`Direction`](crate::role::Direction)'s number.
    pub direction: u8,
    /// Octets of [`line`](Self::line) that count, CRLF included where it was not cut off.
    pub len: u16,
    /// Interface.
    pub ifindex: u32,
    /// The line as it came: any octets, and behind those that count whatever was there before.
    pub line: [u8; ENVELOPE_LINE_LEN],
}
assert_layout!(EnvelopeLine, 312, 8);
