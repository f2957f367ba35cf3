//! Tests of zones: when they are made, and what is asked.

use crate::dnsbl::health::Probe;
use crate::dnsbl::meaning::Meaning;
use crate::dnsbl::question::{Fault, Records};
use crate::dnsbl::zone::reversed;

use super::ids::Id;
use super::{Engine, Now, nanos};

/// Letters of a random name.
pub(super) const LABEL_LEN: usize = 16;

impl Engine {
    pub(super) fn test_reply(
        &mut self,
        (number, zone, probe): (u32, usize, Probe),
        result: &Result<Records, Fault>,
        now: Now,
    ) {
        let Some(known) = self.plan.zones.get(zone) else { return };
        let found = match known.meaning(result) {
            Meaning::Listed { .. } => Ok(true),
            Meaning::NotListed { .. } => Ok(false),
            Meaning::Fault(fault) => Err(fault),
        };
        let interval_ns = nanos(self.plan.lookups.test_interval);
        let change = self.zones[zone].health.probed(number, probe, found, now.monotonic_ns, interval_ns);
        self.changed(zone, change, now);
    }

    /// Begins the test of a zone, or gives it up.
    pub(super) fn test(&mut self, zone: usize, now: Now) {
        let (now_ns, interval_ns) = (now.monotonic_ns, nanos(self.plan.lookups.test_interval));
        if self.zones[zone].health.is_tested() {
            let change = self.zones[zone].health.give_up_test(now_ns, interval_ns);
            self.changed(zone, change, now);
            return;
        }
        self.tests = self.tests.wrapping_add(1);
        let (number, known) = (self.tests, &self.plan.zones[zone]);
        let probes = Probe::of_zone(known.test_points, known.families);
        let deadline_ns = now_ns.saturating_add(self.timeout_ns());
        self.zones[zone].health.begin_test(number, &probes, deadline_ns);
        for probe in probes {
            let labels = probe.address().map_or_else(|| self.random_label(), reversed);
            self.question(Id::Test { number, zone, probe }, &labels);
        }
    }

    /// A label of letters, with a dot behind it.
    pub(super) fn random_label(&mut self) -> String {
        let mut letter = || char::from(b'a' + (self.next_random() % 26) as u8);
        let mut label: String = (0..LABEL_LEN).map(|_| letter()).collect();
        label.push('.');
        label
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014), its upper half.
    fn next_random(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 32) as u32
    }
}
