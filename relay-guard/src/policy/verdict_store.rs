//! What the administrator said: addresses and CIDRs that are allowed or blocked, for a time or for good.
//!
//! The kernel looks an address up by itself and by its longest prefix, so what a shorter prefix says must be part of
//! what it finds there: [`Effective`] gathers it. Precedence then is the same everywhere: an allow that covers the
//! address wins over every block, however narrow.
//!
//! All times are seconds since the Unix epoch. At its `until` an entry is over.

mod effective;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use effective::Effective;

/// The longest reason kept, in bytes.
pub const MAX_REASON_BYTES: usize = 256;

/// What the administrator wants for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VerdictKind {
    /// Never judged: neither lists nor blocks hold for it.
    Allow,
    /// Dropped.
    Block,
}

impl fmt::Display for VerdictKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Block => "block",
        })
    }
}

/// One entry of the administrator.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The addresses. In a store: without host bits, and IPv4 where it was written as IPv4-mapped IPv6.
    pub net: IpNet,
    /// What is wanted.
    pub kind: VerdictKind,
    /// When it is over, in seconds since the epoch; without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Why, in the administrator's words: one line of at most [`MAX_REASON_BYTES`], or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it was made, in seconds since the epoch.
    pub added: u64,
}

impl Entry {
    /// Whether the entry is over at `now`.
    pub fn is_over(&self, now: u64) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// How many entries a store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Entries for exact addresses (`limits.verdicts`).
    pub hosts: usize,
    /// Entries for CIDRs (`limits.prefix_verdicts`).
    pub prefixes: usize,
}

/// Why an entry, or a state file, was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The store is full.
    #[error("there are already {limit} verdicts of this kind; remove some or raise {key}")]
    Full {
        /// The limit, in entries.
        limit: usize,
        /// The configuration key of the limit.
        key: &'static str,
    },
    /// A reason that does not fit a line.
    #[error("{net}: a reason is one line of at most {MAX_REASON_BYTES} bytes; shorten it")]
    Reason {
        /// The entry's addresses.
        net: IpNet,
    },
    /// The state is of a version that this program does not know.
    #[error(
        "the saved verdicts have format version {found}, this program reads {expected}; move the file aside"
    )]
    Version {
        /// The version found.
        found: u64,
        /// The version that is read and written.
        expected: u64,
    },
    /// The state is not what was once saved.
    #[error("the saved verdicts are damaged ({cause}); move the file aside")]
    Damaged {
        /// What the JSON reader says, with line and column.
        cause: String,
    },
}

/// The administrator's entries, at most one for each address or CIDR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictStore {
    entries: BTreeMap<IpNet, Entry>,
    hosts: usize,
    capacity: Capacity,
}

impl VerdictStore {
    /// An empty store.
    pub fn new(capacity: Capacity) -> Self {
        Self { entries: BTreeMap::new(), hosts: 0, capacity }
    }

    /// Puts an entry; one for the same addresses is replaced and returned. Host bits of the entry's `net` are
    /// cleared, IPv4-mapped IPv6 becomes IPv4.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Reason`]; the store is as before.
    pub fn put(&mut self, entry: Entry) -> Result<Option<Entry>, StoreError> {
        let net = normal(entry.net);
        if entry.reason.len() > MAX_REASON_BYTES || entry.reason.chars().any(char::is_control) {
            return Err(StoreError::Reason { net });
        }
        if !self.entries.contains_key(&net) {
            let (used, limit, key) = if is_host(net) {
                (self.hosts, self.capacity.hosts, "limits.verdicts")
            } else {
                (self.entries.len() - self.hosts, self.capacity.prefixes, "limits.prefix_verdicts")
            };
            if used >= limit {
                return Err(StoreError::Full { limit, key });
            }
            self.hosts += usize::from(is_host(net));
        }
        Ok(self.entries.insert(net, Entry { net, ..entry }))
    }

    /// Removes and returns the entry for exactly these addresses.
    pub fn remove(&mut self, net: IpNet) -> Option<Entry> {
        let entry = self.entries.remove(&normal(net))?;
        self.hosts -= usize::from(is_host(entry.net));
        Some(entry)
    }

    /// Removes and returns the entries that are over at `now`, sorted.
    pub fn expire(&mut self, now: u64) -> Vec<Entry> {
        let over: Vec<IpNet> =
            self.iter().filter(|entry| entry.is_over(now)).map(|entry| entry.net).collect();
        over.into_iter().filter_map(|net| self.remove(net)).collect()
    }

    /// When the next entry is over, in seconds since the epoch.
    pub fn next_expiry(&self) -> Option<u64> {
        self.iter().filter_map(|entry| entry.until).min()
    }

    /// The entry for exactly these addresses.
    pub fn get(&self, net: IpNet) -> Option<&Entry> {
        self.entries.get(&normal(net))
    }

    /// The entries that hold `address`, widest first.
    pub fn covering(&self, address: IpAddr) -> impl Iterator<Item = &Entry> {
        self.covering_net(normal(address.into()))
    }

    /// All entries: IPv4 before IPv6, by address, the wider ones before those within.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries that hold all of `net`, which is normal, widest first.
    fn covering_net(&self, net: IpNet) -> impl Iterator<Item = &Entry> {
        (0..=net.prefix_len()).filter_map(move |length| {
            let wider = IpNet::new(net.addr(), length).ok()?.trunc();
            self.entries.get(&wider)
        })
    }
}

/// `net` without host bits; IPv4 if it lies in `::ffff:0:0/96`.
fn normal(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net.trunc() };
    let mapped = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    match mapped.and_then(|(address, length)| Ipv4Net::new(address, length).ok()) {
        Some(v4) => IpNet::V4(v4.trunc()),
        None => net.trunc(),
    }
}

/// Whether `net` is a single address.
fn is_host(net: IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}

#[cfg(test)]
mod tests;
