//! What is asked of DNSBLs, and how their zones are. A zone whose own name is secret is known by its configured one alone.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

/// What is remembered, and how long answers took: as lookups tell it.
pub use crate::dnsbl::{Quantiles as Latency, engine::CacheView as DnsblCache};

/// Lookups of unknown sources. Counts are since the daemon began to look up.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Dnsbl {
    /// Whether the first SYN of an unknown source is held until its verdict is there.
    pub hold: bool,
    /// What became of the kernel's questions.
    pub asks: Asks,
    /// What is remembered.
    pub cache: DnsblCache,
    /// From the kernel's question to the verdict, over all zones; none before the first.
    pub latency_ms: Option<Latency>,
    /// The entries of the configuration, in its order.
    pub zones: Vec<DnsblZone>,
    /// What scores come to, lowest first.
    pub thresholds: Vec<DnsblThreshold>,
    /// Whether we are listed ourselves; none if nobody looks.
    pub own: Option<Own>,
}

/// What became of the kernel's questions.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Asks {
    /// Sources that zones were asked about.
    pub asked: u64,
    /// Of these, with a verdict.
    pub answered: u64,
    /// Questions that were answered from what is remembered.
    #[serde(default)]
    pub cached: u64,
    /// Sources that passed without a verdict, because too many waited.
    pub overflow: u64,
    /// Questions about addresses that nobody is asked about: private, reserved, protected, our own, allowed.
    pub never_asked: u64,
    /// Sources that passed without a verdict, because no zone could be asked.
    #[serde(default)]
    pub nobody_to_ask: u64,
    /// Sources that zones are asked about now.
    pub in_flight: u64,
    /// Sources that wait for it now.
    pub waiting: u64,
}

/// An entry of the configuration. What is counted, and the state, are those of its zone; several may be about one.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct DnsblZone {
    /// Its name.
    pub name: String,
    /// The zone that is asked; none if that is secret.
    pub zone: Option<String>,
    /// `testing` (until its first test is over), `good` or `suspended` (it is not asked, and weighs nothing).
    pub state: String,
    /// Why it is suspended.
    pub why: Option<String>,
    /// What its tests found beside.
    #[serde(default)]
    pub note: Option<String>,
    /// Since when it is in this state, seconds since the epoch.
    pub since: Option<u64>,
    /// When it is tested next, seconds since the epoch.
    pub next_test: Option<u64>,
    /// What a listing adds to the score.
    pub weight: i32,
    /// Questions about sources.
    pub queries: u64,
    /// Answers that list the source.
    pub listed: u64,
    /// Sources that were listed with an answer that counts here.
    #[serde(default)]
    pub matched: u64,
    /// Answers that do not list it.
    pub not_listed: u64,
    /// Questions that were not answered, or with nonsense.
    pub faults: u64,
    /// How long its answers took; none before the first.
    pub latency_ms: Option<Latency>,
    /// Which answers count.
    pub answers: String,
    /// The ports at which it weighs anything; all that are guarded without it.
    pub ports: Option<Vec<u16>>,
    /// `ipv4`, `ipv6`: whom it is asked about.
    pub families: Vec<String>,
}

/// What a score comes to.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct DnsblThreshold {
    /// At least this.
    pub score: i32,
    /// What is done.
    pub action: String,
}

/// Whether we are listed ourselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Own {
    /// When that was looked up last, seconds since the epoch; none: not yet.
    pub checked_at: Option<u64>,
    /// The addresses that were looked up.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Which of them is listed where.
    pub listed: Vec<OwnListing>,
    /// Zones that could not say.
    #[serde(default)]
    pub unknown: Vec<String>,
}

/// One of our addresses is listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct OwnListing {
    /// The address.
    pub address: IpAddr,
    /// The zone, by the name that is shown.
    pub zone: String,
    /// Its answers.
    pub answers: Vec<Ipv4Addr>,
    /// Why, in its words.
    pub text: Vec<String>,
    /// Where to read about the listing, and how to end it.
    pub info_url: Option<String>,
}

/// Lookups at a glance.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct DnsblSummary {
    /// Entries of the configuration.
    pub zones: u64,
    /// Of these, those that are suspended, by name.
    pub suspended: Vec<String>,
    /// Of these, those whose first test is not over, by name.
    #[serde(default)]
    pub testing: Vec<String>,
    /// Whether the first SYN of an unknown source is held.
    pub hold: bool,
    /// Sources with a verdict, in force or over.
    pub entries: u64,
    /// Of these, listed.
    pub listed: u64,
    /// Of these, known not to be.
    pub clean: u64,
    /// Of these, those about which zones could not say.
    pub unknown: u64,
    /// What became of the kernel's questions.
    pub asks: Asks,
    /// SYNs that were held, since the maps were made.
    pub held: u64,
    /// From the kernel's question to the verdict.
    pub latency_ms: Option<Latency>,
    /// Of our own addresses, those that are listed.
    pub own_listed: Vec<OwnListing>,
}

/// What DNSBLs said of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct DnsblWord {
    /// `listed` (enough for a threshold, at some port), `clean`, `unknown` (a zone could not say), or `none` (nobody was
    /// asked, or it is forgotten).
    pub state: String,
    /// The score at the port that is explained.
    pub score: i32,
    /// The lowest score at which something is done.
    pub threshold: Option<i32>,
    /// The entries that list the address, by name.
    pub zones: Vec<String>,
    /// The entries that could not say, by name.
    pub unknown: Vec<String>,
    /// Until when that holds, seconds since the epoch.
    pub until: Option<u64>,
    /// Whether that is past: it is asked again when it comes again.
    pub expired: bool,
}

/// Asks for what is known to be forgotten.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForgetRequest {
    /// Of this address; of all without it.
    pub address: Option<IpAddr>,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Forgotten {
    /// Of how many addresses.
    pub forgotten: u64,
}
