//! Addresses and CIDRs as lists and administrators write them, read strictly.
//!
//! IPv4 is read by hand, for lists of millions of lines; IPv6 by the standard library.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use thiserror::Error;

/// The upper 96 bits of an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2).
const MAPPED: u128 = 0xffff;

/// An address with a prefix length, as written: host bits may be set. A single address has the full length.
///
/// Addresses are integers in host byte order. IPv4-mapped IPv6 (`::ffff:0:0/96` and longer) is always `V4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// IPv4.
    V4 {
        /// The address, host bits included.
        address: u32,
        /// The prefix length, 0 to 32.
        length: u8,
        /// Whether it was written as IPv4-mapped IPv6.
        mapped: bool,
    },
    /// IPv6.
    V6 {
        /// The address, host bits included.
        address: u128,
        /// The prefix length, 0 to 128.
        length: u8,
    },
}

/// Why a token is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Nothing like an address; names are not resolved.
    #[error("not an address or CIDR (a note or name goes behind an address, a comment behind #)")]
    NotAnAddress,
    /// Three dots, but not four decimal numbers up to 255.
    #[error("not an IPv4 address: it has four decimal numbers from 0 to 255")]
    BadIpv4,
    /// Fewer than four numbers, such as `10.1`.
    #[error("not an IPv4 address: short forms are ambiguous; write all four numbers")]
    ShortIpv4,
    /// A number such as `010`, which is octal to some programs.
    #[error("not an IPv4 address: a leading zero is ambiguous (octal?); write it without")]
    LeadingZero,
    /// A number such as `0x0a`.
    #[error("not an IPv4 address: write hexadecimal numbers in decimal")]
    Hexadecimal,
    /// Colons, but not an IPv6 address.
    #[error("not an IPv6 address")]
    BadIpv6,
    /// Something else than a prefix length behind the slash.
    #[error("the prefix length must be a decimal number from 0 to {max}")]
    PrefixLength {
        /// The longest prefix of the family: 32 or 128.
        max: u8,
    },
    /// A netmask such as `255.0.255.0`.
    #[error("the netmask is not a run of one bits followed by zero bits")]
    Netmask,
    /// `1.2.3.0-1.2.3.255`, where a single address or network is expected.
    #[error("a range does not fit here; write an address or CIDR")]
    Range,
    /// A range that ends before it begins.
    #[error("the range ends before it begins")]
    ReversedRange,
    /// A range from one family to the other.
    #[error("the range begins in one address family and ends in the other")]
    MixedRange,
    /// A range whose ends are networks.
    #[error("the ends of a range are single addresses, not networks")]
    RangeOfNetworks,
}

impl Prefix {
    /// Reads a whole token: an address, alone or with `/` and a prefix length or IPv4 netmask; nothing before, after
    /// or between.
    ///
    /// # Errors
    /// [`AddressError`] names what is wrong with it.
    pub fn parse(token: &[u8]) -> Result<Self, AddressError> {
        if let Some((address, end)) = ipv4(token) {
            let tail = &token[end..];
            let length = match length(tail, 32) {
                Some(length) => length,
                None => netmask(tail).unwrap_or_else(|| Err(after_ipv4(tail)))?,
            };
            return Ok(Self::V4 { address, length, mapped: false });
        }
        if token.contains(&b':') { ipv6_prefix(token) } else { Err(not_ipv4(token)) }
    }

    /// Whether bits beyond the prefix length are set.
    pub fn has_host_bits(self) -> bool {
        match self {
            Self::V4 { address, length, .. } => address & !mask_v4(length) != 0,
            Self::V6 { address, length } => address & !mask_v6(length) != 0,
        }
    }

    /// The network that the prefix names, without host bits.
    pub fn network(self) -> IpNet {
        // The lengths are in range by construction, so neither assertion inside can fail.
        match self {
            Self::V4 { address, length, .. } => {
                IpNet::V4(Ipv4Net::new_assert((address & mask_v4(length)).into(), length))
            }
            Self::V6 { address, length } => {
                IpNet::V6(Ipv6Net::new_assert((address & mask_v6(length)).into(), length))
            }
        }
    }

    /// The address as written, host bits included.
    pub fn address(self) -> IpAddr {
        match self {
            Self::V4 { address, .. } => IpAddr::V4(address.into()),
            Self::V6 { address, .. } => IpAddr::V6(address.into()),
        }
    }
}

