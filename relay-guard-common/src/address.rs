//! IP addresses as they stand in packets and map keys.

/// An IPv4 or IPv6 address, octets in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// IPv4, 4 octets.
    V4([u8; 4]),
    /// IPv6, 16 octets.
    V6([u8; 16]),
}

/// A map key for either family: IPv6 octets, IPv4 as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2).
pub type AddressKey = [u8; 16];

impl Address {
    /// The address as a map key.
    #[inline(always)]
    #[must_use]
    pub const fn key(self) -> AddressKey {
        match self {
            Self::V4([a, b, c, d]) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d],
            Self::V6(octets) => octets,
        }
    }

    /// The address that a map key stands for.
    #[must_use]
    pub const fn from_key(key: AddressKey) -> Self {
        match key {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] => Self::V4([a, b, c, d]),
            octets => Self::V6(octets),
        }
    }

    /// A 32-bit mix of the address, for sketches and fingerprints: no security, only spread.
    #[inline(always)]
    #[must_use]
    pub const fn hash(self) -> u32 {
        let key = self.key();
        let [a, b, c, d, e, f, g, h, rest @ ..] = key;
        let high = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        let low = u64::from_ne_bytes(rest);
        mix(high ^ low.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// Spreads 64 bits over 32 (the finalizer of splitmix64).
#[inline(always)]
#[must_use]
pub const fn mix(value: u64) -> u32 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (value ^ (value >> 31)) as u32
}

impl From<core::net::IpAddr> for Address {
    /// IPv4-mapped IPv6 addresses become IPv4.
    fn from(address: core::net::IpAddr) -> Self {
        match address.to_canonical() {
            core::net::IpAddr::V4(v4) => Self::V4(v4.octets()),
            core::net::IpAddr::V6(v6) => Self::V6(v6.octets()),
        }
    }
}

impl From<Address> for core::net::IpAddr {
    fn from(address: Address) -> Self {
        match address {
            Address::V4(octets) => Self::from(octets),
            Address::V6(octets) => Self::from(octets),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;

    #[test]
    fn keys_round_trip() {
        for text in ["0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "::fffe:1.2.3.4"] {
            let address = Address::from(text.parse::<IpAddr>().expect(text));
            assert_eq!(Address::from_key(address.key()), address, "{text}");
        }
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        let mapped = Address::from("::ffff:192.0.2.1".parse::<IpAddr>().expect("an address"));
        assert_eq!(mapped, Address::V4([192, 0, 2, 1]));
    }

    #[test]
    fn hash_spreads_neighbours() {
        let mut buckets = [0u32; 64];
        for last in 0..=255 {
            for third in 0..16 {
                buckets[(Address::V4([203, 0, third, last]).hash() % 64) as usize] += 1;
            }
        }
        // 4096 addresses over 64 buckets: 64 each; a bad mix would leave buckets empty or overflowing.
        assert!(buckets.iter().all(|&count| (24..=120).contains(&count)), "{buckets:?}");
    }
}
