//! Live lookups: what is asked of DNSBLs, and what follows from their answers.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use relay_guard_common::action::Action;

use super::ListAction;
use crate::dnsbl::filter::AnswerFilter;
use crate::dnsbl::zone::ZoneName;
use crate::policy::{Answer, Limit, PortChoice, Text};

/// The most entries of `[[dnsbl]]`: the bits of [`Verdict::listed`](relay_guard_common::verdict::Verdict::listed).
pub const MAX_ZONES: usize = 32;

/// The most entries of `[[thresholds]]`.
pub const MAX_THRESHOLDS: usize = 8;

/// Live lookups of unknown sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dnsbl {
    /// How they are made (`[lookups]`).
    pub lookups: Lookups,
    /// What is asked and how much it weighs (`[[dnsbl]]`), in the order of the file; names are unique. Several may be about
    /// one zone, which is asked once for all of them. Without any, nobody is looked up.
    pub zones: Vec<ZoneConfig>,
    /// What scores come to (`[[thresholds]]`), lowest first; scores are unique.
    pub thresholds: Vec<Threshold>,
}

/// How lookups are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookups {
    /// Whether the first SYN of an unknown source is held until its verdict is there.
    pub hold: bool,
    /// Whom to ask; none: the system's resolvers.
    pub resolvers: Vec<SocketAddr>,
    /// How long an answer of a zone is waited for, all tries together.
    pub timeout: Duration,
    /// Sources asked about per second.
    pub per_second: u32,
    /// Sources that are asked about at once.
    pub in_flight: u32,
    /// Sources that wait to be asked about.
    pub queue: u32,
    /// Sources whose verdict is kept.
    pub cache_entries: u32,
    /// How long it is before a source is asked about again that zones could not say anything about.
    pub retry: Duration,
    /// How often zones are tested.
    pub test_interval: Duration,
    /// Our own public addresses, beside those of outside interfaces.
    pub own_addresses: Vec<IpAddr>,
    /// How often it is looked whether we are listed ourselves; none: never.
    pub own_interval: Option<Duration>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self {
            hold: true,
            resolvers: Vec::new(),
            timeout: Duration::from_secs(2),
            per_second: 1000,
            in_flight: 1024,
            queue: 4096,
            cache_entries: 65_536,
            retry: Duration::from_secs(30),
            test_interval: Duration::from_secs(300),
            own_addresses: Vec::new(),
            own_interval: Some(Duration::from_secs(3600)),
        }
    }
}

/// What is asked of a zone, and what its answers weigh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneConfig {
    /// The name that is shown; the zone's own may hold a key.
    pub name: String,
    /// Whom to ask.
    pub zone: ZoneName,
    /// Whether the zone's own name is kept from every output: it has a key in it, or may have one.
    pub secret: bool,
    /// What a listing adds to the score; negative for zones of those to be trusted; never 0.
    pub weight: i32,
    /// Which answers count.
    pub answers: AnswerFilter,
    /// Whether it is asked about IPv4 sources.
    pub ipv4: bool,
    /// Whether it is asked about IPv6 sources.
    pub ipv6: bool,
    /// The ports at which its listings weigh anything; sorted.
    pub ports: PortChoice,
    /// How short and how long an answer is believed.
    pub ttl: (Duration, Duration),
    /// Whether it has the test points of RFC 5782 §5.
    pub test_points: bool,
    /// Questions per second to it; the lookups' own limit without it.
    pub per_second: Option<u32>,
    /// Where to read about a listing.
    pub info_url: Option<Text>,
}

impl ZoneConfig {
    /// The families of sources that it is asked about, as the configuration names them.
    #[must_use]
    pub const fn families(&self) -> &'static [&'static str] {
        match (self.ipv4, self.ipv6) {
            (true, true) => &["ipv4", "ipv6"],
            (true, false) => &["ipv4"],
            (false, true) => &["ipv6"],
            (false, false) => &[],
        }
    }

    /// The zone's own name, if it may be shown.
    #[must_use]
    pub fn shown_zone(&self) -> Option<&str> {
        (!self.secret).then(|| self.zone.expose())
    }
}

/// What is done with sources whose score is at least this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The score, above 0.
    pub score: i32,
    /// What is done: never [`Action::Pass`].
    pub action: Action,
    /// What is said in the name of each of [`Dnsbl::zones`], in their order. But for the text all are the same, and zones that
    /// vouch have one that nobody is told.
    pub answers: Vec<Answer>,
}

impl Threshold {
    /// What is limited, where that is what is done.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.answers.first().map_or_else(Limit::default, |answer| answer.limit)
    }

    /// Whether it refuses in SMTP's own words, be it what is over a limit.
    #[must_use]
    pub fn refuses(&self) -> bool {
        ListAction::from(self.action).refuses(self.limit())
    }
}

impl Dnsbl {
    /// The highest score that a source of one family can come to at a port.
    #[must_use]
    pub fn highest_score(&self, ipv4: bool, port: u16) -> i32 {
        let counts = |zone: &&ZoneConfig| {
            zone.weight > 0 && zone.ports.holds(port) && if ipv4 { zone.ipv4 } else { zone.ipv6 }
        };
        self.zones.iter().filter(counts).map(|zone| zone.weight).sum()
    }
}
