//! The engine's memory: which hosts are known, which of them are looked at closely, and who makes room.

use std::net::IpAddr;

use super::{super::detail::Detail, Engine, Host, MAX_DETAILS};
use crate::inspect::HostKind;

/// Up to so many hosts are looked at closely from their first session on, then from the fourth.
const AT_ONCE: usize = MAX_DETAILS / 2;
const PATIENCE: u32 = 3;
/// A host that was not seen for two days is forgotten.
const FORGOTTEN_NS: u64 = 2 * 24 * 3600 * 1_000_000_000;
/// So many at a time: the work of one poll is bounded.
const FORGOTTEN_AT_ONCE: usize = 1000;

impl Engine {
    /// The host's slot; it is the one seen last. None if there is room for nobody.
    pub(super) fn host(&mut self, address: IpAddr, kind: HostKind, now_ns: u64) -> Option<u32> {
        let slot = self.known_or_new(address, kind, now_ns)?;
        let host = self.hosts.get_mut(slot)?;
        host.kind = kind;
        host.last_ns = host.last_ns.max(now_ns);
        self.hosts.touch(slot);
        Some(slot)
    }

    pub(in super::super) fn known_or_new(
        &mut self,
        address: IpAddr,
        kind: HostKind,
        now_ns: u64,
    ) -> Option<u32> {
        if let Some(slot) = self.by_address.get(&address) {
            return Some(*slot);
        }
        if self.hosts.len() >= self.rules.tracked_hosts.max(1) as usize {
            let (oldest, _) = self.hosts.oldest_first().find(|(_, host)| !self.stands(host))?;
            self.remove_host(oldest);
            self.counters.hosts_pushed_out += 1;
        }
        let host = Host {
            address,
            kind,
            detail: None,
            sessions: 0,
            transactions: 0,
            first_ns: now_ns,
            last_ns: now_ns,
            spent_ns: 0,
            attempts: 0,
        };
        let slot = self.hosts.insert(host);
        self.by_address.insert(address, slot);
        Some(slot)
    }

    pub(super) fn stands(&self, host: &Host) -> bool {
        host.detail.and_then(|slot| self.details.get(slot)).is_some_and(|detail| detail.stands)
    }

    pub(super) fn remove_host(&mut self, slot: u32) {
        let Some(host) = self.hosts.remove(slot) else { return };
        self.by_address.remove(&host.address);
        if let Some(detail) = host.detail {
            self.remove_detail(detail);
        }
    }

    /// What was known is given back, for its place.
    fn remove_detail(&mut self, slot: u32) -> Option<Box<Detail>> {
        let detail = self.details.remove(slot)?;
        self.recent -= detail.recent.len();
        if let Some(host) = self.hosts.get_mut(detail.host) {
            host.detail = None;
        }
        Some(detail)
    }

    pub(super) fn detail_of(&self, host: u32) -> Option<u32> {
        self.hosts.get(host)?.detail
    }

    /// The slot of the host's detail, made if it is worth it and there is room. `sign`: it gave a sign of something.
    pub(in super::super) fn follow(&mut self, host: u32, sign: bool, now_ns: u64) -> Option<u32> {
        let known = self.hosts.get(host)?;
        if let Some(slot) = known.detail {
            self.details.touch(slot);
            return Some(slot);
        }
        let worth = sign || known.sessions > PATIENCE || self.details.len() < AT_ONCE;
        if !worth {
            return None;
        }
        let mut place = None;
        if self.details.len() >= MAX_DETAILS {
            let quiet = self.details.oldest_first().find(|(_, detail)| !detail.stands);
            let Some((oldest, _)) = quiet else {
                self.counters.unfollowed += 1;
                return None;
            };
            place = self.remove_detail(oldest);
            self.counters.details_pushed_out += 1;
        }
        let detail = match place {
            Some(mut place) => {
                *place = Detail::new(host, now_ns);
                place
            }
            None => Box::new(Detail::new(host, now_ns)),
        };
        let slot = self.details.insert(detail);
        self.hosts.get_mut(host)?.detail = Some(slot);
        Some(slot)
    }

    pub(super) fn forget_idle(&mut self, now_ns: u64) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let Some((oldest, host)) = self.hosts.oldest_first().next() else { return };
            if now_ns.saturating_sub(host.last_ns) <= FORGOTTEN_NS {
                return;
            }
            if self.stands(host) {
                self.hosts.touch(oldest);
            } else {
                self.remove_host(oldest);
            }
        }
    }

    pub(in super::super) fn slot_of(&self, address: IpAddr) -> Option<u32> {
        self.by_address.get(&address).copied()
    }

    pub(in super::super) fn detail_mut(&mut self, address: IpAddr) -> Option<&mut Detail> {
        let slot = self.hosts.get(self.slot_of(address)?)?.detail?;
        self.details.get_mut(slot).map(|detail| &mut **detail)
    }
}
