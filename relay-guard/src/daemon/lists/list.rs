//! One list: what is in force of it, and how it is kept up to date.

use std::{net::Ipv4Addr, sync::Arc};

use super::watch::{Look, Sighting, Watch, written_at};
use crate::{
    config::ListConfig,
    daemon::clock::Tick,
    datapath::Tally,
    feeds::{
        schedule::{self, Freshness, Schedule, age_state},
        shape::{Change, Figures},
        source::Validators,
    },
    intake::{Failure, Taken, Task},
    lists::ParsedList,
    policy::{ListRule, ListSlot},
};

/// A part of a list that does something of its own: its place in sets of lists, and which entries belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its place.
    pub slot: ListSlot,
    /// The A value of its entries; none: all entries that are in no other part.
    pub value: Option<Ipv4Addr>,
    /// What it does.
    pub rule: ListRule,
}

/// One list with its last good content.
#[derive(Debug)]
pub struct LoadedList {
    /// What the configuration says.
    pub config: ListConfig,
    /// Its parts; the first is that of all entries without a part of their own.
    pub parts: Vec<Part>,
    /// Its last good content; empty before any has come.
    pub content: Arc<ParsedList>,
    /// The content in figures; none before any has come.
    pub figures: Option<Figures>,
    /// How many addresses of both families it holds.
    pub(super) addresses: (u64, u128),
    /// When the content was read, seconds since the epoch.
    pub loaded_at: u64,
    /// When the content was last known to be the newest, seconds since the epoch.
    pub refreshed_at: Option<u64>,
    /// Why its source is not what is in force, if it is not.
    pub fault: Option<Fault>,
    /// Why there is no copy of the content in the cache, if there is none.
    pub unkept: Option<String>,
    /// What classes counted for it that no longer exist.
    pub counted: Tally,
    /// Whether it is being taken in at this moment.
    pub busy: bool,
    /// When it was begun to be taken in, the last time, seconds since the epoch: the copy in the cache bears that time too.
    pub(super) asked_at: u64,
    /// What tells it from a list of the same name before a reload changed it.
    pub(super) number: u64,
    pub(super) intake: Intake,
    pub(super) validators: Vec<Validators>,
}

/// What is wrong with a list's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable word for the cause: another one is news.
    pub kind: &'static str,
    /// In one line.
    pub message: String,
    /// Since when there is some fault, seconds since the epoch.
    pub since: u64,
}

/// How a list learns of new content.
#[derive(Debug)]
pub(super) enum Intake {
    /// Its files are watched; what is being read, if anything.
    Watched { watch: Watch, reading: Option<Sighting> },
    /// It is fetched when the time has come.
    Fetched(Schedule),
}

/// How old a list's content is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListState {
    /// All is well.
    Good,
    /// Nothing has come yet.
    Waiting,
    /// The last good copy is in force; its source has a fault.
    Stale,
    /// It will soon weigh nothing.
    Ageing,
    /// It weighs nothing.
    Expired,
}

impl ListState {
    /// The word for it in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Waiting => "waiting",
            Self::Stale => "stale",
            Self::Ageing => "ageing",
            Self::Expired => "expired",
        }
    }
}

impl LoadedList {
    /// How many IPv4 and IPv6 addresses it holds.
    #[must_use]
    pub const fn addresses(&self) -> (u64, u128) {
        self.addresses
    }

    /// When it weighs nothing any more if it is not refreshed, seconds since the epoch.
    #[must_use]
    pub fn expires_at(&self) -> Option<u64> {
        let by_age =
            self.config.max_age.zip(self.refreshed_at).map(|(age, at)| at.saturating_add(age.as_secs()));
        by_age.into_iter().chain(self.content.expires).min()
    }

    /// Whether its entries count at this moment (seconds since the epoch).
    #[must_use]
    pub fn weighs(&self, now: u64) -> bool {
        self.figures.is_some() && self.expires_at().is_none_or(|at| now < at)
    }

    /// How it is, at this moment (seconds since the epoch).
    #[must_use]
    pub fn state(&self, now: u64) -> ListState {
        if self.figures.is_none() {
            return ListState::Waiting;
        }
        if !self.weighs(now) {
            return ListState::Expired;
        }
        if self.fault.is_some() {
            return ListState::Stale;
        }
        let max_age = self.config.max_age.map(|age| age.as_secs());
        match age_state(now, self.refreshed_at.unwrap_or(now), max_age) {
            Freshness::Fresh => ListState::Good,
            Freshness::Ageing { .. } | Freshness::Expired => ListState::Ageing,
        }
    }

    /// When it is fetched next, seconds since the epoch; none if it is watched.
    #[must_use]
    pub fn next_at(&self, now: Tick) -> Option<u64> {
        match &self.intake {
            Intake::Watched { .. } => None,
            Intake::Fetched(schedule) => Some(now.to_unix(schedule.next_at())),
        }
    }

    /// Fetches that failed one after the other.
    #[must_use]
    pub fn failures(&self) -> u32 {
        match &self.intake {
            Intake::Watched { .. } => u32::from(self.fault.is_some()),
            Intake::Fetched(schedule) => schedule.failures(),
        }
    }

