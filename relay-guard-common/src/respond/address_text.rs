//! An address in words, written by the kernel into a reply: IPv4 as a dotted quad, IPv6 as RFC 5952 has it.
//!
//! No comparison decides how long a number is or whether a group is left out: the verifier would follow both outcomes of each.
//! Every number is written at its greatest width, and what follows is written over what was too much; what depends on
//! something is done with masks.

use crate::address::Address;

/// Octets that are written to: the longest text and what may be written past its end, a power of two.
pub const ADDRESS_TEXT_ROOM: usize = 64;

/// The longest text: eight groups of four digits and the colons between.
pub const MAX_ADDRESS_TEXT_LEN: usize = 39;

/// Octets that are 0 after the text.
const ZEROS: usize = 8;

/// Groups of an IPv6 address.
const GROUPS: u32 = 8;

/// Writes an address's text and returns its length, at most [`MAX_ADDRESS_TEXT_LEN`].
///
/// The 8 octets after it are 0, so that it can be summed or copied in words; those after them can be anything.
#[inline(always)]
pub fn write_address(address: &Address, out: &mut [u8; ADDRESS_TEXT_ROOM]) -> usize {
    let end = match address.as_v4() {
        Some(v4) => write_v4(v4, out),
        None => write_v6(address.halves(), out),
    };
    put::<ZEROS>(out, end, 0);
    end
}

/// Some characters, the first in the lowest octet, and how many of them count.
struct Characters {
    text: u64,
    len: usize,
}

#[inline(always)]
fn write_v4(address: u32, out: &mut [u8; ADDRESS_TEXT_ROOM]) -> usize {
    let mut end = 0;
    let mut index = 0;
    while index < 4 {
        let octet = decimal(address >> (24 - 8 * index) & 0xff);
        put::<4>(out, end, octet.text | u64::from(b'.') << (8 * octet.len));
        end += octet.len + 1;
        index += 1;
    }
    end - 1
}

#[inline(always)]
fn write_v6((mut upper, mut lower): (u64, u64), out: &mut [u8; ADDRESS_TEXT_ROOM]) -> usize {
    let mut left_out = longest_run(zero_groups(upper) << 4 | zero_groups(lower));
    // Its first group, which is written as a colon more than that before it.
    let mut colon = left_out & !(left_out << 8);
    put::<1>(out, 0, u64::from(b':'));
    let mut end = (left_out & 1) as usize;
    let ends_in_colon = left_out >> 63;
    let mut index = 0;
    while index < GROUPS {
        let group = hexadecimal((upper >> 48) as u32);
        let text = group.text | u64::from(b':') << (8 * group.len);
        put::<5>(out, end, text & !(left_out & 0xff) | u64::from(b':') & left_out & 0xff);
        end += (group.len + 1) & !(left_out & 0xff) as usize | (colon & 1) as usize;
        (upper, lower) = (upper << 16 | lower >> 48, lower << 16);
        (left_out, colon) = (left_out >> 8, colon >> 8);
        index += 1;
    }
    // A colon was written after each group; after the last one it is too much.
    end - 1 + ends_in_colon as usize
}

/// Writes `N` characters at `start`, which wraps: it never does, but the verifier knows that only so.
#[inline(always)]
fn put<const N: usize>(out: &mut [u8; ADDRESS_TEXT_ROOM], start: usize, text: u64) {
    let mut index = 0;
    while index < N {
        out[(start + index) & (ADDRESS_TEXT_ROOM - 1)] = (text >> (8 * index)) as u8;
        index += 1;
    }
}

/// An octet in decimal digits, without leading zeros.
#[inline(always)]
const fn decimal(octet: u32) -> Characters {
    // Carries into bit 8: one if it has two digits, another if it has three.
    let len = (1 + ((octet + (256 - 10)) >> 8) + ((octet + (256 - 100)) >> 8)) as usize;
    let digits = (octet / 100) | ((octet / 10 % 10) << 8) | ((octet % 10) << 16) | 0x0030_3030;
    Characters { text: (digits >> (8 * (3 - len))) as u64, len }
}

/// A group in hexadecimal digits, lower case, without leading zeros.
#[inline(always)]
const fn hexadecimal(group: u32) -> Characters {
    // As above, with carries into bit 16.
    let len = (1 + ((group + 0xfff0) >> 16) + ((group + 0xff00) >> 16) + ((group + 0xf000) >> 16)) as usize;
    // A nibble to each octet, the first to the lowest.
    let nibbles = group >> 12 | (group >> 8 & 0xf) << 8 | (group >> 4 & 0xf) << 16 | (group & 0xf) << 24;
    // 1 where it is more than 9: letters come 39 after what would follow "9".
    let letters = (nibbles + 0x0606_0606) >> 4 & 0x0101_0101;
    let digits = nibbles + 0x3030_3030 + letters * (b'a' - b'9' - 1) as u32;
    Characters { text: (digits as u64) >> (8 * (4 - len)), len }
}

