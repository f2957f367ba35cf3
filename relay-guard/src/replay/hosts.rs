//! Inside hosts of a capture: judged as the daemon does it, at the capture's own time.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use relay_guard_common::flow::FlowKey;

use super::{
    attempts::Attempts,
    lines::{ChangeLine, HostLine},
};
use crate::{
    config::{self, Config, ContainmentStep},
    inspect::{
        HostKind, Sample,
        hosts::{Change, Command, Engine, HostDetail, HostView, Reading, Rules},
        ladder::HostState,
        observation::Observation,
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
/// Hosts with changes that are kept.
const MAX_CHANGED: usize = 65_536;

/// The hosts of a capture.
pub(super) struct Hosts {
    engine: Engine,
    attempts: Attempts,
    declared: config::Hosts,
    watched: Vec<u16>,
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
    /// Judges hosts as a configuration says. `watched` are the ports to which they must not write to many.
    pub(super) fn new(config: &Config, watched: Vec<u16>, key: [u8; 16]) -> Self {
        let rules = Rules::of(config, key, config.dnsbl.lookups.own_addresses.clone());
        Self {
            attempts: Attempts::new(config.limits.inside_hosts as usize, rules.window_ns),
            engine: Engine::new(rules),
            declared: config.hosts.clone(),
            watched,
            steps: config.inspection.steps.clone(),
            changed: HashMap::new(),
            stirred: HashSet::new(),
            raised_ns: 0,
            sampled_ns: 0,
            samples: 0,
        }
    }

    /// Takes a segment: attempts are counted, whatever comes of them.
    pub(super) fn segment(&mut self, segment: &Segment<'_>) {
        if self.concerned(&segment.flow) {
            self.attempts.count(segment.flow.client.into(), segment);
        }
    }

    /// Takes what was heard of a session.
    pub(super) fn observe(&mut self, observation: &Observation, now_ns: u64) {
        let flow = match observation {
            Observation::Transaction(transaction) => &transaction.flow,
            Observation::Session(session) => &session.flow,
        };
        if self.concerned(flow) {
            let kind_of = |address| kind(&self.declared, address);
            self.engine.observe(observation, kind_of, now_ns);
            self.stir(flow.client.into());
        }
    }

    /// Whether a connection says something about its client: mail that goes to servers of ours does not leave, and comes from
    /// strangers as well.
    fn concerned(&self, flow: &FlowKey) -> bool {
        self.watched.contains(&flow.server_port) && !kind(&self.declared, flow.server.into()).is_ours()
    }

    /// When there is something to do, if there is.
    pub(super) fn due_ns(&self) -> Option<u64> {
        let sample = (!self.attempts.is_empty()).then(|| self.sampled_ns.saturating_add(SAMPLED_EVERY_NS));
        sample.into_iter().chain(self.engine.poll_timeout()).min()
    }

    /// Does what is to be done at a time.
    pub(super) fn poll(&mut self, now_ns: u64) {
        if now_ns >= self.sampled_ns.saturating_add(SAMPLED_EVERY_NS) {
            self.sampled_ns = now_ns;
            self.sample(now_ns);
        }
        let commands = self.engine.poll(now_ns);
        if now_ns >= self.raised_ns.saturating_add(RAISED_EVERY_NS) {
            self.raise(now_ns);
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

    fn sample(&mut self, now_ns: u64) {
        self.samples += 1;
        let of_all = self.samples.is_multiple_of(ALL_SAMPLED_EVERY);
        let records = self.attempts.take_records(of_all);
        let samples: Vec<_> = records
            .iter()
            .map(|(address, record)| Sample {
                address: *address,
                kind: kind(&self.declared, *address),
                record,
            })
            .collect();
        self.engine.sample(&samples, now_ns);
        for (address, _) in &records {
            self.stir(*address);
        }
    }

    /// Something was seen of a host: it may stand higher now.
    fn stir(&mut self, address: IpAddr) {
        if self.changed.contains_key(&address) {
            self.stirred.insert(address);
        }
    }

    /// Looks how high those stand of which something was seen.
    fn raise(&mut self, now_ns: u64) {
        self.raised_ns = now_ns;
        for address in self.stirred.drain() {
            let Some(changed) = self.changed.get_mut(&address) else { continue };
            if let Some(HostDetail { view, .. }) = self.engine.view(address, now_ns) {
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

    /// Hosts of which all or most was forgotten for lack of room.
    pub(super) fn pushed_out(&self) -> u64 {
        let counters = self.engine.counters();
        counters.hosts_pushed_out + counters.details_pushed_out + counters.unfollowed
    }

    /// What is known at the end: first those that went highest, then by address.
    pub(super) fn lines(&mut self, now_ns: u64) -> Vec<HostLine> {
        self.raise(now_ns);
        let views = self.engine.views(usize::MAX, now_ns);
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
fn kind(declared: &config::Hosts, address: IpAddr) -> HostKind {
    match declaration(declared, address.to_canonical()) {
        Some(Declaration::MailServer) => HostKind::MailServer,
        Some(Declaration::Excepted) => HostKind::Excepted,
        Some(Declaration::OwnServer) => HostKind::OwnServer,
        None => HostKind::Host,
    }
}
