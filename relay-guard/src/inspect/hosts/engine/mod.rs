//! The engine: observations and samples of hosts in, commands out. It keeps no clock and touches nothing.
//!
//! [`intake`]: what is taken in. [`places`]: whom it knows, and who makes room. [`judge`]: figures → points → ladder → commands.

mod intake;
mod judge;
mod places;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    net::IpAddr,
};

pub(super) use judge::TOLD;

use super::{
    Command, Counters, Rules, Sizes,
    brief::{KEPT_BYTES, KEPT_TEXT_BYTES},
    detail::Detail,
    networks::{MAX_NETWORKS_BYTES, Networks},
    shapes::SharedShapes,
    slots::Slots,
    standings::Standings,
};
use crate::inspect::{HostKind, ladder::HostState};

/// Hosts that are looked at closely: of all others only is known that they send. Some 5.5 KiB each.
pub const MAX_DETAILS: usize = 32_768;
/// Recent sessions that are kept, of all hosts together.
pub const MAX_RECENT_IN_ALL: usize = 65_536;
/// How often histories are looked through for old ones, nanoseconds.
const PRUNED_EVERY_NS: u64 = 3600 * 1_000_000_000;

/// Octets of a recent session; the places of a host's grow by doubling.
const RECENT_BYTES: usize = 2 * KEPT_BYTES + KEPT_TEXT_BYTES;
/// Octets of a place in the table of addresses, with one of control.
const BUCKET_BYTES: usize = size_of::<(IpAddr, u32)>() + 1;

/// Places of a table (hashbrown's) for so many: a power of two, 7/8 of it used.
const fn buckets(entries: usize) -> usize {
    (entries * 8 / 7 + 1).next_power_of_two()
}

/// What is known of every host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) address: IpAddr,
    pub(super) kind: HostKind,
    /// Its detail's slot, if it has one.
    pub(super) detail: Option<u32>,
    pub(super) sessions: u32,
    pub(super) transactions: u32,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    /// What the kernel counted before is spent, nanoseconds.
    spent_ns: u64,
    /// Attempts in the kernel's record when it was looked at last.
    attempts: u64,
}

/// The judge of inside hosts.
#[derive(Debug)]
pub struct Engine {
    pub(super) rules: Rules,
    by_address: HashMap<IpAddr, u32>,
    pub(super) hosts: Slots<Host>,
    pub(super) details: Slots<Box<Detail>>,
    pub(super) shared: SharedShapes,
    pub(super) networks: Networks,
    pub(super) standings: Standings,
    /// When details are due, and which; those that no longer agree with the detail are passed over.
    due: BinaryHeap<Reverse<(u64, u32)>>,
    recent: usize,
    /// Records that the kernel has of hosts.
    counted: u64,
    pruned_ns: u64,
    pub(super) commands: Vec<Command>,
    counters: Counters,
}

impl Engine {
    /// An engine with these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            by_address: HashMap::new(),
            hosts: Slots::default(),
            details: Slots::default(),
            shared: SharedShapes::default(),
            networks: Networks::default(),
            standings: Standings::default(),
            due: BinaryHeap::new(),
            recent: 0,
            counted: 0,
            pruned_ns: 0,
            commands: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// How it judges.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Changes the rules; the key of hashes stays. All hosts with points are judged anew at the next [`poll`](Self::poll), and
    /// containments end there if nobody is to be contained any more.
    pub fn set_rules(&mut self, rules: Rules, now_ns: u64) {
        self.rules = Rules { key: self.rules.key, ..rules };
        if !self.rules.enabled {
            self.rules.contain = false;
        }
        let judged: Vec<u32> = self.details.oldest_first().map(|(slot, _)| slot).collect();
        for slot in judged {
            self.schedule(slot, now_ns);
        }
    }

