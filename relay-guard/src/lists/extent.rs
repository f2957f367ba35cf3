//! What an entry covers: a network, or a range from one address to another.

use std::net::IpAddr;

use super::address::{AddressError, Prefix};

/// What an entry covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// An address, a CIDR or an address with a netmask, as written.
    Network(Prefix),
    /// From the first address to the last, both included, of one family, in order.
    V4 {
        /// The lowest address.
        first: u32,
        /// The highest address.
        last: u32,
    },
    /// The same for IPv6.
    V6 {
        /// The lowest address.
        first: u128,
        /// The highest address.
        last: u128,
    },
}

impl Extent {
    /// Reads a whole token: what [`Prefix::parse`] reads, or two addresses with a `-` between them.
    pub(super) fn parse(token: &[u8]) -> Result<Self, AddressError> {
        let error = match Prefix::parse(token) {
            Ok(prefix) => return Ok(Self::Network(prefix)),
            Err(error) => error,
        };
        match token.iter().position(|b| *b == b'-') {
            Some(dash) if is_address(&token[..dash]) => Self::range(&token[..dash], &token[dash + 1..]),
            _ => Err(error),
        }
    }

    /// Reads a field that holds nothing else: as [`Extent::parse`], with blanks around it and around the `-`.
    pub(super) fn parse_field(field: &[u8]) -> Result<Self, AddressError> {
        let field = field.trim_ascii();
        match field.iter().position(|b| *b == b'-') {
            Some(dash) if is_address(field[..dash].trim_ascii()) => {
                Self::range(field[..dash].trim_ascii(), field[dash + 1..].trim_ascii())
            }
            _ => Self::parse(field),
        }
    }

    /// The range between two single addresses.
    pub(super) fn range(first: &[u8], last: &[u8]) -> Result<Self, AddressError> {
        match (address(first)?, address(last)?) {
            (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
                Ok(Self::V4 { first: first.into(), last: last.into() })
            }
            (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
                Ok(Self::V6 { first: first.into(), last: last.into() })
            }
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                Err(AddressError::ReversedRange)
            }
            _ => Err(AddressError::MixedRange),
        }
    }
}

/// A single address, without prefix length; IPv4-mapped IPv6 is IPv4.
pub(super) fn address(token: &[u8]) -> Result<IpAddr, AddressError> {
    let prefix = Prefix::parse(token)?;
    if token.contains(&b'/') {
        return Err(AddressError::RangeOfNetworks);
    }
    Ok(prefix.address())
}

/// Whether a token is a single address.
pub(super) fn is_address(token: &[u8]) -> bool {
    address(token).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_exactly() {
        let v4 = |first, last| Ok(Extent::V4 { first, last });
        for (token, expected) in [
            ("1.2.3.0-1.2.3.255", v4(0x0102_0300, 0x0102_03ff)),
            ("1.2.3.4-1.2.3.4", v4(0x0102_0304, 0x0102_0304)),
            ("0.0.0.0-255.255.255.255", v4(0, u32::MAX)),
            ("255.255.255.254-255.255.255.255", v4(u32::MAX - 1, u32::MAX)),
            ("::ffff:1.2.3.4-1.2.3.5", v4(0x0102_0304, 0x0102_0305)),
            ("::1-::2", Ok(Extent::V6 { first: 1, last: 2 })),
            ("1.2.3.5-1.2.3.4", Err(AddressError::ReversedRange)),
            ("::2-::1", Err(AddressError::ReversedRange)),
            ("1.2.3.4-::1", Err(AddressError::MixedRange)),
            ("::1-1.2.3.4", Err(AddressError::MixedRange)),
            ("1.2.3.4-1.2.3.0/24", Err(AddressError::RangeOfNetworks)),
            ("1.2.3.4-9", Err(AddressError::ShortIpv4)),
            ("1.2.3.4-1.2.3.256", Err(AddressError::BadIpv4)),
            ("1.2.3.4-", Err(AddressError::NotAnAddress)),
            ("1.2.3.4-1.2.3.5-1.2.3.6", Err(AddressError::Range)),
            ("1.2.3.0/24-1.2.3.9", Err(AddressError::PrefixLength { max: 32 })),
        ] {
            assert_eq!(Extent::parse(token.as_bytes()), expected, "{token}");
            assert_eq!(Extent::parse_field(format!(" {token}\t").as_bytes()), expected, "{token}");
        }
        assert_eq!(Extent::parse_field(b"1.2.3.4 - 1.2.3.5"), v4(0x0102_0304, 0x0102_0305));
        assert_eq!(Extent::parse(b"1.2.3.4 - 1.2.3.5"), Err(AddressError::NotAnAddress));
    }
}
