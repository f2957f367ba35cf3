//! What goes into the engine beside replies, and what comes out.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nanos;
use crate::dnsbl::health::Change;
use crate::dnsbl::plan::EntryMask;
use crate::dnsbl::question::Question;
use crate::dnsbl::score::Scored;

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub monotonic_ns: u64,
}

impl Now {
    /// What time it will be then, nanoseconds of `CLOCK_MONOTONIC`.
    pub(super) fn after(self, duration: Duration) -> u64 {
        self.monotonic_ns.saturating_add(nanos(duration))
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Ask this.
    Ask(Question),
    /// This is the verdict on a source now.
    Verdict(Scored),
    /// There is none on this source any more.
    Forget(IpAddr),
    /// Tell the administrator.
    Event(Event),
}

/// Something about a zone that the administrator should hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The names of the entries about the zone.
    pub zone: String,
    /// Whether one of them vouches for sources.
    pub vouches: bool,
    /// What happened.
    pub change: Change,
}

impl Event {
    /// Whether it is bad news.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        !matches!(self.change, Change::Good { .. })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = &self.zone;
        match &self.change {
            Change::Good { after_ns: None } => {
                write!(f, "DNSBL {zone} passes its tests and is asked from now on")
            }
            Change::Good { after_ns: Some(ns) } => {
                write!(
                    f,
                    "DNSBL {zone} passes its tests again after {} s and is asked from now on",
                    ns / 1_000_000_000
                )
            }
            Change::Suspended(why) => {
                let counts = match self.vouches {
                    true => "counts as if it vouched for every listed source",
                    false => "weighs nothing",
                };
                write!(f, "DNSBL {zone} is suspended, and {counts} until it passes its tests: {why}")
            }
            Change::StillSuspended(why) => write!(f, "DNSBL {zone} is still suspended, now because: {why}"),
        }
    }
}

/// What outlives the daemon of what is known about a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The source.
    pub address: IpAddr,
    /// For how long it holds, milliseconds; 0: it does not any more.
    pub remaining_ms: u64,
    /// The entries that list it.
    pub listed: EntryMask,
    /// The entries that could not say.
    pub unknown: EntryMask,
}

impl Saved {
    /// Whether it holds, or says of a source that it was clean: such a one is not held when it comes again.
    pub(super) const fn is_worth_keeping(&self) -> bool {
        self.remaining_ms != 0 || self.listed == 0 && self.unknown == 0
    }
}