/// Which of four groups are zero: a bit for each, the first group's highest.
#[inline(always)]
const fn zero_groups(half: u64) -> u32 {
    const LOW: u64 = 0x7fff_7fff_7fff_7fff;
    // The highest bit of each group: whether any of the group's bits is set.
    let any = ((half & LOW) + LOW) | half;
    let none = !any >> 15 & 0x0001_0001_0001_0001;
    (none | none >> 15 | none >> 30 | none >> 45) as u32 & 0xf
}

/// The longest run of at least two zero groups, the leftmost of those (RFC 5952 §4.2), which `::` stands for: an octet of
/// ones for each group in it, the first group's lowest. `zeros` has a bit for each group, the first group's is bit 7.
#[inline(always)]
const fn longest_run(zeros: u32) -> u64 {
    // The groups with which a run of `len` begins, and those with which a longer one does, if any.
    let mut longer = zeros & zeros << 1;
    let (mut starts, mut len) = (longer, 2 * carry_if_any(longer));
    let mut distance = 2;
    while distance < GROUPS {
        longer &= zeros << distance;
        let any = carry_if_any(longer);
        starts ^= (starts ^ longer) & any.wrapping_neg();
        len += any;
        distance += 1;
    }
    // Without any run this is after the last group.
    let first = (starts as u8).leading_zeros();
    octets_from(first) & !octets_from(first + len)
}

/// 1 if any of the lower eight bits is set, which are all there are.
#[inline(always)]
const fn carry_if_any(bits: u32) -> u32 {
    (bits + 0xff) >> 8
}

/// All octets but the lowest `count`, which is at most 8.
#[inline(always)]
const fn octets_from(count: u32) -> u64 {
    // In two steps, because 64 bits at once are too far for the machine.
    u64::MAX << (4 * count) << (4 * count)
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    /// As the kernel does it: over what another address has left there.
    fn text(address: IpAddr) -> String {
        let mut out = [0xaa; ADDRESS_TEXT_ROOM];
        let len = write_address(&Address::from(address), &mut out);
        assert!(len <= MAX_ADDRESS_TEXT_LEN);
        assert_eq!(out[len..len + ZEROS], [0; ZEROS], "{address}");
        String::from_utf8(out[..len].to_vec()).expect("ASCII")
    }

    /// The text as std writes it, which follows RFC 5952 but writes some addresses as if they were IPv4.
    fn expected(address: IpAddr) -> String {
        match address.to_canonical() {
            IpAddr::V6(v6) if v6.segments()[..6] == [0; 6] && v6.segments()[6..] != [0, 0] => {
                match v6.segments() {
                    [.., 0, last] => format!("::{last:x}"),
                    [.., last_but_one, last] => format!("::{last_but_one:x}:{last:x}"),
                }
            }
            canonical => canonical.to_string(),
        }
    }

    #[test]
    fn addresses_are_written_as_rfc_5952_has_them() {
        for (address, written) in [
            ("0.0.0.0", "0.0.0.0"),
            ("255.255.255.255", "255.255.255.255"),
            ("9.10.99.100", "9.10.99.100"),
            ("::ffff:192.0.2.25", "192.0.2.25"),
            ("::", "::"),
            ("::1", "::1"),
            ("::192.0.2.25", "::c000:219"),
            ("1::", "1::"),
            ("2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("0:0:1:1:1:1:0:0", "::1:1:1:1:0:0"),
            ("1:1:0:0:0:0:0:0", "1:1::"),
            ("1:0:0:0:0:0:0:1", "1::1"),
            ("0:1:1:1:1:1:1:0", "0:1:1:1:1:1:1:0"),
            ("fe80:1234:5678:9abc:def0:1234:5678:9abc", "fe80:1234:5678:9abc:def0:1234:5678:9abc"),
            ("f:10:ff:100:fff:1000:a:9", "f:10:ff:100:fff:1000:a:9"),
        ] {
            assert_eq!(text(address.parse().expect(address)), written);
        }
    }

    #[test]
    fn every_octet_and_every_group_is_written() {
        for octet in 0..=255 {
            let address = IpAddr::from([octet, 255 - octet, 0, octet]);
            assert_eq!(text(address), address.to_string());
        }
        for group in 0..=u16::MAX {
            let address = IpAddr::from([0x2001, group, 1, !group, 1, 1, 1, group]);
            assert_eq!(text(address), address.to_string());
        }
    }

    #[test]
    fn every_pattern_of_zero_groups_is_written() {
        for zeros in 0..=255u32 {
            let groups: [u16; 8] = core::array::from_fn(|index| u16::from(zeros >> index & 1 == 0) * 0xab);
            let address = IpAddr::from(groups);
            assert_eq!(text(address), expected(address));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_std(groups in proptest::array::uniform8(prop_oneof![Just(0u16), Just(0xffff), 0..=0x1fu16, any::<u16>()])) {
            let address = IpAddr::from(Ipv6Addr::from(groups));
            prop_assert_eq!(text(address), expected(address));
        }

        #[test]
        fn agrees_with_std_on_ipv4(octets: [u8; 4]) {
            let address = IpAddr::from(octets);
            prop_assert_eq!(text(address), address.to_string());
        }
    }
}
