//! Whether a zone can be believed: its tests (RFC 5782 §5), its faults, and the share of sources that it lists.
//!
//! A zone is not asked until it has passed its tests, nor while it is suspended. Only a passed test ends a suspension.

mod probes;
mod share;
#[cfg(test)]
mod tests;
mod why;

use serde::Serialize;

use super::question::Fault;
use probes::Round;
pub use probes::{Findings, Probe};
use share::{Share, Sign};
pub use why::Why;

/// So many faults without an answer between them suspend a zone.
pub const FAULTS_IN_A_ROW: u32 = 5;

/// From a suspension to the test that may end it, at first; each further failure doubles it. And from a test of a good zone that
/// was not answered to the next one.
pub const BACK_OFF_NS: u64 = 5_000_000_000;

/// The longest time between tests of a suspended zone.
pub const MAX_BACK_OFF_NS: u64 = 300_000_000_000;

/// A zone that was good for so long begins with the shortest back-off again.
pub const STEADY_NS: u64 = 60_000_000_000;

/// How long a zone is left alone whose share of listed sources jumped.
pub const JUMP_REST_NS: u64 = 600_000_000_000;

/// Whether a zone is believed. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Standing {
    /// Its first test is not over.
    Testing,
    /// It is.
    Good {
        /// Since when.
        since_ns: u64,
        /// When it is tested next.
        next_test_ns: u64,
        /// What its tests found beside.
        note: Option<&'static str>,
    },
    /// It is not, is not asked, and weighs nothing.
    Suspended {
        /// Since when.
        since_ns: u64,
        /// When it is tested next.
        next_test_ns: u64,
        /// Why, in words.
        why: String,
    },
}

/// What an administrator should hear about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The zone passed its tests; after a suspension of so many nanoseconds, if there was one.
    Good {
        /// None: these were its first tests.
        after_ns: Option<u64>,
    },
    /// It is not believed from now on.
    Suspended(Why),
    /// It is still not believed, but for another reason.
    StillSuspended(Why),
}

#[derive(Clone, Debug)]
enum State {
    Testing,
    Good,
    Suspended(Why),
}

/// The health of one zone.
#[derive(Clone, Debug)]
pub struct Health {
    state: State,
    since_ns: u64,
    faults: u32,
    share: Share,
    /// Suspensions and failed tests without a [steady](STEADY_NS) time between.
    failures: u32,
    next_test_ns: u64,
    round: Option<Round>,
    /// Whether the last test of a good zone was not answered, so that the next one decides.
    tested_again: bool,
    note: Option<&'static str>,
}

impl Health {
    /// A zone of which nothing is known; its first test is due.
    #[must_use]
    pub fn new(now_ns: u64) -> Self {
        Self {
            state: State::Testing,
            since_ns: now_ns,
            faults: 0,
            share: Share::default(),
            failures: 0,
            next_test_ns: now_ns,
            round: None,
            tested_again: false,
            note: None,
        }
    }

