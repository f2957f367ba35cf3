//! The engine: samples of hosts in, commands out. It keeps no clock and touches nothing.

use std::{collections::BTreeMap, net::IpAddr};

use super::{Figures, HostKind, Sample, Thresholds};

/// What the engine thinks of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostState {
    /// Nothing to say.
    Quiet,
    /// Over half a threshold.
    Busy,
    /// Over a threshold.
    Zombie,
    /// Over a threshold, and its outbound SMTP is dropped.
    Contained,
}

impl HostState {
    /// The word for it in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Busy => "busy",
            Self::Zombie => "zombie",
            Self::Contained => "contained",
        }
    }
}

/// What the engine wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A host became a zombie: tell the administrator.
    Report {
        /// The host.
        address: IpAddr,
        /// Who it is.
        kind: HostKind,
        /// Its figures.
        figures: Figures,
    },
    /// Drop the host's outbound SMTP until then (nanoseconds of `CLOCK_MONOTONIC`).
    Contain {
        /// The host.
        address: IpAddr,
        /// Until when.
        until_ns: u64,
    },
    /// The host may send again.
    Release {
        /// The host.
        address: IpAddr,
    },
    /// The host has not been seen for long: its record can go.
    Forget {
        /// The host.
        address: IpAddr,
    },
}

impl Command {
    /// The host that may send again, if this is what is wanted.
    const fn released(&self) -> Option<IpAddr> {
        match self {
            Self::Release { address } => Some(*address),
            Self::Report { .. } | Self::Contain { .. } | Self::Forget { .. } => None,
        }
    }
}

/// A host as the administrator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostView {
    /// Its address.
    pub address: IpAddr,
    /// Who it is.
    pub kind: HostKind,
    /// What the engine thinks of it.
    pub state: HostState,
    /// 100 is at a threshold.
    pub score: u32,
    /// Figures of its fuller window.
    pub figures: Figures,
    /// Until when it is contained, nanoseconds of `CLOCK_MONOTONIC`; 0 if it is not.
    pub contained_until_ns: u64,
}

/// How the engine judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// When a host is a zombie.
    pub thresholds: Thresholds,
    /// Whether zombies are looked for at all.
    pub enabled: bool,
    /// Whether zombies are contained, not only reported.
    pub contain: bool,
    /// For how long, nanoseconds.
    pub contain_for_ns: u64,
}

/// A record that was idle for this many windows, and at least [`IDLE_NS`], is forgotten.
const IDLE_WINDOWS: u64 = 10;
const IDLE_NS: u64 = 600_000_000_000;

/// The judge of inside hosts.
#[derive(Debug)]
pub struct Engine {
    rules: Rules,
    /// Reported zombies: told once, until they are quiet again.
    reported: BTreeMap<IpAddr, u64>,
    contained: BTreeMap<IpAddr, u64>,
}

