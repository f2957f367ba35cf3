//! Lookups without a clock, a socket or a thread: questions of the kernel and replies of the resolver go in, questions to
//! the resolver and verdicts come out.
//!
//! A source is asked about once at a time, at all zones that can be believed; its verdict is there when all have answered.
//! If what some have answered is enough to stop it, whatever the others say, it is there after [`PATIENCE_NS`]. Everything
//! is bounded: sources in flight, sources that wait, verdicts that are kept, the time for an answer.

mod change;
mod command;
mod ids;
mod probing;
mod sources;
#[cfg(test)]
mod tests;
mod verdict;
mod view;
mod zone_state;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use relay_guard_common::ask::may_be_listed;

use crate::config::MAX_ZONES;

use super::cache::Cache;
use super::latency::Latency;
use super::meaning::Meaning;
use super::plan::{Plan, ZoneMask, bits, family};
use super::question::{Question, RecordKind, Reply};
use super::score::{Findings, evaluate, matching};
use super::zone::reversed;
pub use command::{Command, Event, Now, Saved};
use ids::Id;
pub use ids::is_test;
use sources::{Admission, Source, Sources, Waiting};
pub use view::{Asks, CacheView, View, ZoneView};
use zone_state::ZoneState;

/// How much longer than the resolver may take an answer is waited for: for a resolver that does not even say that it failed.
pub const GRACE_NS: u64 = 1_000_000_000;

/// For so long all answers are waited for, even if some would be enough: well below the second after which a SYN is
/// sent again.
pub const PATIENCE_NS: u64 = 250_000_000;

/// The longest time that a verdict holds which was made without a zone that was suspended.
pub const PARTIAL_LIFE_NS: u64 = 300_000_000_000;

/// All of lookups.
#[derive(Debug)]
pub struct Engine {
    plan: Arc<Plan>,
    /// In the order of the plan's.
    zones: Vec<ZoneState>,
    /// Those that can be believed.
    good: ZoneMask,
    ask_bits: u32,
    sources: Sources,
    cache: Cache,
    asks: Asks,
    matched: [u64; MAX_ZONES],
    latency: Latency,
    /// Number of the last test.
    tests: u32,
    random: u64,
    commands: Vec<Command>,
}

impl Engine {
    /// An engine that knows nothing; all zones are tested at the first [`tick`](Self::tick). `seed` is what names for tests
    /// are made of: any number that others do not know.
    #[must_use]
    pub fn new(plan: Arc<Plan>, now: Now, seed: u64) -> Self {
        Self {
            zones: plan.zones.iter().map(|zone| ZoneState::new(zone, now.monotonic_ns)).collect(),
            good: 0,
            ask_bits: 0,
            sources: Sources::default(),
            cache: Cache::new(plan.lookups.cache_entries),
            asks: Asks::default(),
            matched: [0; MAX_ZONES],
            latency: Latency::default(),
            tests: 0,
            random: seed,
            commands: Vec::new(),
            plan,
        }
    }