/// The network bits of an IPv4 prefix.
pub(super) fn mask_v4(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

/// The network bits of an IPv6 prefix.
pub(super) fn mask_v6(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

/// The dotted address that `bytes` starts with, and where it ends.
fn ipv4(bytes: &[u8]) -> Option<(u32, usize)> {
    let (mut address, mut at) = octet(bytes, 0)?;
    for _ in 0..3 {
        if *bytes.get(at)? != b'.' {
            return None;
        }
        let (value, end) = octet(bytes, at + 1)?;
        address = address << 8 | value;
        at = end;
    }
    Some((address, at))
}

/// The decimal number up to 255, without leading zeros, at `at`, and where it ends.
fn octet(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let digit = |at: usize| bytes.get(at).filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0'));
    let mut value = digit(at)?;
    let mut end = at + 1;
    while let Some(next) = digit(end) {
        if value == 0 || end == at + 3 {
            return None;
        }
        value = value * 10 + next;
        end += 1;
    }
    (value <= 255).then_some((value, end))
}

/// The prefix length that `tail` (empty, or a slash and a number) gives.
fn length(tail: &[u8], max: u8) -> Option<u8> {
    let Some((slash, digits)) = tail.split_first() else { return Some(max) };
    let canonical = matches!(digits, [b'0'..=b'9'] | [b'1'..=b'9', _] | [b'1', _, _]);
    if *slash != b'/' || !canonical || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_u16, |value, b| value * 10 + u16::from(b - b'0'));
    u8::try_from(value).ok().filter(|value| *value <= max)
}

/// The prefix length that `tail`, if it is a slash and an IPv4 address, gives as a netmask.
fn netmask(tail: &[u8]) -> Option<Result<u8, AddressError>> {
    let (mask, end) = ipv4(tail.strip_prefix(b"/")?)?;
    if end + 1 != tail.len() {
        return None;
    }
    let length = mask.leading_ones();
    let contiguous = mask.count_ones() == length;
    // There are 32 bits at most.
    Some(if contiguous { Ok(length as u8) } else { Err(AddressError::Netmask) })
}

fn ipv6_prefix(token: &[u8]) -> Result<Prefix, AddressError> {
    let end = token.iter().position(|b| *b == b'/').unwrap_or(token.len());
    let text = std::str::from_utf8(&token[..end]).map_err(|_| AddressError::NotAnAddress)?;
    let address = text.parse::<Ipv6Addr>().map(u128::from).map_err(|_| not_ipv6(text))?;
    let length = length(&token[end..], 128).ok_or(AddressError::PrefixLength { max: 128 })?;
    match length.checked_sub(96) {
        // The cut to 32 bits is what takes the IPv4 address out.
        Some(length) if address >> 32 == MAPPED => {
            Ok(Prefix::V4 { address: (address & u128::from(u32::MAX)) as u32, length, mapped: true })
        }
        _ => Ok(Prefix::V6 { address, length }),
    }
}

/// What is wrong with the tail behind a good IPv4 address.
fn after_ipv4(tail: &[u8]) -> AddressError {
    match tail.split_first() {
        Some((b'/', _)) => AddressError::PrefixLength { max: 32 },
        Some((b'-', _)) => AddressError::Range,
        Some((b'.' | b'0'..=b'9', _)) => AddressError::BadIpv4,
        _ => AddressError::NotAnAddress,
    }
}

/// What is wrong with a token that does not start with an IPv4 address and has no colon.
fn not_ipv4(token: &[u8]) -> AddressError {
    let end = token.iter().position(|b| *b == b'/').unwrap_or(token.len());
    let parts: Vec<&[u8]> = token[..end].split(|b| *b == b'.').take(5).collect();
    let decimal = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let hexadecimal = |part: &[u8]| {
        let digits = part.strip_prefix(b"0x").or_else(|| part.strip_prefix(b"0X"));
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !parts.iter().all(|part| decimal(part) || hexadecimal(part)) {
        return AddressError::NotAnAddress;
    }
    if parts.iter().any(|part| hexadecimal(part)) {
        AddressError::Hexadecimal
    } else if parts.iter().any(|part| part.len() > 1 && part[0] == b'0') {
        AddressError::LeadingZero
    } else if parts.len() < 4 {
        AddressError::ShortIpv4
    } else {
        AddressError::BadIpv4
    }
}

/// What is wrong with a token that has colons and is no IPv6 address.
fn not_ipv6(text: &str) -> AddressError {
    let mut ends = text.split('-');
    if let (Some(first), Some(last), None) = (ends.next(), ends.next(), ends.next())
        && first.parse::<Ipv6Addr>().is_ok()
        && last.parse::<Ipv6Addr>().is_ok()
    {
        return AddressError::Range;
    }
    let plausible = text.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    if plausible { AddressError::BadIpv6 } else { AddressError::NotAnAddress }
}

#[cfg(test)]
mod tests;
