//! Addresses as rbldnsd writes them: the leading octets may stand alone, leading zeros are decimal.
//!
//! Each function reads from the beginning of `text` and returns what is left behind it.

use std::net::Ipv6Addr;

/// The bits that a number of leading octets gives: 8, 16, 24 or 32.
type Bits = u32;

/// One to four octets, as the upper bits of an address: `127.16` is `127.16.0.0` with 16 bits.
fn octets(text: &[u8]) -> Option<(u32, Bits, &[u8])> {
    let (mut address, mut bits, mut rest) = (0, 0, text);
    loop {
        let (octet, tail) = number(rest, 255)?;
        bits += 8;
        address |= octet << (32 - bits);
        match tail {
            [b'.', more @ ..] if bits < 32 => rest = more,
            _ => return Some((address, bits, tail)),
        }
    }
}

/// A decimal number up to `max`; leading zeros mean nothing.
fn number(text: &[u8], max: u32) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    let mut value = 0_u32;
    for digit in digits {
        value = value * 10 + u32::from(digit - b'0');
        if value > max {
            return None;
        }
    }
    if digits.is_empty() { None } else { Some((value, rest)) }
}

/// An IPv4 network as written, host bits included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum V4 {
    /// A prefix: `127.16/12`, `127.0.0` (24 bits), `127.0.0.1`.
    Prefix { address: u32, length: u8 },
    /// A range: `127.16-31`, `127.0.0.1-255`, `127.16.0.0-127.31.255.255`.
    Range { first: u32, last: u32 },
}

/// A prefix, as `ip4trie` takes it. A bare number is none.
pub(super) fn cidr(text: &[u8]) -> Option<(V4, &[u8])> {
    let (address, bits, rest) = octets(text)?;
    if let [b'/', length @ ..] = rest {
        let (length, rest) = number(length, 32)?;
        // At most 32.
        return Some((V4::Prefix { address, length: length as u8 }, rest));
    }
    if bits == 8 { None } else { Some((V4::Prefix { address, length: bits as u8 }, rest)) }
}

/// A prefix or range, as `ip4set` takes it. A second end of one octet replaces the last octet of the first end.
pub(super) fn range(text: &[u8]) -> Option<(V4, &[u8])> {
    let (first, bits, rest) = octets(text)?;
    let [b'-', second @ ..] = rest else {
        // The whole of IPv4 has no form in ip4set.
        return cidr(text).filter(|(v4, _)| !matches!(v4, V4::Prefix { length: 0, .. }));
    };
    let (mut last, last_bits, rest) = octets(second)?;
    if last_bits == 8 {
        last = last >> (bits - 8) | first & high(bits - 8);
    } else if last_bits != bits {
        return None;
    }
    last |= !high(bits);
    if first > last { None } else { Some((V4::Range { first, last }, rest)) }
}

/// The upper `bits` of an IPv4 address.
fn high(bits: Bits) -> u32 {
    u32::MAX.checked_shl(32 - bits).unwrap_or(0)
}

/// An A value: `:5` is 127.0.0.5, `:127.5` is 127.0.0.5 as inet_aton has it. 0 is none.
pub(super) fn value(text: &[u8]) -> Option<(u32, &[u8])> {
    let (address, bits, rest) = octets(text)?;
    let value = match bits {
        8 => address >> 24,
        16 => address & 0xff00_0000 | address >> 16 & 0xff,
        24 => address & 0xffff_0000 | address >> 8 & 0xff,
        _ => address,
    };
    match (value, bits) {
        (0, _) => None,
        (value, 8) => Some((value | 0x7f00_0000, rest)),
        (value, _) => Some((value, rest)),
    }
}

/// Whether text may follow an address: nothing, a blank, a comment or a value.
pub(super) fn is_end(rest: &[u8]) -> bool {
    matches!(rest, [] | [b' ' | b'\t' | b'#' | b';' | b':', ..])
}

/// An IPv6 prefix: groups, of which trailing ones may be left out, or an address with `::`; and a prefix length.
pub(super) fn v6(text: &[u8]) -> Option<(u128, u8, &[u8])> {
    let end = text.iter().position(|b| matches!(b, b' ' | b'\t' | b'#' | b';')).unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    let slash = token.iter().position(|b| *b == b'/');
    let (address, length) = token.split_at(slash.unwrap_or(token.len()));
    let compressed = address.windows(2).any(|pair| pair == b"::");
    let (address, bits) = if compressed { (compact(address)?, 128) } else { groups(address)? };
    match length.strip_prefix(b"/") {
        Some(length) => {
            let (length, tail) = number(length, 128)?;
            if tail.is_empty() { Some((address, length as u8, rest)) } else { None }
        }
        None if bits == 16 => None,
        None => Some((address, bits, rest)),
    }
}

fn compact(address: &[u8]) -> Option<u128> {
    let text = std::str::from_utf8(address).ok().filter(|text| !text.contains('.'))?;
    text.parse::<Ipv6Addr>().ok().map(u128::from)
}

