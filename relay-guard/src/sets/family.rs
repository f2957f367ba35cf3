//! What sets need to know of the two families of addresses.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::Count;
use crate::policy::Address;

/// A family of addresses, as integers in host byte order: `u32` for IPv4, `u128` for IPv6.
pub trait Family: Address {
    /// Bits of an address: the prefix length of a single one.
    const BITS: u8;

    /// The address as the standard library knows it.
    fn ip(self) -> IpAddr;

    /// How many addresses there are from `first` to `last`, both included; `last` is not below `first`.
    fn count(first: Self, last: Self) -> Count;

    /// The host bits of the largest CIDR that starts at `first` and ends no later than `last`, which is not below it.
    fn widest_block(first: Self, last: Self) -> u8;

    /// The last address of the CIDR that starts at `first` and has so many host bits.
    fn block_end(first: Self, host_bits: u8) -> Self;

    /// Appends the address as text.
    fn push_text(self, out: &mut Vec<u8>);
}

macro_rules! integer_parts {
    () => {
        fn count(first: Self, last: Self) -> Count {
            u128::from(last - first).checked_add(1).map_or(Count::AllIpv6, Count::Of)
        }

        fn widest_block(first: Self, last: Self) -> u8 {
            // The length of the range, rounded down to a power of two; all of the family has no length that fits.
            let fits = (last - first).checked_add(1).map_or(<Self>::BITS, Self::ilog2);
            first.trailing_zeros().min(fits) as u8
        }

        fn block_end(first: Self, host_bits: u8) -> Self {
            first | !Self::MAX.checked_shl(u32::from(host_bits)).unwrap_or(0)
        }
    };
}

impl Family for u32 {
    const BITS: u8 = 32;
    integer_parts!();

    fn ip(self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(self))
    }

    /// By hand: of a list of millions of addresses, this is most of the time of writing it.
    fn push_text(self, out: &mut Vec<u8>) {
        let [a, b, c, d] = self.to_be_bytes();
        push_octet(a, out);
        for octet in [b, c, d] {
            out.push(b'.');
            push_octet(octet, out);
        }
    }
}

impl Family for u128 {
    const BITS: u8 = 128;
    integer_parts!();

    fn ip(self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::from(self))
    }

    fn push_text(self, out: &mut Vec<u8>) {
        // Writing to memory does not fail.
        let _ = write!(out, "{}", Ipv6Addr::from(self));
    }
}

/// Appends a number from 0 to 255 in decimal.
pub(super) fn push_octet(value: u8, out: &mut Vec<u8>) {
    let [hundreds, tens, ones] = [value / 100, value / 10 % 10, value % 10].map(|digit| b'0' + digit);
    match value {
        0..=9 => out.push(ones),
        10..=99 => out.extend_from_slice(&[tens, ones]),
        100.. => out.extend_from_slice(&[hundreds, tens, ones]),
    }
}
