//! Sequence numbers that prove themselves: a keyed hash of the connection's addresses and ports.
//!
//! This is a SYN cookie (RFC 4987 §3.6) that holds nothing but the proof, and an initial sequence number as RFC 6528 has it
//! (`F(connection, secret)`) without the clock: there is no old connection whose segments could be mistaken for this one's,
//! because there is no connection.
//!
//! Who does not see our answers can only guess. A guessed acknowledgment fits one key with a chance of [`MAX_DIALOGUE`] in
//! 2^32, 1 in 16,384, and one of two with 1 in 8,192. What a forger gets for it is one line of text, under the same caps as
//! all answers, sent to the address that he forged; nothing is kept here. What he sees of his own cookies tells him nothing
//! about others': SipHash is a pseudo-random function.

use super::siphash::siphash13;
use crate::{address::Address, assert_layout};

/// Octets that we may have said in one connection, the SYN included: acknowledgments further from the cookie do not fit.
///
/// 2^18: at the longest lines there are (512 octets), 500 answers.
pub const MAX_DIALOGUE: u32 = 1 << 18;

/// What [`CookieKeys::offset`] returns for an acknowledgment that answers nothing of ours. A number and not an `Option`,
/// because it is a state less for the verifier.
pub const DOES_NOT_FIT: u32 = u32::MAX;

/// What else the key hashes is told apart by these, in the upper half of the last word.
const DOMAIN_COOKIE_V4: u64 = 0x636b_7634;
const DOMAIN_COOKIE_V6: u64 = 0x636b_7636;

/// A connection, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// The client.
    pub source: Address,
    /// The server, in whose place we answer.
    pub destination: Address,
    /// The client's port, host byte order.
    pub source_port: u16,
    /// The server's port, host byte order.
    pub destination_port: u16,
}

/// The initial sequence number for a connection under a key.
#[inline(always)]
#[must_use]
pub const fn cookie(key: [u64; 2], tuple: &Tuple) -> u32 {
    let ports = (tuple.source_port as u64) << 16 | tuple.destination_port as u64;
    let (source, destination) = (tuple.source.halves(), tuple.destination.halves());
    // One comparison for both addresses: the verifier follows each to the end of the hash.
    let more_than_v4 = source.0 | destination.0 | (source.1 >> 32 ^ 0xffff) | (destination.1 >> 32 ^ 0xffff);
    let hash = if more_than_v4 == 0 {
        siphash13(key, [source.1 << 32 | destination.1 & 0xffff_ffff, DOMAIN_COOKIE_V4 << 32 | ports])
    } else {
        siphash13(key, [source.0, source.1, destination.0, destination.1, DOMAIN_COOKIE_V6 << 32 | ports])
    };
    hash as u32
}

/// Keys of the hash, 128 bits each. Random for each boot, kept over restarts of the daemon; turned over by time, and the one
/// before stays good, so that connections live on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct CookieKeys {
    /// New connections get this one. All zero: there is none yet.
    pub current: [u64; 2],
    /// The one before; all zero if there was none.
    pub previous: [u64; 2],
}
assert_layout!(CookieKeys, 32, 8);

impl CookieKeys {
    /// Whether there is a key for new connections.
    #[inline(always)]
    #[must_use]
    pub const fn is_set(&self) -> bool {
        is_key(self.current)
    }

    /// The initial sequence number for a new connection; of no use unless [`is_set`](Self::is_set).
    #[inline(always)]
    #[must_use]
    pub const fn issue(&self, tuple: &Tuple) -> u32 {
        cookie(self.current, tuple)
    }

    /// How far in the dialogue an acknowledgment is: 0 if it answers our SYN alone, else how many octets of ours the client
    /// has; less than [`MAX_DIALOGUE`]. [`DOES_NOT_FIT`] if it is not of a connection that we answered under either key.
    #[inline(always)]
    #[must_use]
    pub const fn offset(&self, tuple: &Tuple, acknowledgment: u32) -> u32 {
        let offset = offset_under(self.current, tuple, acknowledgment);
        if offset != DOES_NOT_FIT {
            return offset;
        }
        offset_under(self.previous, tuple, acknowledgment)
    }

    /// These keys turned over: `fresh` for new connections, the current one for those that live, the one before it no more.
    /// `fresh` is random; all zero would be none.
    #[must_use]
    pub const fn turned(self, fresh: [u64; 2]) -> Self {
        Self { current: fresh, previous: self.current }
    }
}

#[inline(always)]
const fn is_key(key: [u64; 2]) -> bool {
    key[0] | key[1] != 0
}

#[inline(always)]
const fn offset_under(key: [u64; 2], tuple: &Tuple, acknowledgment: u32) -> u32 {
    if !is_key(key) {
        return DOES_NOT_FIT;
    }
    let offset = acknowledgment.wrapping_sub(cookie(key, tuple)).wrapping_sub(1);
    if offset < MAX_DIALOGUE { offset } else { DOES_NOT_FIT }
}
