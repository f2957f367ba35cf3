//! What the answers of all zones come to: a score for each group of ports, and the threshold that it reaches.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};

use relay_guard_common::class::MAX_PORT_GROUPS;
use serde::Serialize;

use super::meaning::is_listing;
use super::plan::{EntryMask, Plan, bits};

/// What a verdict of DNSBLs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A threshold is reached at some group of ports.
    Listed,
    /// None is, and all zones answered.
    Clean,
    /// None is, but a zone could not say.
    Unknown,
}

/// What was found out about an address: which entries list it, and which could not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The entries whose zone answered something that they look for.
    pub listed: EntryMask,
    /// The entries whose zone did not answer.
    pub unknown: EntryMask,
}

/// A threshold that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Which of the configured thresholds, counted from 0.
    pub threshold: u8,
    /// The entry in whose name it is said: the one of highest weight that lists the source there.
    pub entry: u8,
}

/// A verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scored {
    /// The source.
    pub address: IpAddr,
    /// Until when it holds, nanoseconds of `CLOCK_MONOTONIC`.
    pub until_ns: u64,
    /// What it is.
    pub kind: Kind,
    /// The highest threshold that is reached at each group of ports; at none, the source passes there.
    pub groups: [Option<Reached>; MAX_PORT_GROUPS],
    /// The score at each group of ports.
    pub score: [i32; MAX_PORT_GROUPS],
    /// The entries that list the source, whatever their ports.
    pub listed: EntryMask,
    /// The entries that could not say.
    pub unknown: EntryMask,
    /// When the source was asked about, nanoseconds of `CLOCK_MONOTONIC`; 0 if nobody asked just now.
    pub asked_ns: u64,
}

/// The entries of a zone that one of its answers is for. Answers that are no listings are for none.
#[must_use]
pub fn matching(plan: &Plan, zone: usize, answers: &[Ipv4Addr]) -> EntryMask {
    let entries = plan.zones.get(zone).map_or(0, |zone| zone.entries);
    let wanted = |entry: &usize| {
        let filter = &plan.entries[*entry].answers;
        answers.iter().any(|answer| is_listing(*answer) && filter.matches(*answer))
    };
    bits(entries).filter(wanted).fold(0, |mask, entry| mask | 1 << entry)
}

/// The verdict on an address.
///
/// An entry that could not say and that speaks for sources counts as if it did: nobody is stopped because an allow zone is
/// down, or suspended. Others that could not say count nothing, nor do those that are in neither mask.
#[must_use]
pub fn evaluate(plan: &Plan, address: IpAddr, findings: Findings, until_ns: u64, asked_ns: u64) -> Scored {
    let Findings { listed, unknown } = findings;
    let weighing = listed | unknown & plan.vouching();
    let score = std::array::from_fn(|group| {
        let entries = weighing & plan.weighing(address, group);
        bits(entries).map(|entry| plan.entries[entry].weight).sum()
    });
    let groups: [_; MAX_PORT_GROUPS] = std::array::from_fn(|group| {
        let threshold = plan.thresholds.iter().rposition(|threshold| *threshold <= score[group])?;
        let entry = heaviest(plan, listed & plan.weighing(address, group))?;
        Some(Reached { threshold: threshold as u8, entry })
    });
    let kind = match (groups.iter().any(Option::is_some), unknown) {
        (true, _) => Kind::Listed,
        (false, 0) => Kind::Clean,
        (false, _) => Kind::Unknown,
    };
    Scored { address, until_ns, kind, groups, score, listed, unknown, asked_ns }
}

/// Whether a higher threshold would be reached somewhere if those that could not say had said the worst.
#[must_use]
pub fn may_rise(plan: &Plan, scored: &Scored) -> bool {
    let Scored { address, unknown, .. } = *scored;
    (0..MAX_PORT_GROUPS).any(|group| {
        let silent = bits(unknown & plan.weighing(address, group));
        let more: i32 = silent.map(|entry| plan.entries[entry].weight.abs()).sum();
        let worst = scored.score[group].saturating_add(more);
        let threshold = plan.thresholds.iter().rposition(|threshold| *threshold <= worst);
        threshold > scored.groups[group].map(|reached| usize::from(reached.threshold))
    })
}

/// The entry of highest weight, the first of several.
fn heaviest(plan: &Plan, entries: EntryMask) -> Option<u8> {
    let weights = bits(entries).map(|entry| (plan.entries[entry].weight, entry));
    weights.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, entry)| entry as u8)
}