/// One to eight groups, as the upper bits of an address. Returns the bits that they give.
pub(super) fn groups(address: &[u8]) -> Option<(u128, u8)> {
    let (mut value, mut bits) = (0_u128, 0_u8);
    for group in address.split(|b| *b == b':') {
        let digits = std::str::from_utf8(group).ok().filter(|group| !group.starts_with('+'))?;
        let group = u16::from_str_radix(digits, 16).ok()?;
        if bits == 128 {
            return None;
        }
        bits += 16;
        value |= u128::from(group) << (128 - bits);
    }
    Some((value, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(read: Option<(V4, &[u8])>) -> String {
        let ip = |address: u32| std::net::Ipv4Addr::from(address);
        match read {
            Some((V4::Prefix { address, length }, rest)) => {
                format!("{}/{length}{}", ip(address), rest.escape_ascii())
            }
            Some((V4::Range { first, last }, rest)) => {
                format!("{}-{}{}", ip(first), ip(last), rest.escape_ascii())
            }
            None => String::new(),
        }
    }

    #[test]
    fn short_forms_are_read_as_rbldnsd_reads_them() {
        for (text, as_range, as_cidr) in [
            ("127.0.0.1", "127.0.0.1/32", "127.0.0.1/32"),
            ("127.0.0", "127.0.0.0/24", "127.0.0.0/24"),
            ("127.0", "127.0.0.0/16", "127.0.0.0/16"),
            ("127", "", ""),
            ("127/8", "127.0.0.0/8", "127.0.0.0/8"),
            ("127/24", "127.0.0.0/24", "127.0.0.0/24"),
            ("127.16/12 x", "127.16.0.0/12 x", "127.16.0.0/12 x"),
            ("0127.3.0.1", "127.3.0.1/32", "127.3.0.1/32"),
            ("127-127.0.0", "", ""),
            ("127-128", "127.0.0.0-128.255.255.255", ""),
            ("127.16-31", "127.16.0.0-127.31.255.255", "127.16.0.0/16-31"),
            ("127.16.0-31", "127.16.0.0-127.16.31.255", "127.16.0.0/24-31"),
            ("127.0.0.1-255", "127.0.0.1-127.0.0.255", "127.0.0.1/32-255"),
            ("127.16.0-127.31.255", "127.16.0.0-127.31.255.255", "127.16.0.0/24-127.31.255"),
            ("127.0.0.2-1", "", "127.0.0.2/32-1"),
            ("1.2-1.2.3.4", "", "1.2.0.0/16-1.2.3.4"),
            ("0/0", "", "0.0.0.0/0"),
            ("127.", "", ""),
            ("127.0.0.256", "", ""),
            ("1.2.3.4/33", "", ""),
            ("1.2.3.4/", "", ""),
            ("10.0.0.1:5:x", "10.0.0.1/32:5:x", "10.0.0.1/32:5:x"),
        ] {
            assert_eq!(shown(range(text.as_bytes())), as_range, "{text}");
            assert_eq!(shown(cidr(text.as_bytes())), as_cidr, "{text}");
        }
    }

    #[test]
    fn values_and_groups_are_read_as_rbldnsd_reads_them() {
        for (text, expected) in [
            ("5", Some(0x7f00_0005)),
            ("127.5", Some(0x7f00_0005)),
            ("127.1.5", Some(0x7f01_0005)),
            ("127.0.1.5:x", Some(0x7f00_0105)),
            ("0", None),
            (" 5", None),
            ("x", None),
        ] {
            assert_eq!(value(text.as_bytes()).map(|(value, _)| value), expected, "{text}");
        }
        for (text, expected) in [
            ("2001:21ab:c000/36", Some(("2001:21ab:c000::", 36))),
            ("2001:db8:5:6", Some(("2001:db8:5:6::", 64))),
            ("2001:db8:5:6 :5:x", Some(("2001:db8:5:6::", 64))),
            ("::1", Some(("::1", 128))),
            ("2001:db8::", Some(("2001:db8::", 128))),
            ("2001:db8::/32", Some(("2001:db8::", 32))),
            ("1:2:3:4:5:6:7:8", Some(("1:2:3:4:5:6:7:8", 128))),
            ("1:2:3:4:5:6:7:8:9", None),
            ("2001", None),
            ("2001/16", Some(("2001::", 16))),
            ("2001:db8:", None),
            ("2001:+db8", None),
            ("2001:db8::/129", None),
            ("2001:db8::/", None),
            ("::1.2.3.4", None),
            ("12345:1", None),
        ] {
            let read =
                v6(text.as_bytes()).map(|(address, length, _)| (Ipv6Addr::from(address).to_string(), length));
            assert_eq!(read, expected.map(|(address, length)| (address.to_owned(), length)), "{text}");
        }
    }
}
