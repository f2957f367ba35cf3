//! About whom nobody is asked: addresses that no DNSBL can know anything of (RFC 5782 §2.1; RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a source can be one of the internet's. Blocks for documentation and benchmarks count as if they were: they are
/// protected anyway, unless somebody wants them not to be.
#[must_use]
pub fn is_askable(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let this_network = a == 0;
    let shared = a == 100 && b & 0xc0 == 64;
    let multicast_and_class_e = a >= 224;
    !(this_network
        || shared
        || multicast_and_class_e
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local())
}

/// Only 2000::/3 is given to anybody (RFC 4291 §2.4).
fn is_public_v6(address: Ipv6Addr) -> bool {
    address.octets()[0] & 0xe0 == 0x20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_internets_addresses_are_asked_about() {
        for (address, asked) in [
            ("0.1.2.3", false),
            ("1.0.0.1", true),
            ("9.255.255.255", true),
            ("10.0.0.0", false),
            ("100.63.255.255", true),
            ("100.64.0.0", false),
            ("100.127.255.255", false),
            ("100.128.0.0", true),
            ("127.0.0.2", false),
            ("169.254.1.1", false),
            ("172.15.255.255", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.0", true),
            ("192.168.0.1", false),
            ("192.169.0.1", true),
            ("198.18.0.1", true),
            ("203.0.113.7", true),
            ("223.255.255.255", true),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:192.0.2.1", true),
            ("1fff:ffff::", false),
            ("2001:db8::1", true),
            ("3fff:ffff::1", true),
            ("4000::", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            let parsed = address.parse().expect("an address");
            assert_eq!(is_askable(parsed), asked, "{address}");
        }
    }
}