    /// Whether it is to be taken in now. Looks at watched files.
    pub(super) fn is_due(&mut self, now: Tick) -> bool {
        if self.busy {
            return false;
        }
        let (watch, reading) = match &mut self.intake {
            Intake::Fetched(schedule) => return schedule.is_due(now.monotonic_s),
            Intake::Watched { watch, reading } => (watch, reading),
        };
        let sighting = match self.config.source.fingerprints() {
            Ok(sighting) => sighting.unwrap_or_default(),
            Err(error) => {
                watch.lose();
                self.fail(&error.into(), now.unix_s);
                return false;
            }
        };
        match watch.look(sighting) {
            Look::Same => {
                self.recover();
                false
            }
            Look::Refused | Look::Settling => false,
            Look::Changed(sighting) => {
                *reading = Some(sighting);
                true
            }
        }
    }

    /// How it is taken in; it is busy then.
    pub(super) fn task(&mut self, accept: bool, with: &super::Bounds, now: Tick) -> Task {
        (self.busy, self.asked_at) = (true, now.unix_s);
        if let Intake::Watched { reading, .. } = &mut self.intake
            && reading.is_none()
        {
            // Files that cannot be looked at cannot be read either, which the task will tell.
            *reading = self.config.source.fingerprints().ok().flatten();
        }
        let change =
            Change { max_factor: self.config.max_change, allow_empty: self.config.options.allow_empty };
        Task {
            list: self.config.name.clone(),
            source: self.config.source.clone(),
            options: self.config.options.clone(),
            limit: with.list_bytes,
            // What the copy is not of cannot be confirmed: it would be taken for newer than it is.
            known: if accept || self.unkept.is_some() { Vec::new() } else { self.validators.clone() },
            before: self.figures,
            change: (!accept).then_some(change),
            cache: with.cache.clone(),
            now: now.unix_s,
        }
    }

    /// Notes what came of taking it in. Whether its entries have changed.
    pub(super) fn done(&mut self, result: Result<Taken, Failure>, now: Tick) -> bool {
        self.busy = false;
        match result {
            Ok(Taken::Unchanged) => {
                self.refreshed(now);
                false
            }
            Ok(Taken::Content { content, figures, validators, kept }) => {
                let changed = self.figures.is_none() || *self.content != *content;
                if changed {
                    self.hold(content);
                }
                (self.figures, self.validators) = (Some(figures), validators);
                self.loaded_at = self.asked_at;
                self.refreshed(now);
                self.keep(kept);
                if changed {
                    tracing::info!(list = self.config.name, entries = figures.entries, "list updated");
                }
                changed
            }
            Err(failure) => {
                self.refuse(&failure, now);
                self.fail(&failure, now.unix_s);
                false
            }
        }
    }

    /// Nothing was taken in: not to be tried again before files have changed, or the time has come.
    pub(super) fn refuse(&mut self, failure: &Failure, now: Tick) {
        self.busy = false;
        match &mut self.intake {
            Intake::Watched { watch, reading } => {
                if let Some(sighting) = reading.take() {
                    watch.refuse(sighting);
                }
            }
            Intake::Fetched(schedule) => {
                let retry_after = failure.retry_after.map(|wait| wait.as_secs());
                let how = schedule::Failure { unanswered: failure.unanswered, retry_after };
                schedule.on_failure(now.monotonic_s, how, now.random);
            }
        }
    }

    /// What is in force is the newest that there is.
    fn refreshed(&mut self, now: Tick) {
        match &mut self.intake {
            Intake::Watched { watch, reading } => {
                if let Some(sighting) = reading.take() {
                    self.refreshed_at = written_at(&sighting).or(Some(self.asked_at));
                    watch.take(sighting);
                }
            }
            Intake::Fetched(schedule) => {
                schedule.on_success(now.monotonic_s, now.random);
                self.refreshed_at = Some(self.asked_at);
            }
        }
        self.recover();
    }

    /// Takes content.
    pub(super) fn hold(&mut self, content: Arc<ParsedList>) {
        self.addresses = content.addresses();
        self.content = content;
    }

    fn keep(&mut self, kept: Result<(), String>) {
        let unkept = kept.err();
        if let Some(error) = unkept.as_ref().filter(|error| Some(*error) != self.unkept.as_ref()) {
            tracing::warn!(list = self.config.name, "no copy is kept for the next start: {error}");
        }
        self.unkept = unkept;
    }

    /// Notes a fault; logs it when it is news.
    pub(super) fn fail(&mut self, failure: &Failure, now: u64) {
        let before = self.fault.as_ref();
        if before.is_none_or(|fault| fault.kind != failure.kind) {
            let rest = if self.figures.is_some() {
                "the last good content stays in force"
            } else {
                "it holds nothing yet"
            };
            tracing::warn!(list = self.config.name, "{}; {rest}", failure.message);
        }
        let since = before.map_or(now, |fault| fault.since);
        self.fault = Some(Fault { kind: failure.kind, message: failure.message.clone(), since });
    }

    fn recover(&mut self) {
        if self.fault.take().is_some() {
            tracing::info!(list = self.config.name, "its source is good again");
        }
    }
}
