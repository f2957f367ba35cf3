//! Lookups of unknown sources, as the loop has them: questions of the kernel go to the thread that asks zones, and what it
//! finds out goes into the kernel. The loop waits for neither.
//!
//! What zones say is judged by the configuration, by groups of ports and by places of responses. Whenever one of these
//! changes the thread is [told](follow), and says everything anew: what it said before is about the plan before.

mod follow;
mod never_asked;
mod own;
mod report;
mod saved;

use std::{future::pending, path::Path, sync::Arc, vec};

use relay_guard_common::{respond::response::Rate, settings::Settings};
use tokio::{sync::mpsc, task::JoinHandle};

use self::{
    own::OwnAddresses,
    saved::{Known, SavedFile},
};
use crate::{
    config::Dnsbl,
    dnsbl::service::{Batch, Handle, Output},
    policy::ThresholdRules,
};

/// No plan has this number.
const NO_PLAN: u64 = u64::MAX;

/// How long a question of the kernel is worth an answer, nanoseconds: what waited longer was asked of a daemon before this one.
const ASK_LIFE_NS: u64 = 10_000_000_000;

/// Verdicts written at once, so that all of them after a restart leave room for everything else.
const OUTPUTS_AT_ONCE: usize = 1024;

/// How often what is known is saved, if anything is new, seconds.
const SAVE_INTERVAL_S: u64 = 60;

/// Lookups, and what of them is in force.
#[derive(Debug)]
pub(super) struct Lookups {
    /// The thread that asks, if anybody is to be asked.
    service: Option<Service>,
    /// What it judges by, as it was told last.
    told: Option<Told>,
    /// The number of what it was told last; what it says about one before comes to nothing.
    plan: u64,
    /// Whether it has said everything by that.
    is_settled: bool,
    /// Whom the kernel is to ask about, as in [`Settings::ask`] without that for holding.
    ask: u32,
    /// Questions about addresses that nobody is asked about.
    never_asked: u64,
    /// What was known before this daemon, until it is restored.
    earlier: Vec<Known>,
    file: SavedFile,
    /// What the bits in the file are about, if they are about anything that is known.
    filed: Option<String>,
    /// Whether something is known that is not saved.
    is_unsaved: bool,
    /// When it was saved last, seconds of `CLOCK_MONOTONIC`.
    saved_at: u64,
    saving: Option<JoinHandle<()>>,
    own: OwnAddresses,
}

#[derive(Debug)]
struct Service {
    handle: Arc<Handle>,
    batches: mpsc::Receiver<Batch>,
    /// What is left of the last batch, and which plan it is about.
    rest: (u64, vec::IntoIter<Output>),
}

impl Service {
    /// The next things that it says, and about which plan; none: it has ended. May be dropped at any time.
    async fn next(&mut self) -> Option<(u64, Vec<Output>)> {
        if self.rest.1.as_slice().is_empty() {
            let Batch { plan, outputs } = self.batches.recv().await?;
            self.rest = (plan, outputs.into_iter());
        }
        Some((self.rest.0, self.rest.1.by_ref().take(OUTPUTS_AT_ONCE).collect()))
    }
}

/// All that verdicts follow from beside what zones say.
#[derive(Debug)]
struct Told {
    dnsbl: Dnsbl,
    /// The guarded ports of each group.
    groups: Vec<Vec<u16>>,
    rules: ThresholdRules,
}

impl Told {
    fn is(&self, dnsbl: &Dnsbl, groups: &[Vec<u16>], rules: &ThresholdRules) -> bool {
        self.dnsbl == *dnsbl && self.groups == groups && self.rules == *rules
    }
}

impl Lookups {
    /// Nobody is asked yet.
    pub(super) fn new(state_dir: &Path) -> Self {
        Self {
            service: None,
            told: None,
            plan: NO_PLAN,
            is_settled: false,
            ask: 0,
            never_asked: 0,
            earlier: Vec::new(),
            file: SavedFile::of(state_dir),
            filed: None,
            is_unsaved: false,
            saved_at: 0,
            saving: None,
            own: OwnAddresses::default(),
        }
    }

    /// What the thread says next, and about which plan; none: it has ended. Waits for good if there is no thread. May be
    /// dropped at any time.
    pub(super) async fn next(&mut self) -> Option<(u64, Vec<Output>)> {
        match &mut self.service {
            Some(service) => service.next().await,
            None => pending().await,
        }
    }

    /// The kernel's settings with what is asked about, and how often.
    pub(super) const fn settings(&self, dnsbl: &Dnsbl, settings: Settings) -> Settings {
        if !dnsbl.is_used() {
            return settings;
        }
        let hold = if dnsbl.lookups.hold { Settings::HOLD } else { 0 };
        let (ask, per_second) = (self.ask, dnsbl.lookups.per_second);
        Settings {
            // The kernel looks for verdicts only where there are some; there may be one at any moment.
            verdicts: if settings.verdicts == 0 { 1 } else { settings.verdicts },
            ask: if ask == 0 { 0 } else { ask | hold },
            asks: Rate::per_second(per_second, per_second),
            ..settings
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dnsbl::testing::{dnsbl, zone};

    #[test]
    fn the_kernel_asks_only_while_zones_are_good_and_holds_only_if_it_is_to() {
        let mut lookups = Lookups::new(Path::new("/nowhere"));
        let none = Settings { verdicts: 0, prefixes: 3, ..Settings::default() };
        assert_eq!(lookups.settings(&Dnsbl::default(), none), none, "nobody is looked up");
        let mut config = dnsbl(vec![zone("a.example")], &[1]);
        config.lookups.per_second = 10;
        let told = lookups.settings(&config, none);
        assert_eq!((told.verdicts, told.ask, told.prefixes), (1, 0, 3), "no zone is good yet");
        assert_eq!(told.asks, Rate { interval_us: 100_000, tolerance_us: 900_000 });
        lookups.ask = 0b10011;
        assert_eq!(lookups.settings(&config, none).ask, 0b10011 | Settings::HOLD);
        config.lookups.hold = false;
        let seven = Settings { verdicts: 7, ..none };
        let told = lookups.settings(&config, seven);
        assert_eq!((told.verdicts, told.ask), (7, 0b10011));
    }
}