    /// What is to be done since this was called last, in this order.
    pub fn drain(&mut self) -> impl Iterator<Item = Command> + '_ {
        self.commands.drain(..)
    }

    /// The bits of [`Settings::ask`](relay_guard_common::settings::Settings::ask) but that for holding: the families and
    /// groups of ports for which zones that can be believed come to a threshold.
    #[must_use]
    pub const fn asked_bits(&self) -> u32 {
        self.ask_bits
    }

    /// When [`tick`](Self::tick) has something to do, nanoseconds of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<u64> {
        let patience = self.sources.fresh().map(|(_, source)| source.began_ns + PATIENCE_NS);
        let timeout = self.sources.oldest().map(|(_, source)| source.began_ns + self.timeout_ns());
        let tests = self.zones.iter().map(|zone| zone.health.due_ns()).min();
        [patience, timeout, tests].into_iter().flatten().min()
    }

    /// The kernel wants to know about a source, since `asked_ns` (nanoseconds of `CLOCK_MONOTONIC`).
    pub fn ask(&mut self, address: IpAddr, asked_ns: u64, now: Now) {
        let address = address.to_canonical();
        self.asks.asked += 1;
        if !may_be_listed(address.into()) || self.plan.lookups.own_addresses.contains(&address) {
            self.asks.never_asked += 1;
            return;
        }
        if let Some(known) = self.cache.get(address).filter(|known| now.monotonic_ns < known.until_ns) {
            let scored = evaluate(&self.plan, address, known.findings, known.until_ns, asked_ns);
            self.asks.cached += 1;
            self.commands.push(Command::Verdict(scored));
            return;
        }
        if self.zones_for(address) == 0 {
            self.asks.nobody_to_ask += 1;
            return;
        }
        let source = Waiting { address, asked_ns };
        let (in_flight, queue) = (self.plan.lookups.in_flight, self.plan.lookups.queue);
        match self.sources.admit(source, in_flight, queue) {
            Admission::Now => self.begin(source, now),
            Admission::Queued => {}
            Admission::Known => self.asks.coalesced += 1,
            Admission::Overflow => self.asks.overflow += 1,
        }
    }

    /// The resolver replies.
    pub fn reply(&mut self, reply: &Reply, now: Now) {
        match Id::from(reply.id) {
            Id::Source { place, number, zone } => self.source_reply((place, number, zone), reply, now),
            Id::Test { number, zone, probe } => self.test_reply((number, zone, probe), &reply.result, now),
        }
        self.fill(now);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now) {
        while let Some((place, source)) = self.sources.oldest() {
            if source.began_ns + self.timeout_ns() > now.monotonic_ns {
                break;
            }
            self.time_out(place, now);
        }
        while let Some((place, source)) = self.sources.fresh() {
            if source.began_ns + PATIENCE_NS > now.monotonic_ns {
                break;
            }
            self.sources.pass_fresh();
            self.judge_early(place, now);
        }
        for zone in 0..self.zones.len() {
            if self.zones[zone].health.due_ns() <= now.monotonic_ns {
                self.test(zone, now);
            }
        }
        self.fill(now);
    }

    fn timeout_ns(&self) -> u64 {
        nanos(self.plan.lookups.timeout).saturating_add(GRACE_NS)
    }

    /// The zones to ask about a source now: none if nothing can follow from what they say.
    fn zones_for(&self, address: IpAddr) -> ZoneMask {
        let matters = self.ask_bits >> (4 * family(address)) & 0xf != 0;
        if matters { self.plan.asked(address) & self.good } else { 0 }
    }

    /// Asks about sources that wait, as many as may be.
    fn fill(&mut self, now: Now) {
        while let Some(source) = self.sources.next(self.plan.lookups.in_flight) {
            self.begin(source, now);
        }
    }

    /// Asks about a source.
    fn begin(&mut self, Waiting { address, asked_ns }: Waiting, now: Now) {
        let zones = self.zones_for(address);
        if zones == 0 {
            self.asks.nobody_to_ask += 1;
            return;
        }
        let now_ns = now.monotonic_ns;
        let mut source = Source {
            address,
            asked_ns,
            began_ns: now_ns,
            number: self.sources.number(),
            asked: zones,
            waiting: zones,
            findings: Findings::default(),
            until_ns: u64::MAX,
            judged: false,
        };
        for zone in bits(zones) {
            if !self.zones[zone].take_query(now_ns) {
                source.lose(1 << zone, self.plan.zones[zone].entries);
            }
        }
        if source.waiting == 0 {
            self.conclude(&source, now);
            return;
        }
        let place = self.sources.begin(source);
        let reversed = reversed(address);
        for zone in bits(source.waiting) {
            let id = Id::Source { place, number: source.number, zone };
            self.question(id, &reversed);
        }
    }

    /// Asks the zone that `id` names about the name that `labels` begin; each of them has a dot behind it.
    fn question(&mut self, id: Id, labels: &str) {
        let (Id::Source { zone, .. } | Id::Test { zone, .. }) = id;
        let zone = self.plan.zones[zone].name.expose();
        let mut name = String::with_capacity(labels.len() + zone.len() + 1);
        name.push_str(labels);
        name.push_str(zone);
        name.push('.');
        self.commands.push(Command::Ask(Question { id: id.into(), name, kind: RecordKind::A }));
    }

    fn source_reply(&mut self, (place, number, zone): (u32, u32, usize), reply: &Reply, now: Now) {
        let bit = 1 << zone;
        let source = self.sources.get_mut(place).filter(|source| source.number == number);
        let Some(source) = source.filter(|source| source.waiting & bit != 0) else {
            self.asks.late += 1;
            return;
        };
        source.waiting &= !bit;
        let (state, known) = (&mut self.zones[zone], &self.plan.zones[zone]);
        let mut until = |ttl_s| {
            let ttl = Duration::from_secs(u64::from(ttl_s)).max(known.ttl.0).min(known.ttl.1);
            source.until_ns = source.until_ns.min(now.monotonic_ns.saturating_add(nanos(ttl)));
        };
        let change = match known.meaning(&reply.result) {
            Meaning::Listed { answers, ttl_s } => {
                until(ttl_s);
                source.findings.listed |= matching(&self.plan, zone, answers);
                state.listed += 1;
                state.latency.record(reply.took);
                state.health.answered(true, now.monotonic_ns)
            }
            Meaning::NotListed { ttl_s } => {
                until(ttl_s);
                state.not_listed += 1;
                state.latency.record(reply.took);
                state.health.answered(false, now.monotonic_ns)
            }
            Meaning::Fault(fault) => {
                source.lose(bit, known.entries);
                state.faults += 1;
                (!fault.is_our_own()).then(|| state.health.failed(&fault, now.monotonic_ns)).flatten()
            }
        };
        self.changed(zone, change, now);
        self.settle(place, now);
    }

    /// How lookups are going.
    #[must_use]
    pub fn view(&self) -> View {
        let zones = self.zones.iter().zip(&self.plan.zones).map(|(state, zone)| state.view(zone)).collect();
        View {
            asks: Asks {
                in_flight: self.sources.in_flight() as u64,
                waiting: self.sources.waiting() as u64,
                ..self.asks
            },
            cache: CacheView::of(&self.cache),
            latency_ms: self.latency.quantiles(),
            zones,
            matched: self.matched[..self.plan.entries.len()].to_vec(),
        }
    }
}

/// Nanoseconds; more than 584 years are as many.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
