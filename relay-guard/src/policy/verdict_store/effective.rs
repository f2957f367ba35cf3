//! What a prefix must say by itself, so that the longest prefix that holds an address tells all.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::{Entry, VerdictKind, VerdictStore, is_host, normal};

/// What all entries that hold an address or prefix say together. Times are seconds since the epoch; `0` is "never
/// was", [`u64::MAX`] is "for good".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// Until when it is allowed.
    pub allow_until: u64,
    /// Until when it is blocked, unless it is allowed.
    pub block_until: u64,
}

impl Effective {
    /// What holds at `now`: an allow before any block.
    pub fn at(self, now: u64) -> Option<VerdictKind> {
        if self.allow_until > now {
            Some(VerdictKind::Allow)
        } else if self.block_until > now {
            Some(VerdictKind::Block)
        } else {
            None
        }
    }

    /// This, and what `entry` says.
    fn with(mut self, entry: &Entry) -> Self {
        let until = entry.until.unwrap_or(u64::MAX);
        let slot = match entry.kind {
            VerdictKind::Allow => &mut self.allow_until,
            VerdictKind::Block => &mut self.block_until,
        };
        *slot = until.max(*slot);
        self
    }
}

impl VerdictStore {
    /// What all entries that hold the whole of `net` say together.
    pub fn effective(&self, net: IpNet) -> Effective {
        self.covering_net(normal(net)).fold(Effective::default(), Effective::with)
    }

    /// Each CIDR that has an entry of its own, with what holds for it; sorted like [`VerdictStore::iter`].
    pub fn effective_prefixes(&self) -> Vec<(IpNet, Effective)> {
        self.all_effective().filter(|(net, _)| !is_host(*net)).collect()
    }

    /// Each address that has an entry of its own, with what holds for it, CIDRs included; sorted.
    pub fn effective_hosts(&self) -> Vec<(IpAddr, Effective)> {
        self.all_effective()
            .filter(|(net, _)| is_host(*net))
            .map(|(net, effective)| (net.addr(), effective))
            .collect()
    }

    /// Every entry's `net` with what holds for it. Entries come after those that hold them, so a stack of the latter is
    /// all that is needed.
    fn all_effective(&self) -> impl Iterator<Item = (IpNet, Effective)> {
        let mut wider: Vec<(IpNet, Effective)> = Vec::new();
        self.iter().map(move |entry| {
            while wider.pop_if(|(net, _)| !net.contains(&entry.net)).is_some() {}
            let inherited = wider.last().map_or(Effective::default(), |(_, effective)| *effective);
            let effective = inherited.with(entry);
            wider.push((entry.net, effective));
            (entry.net, effective)
        })
    }
}
