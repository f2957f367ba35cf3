//! Judging a host: figures, points, the ladder, and what follows.

use std::{cmp::Reverse, net::IpAddr};

use super::{
    super::{Change, Command, Reading, detail::Detail, seen::tick},
    Engine, Host,
};
use crate::inspect::{
    HostKind,
    ladder::{HostState, Move},
    score::{Figures, Points},
    signals::Signal,
};

/// A host is judged at most this often while it sends, and this often while it has points, nanoseconds.
const JUDGED_EVERY_NS: u64 = 1_000_000_000;
const FOLLOWED_EVERY_NS: u64 = 10_000_000_000;
/// A host with less than this has no points.
const NO_SCORE: f32 = 0.5;
/// Signals that a change of state is told with.
pub(in super::super) const TOLD: usize = 8;

impl Engine {
    pub(super) fn judge_soon(&mut self, slot: u32, now_ns: u64) {
        let Some(detail) = self.details.get(slot) else { return };
        let at_ns = match detail.looked_at_ns {
            0 => now_ns,
            looked_at_ns => now_ns.max(looked_at_ns.saturating_add(JUDGED_EVERY_NS)),
        };
        self.schedule(slot, at_ns);
    }

    /// The detail is due then, or earlier.
    pub(in super::super) fn schedule(&mut self, slot: u32, at_ns: u64) {
        if let Some(detail) = self.details.get_mut(slot)
            && at_ns < detail.due_ns
        {
            detail.due_ns = at_ns;
            self.due.push(Reverse((at_ns, slot)));
        }
    }

    /// Judges a host: figures, points, and where it goes on the ladder.
    pub(super) fn judge(&mut self, slot: u32, now_ns: u64) {
        let rules = &self.rules;
        let Some(detail) = self.details.get(slot) else { return };
        let Some(host) = self.hosts.get(detail.host) else { return };
        let (address, kind) = (host.address, host.kind);
        let figures = self.figures_of(host, detail, now_ns);
        let Some(detail) = self.details.get_mut(slot) else { return };
        let counts =
            |signal: Signal| rules.enabled && (!kind.is_mail_server() || signal.is_of_mail_servers());
        detail.points.update(&figures, &rules.weights, rules.half_life_ns, now_ns, counts);
        (detail.due_ns, detail.looked_at_ns) = (u64::MAX, now_ns);
        let score = detail.points.score(rules.half_life_ns, now_ns);
        let first = rules.steps.first().map_or(f32::MAX, |step| step.score as f32);
        if detail.stands || score >= first {
            self.climb(slot, address, kind, (&figures, score), now_ns);
        }
        let Some(detail) = self.details.get(slot) else { return };
        if detail.stands || detail.points.score(self.rules.half_life_ns, now_ns) >= NO_SCORE {
            let until_ns = self.contained_until(address).unwrap_or(u64::MAX);
            self.schedule(slot, now_ns.saturating_add(FOLLOWED_EVERY_NS).min(until_ns.max(now_ns + 1)));
        }
    }

    /// A host's figures by now.
    pub(in super::super) fn figures_of(&self, host: &Host, detail: &Detail, now_ns: u64) -> Figures {
        let mut figures = detail.figures(&self.shared, &self.rules, now_ns);
        if host.kind == HostKind::Network {
            let rotating = self.networks.rotating(host.address, tick(now_ns));
            figures.set(Signal::RotatingSources, rotating);
        }
        figures
    }

    fn climb(
        &mut self,
        slot: u32,
        address: IpAddr,
        kind: HostKind,
        (figures, score): (&Figures, f32),
        now_ns: u64,
    ) {
        let may_contain = self.may_contain(kind);
        let Some(stand) = self.standings.of(address) else {
            self.counters.unladdered += 1;
            return;
        };
        let mut moves = Vec::new();
        stand.standing.go(&self.rules.steps, score, may_contain, now_ns, |made| moves.push(made));
        let stands = stand.standing.state != HostState::Quiet;
        if let Some(detail) = self.details.get_mut(slot) {
            detail.stands = stands;
        }
        let told = if moves.is_empty() { Vec::new() } else { self.told(slot, figures, now_ns) };
        for made in moves {
            self.carry_out(address, kind, made, (score, &told, false), now_ns);
        }
    }

    const fn may_contain(&self, kind: HostKind) -> bool {
        self.rules.contain
            && (kind.may_be_contained()
                || (self.rules.contain_mail_servers && matches!(kind, HostKind::MailServer)))
    }

    fn told(&self, slot: u32, figures: &Figures, now_ns: u64) -> Vec<Reading> {
        let mut readings = self.readings(slot, figures, now_ns);
        readings.retain(|reading| reading.points >= NO_SCORE);
        readings.truncate(TOLD);
        readings.shrink_to_fit();
        readings
    }

    /// All signals of a host, most points first.
    pub(in super::super) fn readings(&self, slot: u32, figures: &Figures, now_ns: u64) -> Vec<Reading> {
        let Some(detail) = self.details.get(slot) else { return Vec::new() };
        let reading = |signal| Reading::new(signal, figures.of(signal), &detail.points, &self.rules, now_ns);
        let mut readings: Vec<Reading> = Signal::ALL.into_iter().map(reading).collect();
        readings.sort_by(|a, b| b.points.total_cmp(&a.points));
        readings
    }

    pub(in super::super) fn carry_out(
        &mut self,
        address: IpAddr,
        kind: HostKind,
        made: Move,
        (score, signals, by_hand): (f32, &[Reading], bool),
        now_ns: u64,
    ) {
        match made {
            Move::Changed { from, to } => {
                let score = score.round() as u32;
                let change = Change { at_ns: now_ns, from, to, score, signals: signals.to_vec(), by_hand };
                if let Some(stand) = self.standings.known(address) {
                    stand.note(change.clone());
                }
                self.commands.push(Command::Changed { address, kind, change });
            }
            Move::Contain { step, until_ns, ends_sessions, again } => {
                self.commands.push(Command::Contain { address, step, until_ns });
                self.forget_deeds(address, now_ns, if again { Detail::spend_all } else { Detail::spend });
                if ends_sessions {
                    self.commands.push(Command::EndSessions { address });
                }
            }
            Move::Release => {
                self.commands.push(Command::Release { address });
                if let Some(detail) = self.detail_mut(address) {
                    detail.points = Points::none(now_ns);
                }
            }
        }
    }

    /// Forgets what was counted of a host, here and by the kernel, as `how` says.
    pub(in super::super) fn forget_deeds(
        &mut self,
        address: IpAddr,
        now_ns: u64,
        how: impl Fn(&mut Detail, u64),
    ) {
        let Some(host) = self.slot_of(address).and_then(|slot| self.hosts.get_mut(slot)) else { return };
        host.spent_ns = now_ns;
        if let Some(detail) = host.detail.and_then(|slot| self.details.get_mut(slot)) {
            how(detail, now_ns);
        }
    }
}