    /// Whether it can be asked and believed.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self.state, State::Good)
    }

    /// Whether it is believed, in words and times.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let (since_ns, next_test_ns) = (self.since_ns, self.next_test_ns);
        match &self.state {
            State::Testing => Standing::Testing,
            State::Good => Standing::Good { since_ns, next_test_ns, note: self.note },
            State::Suspended(why) => Standing::Suspended { since_ns, next_test_ns, why: why.to_string() },
        }
    }

    /// When a test must begin, or be given up.
    #[must_use]
    pub fn due_ns(&self) -> u64 {
        self.round.as_ref().map_or(self.next_test_ns, |round| round.deadline_ns)
    }

    /// Tests at the next opportunity; what comes of a test that has begun is not looked at any more.
    pub fn test_soon(&mut self, now_ns: u64) {
        self.round = None;
        self.next_test_ns = self.next_test_ns.min(now_ns);
    }

    /// Others answer for the zone from now on. What was not answered may be now; what it listed is as it was.
    pub fn resolvers_changed(&mut self, now_ns: u64) {
        if !matches!(self.state, State::Suspended(Why::Jump { .. })) {
            self.failures = 0;
            self.test_soon(now_ns);
        }
    }

    /// Begins a test of those probes, which has to be over at a time. `number` tells its replies from those of others.
    pub fn begin_test(&mut self, number: u32, probes: &[Probe], deadline_ns: u64) {
        self.round = Some(Round::new(number, probes, deadline_ns));
    }

    /// Whether a test has begun and is not over.
    #[must_use]
    pub const fn is_tested(&self) -> bool {
        self.round.is_some()
    }

    /// What a probe of test `number` found. `interval_ns` is the time from one good test to the next.
    pub fn probed(
        &mut self,
        number: u32,
        probe: Probe,
        found: Result<bool, Fault>,
        now_ns: u64,
        interval_ns: u64,
    ) -> Option<Change> {
        let round = self.round.as_mut().filter(|round| round.number == number)?;
        if !round.found(probe, found) {
            return None;
        }
        self.end_test(now_ns, interval_ns)
    }

    /// The time for a test is over: what was not answered is not.
    pub fn give_up_test(&mut self, now_ns: u64, interval_ns: u64) -> Option<Change> {
        self.round.as_mut()?.give_up();
        self.end_test(now_ns, interval_ns)
    }

    fn end_test(&mut self, now_ns: u64, interval_ns: u64) -> Option<Change> {
        let findings = self.round.take()?.findings();
        self.note = findings.note();
        match findings.why() {
            Some(why) if self.is_good() && !self.tested_again && why.is_silence() => {
                self.tested_again = true;
                self.next_test_ns = now_ns.saturating_add(BACK_OFF_NS);
                None
            }
            Some(why) => {
                // A zone that fails its test while its share seems to jump cannot be believed in what it lists.
                let jump = self.share.suspicion().filter(|_| self.is_good() && !why.taints_listings());
                self.suspend(jump.unwrap_or(why), now_ns)
            }
            None => self.pass(now_ns, interval_ns),
        }
    }

    fn pass(&mut self, now_ns: u64, interval_ns: u64) -> Option<Change> {
        self.next_test_ns = now_ns.saturating_add(interval_ns);
        self.tested_again = false;
        let after_ns = match &self.state {
            State::Good => return None,
            State::Testing => None,
            State::Suspended(_) => Some(now_ns.saturating_sub(self.since_ns)),
        };
        self.faults = 0;
        self.state = State::Good;
        self.since_ns = now_ns;
        Some(Change::Good { after_ns })
    }

    /// A question about a source was answered.
    pub fn answered(&mut self, listed: bool, now_ns: u64) -> Option<Change> {
        self.faults = 0;
        let sign = self.share.count(listed)?;
        if !self.is_good() {
            return None;
        }
        match sign {
            Sign::Jumped(why) => self.suspend(why, now_ns),
            // A test that is being made will do.
            Sign::Suspected => {
                self.next_test_ns = self.next_test_ns.min(now_ns);
                None
            }
        }
    }

    /// A question about a source was not answered.
    pub fn failed(&mut self, fault: &Fault, now_ns: u64) -> Option<Change> {
        if !self.is_good() {
            return None;
        }
        self.faults += 1;
        if fault.is_deliberate() {
            self.suspend(Why::Answered(fault.clone()), now_ns)
        } else if self.faults >= FAULTS_IN_A_ROW {
            self.suspend(Why::Faults(fault.clone()), now_ns)
        } else {
            None
        }
    }

    fn suspend(&mut self, why: Why, now_ns: u64) -> Option<Change> {
        if self.is_good() && now_ns.saturating_sub(self.since_ns) >= STEADY_NS {
            self.failures = 0;
        }
        let back_off = BACK_OFF_NS.saturating_mul(1 << self.failures.min(16)).min(MAX_BACK_OFF_NS);
        self.failures += 1;
        let rest = if matches!(why, Why::Jump { .. }) { JUMP_REST_NS } else { back_off };
        self.next_test_ns = now_ns + rest;
        self.round = None;
        self.tested_again = false;
        self.faults = 0;
        if why.taints_listings() {
            self.share = Share::default();
        }
        let before = std::mem::replace(&mut self.state, State::Suspended(why.clone()));
        match before {
            State::Suspended(same) if same == why => None,
            State::Suspended(_) => Some(Change::StillSuspended(why)),
            State::Testing | State::Good => {
                self.since_ns = now_ns;
                Some(Change::Suspended(why))
            }
        }
    }
}
