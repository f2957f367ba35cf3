//! Configurations for tests.

use std::time::Duration;

use relay_guard_common::action::Action;

use super::filter::AnswerFilter;
use super::plan::Plan;
use super::zone::ZoneName;
use crate::config::{Dnsbl, Lookups, Threshold, ZoneConfig};
use crate::policy::PortChoice;

/// The groups of ports of tests: 25, 587, and two others together.
pub fn groups() -> Vec<Vec<u16>> {
    vec![vec![25], vec![587], vec![465, 2525]]
}

/// A zone of weight 1 at all ports for IPv4 sources, with test points.
pub fn zone(zone: &str) -> ZoneConfig {
    ZoneConfig {
        name: zone.trim_end_matches(".example").to_owned(),
        zone: ZoneName::parse(zone).expect("a zone"),
        secret: false,
        weight: 1,
        answers: AnswerFilter::default(),
        ipv4: true,
        ipv6: false,
        ports: PortChoice::All,
        ttl: (Duration::from_secs(60), Duration::from_secs(3600)),
        test_points: true,
        per_second: None,
        info_url: None,
    }
}

/// The same with another weight.
pub fn weighing(name: &str, weight: i32) -> ZoneConfig {
    ZoneConfig { weight, ..zone(name) }
}

/// The same for some answers alone.
pub fn filtered(name: &str, weight: i32, answers: &str) -> ZoneConfig {
    ZoneConfig { weight, answers: AnswerFilter::parse(answers).expect("a filter"), ..zone(name) }
}

/// A configuration that refuses from those scores on.
pub fn dnsbl(zones: Vec<ZoneConfig>, scores: &[i32]) -> Dnsbl {
    let threshold = |score: &i32| Threshold { score: *score, action: Action::Refuse, answers: Vec::new() };
    Dnsbl { lookups: Lookups::default(), zones, thresholds: scores.iter().map(threshold).collect() }
}

/// Its plan.
pub fn plan(zones: Vec<ZoneConfig>, scores: &[i32]) -> Plan {
    Plan::new(&dnsbl(zones, scores), &groups())
}
