//! Special-purpose addresses: blocks that belong to nobody on the internet, so that no list means anybody by them.
//!
//! From the IANA registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890, RFC 8190). Protecting a block
//! means that lists have no say in it, so what strangers may send from is left out, whatever the registries hold:
//! - anycast services that are reachable from everywhere (AS112, AMT, PCP, TURN, TEREDO's and ORCHIDv2's ranges);
//! - ranges in which somebody else's IPv4 address is embedded: 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64, RFC 6052 and
//!   RFC 8215: behind a translator every IPv4 sender comes from there), 2002::/16 (6to4, RFC 3056), 2001::/32
//!   (Teredo, RFC 4380), and with it 2001::/23 as a whole;
//! - ::ffff:0:0/96 (RFC 4291): such addresses are IPv4 here.
//!
//! Multicast (224.0.0.0/4, ff00::/8) is in registries of its own, and never a source.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// One block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialBlock {
    /// Its addresses, without host bits.
    pub net: IpNet,
    /// What it is for.
    pub name: &'static str,
    /// The document that says so.
    pub source: &'static str,
}

/// All blocks that are protected, IPv4 first, by address; none lies in another.
pub const SPECIAL_BLOCKS: [SpecialBlock; 24] = [
    v4([0, 0, 0, 0], 8, "this network", "RFC 791"),
    v4([10, 0, 0, 0], 8, "private use", "RFC 1918"),
    v4([100, 64, 0, 0], 10, "shared address space", "RFC 6598"),
    v4([127, 0, 0, 0], 8, "loopback", "RFC 1122"),
    v4([169, 254, 0, 0], 16, "link-local", "RFC 3927"),
    v4([172, 16, 0, 0], 12, "private use", "RFC 1918"),
    v4([192, 0, 0, 0], 24, "IETF protocol assignments", "RFC 6890"),
    v4([192, 0, 2, 0], 24, "documentation", "RFC 5737"),
    v4([192, 88, 99, 0], 24, "6to4 relay anycast, deprecated", "RFC 7526"),
    v4([192, 168, 0, 0], 16, "private use", "RFC 1918"),
    v4([198, 18, 0, 0], 15, "benchmarking", "RFC 2544"),
    v4([198, 51, 100, 0], 24, "documentation", "RFC 5737"),
    v4([203, 0, 113, 0], 24, "documentation", "RFC 5737"),
    // With the limited broadcast address, 255.255.255.255 (RFC 919).
    v4([240, 0, 0, 0], 4, "reserved", "RFC 1112"),
    // The unspecified address (::) and loopback (::1).
    v6([0, 0, 0, 0, 0, 0, 0, 0], 127, "unspecified and loopback", "RFC 4291"),
    // Two blocks side by side: 100::/64 discards, 100:0:0:1::/64 is the dummy prefix of RFC 9780.
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 63, "discard-only and dummy prefix", "RFC 6666"),
    v6([0x2001, 0x2, 0, 0, 0, 0, 0, 0], 48, "benchmarking", "RFC 5180"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "ORCHID, deprecated", "RFC 4843"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "documentation", "RFC 3849"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "documentation", "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "segment routing identifiers", "RFC 9602"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "unique local", "RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local", "RFC 4291"),
    // Deprecated, and still not anybody's on the internet.
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local, deprecated", "RFC 3879"),
];

/// The block that holds an address, if one does. IPv4-mapped IPv6 addresses are IPv4.
#[must_use]
pub fn special_block(address: IpAddr) -> Option<&'static SpecialBlock> {
    let address = address.to_canonical();
    SPECIAL_BLOCKS.iter().find(|block| block.net.contains(&address))
}

const fn v4([a, b, c, d]: [u8; 4], length: u8, name: &'static str, source: &'static str) -> SpecialBlock {
    let net = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length));
    SpecialBlock { net, name, source }
}

const fn v6(groups: [u16; 8], length: u8, name: &'static str, source: &'static str) -> SpecialBlock {
    let [a, b, c, d, e, f, g, h] = groups;
    let net = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length));
    SpecialBlock { net, name, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_sorted_disjoint_and_documented() {
        for pair in SPECIAL_BLOCKS.windows(2) {
            let [before, after] = pair else { unreachable!("windows of two") };
            assert!(before.net < after.net, "{} {}", before.net, after.net);
            let disjoint = !before.net.contains(&after.net) && !after.net.contains(&before.net);
            assert!(disjoint, "{} {}", before.net, after.net);
        }
        for block in SPECIAL_BLOCKS {
            assert_eq!(block.net, block.net.trunc());
            assert!(block.source.starts_with("RFC ") && !block.name.is_empty(), "{}", block.net);
        }
    }

    /// The registries' examples, and neighbours of each kind of block.
    #[test]
    fn addresses_of_nobody_and_of_somebody() {
        for (text, source) in [
            ("0.1.2.3", Some("RFC 791")),
            ("1.0.0.0", None),
            ("9.255.255.255", None),
            ("10.255.255.255", Some("RFC 1918")),
            ("100.63.255.255", None),
            ("100.64.0.0", Some("RFC 6598")),
            ("100.127.255.255", Some("RFC 6598")),
            ("100.128.0.0", None),
            ("127.0.0.1", Some("RFC 1122")),
            ("169.254.1.1", Some("RFC 3927")),
            ("172.15.255.255", None),
            ("172.31.255.255", Some("RFC 1918")),
            ("172.32.0.0", None),
            ("192.0.0.8", Some("RFC 6890")),
            ("192.0.1.1", None),
            ("192.0.2.1", Some("RFC 5737")),
            ("192.31.196.1", None),
            ("192.52.193.1", None),
            ("192.88.99.1", Some("RFC 7526")),
            ("192.168.200.1", Some("RFC 1918")),
            ("192.175.48.1", None),
            ("198.19.255.255", Some("RFC 2544")),
            ("198.20.0.0", None),
            ("198.51.100.7", Some("RFC 5737")),
            ("203.0.113.7", Some("RFC 5737")),
            ("224.0.0.1", None),
            ("240.0.0.1", Some("RFC 1112")),
            ("255.255.255.255", Some("RFC 1112")),
            ("::", Some("RFC 4291")),
            ("::1", Some("RFC 4291")),
            ("::2", None),
            ("::ffff:10.0.0.1", Some("RFC 1918")),
            ("::ffff:8.8.8.8", None),
            ("64:ff9b::808:808", None),
            ("64:ff9b:1::1", None),
            ("100::1", Some("RFC 6666")),
            ("100:0:0:1::1", Some("RFC 6666")),
            ("100:0:0:2::1", None),
            ("2001::1", None),
            ("2001:2::1", Some("RFC 5180")),
            ("2001:2:1::1", None),
            ("2001:1f::1", Some("RFC 4843")),
            ("2001:20::1", None),
            ("2001:db8:ffff::1", Some("RFC 3849")),
            ("2001:db9::1", None),
            ("2002:a00:1::1", None),
            ("2a00:1450::25", None),
            ("3fff:fff::1", Some("RFC 9637")),
            ("3fff:1000::1", None),
            ("5f00:1::1", Some("RFC 9602")),
            ("fbff::1", None),
            ("fd00::1", Some("RFC 4193")),
            ("fe80::1", Some("RFC 4291")),
            ("fec0::1", Some("RFC 3879")),
            ("ff02::1", None),
        ] {
            let found = special_block(text.parse().expect(text)).map(|block| block.source);
            assert_eq!(found, source, "{text}");
        }
    }
}
