//! What of hosts outlives the daemon: containments, relapses and histories. Times are of the calendar, as the engine's clock may
//! begin anew.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    Change, Command, Engine, Reading, Rules,
    standings::{MAX_STANDINGS, Stand},
};
use crate::inspect::{
    HostKind,
    ladder::{HostState, Standing},
    signals::Signal,
};

const SECOND_NS: u64 = 1_000_000_000;

/// The same moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Of the engine's clock, nanoseconds.
    pub now_ns: u64,
    /// Seconds since 1970.
    pub unix_s: u64,
}

impl Moment {
    const fn to_unix(self, at_ns: u64) -> u64 {
        if at_ns >= self.now_ns {
            self.unix_s.saturating_add((at_ns - self.now_ns).div_ceil(SECOND_NS))
        } else {
            self.unix_s.saturating_sub((self.now_ns - at_ns) / SECOND_NS)
        }
    }

    /// Times before the clock began are its beginning.
    const fn to_ns(self, unix_s: u64) -> u64 {
        if unix_s >= self.unix_s {
            self.now_ns.saturating_add((unix_s - self.unix_s).saturating_mul(SECOND_NS))
        } else {
            self.now_ns.saturating_sub((self.unix_s - unix_s).saturating_mul(SECOND_NS))
        }
    }
}

/// What is saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// Each host with a state or a history.
    pub hosts: Vec<SavedHost>,
}

