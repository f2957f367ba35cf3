//! Addresses and prefixes: [`Prefix::parse`] against the standard library.
//!
//! Invariant: what it accepts is an address that the standard library reads to the same value, alone or before `/` and
//! a decimal prefix length without leading zeros, or for IPv4 a netmask; and it accepts all of these. So no octal,
//! hexadecimal or short form and no blank gets through. What it reads, it reads again from its own words.

use std::net::{IpAddr, Ipv4Addr};

use relay_guard::lists::Prefix;

/// Holds the invariant against one token.
///
/// # Panics
/// If it does not hold.
pub fn check(token: &[u8]) {
    let read = Prefix::parse(token).ok();
    assert_eq!(read, expected(token), "{:?}", String::from_utf8_lossy(token));
    if let Some(prefix) = read {
        consistent(prefix);
    }
}

/// What the standard library makes of the token.
fn expected(token: &[u8]) -> Option<Prefix> {
    let text = std::str::from_utf8(token).ok()?;
    let (address, tail) = text.split_once('/').map_or((text, None), |(address, tail)| (address, Some(tail)));
    match address.parse().ok()? {
        IpAddr::V4(v4) => {
            let length = tail.map_or(Some(32), |tail| decimal(tail).or_else(|| netmask(tail)))?;
            prefix_v4(v4, length, false)
        }
        IpAddr::V6(v6) => {
            let length = tail.map_or(Some(128), decimal)?;
            match (v6.to_ipv4_mapped(), length.checked_sub(96)) {
                (Some(v4), Some(length)) => prefix_v4(v4, length, true),
                _ if length <= 128 => Some(Prefix::V6 { address: v6.into(), length }),
                _ => None,
            }
        }
    }
}

fn prefix_v4(address: Ipv4Addr, length: u8, mapped: bool) -> Option<Prefix> {
    (length <= 32).then(|| Prefix::V4 { address: address.into(), length, mapped })
}

/// A number as a prefix length has to be written: digits alone, no leading zero.
fn decimal(digits: &str) -> Option<u8> {
    let number: u8 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// The length that an IPv4 netmask stands for: the only one whose mask is this.
fn netmask(text: &str) -> Option<u8> {
    let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
    (0..=32).find(|length| u64::from(mask) == (0xffff_ffff_0000_0000_u64 >> length) & 0xffff_ffff)
}

/// The network holds the address, and is the same when read again.
fn consistent(prefix: Prefix) {
    let network = prefix.network();
    assert!(network.contains(&prefix.address()), "{network} does not hold {}", prefix.address());
    assert_eq!(prefix.has_host_bits(), network.addr() != prefix.address(), "{network}");
    let again =
        Prefix::parse(network.to_string().as_bytes()).unwrap_or_else(|error| panic!("{network}: {error}"));
    assert!(!again.has_host_bits() && again.network() == network, "{network} became {}", again.network());
}
