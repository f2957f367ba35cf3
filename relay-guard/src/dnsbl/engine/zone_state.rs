//! What is known of one zone, and what is counted of it.

use crate::dnsbl::health::Health;
use crate::dnsbl::latency::Latency;
use crate::dnsbl::plan::{Zone, bits};
use crate::dnsbl::rate::Bucket;

use super::view::ZoneView;

#[derive(Clone, Debug)]
pub(super) struct ZoneState {
    pub(super) health: Health,
    rate: Option<Bucket>,
    pub(super) latency: Latency,
    pub(super) queries: u64,
    pub(super) listed: u64,
    pub(super) not_listed: u64,
    pub(super) faults: u64,
    over_rate: u64,
    pub(super) suspensions: u64,
}

impl ZoneState {
    pub(super) fn new(zone: &Zone, now_ns: u64) -> Self {
        Self {
            health: Health::new(now_ns),
            rate: zone.per_second.map(Bucket::new),
            latency: Latency::default(),
            queries: 0,
            listed: 0,
            not_listed: 0,
            faults: 0,
            over_rate: 0,
            suspensions: 0,
        }
    }

    /// Whether a source may be asked about now, which is counted either way.
    pub(super) fn take_query(&mut self, now_ns: u64) -> bool {
        let within = self.rate.as_mut().is_none_or(|rate| rate.take(now_ns));
        *(if within { &mut self.queries } else { &mut self.over_rate }) += 1;
        within
    }

    /// The configuration says something else of it now.
    pub(super) fn follow(&mut self, old: &Zone, new: &Zone, now_ns: u64) {
        if old.per_second != new.per_second {
            self.rate = new.per_second.map(Bucket::new);
        }
        let tested_alike = (old.test_points, old.families) == (new.test_points, new.families);
        if !tested_alike || self.health.is_tested() {
            self.health.test_soon(now_ns);
        }
    }

    pub(super) fn view(&self, zone: &Zone) -> ZoneView {
        ZoneView {
            entries: bits(zone.entries).collect(),
            standing: self.health.standing(),
            queries: self.queries,
            listed: self.listed,
            not_listed: self.not_listed,
            faults: self.faults,
            over_rate: self.over_rate,
            suspensions: self.suspensions,
            latency_ms: self.latency.quantiles(),
        }
    }
}