/// What is saved of a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedHost {
    address: IpAddr,
    /// The step that contains it, from 0, and until when, seconds since 1970.
    contained: Option<(u8, u64)>,
    /// For how long it was contained last, nanoseconds.
    lasted_ns: u64,
    /// The step that it was released from, and when.
    released: Option<(u8, u64)>,
    relapses: u32,
    history: Vec<SavedChange>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedChange {
    at: u64,
    from: SavedState,
    to: SavedState,
    score: u32,
    signals: Vec<SavedReading>,
    by_hand: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedReading {
    signal: String,
    figure: u32,
    points: f32,
    #[serde(default)]
    fading: bool,
    span_ns: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SavedState {
    Quiet,
    Reported(u8),
    Contained(u8),
}

impl From<HostState> for SavedState {
    fn from(state: HostState) -> Self {
        match state {
            HostState::Quiet => Self::Quiet,
            HostState::Reported(step) => Self::Reported(step),
            HostState::Contained(step) => Self::Contained(step),
        }
    }
}

impl From<SavedState> for HostState {
    fn from(state: SavedState) -> Self {
        match state {
            SavedState::Quiet => Self::Quiet,
            SavedState::Reported(step) => Self::Reported(step),
            SavedState::Contained(step) => Self::Contained(step),
        }
    }
}

impl SavedHost {
    fn of(address: IpAddr, stand: &Stand, moment: Moment) -> Self {
        let Standing { state, until_ns, lasted_ns, released, relapses } = stand.standing;
        let contained = match state {
            HostState::Contained(step) => Some((step, moment.to_unix(until_ns))),
            HostState::Quiet | HostState::Reported(_) => None,
        };
        let released = released.map(|(step, at_ns)| (step, moment.to_unix(at_ns)));
        let history = stand.history.iter().map(|change| SavedChange::of(change, moment)).collect();
        Self { address, contained, lasted_ns, released, relapses, history }
    }

    /// What a host has after that: a containment that is over meanwhile was a release by itself.
    fn stand(&self, moment: Moment) -> Stand {
        let mut standing = Standing {
            lasted_ns: self.lasted_ns,
            released: self.released.map(|(step, at)| (step, moment.to_ns(at))),
            relapses: self.relapses,
            ..Standing::default()
        };
        match self.contained {
            Some((step, until)) if until > moment.unix_s => {
                standing.state = HostState::Contained(step);
                standing.until_ns = moment.to_ns(until);
            }
            Some((step, until)) => standing.released = Some((step, moment.to_ns(until))),
            None => {}
        }
        let mut stand = Stand { standing, ..Stand::default() };
        self.history.iter().for_each(|change| stand.note(change.change(moment)));
        stand
    }
}

impl SavedChange {
    fn of(change: &Change, moment: Moment) -> Self {
        let reading = |reading: &Reading| SavedReading {
            signal: reading.signal.name().to_owned(),
            figure: reading.figure,
            points: reading.points,
            fading: reading.fading,
            span_ns: reading.span_ns,
        };
        Self {
            at: moment.to_unix(change.at_ns),
            from: change.from.into(),
            to: change.to.into(),
            score: change.score,
            signals: change.signals.iter().map(reading).collect(),
            by_hand: change.by_hand,
        }
    }

    fn change(&self, moment: Moment) -> Change {
        // A signal that there is no more is left out.
        let reading = |saved: &SavedReading| {
            let signal = Signal::named(&saved.signal)?;
            let SavedReading { figure, points, fading, span_ns, .. } = *saved;
            Some(Reading { signal, figure, points, fading, span_ns })
        };
        Change {
            at_ns: moment.to_ns(self.at),
            from: self.from.into(),
            to: self.to.into(),
            score: self.score,
            signals: self.signals.iter().take(Signal::COUNT).filter_map(reading).collect(),
            by_hand: self.by_hand,
        }
    }
}

impl Engine {
    /// What is to outlive the daemon.
    #[must_use]
    pub fn saved(&self, moment: Moment) -> Saved {
        Saved {
            hosts: self
                .standings
                .iter()
                .map(|(address, stand)| SavedHost::of(address, stand, moment))
                .collect(),
        }
    }

    /// Takes back what was saved. Containments that are not over are said anew at the next [`poll`](Self::poll).
    pub fn restore(&mut self, saved: &Saved, moment: Moment) {
        for host in saved.hosts.iter().take(MAX_STANDINGS) {
            let stand = host.stand(moment);
            let contained = stand.standing.state;
            let until_ns = stand.standing.until_ns;
            let Some(place) = self.standings.of(host.address) else { continue };
            *place = stand;
            if let HostState::Contained(step) = contained {
                self.commands.push(Command::Contain { address: host.address, step, until_ns });
                self.hold(host.address, moment.now_ns);
            }
        }
    }

    /// Takes over a containment that an earlier daemon left in force by a step (from 0). Where more is known of it, that holds; where
    /// the step contains nobody any more, the first one does that contains.
    pub fn adopt(&mut self, address: IpAddr, step: u8, until_ns: u64, now_ns: u64) {
        let contains = |step: &u8| self.rules.steps.get(usize::from(*step)).is_some_and(|rule| rule.contains);
        let Some(step) = Some(step).filter(contains).or_else(|| first_containing(&self.rules)) else {
            self.commands.push(Command::Release { address });
            return;
        };
        let Some(stand) = self.standings.of(address) else { return };
        if !matches!(stand.standing.state, HostState::Contained(_)) {
            stand.standing.state = HostState::Contained(step);
        }
        stand.standing.until_ns = until_ns;
        self.hold(address, now_ns);
    }

    /// A contained host is followed until its time is over. If there is room for no host, it is let go: nobody would end it.
    fn hold(&mut self, address: IpAddr, now_ns: u64) {
        let host = self.known_or_new(address, HostKind::Host, now_ns);
        let slot = host.and_then(|host| self.follow(host, true, now_ns));
        if let Some(slot) = slot
            && let Some(detail) = self.details.get_mut(slot)
        {
            detail.stands = true;
            self.schedule(slot, now_ns);
        } else if let Some(stand) = self.standings.known(address) {
            stand.standing.state = HostState::Quiet;
            self.commands.push(Command::Release { address });
        }
    }
}

fn first_containing(rules: &Rules) -> Option<u8> {
    rules.steps.iter().position(|step| step.contains).map(|at| at as u8)
}
