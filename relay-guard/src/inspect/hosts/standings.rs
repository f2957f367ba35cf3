//! Where hosts stand on the ladder, and how they came there.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use super::{Change, Reading, engine::TOLD};
use crate::inspect::ladder::{DAY_NS, HostState, Standing};

/// Hosts with a state or a history.
pub const MAX_STANDINGS: usize = 16_384;
/// Changes of a host that are remembered.
pub const MAX_HISTORY: usize = 16;
/// For how long a quiet host's history is, nanoseconds.
pub const HISTORY_NS: u64 = 7 * DAY_NS;

/// Octets of all of them, at most; their histories grow by doubling, their signals are as many as are told.
pub const MAX_BYTES: usize =
    MAX_STANDINGS * (PLACE_BYTES + MAX_HISTORY * (size_of::<Change>() + TOLD * size_of::<Reading>()));
/// Octets of a place in the tree, which may be half full.
const PLACE_BYTES: usize = 2 * (size_of::<IpAddr>() + size_of::<Stand>());

/// One host's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stand {
    pub standing: Standing,
    pub history: VecDeque<Change>,
}

impl Stand {
    pub fn note(&mut self, change: Change) {
        if self.history.len() >= MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(change);
    }

    fn last_ns(&self) -> u64 {
        self.history.back().map_or(0, |change| change.at_ns)
    }

    fn is_quiet(&self) -> bool {
        self.standing.state == HostState::Quiet
    }
}

/// All hosts that stand or stood somewhere.
#[derive(Debug, Default)]
pub struct Standings {
    stands: BTreeMap<IpAddr, Stand>,
    pub pushed_out: u64,
}

impl Standings {
    pub fn get(&self, address: IpAddr) -> Option<&Stand> {
        self.stands.get(&address)
    }

    pub fn len(&self) -> usize {
        self.stands.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, &Stand)> {
        self.stands.iter().map(|(address, stand)| (*address, stand))
    }

    pub fn known(&mut self, address: IpAddr) -> Option<&mut Stand> {
        self.stands.get_mut(&address)
    }

    /// That of a host, made if there is none; none if everybody else stands somewhere too.
    pub fn of(&mut self, address: IpAddr) -> Option<&mut Stand> {
        if self.stands.len() >= MAX_STANDINGS && !self.stands.contains_key(&address) {
            let quiet = self.stands.iter().filter(|(_, stand)| stand.is_quiet());
            let oldest = quiet.min_by_key(|(_, stand)| stand.last_ns()).map(|(address, _)| *address)?;
            self.stands.remove(&oldest);
            self.pushed_out += 1;
        }
        Some(self.stands.entry(address).or_default())
    }

    /// Forgets quiet hosts of which nothing was heard for long.
    pub fn prune(&mut self, now_ns: u64) {
        self.stands
            .retain(|_, stand| !stand.is_quiet() || now_ns.saturating_sub(stand.last_ns()) <= HISTORY_NS);
    }

    /// Octets, estimated from above.
    pub fn memory(&self) -> usize {
        let of = |stand: &Stand| {
            let signals: usize = stand.history.iter().map(|change| change.signals.capacity()).sum();
            stand.history.capacity() * size_of::<Change>() + signals * size_of::<Reading>()
        };
        self.stands.len() * PLACE_BYTES + self.stands.values().map(of).sum::<usize>()
    }
}
