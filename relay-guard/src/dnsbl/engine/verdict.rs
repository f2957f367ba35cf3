//! Verdicts: when there is one, for how long it holds, and where it goes.

use std::time::Duration;

use crate::dnsbl::cache::Cached;
use crate::dnsbl::plan::{Plan, bits};
use crate::dnsbl::question::Fault;
use crate::dnsbl::score::{Findings, Kind, Scored, evaluate, may_rise};

use super::sources::Source;
use super::{Command, Engine, Now, PARTIAL_LIFE_NS, PATIENCE_NS};

impl Engine {
    /// Gives the verdict on a source, if there is one now.
    pub(super) fn settle(&mut self, place: u32, now: Now) {
        let Some(source) = self.sources.get(place) else { return };
        if source.waiting == 0 {
            if let Some(source) = self.sources.end(place) {
                self.conclude(&source, now);
            }
        } else if now.monotonic_ns >= source.began_ns + PATIENCE_NS {
            self.judge_early(place, now);
        }
    }

    /// A source has waited for too long for its last zones.
    pub(super) fn time_out(&mut self, place: u32, now: Now) {
        let Some(mut source) = self.sources.end(place) else { return };
        let zones = source.waiting;
        source.lose(zones, self.plan.entries_of(zones));
        self.conclude(&source, now);
        for zone in bits(zones) {
            let state = &mut self.zones[zone];
            state.faults += 1;
            let change = state.health.failed(&Fault::Timeout, now.monotonic_ns);
            self.changed(zone, change, now);
        }
    }

    /// Gives the verdict on a source for which not all have answered, if it is stopped whatever they say; and again if more
    /// answers do more.
    pub(super) fn judge_early(&mut self, place: u32, now: Now) {
        let Some(&source) = self.sources.get(place).filter(|source| source.findings.listed != 0) else {
            return;
        };
        let mut known = source;
        known.findings.unknown |= self.plan.entries_of(source.waiting);
        let scored = self.scored(&known, now);
        let said = source.judged.then(|| self.cached(source.address)).flatten();
        if scored.kind != Kind::Listed || said.is_some_and(|said| said.groups == scored.groups) {
            return;
        }
        self.count_latency(&source, now);
        self.keep(scored);
        if let Some(source) = self.sources.get_mut(place) {
            source.judged = true;
        }
    }

    /// Gives the verdict on a source.
    pub(super) fn conclude(&mut self, source: &Source, now: Now) {
        self.asks.answered += 1;
        self.count_latency(source, now);
        for entry in bits(source.findings.listed) {
            self.matched[entry] += 1;
        }
        let scored = self.scored(source, now);
        self.keep(scored);
    }

    fn count_latency(&mut self, source: &Source, now: Now) {
        if !source.judged {
            let took = now.monotonic_ns.saturating_sub(source.asked_ns);
            self.latency.record(Duration::from_nanos(took));
        }
    }

    /// The verdict on a source by what is known.
    fn scored(&self, source: &Source, now: Now) -> Scored {
        let Source { address, mut findings, mut until_ns, asked_ns, .. } = *source;
        let left_out = self.plan.asked(address) & !source.asked;
        if left_out != 0 {
            until_ns = until_ns.min(now.monotonic_ns.saturating_add(PARTIAL_LIFE_NS));
        }
        // Those that cannot be asked may have vouched for it. That matters where something speaks against it, or may do so
        // when entries weigh something else.
        if findings.listed & !self.plan.vouching() != 0 {
            findings.unknown |= self.plan.entries_of(left_out) & self.plan.vouching();
        }
        // Where nobody has answered there is no end.
        let until_ns = if until_ns == u64::MAX { now.after(self.plan.lookups.retry) } else { until_ns };
        asked_again(&self.plan, evaluate(&self.plan, address, findings, until_ns, asked_ns), now)
    }

    /// Keeps a verdict, and gives it.
    pub(super) fn keep(&mut self, scored: Scored) {
        let evicted = self.cache.insert(cached(&scored));
        self.commands.extend(evicted.map(Command::Forget));
        self.commands.push(Command::Verdict(scored));
    }
}

/// A verdict that holds no longer than until it is worth while to ask again, if somebody who did not answer may have changed
/// it for the worse.
pub(super) fn asked_again(plan: &Plan, scored: Scored, now: Now) -> Scored {
    let open = scored.kind == Kind::Unknown || may_rise(plan, &scored);
    let latest = if open { now.after(plan.lookups.retry) } else { u64::MAX };
    Scored { until_ns: scored.until_ns.min(latest), ..scored }
}

/// What is kept of a verdict.
pub(super) const fn cached(scored: &Scored) -> Cached {
    let Scored { address, until_ns, kind, listed, unknown, .. } = *scored;
    Cached { address, until_ns, findings: Findings { listed, unknown }, kind }
}
