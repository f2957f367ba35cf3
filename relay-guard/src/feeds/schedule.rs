//! When to fetch, and how old is too old. Pure: time and randomness are arguments.
//!
//! Times of [`Schedule`] are seconds on a clock that never goes back (since boot, say), so that somebody who sets the
//! clock neither floods a provider nor stops all fetches. Ages are told from the time of day, which survives restarts.

use super::source::Source;

/// The longest interval: 30 days, in seconds.
pub const MAX_INTERVAL: u64 = 30 * 24 * 60 * 60;

/// The least time between two fetches from a web server, in seconds, unless a list says otherwise.
pub const HTTP_FLOOR: u64 = 15 * 60;

/// How many times an attempt that nobody answered is repeated quickly.
pub const QUICK_RETRIES: u32 = 2;

/// The time before the first quick retry, in seconds; twice that before the second.
pub const QUICK_DELAY: u64 = 5;

/// The back-off after the first failure that is not retried quickly, in seconds; it doubles with each further one.
pub const BACK_OFF_BASE: u64 = 60;

/// The longest back-off before jitter, in seconds; shorter for lists with a shorter interval.
pub const BACK_OFF_CAP: u64 = 60 * 60;

/// The longest time that `Retry-After` may hold a list back, in seconds.
pub const MAX_HOLD: u64 = 24 * 60 * 60;

/// Lists without any content are all asked for within this many seconds from the start.
pub const FIRST_SPREAD: u64 = 10;

/// Lists that became due while nobody ran are asked for within this many seconds from the start.
pub const DUE_SPREAD: u64 = 5 * 60;

/// How often a list is fetched. Both times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    interval: u64,
    floor: u64,
}

impl Timing {
    /// Fetches every `interval`, and never within `floor` of an answer. Both are kept below [`MAX_INTERVAL`], and the
    /// interval at or above the floor and 1.
    #[must_use]
    pub fn new(interval: u64, floor: u64) -> Self {
        let floor = floor.min(MAX_INTERVAL);
        Self { interval: interval.clamp(floor.max(1), MAX_INTERVAL), floor }
    }

    /// What suits a source about which nothing else is known: web servers every hour, commands too, files every
    /// half minute (looking at a file that did not change costs nothing).
    #[must_use]
    pub fn of(source: &Source) -> Self {
        match source {
            Source::Http(_) => Self::new(60 * 60, HTTP_FLOOR),
            Source::Command(_) => Self::new(60 * 60, 60),
            Source::File(_) | Source::Directory(_) => Self::new(30, 1),
        }
    }

    /// The time from one fetch to the next.
    #[must_use]
    pub const fn interval(&self) -> u64 {
        self.interval
    }

    /// The least time from an answer to the next fetch.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }
}

/// How an attempt failed, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Nobody was bothered by it ([`FetchError::unanswered`](super::source::FetchError::unanswered)); it may be repeated
    /// soon.
    pub unanswered: bool,
    /// How long the server asks to wait, in seconds.
    pub retry_after: Option<u64>,
}

/// When one list is fetched next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    timing: Timing,
    /// Where in the interval this list has its place.
    phase: u64,
    next_at: u64,
    /// When the provider may be asked again at the earliest.
    not_before: u64,
    failures: u32,
}

impl Schedule {
    /// The schedule of a list whose content is `age` seconds old (since it was last confirmed), or that has none.
    ///
    /// `name` and `seed` give the list its place within the interval: other places for other lists of one machine, and,
    /// if the seed is the machine's own, other places for one list on other machines.
    #[must_use]
    pub fn new(name: &str, seed: u64, timing: Timing, now: u64, age: Option<u64>) -> Self {
        let mut hash = crc32fast::Hasher::new();
        hash.update(&seed.to_be_bytes());
        hash.update(name.as_bytes());
        let place = u64::from(hash.finalize());
        let spread = |within: u64| now.saturating_add(place % (within + 1));
        let not_before = now.saturating_add(timing.floor.saturating_sub(age.unwrap_or(timing.floor)));
        let next_at = match age {
            None => spread(FIRST_SPREAD),
            Some(age) if age >= timing.interval => spread(DUE_SPREAD.min(timing.interval)),
            Some(age) => now.saturating_add(timing.interval - age),
        };
        let phase = place % timing.interval;
        Self { timing, phase, next_at: next_at.max(not_before), not_before, failures: 0 }
    }

    /// When to fetch next.
    #[must_use]
    pub const fn next_at(&self) -> u64 {
        self.next_at
    }

    /// Whether to fetch now.
    #[must_use]
    pub const fn is_due(&self, now: u64) -> bool {
        now >= self.next_at
    }

