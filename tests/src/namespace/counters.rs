//! What the kernel has counted in a namespace, and which connections it holds.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Namespace;

/// The files of `/proc/net` with counters by name. The first two are tables of two lines each, names over values.
const TABLES: [&str; 2] = ["snmp", "netstat"];
const PAIRS: &str = "snmp6";

/// Counters that stay 0 as long as everything that arrives is well made. TCP's are those of both families.
const FAULTS: [&str; 10] = [
    "Ip.InHdrErrors",
    "IpExt.InCsumErrors",
    "IpExt.InTruncatedPkts",
    "Icmp.InCsumErrors",
    "Tcp.InErrs",
    "Tcp.InCsumErrors",
    "Ip6InHdrErrors",
    "Ip6InTruncatedPkts",
    "Icmp6InErrors",
    "Icmp6InCsumErrors",
];

/// How the kernel writes the state of a listening socket.
const LISTEN: &str = "0A";

impl Namespace {
    /// The kernel's counters of IP, ICMP and TCP: `Tcp.InSegs` of `/proc/net/snmp`, `TcpExt.TCPTimeouts` of `netstat`,
    /// `Ip6InHdrErrors` of `snmp6`. (Some are negative by nature; those are left out.)
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn counters(&self) -> Result<BTreeMap<String, u64>> {
        let read = |name: &str| fs::read_to_string(Path::new("/proc/thread-self/net").join(name));
        self.run(|| {
            let mut counters = BTreeMap::new();
            for name in TABLES {
                counters.extend(parse_table(&read(name)?));
            }
            counters.extend(read(PAIRS)?.lines().filter_map(parse_pair));
            Ok(counters)
        })
    }

    /// One of [`Namespace::counters`].
    ///
    /// # Errors
    /// When there is none of this name, or `/proc` cannot be read.
    pub fn counter(&self, name: &str) -> Result<u64> {
        self.counters()?.get(name).copied().with_context(|| format!("the kernel counts no {name}"))
    }

    /// What has arrived here that was broken: checksums, headers, lengths. Empty is good.
    ///
    /// # Errors
    /// When the kernel does not count it, or `/proc` cannot be read.
    pub fn faults(&self) -> Result<Vec<(&'static str, u64)>> {
        let counters = self.counters()?;
        let count = |name: &'static str| {
            let count = counters.get(name).with_context(|| format!("the kernel counts no {name}"))?;
            Ok((name, *count))
        };
        let all = FAULTS.into_iter().map(count).collect::<Result<Vec<_>>>()?;
        Ok(all.into_iter().filter(|(_, count)| *count > 0).collect())
    }

    /// The other ends of all TCP sockets that are not listening, also of those that only wait for their end.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn tcp_peers(&self) -> Result<Vec<IpAddr>> {
        let read = |name: &str| fs::read_to_string(Path::new("/proc/thread-self/net").join(name));
        let text = self.run(|| Ok::<_, anyhow::Error>(read("tcp")? + &read("tcp6")?))?;
        Ok(text.lines().filter_map(parse_peer).collect())
    }
}

fn parse_table(text: &str) -> Vec<(String, u64)> {
    let mut counters = Vec::new();
    let lines: Vec<_> = text.lines().collect();
    for [names, values] in lines.as_chunks().0 {
        let (Some((group, names)), Some((_, values))) = (names.split_once(':'), values.split_once(':'))
        else {
            continue;
        };
        let pairs = names.split_whitespace().zip(values.split_whitespace());
        counters
            .extend(pairs.filter_map(|(name, value)| Some((format!("{group}.{name}"), value.parse().ok()?))));
    }
    counters
}

fn parse_pair(line: &str) -> Option<(String, u64)> {
    let (name, value) = line.split_once(char::is_whitespace)?;
    Some((name.to_owned(), value.trim().parse().ok()?))
}

/// A line of `/proc/net/tcp` or `tcp6`: `sl local_address rem_address st …`, addresses as `HEX:PORT`, where each group of
/// eight digits is a number in the machine's byte order.
fn parse_peer(line: &str) -> Option<IpAddr> {
    let mut fields = line.split_ascii_whitespace().skip(2);
    let (address, _) = fields.next()?.split_once(':')?;
    if fields.next()? == LISTEN {
        return None;
    }
    let word = |start: usize| {
        let digits = address.get(start * 8..start * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    if address.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let words = [word(0)?, word(1)?, word(2)?, word(3)?];
    let octets: [u8; 16] = words.concat().try_into().ok()?;
    Some(IpAddr::from(Ipv6Addr::from(octets)).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_name() {
        let table = "Ip: Forwarding InHdrErrors\nIp: 1 3\nTcp: MaxConn InErrs\nTcp: -1 7\n";
        let expected = [("Ip.Forwarding", 1), ("Ip.InHdrErrors", 3), ("Tcp.InErrs", 7)];
        assert_eq!(parse_table(table), expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(
            parse_pair("Ip6InReceives                   \t12"),
            Some(("Ip6InReceives".to_owned(), 12))
        );
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn peers_are_read_as_the_kernel_writes_them() {
        for (line, peer) in [
            ("  sl  local_address rem_address   st tx_queue rx_queue tr", None),
            ("   0: 1902000A:0019 00000000:0000 0A 00000000:00000000 00:0", None),
            ("   1: 1902000A:0019 014212C6:D431 01 00000000:00000000 00:0", Some("198.18.66.1")),
            (
                "   0: B80D0120000002000000000025000000:0019 B80D01200000AD0B0000000001000000:C350 06 0",
                Some("2001:db8:bad::1"),
            ),
            (
                "   0: 0000000000000000FFFF00001902000A:0019 0000000000000000FFFF0000014212C6:1 06",
                Some("198.18.66.1"),
            ),
        ] {
            assert_eq!(parse_peer(line), peer.map(|text| text.parse().expect("an address")), "{line}");
        }
    }
}
