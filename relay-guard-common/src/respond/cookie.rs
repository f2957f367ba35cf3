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

/// The most that we say over a limit before a connection counts as one that the limit let through: of those, one in 2^19 begins
/// with a number that is taken for ours (twice as many while there are two keys).
pub const MAX_LIMITED_DIALOGUE: u32 = 1 << 13;

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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const KEY: [u64; 2] = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
    const OTHER: [u64; 2] = [KEY[0], KEY[1] ^ 1];
    const KEYS: CookieKeys = CookieKeys { current: KEY, previous: OTHER };

    fn address() -> impl Strategy<Value = Address> {
        prop_oneof![any::<[u8; 4]>().prop_map(Address::v4), any::<[u8; 16]>().prop_map(Address::v6)]
    }

    prop_compose! {
        fn tuple()(source in address(), destination in address(), source_port: u16, destination_port: u16) -> Tuple {
            Tuple { source, destination, source_port, destination_port }
        }
    }

    /// The tuple with one bit of one field the other way: bits 0 to 127 of the source, then of the destination, then the
    /// ports'. Of an IPv4 address the lower 32 only: another bit would make it IPv6.
    fn neighbours(tuple: &Tuple) -> Vec<Tuple> {
        let flip = |address: Address, bit: u32| {
            let value = u128::from_be_bytes(address.octets()) ^ 1 << bit;
            Address::v6(value.to_be_bytes())
        };
        let bits = |address: Address| 0..if address.as_v4().is_some() { 32 } else { 128 };
        let mut all = Vec::new();
        all.extend(bits(tuple.source).map(|bit| Tuple { source: flip(tuple.source, bit), ..*tuple }));
        all.extend(
            bits(tuple.destination).map(|bit| Tuple { destination: flip(tuple.destination, bit), ..*tuple }),
        );
        all.extend((0..16).map(|bit| Tuple { source_port: tuple.source_port ^ 1 << bit, ..*tuple }));
        all.extend(
            (0..16).map(|bit| Tuple { destination_port: tuple.destination_port ^ 1 << bit, ..*tuple }),
        );
        all
    }

    /// Tuples as a mail server sees them: neighbouring clients, one server.
    fn clients() -> Vec<Tuple> {
        (0..512u32)
            .map(|number| {
                let [.., third, last] = number.to_be_bytes();
                let (source, destination) = if number % 2 == 0 {
                    (Address::v4([203, 0, third, last]), Address::v4([192, 0, 2, 25]))
                } else {
                    let low = u64::from(number);
                    (
                        Address::from_halves(0x2001_0db8_0000_0000, low),
                        Address::from_halves(0x2001_0db8_0000_0001, 25),
                    )
                };
                Tuple { source, destination, source_port: 40000, destination_port: 25 }
            })
            .collect()
    }

    #[test]
    fn one_bit_of_a_tuple_changes_half_of_the_cookie() {
        let mut changed = [0u32; 32];
        let (mut pairs, mut fitting) = (0, 0);
        for tuple in clients() {
            let own = cookie(KEY, &tuple);
            let mut cookies = HashSet::new();
            for neighbour in neighbours(&tuple) {
                let difference = own ^ cookie(KEY, &neighbour);
                assert!(cookies.insert(difference), "{neighbour:?} shares a bit with another");
                assert_ne!(difference, 0, "{tuple:?} and {neighbour:?}");
                for (bit, count) in changed.iter_mut().enumerate() {
                    *count += difference >> bit & 1;
                }
                pairs += 1;
                fitting += u32::from(KEYS.offset(&neighbour, own.wrapping_add(1)) != DOES_NOT_FIT);
            }
        }
        // 98,304 pairs; each bit changes in half of them, give or take seven standard deviations (157 each). Nothing here is
        // random from run to run.
        assert_eq!(pairs, 256 * (32 + 32 + 32) + 256 * (128 + 128 + 32));
        assert!(changed.iter().all(|&count| count.abs_diff(pairs / 2) < 1100), "{changed:?}");
        // One key in 16,384, two keys in 8,192: 12 are expected.
        assert!((2..=30).contains(&fitting), "{fitting} of {pairs} would pass for their neighbour");
    }

    #[test]
    fn all_bits_of_an_address_count_in_either_family() {
        let v4 = Tuple {
            source: Address::v4([192, 0, 2, 1]),
            destination: Address::v4([192, 0, 2, 25]),
            source_port: 40000,
            destination_port: 25,
        };
        // Of the same last four octets, and almost IPv4.
        let almost = |upper, lower| {
            let other =
                |address: Address| Address::from_halves(upper, lower | address.halves().1 & 0xffff_ffff);
            let (source, destination) = (other(v4.source), other(v4.destination));
            [
                Tuple { source, ..v4 },
                Tuple { destination, ..v4 },
                Tuple { source, destination, ..v4 },
                Tuple { source: destination, destination: source, ..v4 },
            ]
        };
        let mut tuples = vec![v4, Tuple { source: v4.destination, destination: v4.source, ..v4 }];
        for (upper, lower) in
            [(0, 0), (1, 0xffff << 32), (1 << 63, 0xffff << 32), (0, 0x1_ffff << 32), (0, 0xfffe << 32)]
        {
            tuples.extend(almost(upper, lower));
        }
        let cookies: HashSet<u32> = tuples.iter().map(|tuple| cookie(KEY, tuple)).collect();
        assert_eq!(cookies.len(), tuples.len());
    }

    #[test]
    fn keys_turn_over() {
        let tuple = clients()[0];
        let keys = CookieKeys::default();
        assert!(!keys.is_set());
        let first = keys.turned(KEY);
        assert!(first.is_set());
        let acknowledgment = first.issue(&tuple).wrapping_add(1);
        assert_eq!(first.offset(&tuple, acknowledgment), 0);
        let second = first.turned(OTHER);
        assert_eq!(second, CookieKeys { current: OTHER, previous: KEY });
        assert_eq!(second.offset(&tuple, acknowledgment.wrapping_add(7)), 7);
        assert_eq!(second.turned([1, 1]).offset(&tuple, acknowledgment), DOES_NOT_FIT);
    }

    proptest! {
        #[test]
        fn an_acknowledgment_fits_within_a_dialogue_of_either_key(tuple in tuple(), said in prop_oneof![
            0..MAX_DIALOGUE, Just(MAX_DIALOGUE - 1), Just(MAX_DIALOGUE), Just(u32::MAX), any::<u32>()
        ]) {
            let current = cookie(KEY, &tuple);
            let previous = cookie(OTHER, &tuple);
            for (start, other) in [(current, previous), (previous, current)] {
                let acknowledgment = start.wrapping_add(1).wrapping_add(said);
                let by_other = acknowledgment.wrapping_sub(other).wrapping_sub(1);
                let expected = if said < MAX_DIALOGUE {
                    // Cookies of both keys may lie within one dialogue of each other: the current key's goes first.
                    if start == previous && by_other < MAX_DIALOGUE { by_other } else { said }
                } else if by_other < MAX_DIALOGUE {
                    by_other
                } else {
                    DOES_NOT_FIT
                };
                prop_assert_eq!(KEYS.offset(&tuple, acknowledgment), expected);
            }
        }

        #[test]
        fn nothing_fits_a_key_that_is_not_set(tuple in tuple()) {
            let acknowledgment = cookie([0, 0], &tuple).wrapping_add(1);
            let none = CookieKeys { current: [0, 0], previous: [0, 0] };
            prop_assert_eq!(none.offset(&tuple, acknowledgment), DOES_NOT_FIT);
            // A key may be half zero.
            for key in [[0, 5], [5, 0]] {
                let keys = CookieKeys { current: key, previous: [0, 0] };
                prop_assert_eq!(keys.offset(&tuple, keys.issue(&tuple).wrapping_add(1)), 0);
            }
        }
    }
}