    /// How many attempts have failed since the last one that did not.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// New content came and was taken. `random` moves the next fetch by up to a twentieth of the interval.
    pub fn on_success(&mut self, now: u64, random: u64) {
        self.failures = 0;
        self.not_before = now.saturating_add(self.timing.floor);
        let jitter = self.timing.interval / 20;
        let regular = self.regular(now).saturating_add(random % (2 * jitter + 1)).saturating_sub(jitter);
        self.next_at = regular.max(self.not_before).max(now.saturating_add(1));
    }

    /// The content is the same as before.
    pub fn on_not_modified(&mut self, now: u64, random: u64) {
        self.on_success(now, random);
    }

    /// The attempt failed, or its content was refused. `random` lengthens the back-off by up to a quarter.
    pub fn on_failure(&mut self, now: u64, failure: Failure, random: u64) {
        self.failures = self.failures.saturating_add(1);
        let hold = failure.retry_after.unwrap_or(0).min(MAX_HOLD);
        let floor = if failure.unanswered { 0 } else { self.timing.floor };
        self.not_before = self.not_before.max(now.saturating_add(hold.max(floor)));
        let delay = self.back_off(failure.unanswered);
        let jitter = random % (delay / 4 + 1);
        self.next_at = now.saturating_add(delay + jitter).max(self.not_before);
    }

    /// Somebody wants it now. Gives the time at which it will be: now, or as soon as the provider may be asked again.
    /// `forced` disregards the provider.
    pub fn request_now(&mut self, now: u64, forced: bool) -> u64 {
        let when = if forced { now } else { now.max(self.not_before) };
        self.next_at = self.next_at.min(when);
        self.next_at.max(now)
    }

    /// The configuration says something else now. What has been asked of the provider still counts.
    pub fn retime(&mut self, timing: Timing, now: u64) {
        if timing == self.timing {
            return;
        }
        self.timing = timing;
        self.phase %= timing.interval;
        self.next_at = self.next_at.min(now.saturating_add(timing.interval)).max(self.not_before);
    }

    /// The moment nearest to one interval from `now` at which this list has its place. So the first distance is between
    /// half and one and a half intervals, all later ones are one.
    fn regular(&self, now: u64) -> u64 {
        let Timing { interval, .. } = self.timing;
        let target = now.saturating_add(interval);
        let behind = (target % interval + interval - self.phase) % interval;
        if behind <= interval / 2 { target - behind } else { target.saturating_add(interval - behind) }
    }

    fn back_off(&self, unanswered: bool) -> u64 {
        let cap = BACK_OFF_CAP.min(self.timing.interval);
        let doubled = if !unanswered {
            self.failures - 1
        } else if self.failures <= QUICK_RETRIES {
            return (QUICK_DELAY * u64::from(self.failures)).min(cap);
        } else {
            self.failures - QUICK_RETRIES - 1
        };
        // 2^16 times the base is far beyond the cap.
        (BACK_OFF_BASE << doubled.min(16)).min(cap)
    }
}

/// Whether content is still to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    Fresh,
    /// It is, but not for long: a fifth of its time is left, or less.
    Ageing {
        /// How long it still is, in seconds.
        expires_in: u64,
    },
    /// It is not: such a list weighs nothing.
    Expired,
}

/// How fresh content is at `now` that was confirmed at `refreshed_at` and may be `max_age` old; nothing for `max_age`
/// means any age. All in seconds, the times of one clock.
#[must_use]
pub fn age_state(now: u64, refreshed_at: u64, max_age: Option<u64>) -> Freshness {
    let Some(max_age) = max_age else { return Freshness::Fresh };
    // A clock that was set back makes content young, not old.
    let age = now.saturating_sub(refreshed_at);
    if age >= max_age {
        Freshness::Expired
    } else if age >= warned_at(max_age) {
        Freshness::Ageing { expires_in: max_age - age }
    } else {
        Freshness::Fresh
    }
}

/// When [`age_state`] will next be another one, in seconds from `now`; nothing if never.
#[must_use]
pub fn age_changes_in(now: u64, refreshed_at: u64, max_age: Option<u64>) -> Option<u64> {
    let max_age = max_age?;
    let next_age = match age_state(now, refreshed_at, Some(max_age)) {
        Freshness::Fresh => warned_at(max_age),
        Freshness::Ageing { .. } => max_age,
        Freshness::Expired => return None,
    };
    Some(refreshed_at.saturating_add(next_age).saturating_sub(now))
}

/// The age from which on content is ageing: four fifths of `max_age`.
const fn warned_at(max_age: u64) -> u64 {
    max_age - max_age / 5
}

#[cfg(test)]
mod tests;
