//! Sources' prefixes, and their places in a table of [`bucket`](super::bucket)s.

use super::siphash::siphash13;
use crate::address::Address;

/// The two places of a prefix in a table of buckets, and its tag there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// One.
    pub first: u32,
    /// The other.
    pub second: u32,
    /// Never 0.
    pub tag: u16,
}

/// The places that a hash stands for in a table of `buckets`, a power of two from 2 to 2^16.
#[inline(always)]
#[must_use]
pub const fn places(hash: u64, buckets: usize) -> Places {
    let mask = buckets as u32 - 1;
    let first = hash as u32 & mask;
    // Odd, so that it is not 0 in any table: the two are never one.
    let step = (hash >> 16) as u32 | 1;
    let tag = (hash >> 48) as u16;
    Places { first, second: (first ^ step) & mask, tag: if tag == 0 { 1 } else { tag } }
}

/// What else the key hashes is told apart by this, in the upper half of the last word.
const DOMAIN_PREFIX: u64 = 0x7072_6678;

/// Hash of an address's prefix for [`places`]: keyed, so that nobody can choose sources that meet in one place. `salt` is a
/// number that tells apart rates that share a table.
///
/// When the key changes, everybody is in new places and has a whole burst again.
#[inline(always)]
#[must_use]
pub const fn prefix_hash(key: [u64; 2], address: Address, v4_bits: u32, v6_bits: u32, salt: u32) -> u64 {
    let (upper, lower) = prefix_of(address, v4_bits, v6_bits).halves();
    siphash13(key, [upper, lower, DOMAIN_PREFIX << 32 | salt as u64])
}

/// An address with all bits but the leading ones cleared: the `v4_bits` leading ones of an IPv4 address's 32, the `v6_bits`
/// leading ones of an IPv6 address's 128. More bits than there are means all of them.
#[inline(always)]
#[must_use]
pub const fn prefix_of(address: Address, v4_bits: u32, v6_bits: u32) -> Address {
    let (upper, lower) = address.halves();
    let bits = if address.as_v4().is_some() { 96u32.saturating_add(v4_bits) } else { v6_bits };
    Address::from_halves(upper & leading(bits), lower & leading(bits.saturating_sub(64)))
}

/// A word with this many leading ones.
#[inline(always)]
const fn leading(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { !(u64::MAX >> bits) }
}
