//! Showing moments, by the live view or by lines, and what happened between them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use super::interrupt::Interrupt;
use super::observer::{Contained, Observation};
use super::progress::Progress;
use super::screen::Screen;
use super::snapshot::{Event, Snapshot, wrapped};
use super::{Options, scenario};

/// How often it is brought up to date.
const FRAME: Duration = Duration::from_millis(100);

/// Columns that an event has in either display, behind its time.
pub(super) const EVENT_WIDTH: usize = 69;

/// Where moments are shown.
#[derive(Debug)]
pub(super) enum Display {
    Lines(Progress),
    Live(Box<Screen>),
}

impl Display {
    /// The live view at a terminal that can do it, lines otherwise.
    pub(super) fn open(options: Options) -> Self {
        if !options.plain && Screen::is_possible() {
            match Screen::open() {
                Ok(screen) => return Self::Live(Box::new(screen)),
                Err(error) => eprintln!("no live view: {error:#}"),
            }
        }
        Self::Lines(Progress::default())
    }

    /// Shows a moment and waits a frame's time. A key that stops raises `interrupt`; a terminal that is gone leaves
    /// only lines.
    pub(super) fn show(&mut self, snapshot: &Snapshot, interrupt: &Interrupt) {
        match self {
            Self::Lines(progress) => {
                progress.update(snapshot);
                thread::sleep(FRAME);
            }
            Self::Live(screen) => match screen.draw(snapshot).and_then(|()| screen.wants_to_stop(FRAME)) {
                Ok(true) => interrupt.raise(),
                Ok(false) => {}
                Err(_) => *self = Self::Lines(Progress::default()),
            },
        }
    }
}

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) all: Vec<Event>,
    attached: String,
    refusal_seen: bool,
    zombie_woke: bool,
    contained: BTreeSet<IpAddr>,
}

impl Events {
    /// Adds what is new at this moment.
    pub(super) fn update(
        &mut self,
        at: Duration,
        attached: &str,
        refusal: Option<String>,
        observation: &Observation,
    ) {
        if self.attached != attached {
            attached.clone_into(&mut self.attached);
            self.add(at, &format!("relay-guard is attached: {attached}"));
        }
        if let Some(refusal) = refusal.filter(|_| !self.refusal_seen) {
            self.refusal_seen = true;
            self.add(at, &format!("a refused sender reads: {refusal}"));
        }
        if !self.zombie_woke && at >= scenario::ZOMBIE_WAKES {
            self.zombie_woke = true;
            self.add(at, "an inside host turns zombie");
        }
        for (address, contained) in &observation.contained {
            if self.contained.insert(*address) {
                self.add(at, &format!("relay-guard contains {address}{}", figures(contained)));
            }
        }
    }

    fn add(&mut self, at: Duration, text: &str) {
        self.all.extend(wrapped(text, EVENT_WIDTH).into_iter().map(|text| Event { at, text }));
    }
}

/// The figures that the guard gives for a contained host, as far as it does.
fn figures(contained: &Contained) -> String {
    let figure =
        |key: &str, name: &str| contained.entry[key].as_u64().map(|number| format!("{number} {name}"));
    let figures = [figure("attempts", "attempts"), figure("distinct_destinations", "destinations")];
    let figures: Vec<String> = figures.into_iter().flatten().collect();
    if figures.is_empty() { String::new() } else { format!(" after {}", figures.join(" to ")) }
}
