//! Inside hosts of a capture: judged as the daemon does it, at the capture's own time.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use super::{
    attempts::Attempts,
    lines::{ChangeLine, HostLine},
};
use crate::{
    config::{self, Config, ContainmentStep},
    inspect::{
        HostKind, Inspection, Sample,
        hosts::{Change, Command, Engine, HostDetail, HostView, Reading},
        ladder::HostState,
        segment::Segment,
    },
    policy::compile::{Declaration, declaration},
};

/// How often the counts of hosts with new attempts are looked at, as the daemon does it.
const SAMPLED_EVERY_NS: u64 = 1_000_000_000;
/// How often all are, so that figures fall.
const ALL_SAMPLED_EVERY: u64 = 15;
/// How often it is looked how high hosts stand that did not change their state.
const RAISED_EVERY_NS: u64 = 10_000_000_000;
/// Signals with less are none.
const LEAST_POINTS: f32 = 0.5;
/// Changes of state that are kept of a host; the first ones, because they say when it was found.
const MAX_CHANGES: usize = 32;
/// Inside hosts that are known as such.
const MAX_INSIDE: usize = 1 << 20;
/// Hosts with changes that are kept.
const MAX_CHANGED: usize = 65_536;

/// Who is an inside host, what the kernel would have counted of each, and what became of them.
pub(super) struct Hosts {
    attempts: Attempts,
    declared: config::Hosts,
    watched: Vec<u16>,
    /// Those that nobody declared.
    inside: HashSet<IpAddr>,
    steps: Vec<ContainmentStep>,
    changed: HashMap<IpAddr, Changed>,
    /// Those of them of which something was seen since it was last looked how high they stand.
    stirred: HashSet<IpAddr>,
    raised_ns: u64,
    sampled_ns: u64,
    samples: u64,
}

/// What is kept of a host's changes.
struct Changed {
    kind: HostKind,
    highest: Peak,
    changes: Vec<Change>,
}

/// Where a host stood when it stood highest: by state, and then by score.
struct Peak {
    state: HostState,
    score: u32,
    signals: Vec<Reading>,
}

impl Peak {
    fn of(change: &Change) -> Self {
        Self { state: change.to, score: change.score, signals: change.signals.clone() }
    }

    /// The higher of both.
    fn raise(&mut self, other: Self) {
        if (other.state.step(), other.score) > (self.state.step(), self.score) {
            *self = other;
        }
    }
}

impl Hosts {
    /// Hosts as a configuration declares them. Who connects to `watched` ports is one.
    pub(super) fn new(config: &Config, watched: Vec<u16>) -> Self {
        let window_ns = u64::try_from(config.inspection.window.as_nanos()).unwrap_or(u64::MAX);
        Self {
            attempts: Attempts::new(config.limits.inside_hosts as usize, window_ns),
            declared: config.hosts.clone(),
            watched,
            inside: HashSet::new(),
            steps: config.inspection.steps.clone(),
            changed: HashMap::new(),
            stirred: HashSet::new(),
            raised_ns: 0,
            sampled_ns: 0,
            samples: 0,
        }
    }

    /// Takes a segment: who sends to others is an inside host, and attempts are counted, whatever comes of them. Mail that goes to
    /// servers of ours does not leave, and comes from strangers as well.
    pub(super) fn segment(&mut self, segment: &Segment<'_>) {
        let flow = &segment.flow;
        if !self.watched.contains(&flow.server_port) || declared(&self.declared, flow.server.into()).is_ours()
        {
            return;
        }
        let client = IpAddr::from(flow.client);
        if self.inside.len() < MAX_INSIDE {
            self.inside.insert(client);
        }
        self.attempts.count(client, segment);
        self.stir(client);
    }

    /// Who an address is, if it is an inside host.
    pub(super) fn kind(&self, address: IpAddr) -> Option<HostKind> {
        match declared(&self.declared, address) {
            HostKind::Host => self.inside.contains(&address).then_some(HostKind::Host),
            declared => Some(declared),
        }
    }

    /// When counts are to be looked at, if there are any.
    pub(super) fn due_ns(&self) -> Option<u64> {
        (!self.attempts.is_empty()).then(|| self.sampled_ns.saturating_add(SAMPLED_EVERY_NS))
    }

