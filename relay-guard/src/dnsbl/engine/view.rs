//! How lookups are going: plain data for status, without any zone's own name.

use serde::{Deserialize, Serialize};

use crate::dnsbl::Quantiles;
use crate::dnsbl::cache::Cache;
use crate::dnsbl::health::Standing;
use crate::dnsbl::score::Kind;

/// What became of questions from the kernel, and how many are open. All but the last two are counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Asks {
    /// Sources that were asked about.
    pub asked: u64,
    /// Verdicts that came of it, after answers of zones.
    pub answered: u64,
    /// Verdicts that were known already.
    pub cached: u64,
    /// Questions about a source that was being asked about.
    pub coalesced: u64,
    /// Sources that passed without a verdict, because too many waited.
    pub overflow: u64,
    /// Addresses about which nobody is asked: private, reserved, our own.
    pub never_asked: u64,
    /// Sources that passed without a verdict, because no zone could be asked.
    pub nobody_to_ask: u64,
    /// Replies that nobody waited for any more.
    pub late: u64,
    /// Sources that zones are asked about now.
    pub in_flight: u64,
    /// Sources that wait to be asked about now.
    pub waiting: u64,
}

/// What is kept. Told as it is, on the control socket too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct CacheView {
    /// Sources whose verdict is kept, expired or not.
    pub entries: u64,
    /// How many there may be.
    pub limit: u64,
    /// Those of kind listed.
    pub listed: u64,
    /// Those of kind clean.
    pub clean: u64,
    /// Those of kind unknown.
    pub unknown: u64,
    /// How many made room for others since the start.
    pub evicted: u64,
}

/// A zone. Counts are since the start, without tests.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ZoneView {
    /// The entries about it: indices into the configuration's.
    pub entries: Vec<usize>,
    /// Whether it is believed, and since when.
    pub standing: Standing,
    /// Questions about sources.
    pub queries: u64,
    /// Answers that list.
    pub listed: u64,
    /// Answers that do not.
    pub not_listed: u64,
    /// Answers that say nothing.
    pub faults: u64,
    /// Sources about which it was not asked because of its limit per second.
    pub over_rate: u64,
    /// How often it was suspended.
    pub suspensions: u64,
    /// How long its answers take, milliseconds.
    pub latency_ms: Option<Quantiles>,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    /// What became of questions.
    pub asks: Asks,
    /// What is kept.
    pub cache: CacheView,
    /// From a question to its verdict, milliseconds.
    pub latency_ms: Option<Quantiles>,
    /// Each zone once.
    pub zones: Vec<ZoneView>,
    /// How many sources each entry of the configuration listed.
    pub matched: Vec<u64>,
}

impl CacheView {
    pub(super) fn of(cache: &Cache) -> Self {
        Self {
            entries: cache.len() as u64,
            limit: cache.limit() as u64,
            listed: cache.of_kind(Kind::Listed),
            clean: cache.of_kind(Kind::Clean),
            unknown: cache.of_kind(Kind::Unknown),
            evicted: cache.evicted(),
        }
    }
}
