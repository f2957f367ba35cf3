//! Who may be answered, as far as the address itself says.

use crate::address::Address;

/// Whether an address is one that a TCP segment can come from and go to: no unspecified, loopback, multicast, reserved or
/// broadcast address (RFC 1122 §3.2.1.3, RFC 6890).
#[inline(always)]
#[must_use]
pub const fn is_unicast(address: Address) -> bool {
    match address.as_v4() {
        // 0/8, 127/8, and from 224/4 on: multicast, class E, limited broadcast.
        Some(v4) => !matches!(v4 >> 24, 0 | 127 | 224..),
        None => {
            let (upper, lower) = address.halves();
            // ::/127 holds the unspecified address and loopback, ff00::/8 is multicast.
            !(upper == 0 && lower <= 1) && upper >> 56 != 0xff
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;

    #[test]
    fn only_unicast_is_answered() {
        for (text, expected) in [
            ("192.0.2.1", true),
            ("10.0.0.1", true),
            ("169.254.0.1", true),
            ("223.255.255.255", true),
            ("1.0.0.0", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("127.0.0.1", false),
            ("224.0.0.1", false),
            ("239.255.255.250", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::2", true),
            ("2001:db8::1", true),
            ("fe80::1", true),
            ("ff02::1", false),
            ("ff::1", true),
            ("::ffff:127.0.0.1", false),
        ] {
            let address = Address::from(text.parse::<IpAddr>().expect(text));
            assert_eq!(is_unicast(address), expected, "{text}");
        }
    }
}
