//! What DNSBLs say of sources: as many entries as their cache has.

use std::{collections::HashMap, net::IpAddr};

use relay_guard_common::{
    reason::Reason,
    verdict::{Steering, Verdict},
};

/// Verdicts without the administrator's word, each with the round in which it was said.
#[derive(Debug, Default)]
pub(super) struct ScoredVerdicts {
    verdicts: HashMap<IpAddr, (Verdict, u64)>,
    round: u64,
}

impl ScoredVerdicts {
    pub(super) fn get(&self, address: IpAddr) -> Option<&Verdict> {
        self.verdicts.get(&address).map(|(verdict, _)| verdict)
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (IpAddr, &Verdict)> {
        self.verdicts.iter().map(|(address, (verdict, _))| (*address, verdict))
    }

    /// Takes what is said in this round.
    pub(super) fn put(&mut self, address: IpAddr, verdict: Verdict) {
        self.verdicts.insert(address, (verdict, self.round));
    }

    pub(super) fn remove(&mut self, address: IpAddr) {
        self.verdicts.remove(&address);
    }

    /// Begins a round.
    pub(super) const fn begin(&mut self) {
        self.round += 1;
    }

    /// Drops what was not said again in this round; whom it was about.
    pub(super) fn end(&mut self) -> Vec<IpAddr> {
        let round = self.round;
        self.verdicts.extract_if(|_, (_, said)| *said != round).map(|(address, _)| address).collect()
    }

    /// Drops everything; whom it was about.
    pub(super) fn clear(&mut self) -> Vec<IpAddr> {
        self.verdicts.drain().map(|(address, _)| address).collect()
    }
}

/// Whether an entry of the kernel's map has something that DNSBLs said.
pub(super) fn is_scored(verdict: &Verdict) -> bool {
    const REASONS: [Reason; 3] = [Reason::DnsblListed, Reason::DnsblClean, Reason::DnsblUnknown];
    REASONS.iter().any(|reason| verdict.rules[0].reason == *reason as u8)
}

/// An entry without the administrator's word.
pub(super) const fn alone(verdict: Verdict) -> Verdict {
    Verdict { steering: Steering { allow_until: 0, block_until: 0 }, ..verdict }
}