impl Engine {
    /// An engine with these rules.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self { rules, reported: BTreeMap::new(), contained: BTreeMap::new() }
    }

    /// Changes the rules. Containments end at once if nobody is to be contained any more.
    #[must_use]
    pub fn set_rules(&mut self, rules: Rules) -> Vec<Command> {
        self.rules = rules;
        if rules.contain && rules.enabled {
            return Vec::new();
        }
        std::mem::take(&mut self.contained).into_keys().map(|address| Command::Release { address }).collect()
    }

    /// Takes over a containment that an earlier daemon left in force.
    pub fn adopt(&mut self, address: IpAddr, until_ns: u64) {
        self.contained.insert(address, until_ns);
        self.reported.insert(address, until_ns);
    }

    /// Ends a containment by the administrator's word; whether there was one.
    pub fn release(&mut self, address: IpAddr) -> bool {
        self.reported.remove(&address);
        self.contained.remove(&address).is_some()
    }

    /// Until when the host is contained, nanoseconds of `CLOCK_MONOTONIC`.
    #[must_use]
    pub fn contained_until(&self, address: IpAddr) -> Option<u64> {
        self.contained.get(&address).copied()
    }

    /// The contained hosts.
    pub fn contained(&self) -> impl Iterator<Item = IpAddr> {
        self.contained.keys().copied()
    }

    /// Judges all hosts.
    #[must_use]
    pub fn handle(&mut self, samples: &[Sample<'_>], now_ns: u64) -> Vec<Command> {
        let mut commands: Vec<Command> = self.expire(now_ns);
        // What a released host did is forgiven: its record, of which the sample is a copy, goes.
        let released: Vec<IpAddr> = commands.iter().filter_map(Command::released).collect();
        for sample in samples.iter().filter(|sample| !released.contains(&sample.address)) {
            self.judge(sample, now_ns, &mut commands);
        }
        commands
    }

    fn expire(&mut self, now_ns: u64) -> Vec<Command> {
        let over: Vec<IpAddr> = self
            .contained
            .iter()
            .filter(|(_, until)| **until <= now_ns)
            .map(|(address, _)| *address)
            .collect();
        for address in &over {
            self.contained.remove(address);
            self.reported.remove(address);
        }
        over.into_iter().map(|address| Command::Release { address }).collect()
    }

    fn judge(&mut self, sample: &Sample<'_>, now_ns: u64, commands: &mut Vec<Command>) {
        let Sample { address, kind, record } = *sample;
        if !kind.may_be_contained() && self.release(address) {
            commands.push(Command::Release { address });
            return;
        }
        let window_ns = self.rules.thresholds.window_ns;
        let figures = Figures::of(record, now_ns, window_ns);
        let idle_ns = now_ns.saturating_sub(record.last_seen_ns);
        if idle_ns > IDLE_NS.max(window_ns.saturating_mul(IDLE_WINDOWS))
            && !self.contained.contains_key(&address)
        {
            self.reported.remove(&address);
            commands.push(Command::Forget { address });
            return;
        }
        if !self.rules.enabled || figures.score(&self.rules.thresholds) <= 100 {
            // Quiet for a whole window: the next time is news again.
            if idle_ns > window_ns || figures.score(&self.rules.thresholds) <= 50 {
                self.reported.remove(&address);
            }
            return;
        }
        if self.reported.insert(address, now_ns).is_none() {
            commands.push(Command::Report { address, kind, figures });
        }
        if self.rules.contain && kind.may_be_contained() {
            self.contain(address, now_ns, commands);
        }
    }

    /// Contains a host, or prolongs its containment when half of it is over and it still tries.
    fn contain(&mut self, address: IpAddr, now_ns: u64, commands: &mut Vec<Command>) {
        let until_ns = now_ns.saturating_add(self.rules.contain_for_ns);
        let known = self.contained.get(&address).copied().unwrap_or(0);
        if known.saturating_sub(now_ns) < self.rules.contain_for_ns / 2 || known == 0 {
            self.contained.insert(address, until_ns);
            commands.push(Command::Contain { address, until_ns });
        }
    }

    /// A host as the administrator sees it.
    #[must_use]
    pub fn view(&self, sample: &Sample<'_>, now_ns: u64) -> HostView {
        let figures = Figures::of(sample.record, now_ns, self.rules.thresholds.window_ns);
        let score = figures.score(&self.rules.thresholds);
        let contained_until_ns = self.contained_until(sample.address).unwrap_or(0);
        let state = match score {
            _ if contained_until_ns > now_ns => HostState::Contained,
            0..=50 => HostState::Quiet,
            51..=100 => HostState::Busy,
            _ => HostState::Zombie,
        };
        HostView { address: sample.address, kind: sample.kind, state, score, figures, contained_until_ns }
    }
}

