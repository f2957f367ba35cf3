//! IP addresses as they stand in packets and map keys.

use crate::assert_layout;

/// An address of either family, also as a map key: the 16 octets of an IPv6 address in network byte order; IPv4 stands
/// at `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2), so an IPv6 packet from such an address counts as IPv4.
///
/// Two words instead of 16 bytes, because LLVM keeps words in registers and bytes on the BPF stack, of which there are
/// only 512.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct Address {
    /// Octets 0 to 7 as they lie in memory.
    upper: u64,
    /// Octets 8 to 15 as they lie in memory.
    lower: u64,
}
assert_layout!(Address, 16, 8);

/// Octets 8 to 11 of a mapped IPv4 address, as they lie in the low half of `lower`'s memory.
const MAPPED: u32 = u32::from_be(0x0000_ffff);

impl Address {
    /// An IPv4 address from its octets.
    #[inline(always)]
    #[must_use]
    pub const fn v4(octets: [u8; 4]) -> Self {
        let [a, b, c, d] = octets;
        Self { upper: 0, lower: u64::from_ne_bytes([0, 0, 0xff, 0xff, a, b, c, d]) }
    }

    /// An IPv6 address from its octets.
    #[inline(always)]
    #[must_use]
    pub const fn v6(octets: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, lower @ ..] = octets;
        Self { upper: u64::from_ne_bytes([a, b, c, d, e, f, g, h]), lower: u64::from_ne_bytes(lower) }
    }

    /// An IPv4 address from the word that its octets are in memory.
    #[inline(always)]
    #[must_use]
    pub const fn v4_word(word: u32) -> Self {
        Self::v4(word.to_ne_bytes())
    }

    /// An IPv6 address from the words that its octets are in memory.
    #[inline(always)]
    #[must_use]
    pub const fn v6_words([a, b, c, d]: [u32; 4]) -> Self {
        Self { upper: joined(a, b), lower: joined(c, d) }
    }

    /// The IPv4 address in host byte order, if it is one.
    #[inline(always)]
    #[must_use]
    pub const fn as_v4(&self) -> Option<u32> {
        let [a, b, c, d, rest @ ..] = self.lower.to_ne_bytes();
        if self.upper == 0 && u32::from_ne_bytes([a, b, c, d]) == MAPPED {
            Some(u32::from_be_bytes(rest))
        } else {
            None
        }
    }

    /// The upper and lower 64 bits in host byte order.
    #[inline(always)]
    #[must_use]
    pub const fn halves(&self) -> (u64, u64) {
        (u64::from_be(self.upper), u64::from_be(self.lower))
    }

    /// The address with these upper and lower 64 bits in host byte order.
    #[inline(always)]
    #[must_use]
    pub const fn from_halves(upper: u64, lower: u64) -> Self {
        Self { upper: upper.to_be(), lower: lower.to_be() }
    }

    /// The 16 octets in network byte order.
    #[must_use]
    pub const fn octets(&self) -> [u8; 16] {
        let ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]) =
            (self.upper.to_ne_bytes(), self.lower.to_ne_bytes());
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    /// A 32-bit mix of the address, for sketches and fingerprints: no security, only spread.
    #[inline(always)]
    #[must_use]
    pub const fn hash(&self) -> u32 {
        mix(self.upper ^ self.lower.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// Two words that follow one another in memory, as one.
#[inline(always)]
const fn joined(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// Spreads 64 bits over 32.
#[inline(always)]
#[must_use]
pub const fn mix(value: u64) -> u32 {
    mix64(value) as u32
}

/// Spreads 64 bits over as many (the finalizer of splitmix64).
#[inline(always)]
#[must_use]
pub const fn mix64(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl From<core::net::IpAddr> for Address {
    fn from(address: core::net::IpAddr) -> Self {
        match address {
            core::net::IpAddr::V4(v4) => Self::v4(v4.octets()),
            core::net::IpAddr::V6(v6) => Self::v6(v6.octets()),
        }
    }
}

impl From<Address> for core::net::IpAddr {
    fn from(address: Address) -> Self {
        Self::from(address.octets()).to_canonical()
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;

    fn address(text: &str) -> Address {
        Address::from(text.parse::<IpAddr>().expect(text))
    }

    #[test]
    fn addresses_round_trip() {
        for text in [
            "0.0.0.0",
            "192.0.2.1",
            "255.255.255.255",
            "::",
            "2001:db8::1",
            "::fffe:1.2.3.4",
            "1::ffff:1.2.3.4",
        ] {
            assert_eq!(IpAddr::from(address(text)), text.parse::<IpAddr>().expect(text), "{text}");
        }
    }

    #[test]
    fn words_are_octets_in_memory() {
        let words =
            [0, 4, 8, 12].map(|start: u8| u32::from_ne_bytes([start, start + 1, start + 2, start + 3]));
        assert_eq!(Address::v6_words(words), Address::v6(core::array::from_fn(|index| index as u8)));
        assert_eq!(Address::v4_word(words[3]), Address::v4([12, 13, 14, 15]));
    }

    #[test]
    fn only_ipv4_is_ipv4() {
        for (text, v4) in [
            ("192.0.2.1", Some(0xc000_0201)),
            ("::ffff:192.0.2.1", Some(0xc000_0201)),
            ("0.0.0.0", Some(0)),
            ("::", None),
            ("::192.0.2.1", None),
            ("1::ffff:192.0.2.1", None),
            ("::1:ffff:192.0.2.1", None),
        ] {
            assert_eq!(address(text).as_v4(), v4, "{text}");
        }
    }

    #[test]
    fn halves_are_host_order() {
        assert_eq!(address("2001:db8::25").halves(), (0x2001_0db8_0000_0000, 0x25));
        for text in ["2001:db8::25", "192.0.2.1"] {
            let (upper, lower) = address(text).halves();
            assert_eq!(Address::from_halves(upper, lower), address(text));
        }
    }

    #[test]
    fn hash_spreads_neighbours() {
        let mut buckets = [0u32; 64];
        for last in 0..=255 {
            for third in 0..16 {
                buckets[(Address::v4([203, 0, third, last]).hash() % 64) as usize] += 1;
            }
        }
        // 4096 addresses over 64 buckets: 64 each; a bad mix would leave buckets empty or overflowing.
        assert!(buckets.iter().all(|&count| (24..=120).contains(&count)), "{buckets:?}");
    }
}
