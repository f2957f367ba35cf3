use super::*;

fn written(token: &str) -> String {
    Prefix::parse(token.as_bytes()).map(|prefix| prefix.network().to_string()).unwrap_or_default()
}

#[test]
fn addresses_and_cidrs_are_read_exactly() {
    for (token, network) in [
        ("0.0.0.0", "0.0.0.0/32"),
        ("255.255.255.255", "255.255.255.255/32"),
        ("1.2.3.4", "1.2.3.4/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("1.2.3.4/31", "1.2.3.4/31"),
        ("10.0.0.1/24", "10.0.0.0/24"),
        ("1.2.3.0/255.255.255.0", "1.2.3.0/24"),
        ("1.2.3.4/255.255.255.255", "1.2.3.4/32"),
        ("10.1.2.3/255.128.0.0", "10.0.0.0/9"),
        ("0.0.0.0/0.0.0.0", "0.0.0.0/0"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:DB8::1", "2001:db8::1/128"),
        ("::/0", "::/0"),
        ("::", "::/128"),
        ("2001:db8::1/48", "2001:db8::/48"),
        ("::ffff:1.2.3.4", "1.2.3.4/32"),
        ("::ffff:0102:0304/120", "1.2.3.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:0:0/95", "::fffe:0:0/95"),
        ("::fffe:0:1", "::fffe:0:1/128"),
    ] {
        assert_eq!(written(token), network, "{token}");
    }
}

#[test]
fn anything_else_is_an_error_with_a_cause() {
    use AddressError as E;
    for (token, cause) in [
        ("", E::NotAnAddress),
        ("example.com", E::NotAnAddress),
        ("http://1.2.3.4/0/", E::NotAnAddress),
        ("1.2.3.4x", E::NotAnAddress),
        ("1.2.3.4:25", E::NotAnAddress),
        ("-1.2.3.4", E::NotAnAddress),
        ("1.2.3.", E::NotAnAddress),
        ("1.2.3.256", E::BadIpv4),
        ("1.2.3.4.5", E::BadIpv4),
        ("1.2.3.4.", E::BadIpv4),
        ("1.2.3.4444", E::BadIpv4),
        ("10.1", E::ShortIpv4),
        ("10/8", E::ShortIpv4),
        ("3232235777", E::ShortIpv4),
        ("010.1.2.3", E::LeadingZero),
        ("1.2.3.00", E::LeadingZero),
        ("1.2.3.010", E::LeadingZero),
        ("0x0a.0.0.1", E::Hexadecimal),
        ("0x0a000001", E::Hexadecimal),
        ("1.2.3.4/33", E::PrefixLength { max: 32 }),
        ("1.2.3.4/", E::PrefixLength { max: 32 }),
        ("1.2.3.4/08", E::PrefixLength { max: 32 }),
        ("1.2.3.4/+8", E::PrefixLength { max: 32 }),
        ("1.2.3.4/264", E::PrefixLength { max: 32 }),
        ("1.2.3.4//24", E::PrefixLength { max: 32 }),
        ("::/129", E::PrefixLength { max: 128 }),
        ("::/384", E::PrefixLength { max: 128 }),
        ("::/1x", E::PrefixLength { max: 128 }),
        ("1.2.3.0/255.0.255.0", E::Netmask),
        ("1.2.3.0/0.0.0.255", E::Netmask),
        ("1.2.3.0/255.255.255.1", E::Netmask),
        ("1.2.3.0/255.255.255.0.0", E::PrefixLength { max: 32 }),
        ("1.2.3.0/255.255.255", E::PrefixLength { max: 32 }),
        ("::/255.255.255.0", E::PrefixLength { max: 128 }),
        ("1.2.3.0-1.2.3.255", E::Range),
        ("2001:db8::1-2001:db8::9", E::Range),
        ("2001:db8:::1", E::BadIpv6),
        ("1:2:3", E::BadIpv6),
        ("fe80::1%eth0", E::NotAnAddress),
        ("[2001:db8::1]", E::NotAnAddress),
    ] {
        assert_eq!(Prefix::parse(token.as_bytes()), Err(cause), "{token}");
    }
}

#[test]
fn masks_hold_at_both_ends() {
    assert_eq!((mask_v4(0), mask_v4(1), mask_v4(32)), (0, 1 << 31, u32::MAX));
    assert_eq!((mask_v6(0), mask_v6(1), mask_v6(128)), (0, 1 << 127, u128::MAX));
}

#[test]
fn host_bits_are_seen_and_kept() {
    for (token, has) in [("10.0.0.1/24", true), ("10.0.0.0/24", false), ("::1/64", true), ("1.2.3.4/0", true)]
    {
        let prefix = Prefix::parse(token.as_bytes()).unwrap();
        assert_eq!(prefix.has_host_bits(), has, "{token}");
        assert!(token.starts_with(&prefix.address().to_string()), "{token}");
    }
}