#[cfg(test)]
mod tests {
    use relay_guard_common::host::HostRecord;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const RULES: Rules = Rules {
        thresholds: Thresholds { window_ns: 60 * SECOND, attempts: 60, destinations: 30 },
        enabled: true,
        contain: true,
        contain_for_ns: 3600 * SECOND,
    };
    const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 66));

    fn record(attempts: u64, now_ns: u64) -> HostRecord {
        let mut record = HostRecord::new(now_ns);
        record.current.attempts = attempts;
        record
    }

    fn run(engine: &mut Engine, kind: HostKind, record: &HostRecord, now_ns: u64) -> Vec<Command> {
        engine.handle(&[Sample { address: HOST, kind, record }], now_ns)
    }

    #[test]
    fn a_zombie_is_reported_once_and_contained() {
        let mut engine = Engine::new(RULES);
        let now = 1000 * SECOND;
        assert_eq!(run(&mut engine, HostKind::Host, &record(60, now), now), []);
        let commands = run(&mut engine, HostKind::Host, &record(61, now), now + 1);
        assert!(matches!(commands[0], Command::Report { address: HOST, .. }), "{commands:?}");
        assert_eq!(commands[1], Command::Contain { address: HOST, until_ns: now + 1 + RULES.contain_for_ns });
        assert_eq!(run(&mut engine, HostKind::Host, &record(99, now), now + 2), []);
    }

    #[test]
    fn who_may_send_is_reported_but_never_contained() {
        for kind in [HostKind::MailServer, HostKind::Excepted, HostKind::OwnServer, HostKind::Gateway] {
            let mut engine = Engine::new(RULES);
            let commands = run(&mut engine, kind, &record(500, SECOND), SECOND);
            assert!(matches!(commands[..], [Command::Report { .. }]), "{kind:?} {commands:?}");
        }
    }

    #[test]
    fn who_becomes_excepted_is_released() {
        let mut engine = Engine::new(RULES);
        let zombie = record(500, SECOND);
        let _ = run(&mut engine, HostKind::Host, &zombie, SECOND);
        let commands = run(&mut engine, HostKind::Allowed, &zombie, SECOND);
        assert_eq!(commands, [Command::Release { address: HOST }]);
        assert_eq!(engine.contained_until(HOST), None);
    }

    #[test]
    fn observing_contains_nobody() {
        let mut engine = Engine::new(Rules { contain: false, ..RULES });
        assert_eq!(run(&mut engine, HostKind::Host, &record(500, SECOND), SECOND).len(), 1);
        assert_eq!(engine.contained_until(HOST), None);
    }

    #[test]
    fn containment_ends_and_is_prolonged_while_it_goes_on() {
        let mut engine = Engine::new(RULES);
        let now = 1000 * SECOND;
        let _ = run(&mut engine, HostKind::Host, &record(500, now), now);
        let later = now + RULES.contain_for_ns * 3 / 4;
        let prolonged = run(&mut engine, HostKind::Host, &record(500, later), later);
        assert_eq!(prolonged, [Command::Contain { address: HOST, until_ns: later + RULES.contain_for_ns }]);
        let after = later + RULES.contain_for_ns;
        let released = run(&mut engine, HostKind::Host, &record(0, later), after);
        assert_eq!(released[0], Command::Release { address: HOST });
    }

    #[test]
    fn the_figures_that_a_host_was_contained_for_do_not_contain_it_again() {
        let mut engine = Engine::new(Rules { contain_for_ns: SECOND, ..RULES });
        let now = 1000 * SECOND;
        let _ = run(&mut engine, HostKind::Host, &record(500, now), now);
        let over = now + SECOND;
        let commands = run(&mut engine, HostKind::Host, &record(500, now), over);
        assert_eq!(commands, [Command::Release { address: HOST }]);
        let again = run(&mut engine, HostKind::Host, &record(500, over), over + 1);
        assert!(matches!(again[..], [Command::Report { .. }, Command::Contain { .. }]), "{again:?}");
    }

    #[test]
    fn idle_hosts_are_forgotten_but_not_while_contained() {
        let mut engine = Engine::new(RULES);
        let now = 1000 * SECOND;
        let idle = now + IDLE_NS + SECOND;
        assert_eq!(
            run(&mut engine, HostKind::Host, &record(5, now), idle),
            [Command::Forget { address: HOST }]
        );
        engine.adopt(HOST, idle + SECOND);
        assert_eq!(run(&mut engine, HostKind::Host, &record(5, now), idle), []);
    }

    #[test]
    fn switching_containment_off_releases() {
        let mut engine = Engine::new(RULES);
        engine.adopt(HOST, u64::MAX);
        let commands = engine.set_rules(Rules { contain: false, ..RULES });
        assert_eq!(commands, [Command::Release { address: HOST }]);
    }
}