    /// Looks at counts, if it is time to.
    pub(super) fn sample(&mut self, inspection: &mut Inspection, now_ns: u64) {
        if now_ns < self.sampled_ns.saturating_add(SAMPLED_EVERY_NS) {
            return;
        }
        self.sampled_ns = now_ns;
        self.samples += 1;
        let records = self.attempts.take_records(self.samples.is_multiple_of(ALL_SAMPLED_EVERY));
        let samples: Vec<_> = records
            .iter()
            .map(|(address, record)| {
                let kind = self.kind(*address).unwrap_or(HostKind::Host);
                Sample { address: *address, kind, record }
            })
            .collect();
        inspection.samples(&samples, now_ns);
        for (address, _) in &records {
            self.stir(*address);
        }
    }

    /// Does what inspection wants done.
    pub(super) fn carry_out(&mut self, commands: Vec<Command>, engine: &Engine, now_ns: u64) {
        if now_ns >= self.raised_ns.saturating_add(RAISED_EVERY_NS) {
            self.raise(engine, now_ns);
        }
        for command in commands {
            match command {
                Command::Changed { address, kind, change } => self.note(address, kind, change),
                // What the kernel counted would go, too.
                Command::Release { address } | Command::Forget { address } => self.attempts.forget(address),
                // What was recorded goes on.
                Command::Contain { .. } | Command::EndSessions { .. } => {}
            }
        }
    }

    /// Something was seen of a host: it may stand higher now.
    fn stir(&mut self, address: IpAddr) {
        if self.changed.contains_key(&address) {
            self.stirred.insert(address);
        }
    }

    /// Looks how high those stand of which something was seen.
    fn raise(&mut self, engine: &Engine, now_ns: u64) {
        self.raised_ns = now_ns;
        for address in self.stirred.drain() {
            let Some(changed) = self.changed.get_mut(&address) else { continue };
            if let Some(HostDetail { view, .. }) = engine.view(address, now_ns) {
                let HostView { state, score, mut signals, .. } = view;
                signals.retain(|reading| reading.points >= LEAST_POINTS);
                changed.highest.raise(Peak { state, score, signals });
            }
        }
    }

    fn note(&mut self, address: IpAddr, kind: HostKind, change: Change) {
        let has_room = self.changed.len() < MAX_CHANGED;
        match self.changed.get_mut(&address) {
            Some(changed) => {
                changed.highest.raise(Peak::of(&change));
                if changed.changes.len() < MAX_CHANGES {
                    changed.changes.push(change);
                }
            }
            None if has_room => {
                let changed = Changed { kind, highest: Peak::of(&change), changes: vec![change] };
                self.changed.insert(address, changed);
            }
            None => {}
        }
    }

    /// Connection attempts of hosts for which there was no room.
    pub(super) const fn attempts_left_out(&self) -> u64 {
        self.attempts.left_out()
    }

    /// What is known at the end: first those that went highest, then by address.
    pub(super) fn lines(&mut self, engine: &Engine, now_ns: u64) -> Vec<HostLine> {
        // What others did may have raised a host of which nothing was seen.
        self.stirred.extend(self.changed.keys());
        self.raise(engine, now_ns);
        let views = engine.views(usize::MAX, now_ns);
        let mut lines: Vec<HostLine> = views
            .iter()
            .map(|view| {
                let mut line = HostLine::of(view);
                line.at_end.step = self.step(view.state);
                line.state = line.at_end.state;
                line.step = line.at_end.step;
                line
            })
            .collect();
        let mut places: HashMap<IpAddr, usize> =
            lines.iter().enumerate().map(|(place, line)| (line.host, place)).collect();
        for (address, changed) in &self.changed {
            let place = *places.entry(*address).or_insert_with(|| {
                lines.push(HostLine::forgotten(*address, changed.kind));
                lines.len() - 1
            });
            let line = &mut lines[place];
            line.changes = changed.changes.iter().map(|change| self.change_line(change)).collect();
            let Peak { state, score, signals } = &changed.highest;
            line.stood(*state, self.step(*state), (*score, signals));
        }
        lines.sort_by_key(|line| (std::cmp::Reverse(line.score), line.host));
        lines
    }

    fn change_line(&self, change: &Change) -> ChangeLine {
        ChangeLine::of(change, self.step(change.to))
    }

    /// What the configuration wants done at a state.
    fn step(&self, state: HostState) -> Option<&'static str> {
        self.steps.get(usize::from(state.step()?)).map(|step| step.action.name())
    }
}

/// Who a host is, by what is declared. Nothing is known of addresses that the gateway had.
fn declared(hosts: &config::Hosts, address: IpAddr) -> HostKind {
    match declaration(hosts, address.to_canonical()) {
        Some(Declaration::MailServer) => HostKind::MailServer,
        Some(Declaration::Excepted) => HostKind::Excepted,
        Some(Declaration::OwnServer) => HostKind::OwnServer,
        None => HostKind::Host,
    }
}
