//! Sources' prefixes, and their places in a table of [`bucket`](super::bucket)s.

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

/// Hash of an address's prefix for [`places`]: by the key, so that nobody outside knows which sources meet in one place. `salt`
/// is a number that tells apart rates that share a table.
///
/// Multiply and fold, twice: what it protects is that one source may be capped for another, which is not worth the rounds that
/// a sequence number is. When the key changes, everybody is in new places and has a whole burst again.
#[inline(always)]
#[must_use]
pub const fn prefix_hash(key: [u64; 2], address: Address, v4_bits: u32, v6_bits: u32, salt: u32) -> u64 {
    let (upper, lower) = prefix_of(address, v4_bits, v6_bits).halves();
    let hash = folded(lower ^ key[0], key[1] | 1) ^ folded(upper ^ key[1], key[0] | 1);
    folded(hash ^ salt as u64, MULTIPLIER)
}

/// The golden ratio's bits, as is usual (Knuth, vol. 3 §6.4).
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// The product, its upper bits, which depend on all others, in the lower ones too.
#[inline(always)]
const fn folded(value: u64, multiplier: u64) -> u64 {
    let product = value.wrapping_mul(multiplier);
    product ^ product >> 29 ^ product >> 47
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

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::{
        super::limits::{CAP_BUCKETS, LIMIT_BUCKETS},
        *,
    };

    const KEY: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

    fn address(text: &str) -> Address {
        Address::from(text.parse::<IpAddr>().expect(text))
    }

    /// A prefix bit by bit.
    fn naive(address: IpAddr, v4_bits: u32, v6_bits: u32) -> IpAddr {
        let keep = |octets: &mut [u8], bits: u32| {
            for bit in bits.min(octets.len() as u32 * 8)..octets.len() as u32 * 8 {
                octets[bit as usize / 8] &= !(0x80 >> (bit % 8));
            }
        };
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let mut octets = v4.octets();
                keep(&mut octets, v4_bits);
                IpAddr::from(octets)
            }
            IpAddr::V6(v6) => {
                let mut octets = v6.octets();
                keep(&mut octets, v6_bits);
                IpAddr::from(octets)
            }
        }
    }

    #[test]
    fn prefixes_are_counted_within_the_family() {
        for (text, v4_bits, v6_bits, prefix) in [
            ("203.0.113.77", 24, 56, "203.0.113.0"),
            ("203.0.113.77", 32, 56, "203.0.113.77"),
            ("203.0.113.77", 0, 56, "0.0.0.0"),
            ("203.0.113.77", u32::MAX, 56, "203.0.113.77"),
            ("::ffff:203.0.113.77", 8, 56, "203.0.0.0"),
            ("2001:db8:1:2:3:4:5:6", 24, 56, "2001:db8:1::"),
            ("2001:db8:1:2:3:4:5:6", 24, 64, "2001:db8:1:2::"),
            ("2001:db8:1:2:3:4:5:6", 24, 65, "2001:db8:1:2::"),
            ("2001:db8:1:2:8003:4:5:6", 24, 65, "2001:db8:1:2:8000::"),
            ("2001:db8:1:2:3:4:5:6", 24, 128, "2001:db8:1:2:3:4:5:6"),
            ("2001:db8:1:2:3:4:5:6", 24, u32::MAX, "2001:db8:1:2:3:4:5:6"),
            ("2001:db8:1:2:3:4:5:6", 24, 0, "::"),
        ] {
            assert_eq!(
                prefix_of(address(text), v4_bits, v6_bits),
                address(prefix),
                "{text}/{v4_bits}/{v6_bits}"
            );
        }
    }

    #[test]
    fn a_prefix_has_one_hash_and_others_have_others() {
        let hash = |text, salt| prefix_hash(KEY, address(text), 24, 56, salt);
        assert_eq!(hash("203.0.113.1", 0), hash("203.0.113.255", 0));
        assert_eq!(hash("2001:db8::1", 0), hash("2001:db8:0:ff::1", 0));
        let texts = ["203.0.113.1", "203.0.112.1", "2001:db8::1", "2001:db8:0:100::1", "::203.0.113.0"];
        let hashes: HashSet<u64> =
            texts.into_iter().flat_map(|text| [0, 1, 511].map(|salt| hash(text, salt))).collect();
        assert_eq!(hashes.len(), texts.len() * 3);
        assert_ne!(
            hash("203.0.113.1", 0),
            prefix_hash([KEY[0], KEY[1] ^ 1], address("203.0.113.1"), 24, 56, 0)
        );
    }

    #[test]
    fn neighbours_spread_over_a_table() {
        // As many prefixes as there are places.
        let mut used = vec![false; CAP_BUCKETS];
        let mut without = 0;
        for number in 0..CAP_BUCKETS as u32 {
            let [.., third, last] = number.to_be_bytes();
            let hash = prefix_hash(KEY, Address::v4([10, third, last, 1]), 24, 56, 0);
            let places = places(hash, CAP_BUCKETS);
            let place = [places.first, places.second].into_iter().find(|place| !used[*place as usize]);
            match place {
                Some(place) => used[place as usize] = true,
                None => without += 1,
            }
        }
        // With two places each at random, 1 − tanh 1 of them find both in use: 3905, give or take 50. Poor places leave more.
        assert!((3650..4150).contains(&without), "{without}");
    }

    proptest! {
        #[test]
        fn prefixes_agree_bit_by_bit(upper: u64, lower: u64, v4: u32, v4_bits in 0..40u32, v6_bits in 0..140u32) {
            for source in [IpAddr::from(Ipv4Addr::from(v4)), IpAddr::from(Ipv6Addr::from((u128::from(upper) << 64) | u128::from(lower)))] {
                let prefix = prefix_of(Address::from(source), v4_bits, v6_bits);
                prop_assert_eq!(IpAddr::from(prefix), naive(source, v4_bits, v6_bits));
            }
        }

        #[test]
        fn places_are_two_and_within_the_table(hash in prop_oneof![any::<u64>(), any::<u64>().prop_map(|hash| hash >> 16)]) {
            for buckets in [2, 4, CAP_BUCKETS, LIMIT_BUCKETS] {
                let places = places(hash, buckets);
                prop_assert!((places.first as usize) < buckets && (places.second as usize) < buckets);
                prop_assert_ne!(places.first, places.second);
                prop_assert_ne!(places.tag, 0);
            }
        }
    }
}