    /// Judges hosts by what `kind_of` says they are now: after declarations or the administrator's words have changed.
    pub fn set_kinds(&mut self, kind_of: impl Fn(IpAddr) -> HostKind, now_ns: u64) {
        let followed: Vec<(u32, u32)> =
            self.details.oldest_first().map(|(slot, detail)| (slot, detail.host)).collect();
        for (slot, host) in followed {
            if let Some(host) = self.hosts.get_mut(host) {
                let is_network = host.kind == HostKind::Network;
                host.kind = kind_of(host.address).or_network(is_network);
            }
            self.schedule(slot, now_ns);
        }
    }

    /// What is to be done by now: judges all hosts that are due.
    #[must_use]
    pub fn poll(&mut self, now_ns: u64) -> Vec<Command> {
        while let Some(Reverse((due_ns, slot))) = self.due.peek().copied() {
            if due_ns > now_ns {
                break;
            }
            self.due.pop();
            if self.details.get(slot).is_some_and(|detail| detail.due_ns == due_ns) {
                self.judge(slot, now_ns);
            }
        }
        self.forget_idle(now_ns);
        if now_ns.saturating_sub(self.pruned_ns) >= PRUNED_EVERY_NS {
            self.pruned_ns = now_ns;
            self.standings.prune(now_ns);
        }
        std::mem::take(&mut self.commands)
    }

    /// When [`poll`](Self::poll) has something to do again, nanoseconds; none: not before something is seen. It may be past.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        if !self.commands.is_empty() {
            return Some(0);
        }
        self.due.peek().map(|Reverse((due_ns, _))| *due_ns)
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters { histories_pushed_out: self.standings.pushed_out, ..self.counters }
    }

    /// How much there is.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let buckets = buckets(self.by_address.capacity());
        let bytes = self.hosts.memory()
            + buckets * BUCKET_BYTES
            + self.details.memory()
            + self.details.len() * size_of::<Detail>()
            + self.recent * RECENT_BYTES
            + self.shared.len() * super::shapes::MAX_SHARED_BYTES
            + self.networks.memory()
            + self.due.capacity() * size_of::<(u64, u32)>()
            + self.standings.memory();
        Sizes {
            hosts: self.hosts.len(),
            details: self.details.len(),
            recent: self.recent,
            standings: self.standings.len(),
            bytes,
        }
    }

    /// How many octets an engine takes at most that remembers so many hosts.
    #[must_use]
    pub const fn most_bytes(tracked_hosts: u32) -> usize {
        // Tables grow by doubling.
        let hosts = (tracked_hosts as usize).next_power_of_two();
        // One due time that holds for each detail, and those of ten seconds that were overtaken.
        let due = 32 * MAX_DETAILS * size_of::<(u64, u32)>();
        hosts * Slots::<Host>::SLOT_BYTES
            + buckets(tracked_hosts as usize) * BUCKET_BYTES
            + MAX_DETAILS * (Slots::<Box<Detail>>::SLOT_BYTES + size_of::<Detail>())
            + MAX_RECENT_IN_ALL * RECENT_BYTES
            + super::shapes::MAX_SHARED * super::shapes::MAX_SHARED_BYTES
            + MAX_NETWORKS_BYTES
            + due
            + super::standings::MAX_BYTES
    }

    /// Until when the host is contained, nanoseconds of the engine's clock.
    #[must_use]
    pub fn contained_until(&self, address: IpAddr) -> Option<u64> {
        let stand = self.standings.get(address)?;
        matches!(stand.standing.state, HostState::Contained(_)).then_some(stand.standing.until_ns)
    }

    /// The contained hosts, the step of each (from 0) and until when.
    pub fn contained(&self) -> impl Iterator<Item = (IpAddr, u8, u64)> {
        self.standings.iter().filter_map(|(address, stand)| match stand.standing.state {
            HostState::Contained(step) => Some((address, step, stand.standing.until_ns)),
            HostState::Quiet | HostState::Reported(_) => None,
        })
    }

    /// The hosts that are reported and not contained, with the step of each (from 0).
    pub fn reported(&self) -> impl Iterator<Item = (IpAddr, u8)> {
        self.standings.iter().filter_map(|(address, stand)| match stand.standing.state {
            HostState::Reported(step) => Some((address, step)),
            HostState::Quiet | HostState::Contained(_) => None,
        })
    }
}
