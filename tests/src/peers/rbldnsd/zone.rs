//! What a zone of kind `combined` holds, as a test says it.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::IpNet;

use super::Zone;

/// A zone with IPv4 and IPv6 addresses, a SOA record, and the test entries of RFC 5782 §5.
#[derive(Clone, Debug)]
pub struct ZoneText {
    name: String,
    ttl: u32,
    entries: Vec<(IpNet, Ipv4Addr)>,
    expired: bool,
}

impl ZoneText {
    /// One that lists nobody. Its answers and its denials are good for `ttl` seconds.
    #[must_use]
    pub fn new(name: &str, ttl: u32) -> Self {
        Self { name: name.to_owned(), ttl, entries: Vec::new(), expired: false }
    }

    /// The same with a network that has this A value. One that several calls list has several A records.
    #[must_use]
    pub fn list(mut self, net: impl Into<IpNet>, answer: [u8; 4]) -> Self {
        self.entries.push((net.into(), answer.into()));
        self
    }

    /// The same, out of date: rbldnsd no longer serves it.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.expired = true;
        self
    }

    /// The content of its one file.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { name, ttl, entries, expired } = self;
        let mut text = format!("$SOA {ttl} ns.{name} hostmaster.{name} 1 10m 5m 1d {ttl}\n$TTL {ttl}\n");
        if *expired {
            text += "$TIMESTAMP 2020:01:01 2020:01:02\n";
        }
        // Writing into a string cannot fail.
        text += "$DATASET ip4set @\n127.0.0.2 :127.0.0.2:test entry\n";
        text += "$DATASET ip6trie @\n::ffff:7f00:2 :127.0.0.2:test entry\n";
        for (net, answer) in entries {
            let kind = if net.addr().is_ipv4() { "ip4set" } else { "ip6trie" };
            // A set of its own for each, because the most specific entry of a set is the only one that answers.
            let _ = writeln!(text, "$DATASET {kind} @\n{net} :{answer}:$ is listed in {name} with {answer}");
        }
        text
    }

    /// As rbldnsd is started with it.
    #[must_use]
    pub fn zone(&self) -> Zone {
        Zone { name: self.name.clone(), kind: "combined".to_owned(), files: vec![self.text()] }
    }
}
