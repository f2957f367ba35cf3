//! Questions to userspace: an unknown source opens SMTP, what do DNSBLs say of it?
//!
//! The kernel asks once in a while for each source ([`mark`] remembers whom), and may hold the SYN that made it ask: a sender
//! repeats it after a second, when the answer is there.

pub mod mark;

use crate::{address::Address, assert_layout};

/// One record of the ring `ASKS`: a SYN of inbound SMTP from a source of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Ask {
    /// When, nanoseconds of `CLOCK_MONOTONIC`, coarse.
    pub time_ns: u64,
    /// Source address.
    pub source: Address,
    /// Destination port, host byte order.
    pub port: u16,
    /// 1 if the SYN was held, 0 if it passed.
    pub held: u8,
    /// Always zero.
    pub reserved: [u8; 5],
}
assert_layout!(Ask, 32, 8);

/// Size of the ring `ASKS` in bytes: 6,553 questions (32 bytes each behind a header of 8).
pub const ASK_RING_BYTES: usize = 256 * 1024;

/// Whether an address can be in a DNSBL: one that is somebody's on the internet.
///
/// Nobody is asked about this network, private and shared addresses, loopback, link-local, multicast and what is reserved
/// (IANA's special-purpose registries, RFC 6890), and about IPv6 beyond `2000::/3`, the only part that is given out
/// (RFC 4291 §2.4). Documentation and benchmarking blocks are as any other here.
#[inline(always)]
#[must_use]
pub const fn may_be_listed(address: Address) -> bool {
    let Some(v4) = address.as_v4() else { return address.halves().0 >> 61 == 1 };
    // 0/8, 10/8, 127/8, and 224/3: multicast and class E.
    let (top, high) = (v4 >> 24, v4 >> 16);
    !(top == 0 || top == 10 || top == 127 || top >= 224)
        // 169.254/16, 192.168/16, 172.16/12, 100.64/10.
        && !(high == 0xa9fe || high == 0xc0a8 || v4 >> 20 == 0xac1 || v4 >> 22 == 0x191)
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;

    #[test]
    fn only_what_is_somebodys_may_be_listed() {
        for (first, last) in [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("224.0.0.0", "255.255.255.255"),
            ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fc00::1", "fe80::1"),
        ] {
            for text in [first, last] {
                // IPv4 has its place within the first of the IPv6 ranges.
                assert!(!may(text), "{text}");
            }
        }
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.2.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.18.0.1",
            "203.0.113.1",
            "223.255.255.255",
            "::ffff:192.0.2.1",
            "2000::",
            "2001:db8::1",
            "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert!(may(text), "{text}");
        }
    }

    #[test]
    fn each_block_has_its_ends() {
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
            assert_eq!(may(address), asked, "{address}");
        }
    }

    fn may(text: &str) -> bool {
        may_be_listed(Address::from(text.parse::<IpAddr>().expect(text)))
    }
}
