//! The result: figures, and what is wrong with them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::flow::{Attempt, Flow, Role, Tally};
use super::observer::{Contained, Observation};
use crate::smtp::Outcome;

/// The figures of one demonstration; its JSON form is the last line of `demo --json`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whether all is as it must be: no [`Report::problems`].
    pub ok: bool,
    /// What is wrong, for people.
    pub problems: Vec<String>,
    /// Attempts of listed senders that never became a connection.
    pub listed_connections_blocked: usize,
    /// Attempts of listed senders that did, as they or the server saw it.
    pub listed_connections_passed: usize,
    /// Attempts of listed senders that were answered with a reset: those whose list drops must learn nothing.
    pub listed_connections_reset: usize,
    /// Attempts of refused senders that were told why, in their list's words.
    pub refusals_received: usize,
    /// Attempts of refused senders that ended in any other way.
    pub refusals_missing: usize,
    /// Connections of refused senders that the server has seen.
    pub refused_connections_passed: usize,
    /// One refusal as it was received, such as `550 5.7.1 192.0.2.7 is on …`.
    pub refusal_as_received: Option<String>,
    /// One refused sender as the guard shows it: who, and from whom to whom it wrote.
    pub refused_sender_shown: Option<String>,
    /// Messages that clean senders delivered.
    pub clean_connections_ok: usize,
    /// Messages that they did not.
    pub clean_connections_failed: usize,
    /// Zombies that were contained.
    pub zombies_found: usize,
    /// Hosts that were contained and are none.
    pub hosts_wrongly_contained: usize,
    /// Interface to how the program is attached: `native`, `generic` or `tc`.
    pub attach_modes: BTreeMap<String, String>,
    /// Seconds from the zombie's first attempt until the guard said that it is contained.
    pub zombie_contained_after_s: Option<f64>,
    /// Messages that the zombie delivered in all.
    pub zombie_messages_delivered: usize,
    /// Its attempts that never became a connection.
    pub zombie_connections_blocked: usize,
    /// Connections that it opened after it was contained.
    pub zombie_connections_after_containment: usize,
    /// Messages of the declared mail server.
    pub declared_messages_ok: usize,
    /// Messages that it could not deliver.
    pub declared_messages_failed: usize,
    /// Messages of the excepted monitoring host.
    pub excepted_messages_ok: usize,
    /// Messages that it could not deliver.
    pub excepted_messages_failed: usize,
    /// Messages of the ordinary inside host.
    pub workstation_messages_ok: usize,
    /// Messages that it could not deliver.
    pub workstation_messages_failed: usize,
    /// Seconds of traffic.
    pub duration_s: f64,
}

/// What a report is made of.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) flows: &'a [Arc<Flow>],
    pub(super) observation: &'a Observation,
    /// Connections from listed addresses that the mail server has seen while the guard ran.
    pub(super) listed_at_server: usize,
    /// The same from refused addresses.
    pub(super) refused_at_server: usize,
    /// The interfaces that must be guarded.
    pub(super) interfaces: &'a [&'a str],
    /// The begin of all traffic.
    pub(super) begin: Instant,
    pub(super) duration: Duration,
    /// Problems found on the way.
    pub(super) problems: Vec<String>,
}

impl Evidence<'_> {
    fn sum(&self, role: Role, count: impl Fn(&Tally) -> usize) -> usize {
        self.flows.iter().filter(|flow| flow.role == role).map(|flow| count(&flow.tally)).sum()
    }

    fn delivered(&self, role: Role) -> usize {
        self.sum(role, Tally::delivered)
    }

    fn failed(&self, role: Role) -> usize {
        self.sum(role, |tally| tally.failures().0)
    }

    fn is_zombie(&self, address: IpAddr) -> bool {
        self.flows.iter().any(|flow| flow.role == Role::Zombie && flow.single_source() == Some(address))
    }

    /// Contained hosts that are zombies, or that are none.
    fn contained(&self, zombies: bool) -> impl Iterator<Item = (IpAddr, &Contained)> {
        let contained = self.observation.contained.iter().map(|(address, contained)| (*address, contained));
        contained.filter(move |(address, _)| self.is_zombie(*address) == zombies)
    }

    /// When the guard first said that a zombie is contained.
    fn zombie_contained(&self) -> Option<Instant> {
        self.contained(true).map(|(_, contained)| contained.since).min()
    }

    fn zombie_wakes(&self) -> Instant {
        let wakes = self.flows.iter().filter(|flow| flow.role == Role::Zombie).map(|flow| flow.wakes).min();
        self.begin + wakes.unwrap_or_default()
    }
}

impl Report {
    pub(super) fn new(evidence: &Evidence<'_>) -> Self {
        let since = evidence.zombie_contained();
        let late = |attempt: &Attempt| since.is_some_and(|since| attempt.started > since);
        let mut report = Self {
            ok: false,
            problems: Vec::new(),
            listed_connections_blocked: evidence.sum(Role::Listed, Tally::blocked),
            listed_connections_passed: evidence
                .sum(Role::Listed, Tally::passed)
                .max(evidence.listed_at_server),
            listed_connections_reset: evidence
                .sum(Role::Listed, |tally| tally.count(|attempt| attempt.outcome == Outcome::ConnectRefused)),
            refusals_received: evidence.sum(Role::Refused, Tally::told_why),
            refusals_missing: evidence.sum(Role::Refused, |tally| tally.unlike(Attempt::is_told_why).0),
            refused_connections_passed: evidence.refused_at_server,
            refusal_as_received: evidence.flows.iter().find_map(|flow| flow.tally.refusal()),
            refused_sender_shown: evidence.observation.refused_sender.clone(),
            clean_connections_ok: evidence.delivered(Role::Clean),
            clean_connections_failed: evidence.failed(Role::Clean),
            zombies_found: evidence.contained(true).count(),
            hosts_wrongly_contained: evidence.contained(false).count(),
            attach_modes: evidence.observation.attach_modes.clone(),
            zombie_contained_after_s: since
                .map(|since| seconds(since.saturating_duration_since(evidence.zombie_wakes()))),
            zombie_messages_delivered: evidence.delivered(Role::Zombie),
            zombie_connections_blocked: evidence.sum(Role::Zombie, Tally::blocked),
            zombie_connections_after_containment: evidence.sum(Role::Zombie, |tally| {
                tally.count(|attempt| late(attempt) && attempt.outcome.has_connected())
            }),
            declared_messages_ok: evidence.delivered(Role::Declared),
            declared_messages_failed: evidence.failed(Role::Declared),
            excepted_messages_ok: evidence.delivered(Role::Excepted),
            excepted_messages_failed: evidence.failed(Role::Excepted),
            workstation_messages_ok: evidence.delivered(Role::Workstation),
            workstation_messages_failed: evidence.failed(Role::Workstation),
            duration_s: seconds(evidence.duration),
        };
        report.problems = report.judge(evidence);
        report.ok = report.problems.is_empty();
        report
    }

    /// Everything that is not as it must be.
    fn judge(&self, evidence: &Evidence<'_>) -> Vec<String> {
        let mut problems = evidence.problems.clone();
        let mut must = |holds: bool, problem: String| {
            if !holds {
                problems.push(problem);
            }
        };
        let passed = self.listed_connections_passed;
        must(passed == 0, format!("{passed} connections of listed senders got through"));
        let reset = self.listed_connections_reset;
        must(reset == 0, format!("{reset} connections of listed senders were answered with a reset"));
        let passed = self.refused_connections_passed;
        must(passed == 0, format!("{passed} connections of refused senders got through"));
        must(self.zombies_found > 0, "the zombie was not found".to_owned());
        must(
            self.zombies_found == 0 || self.zombie_connections_blocked > 0,
            "the zombie was never blocked".to_owned(),
        );
        let after = self.zombie_connections_after_containment;
        must(after == 0, format!("the zombie opened {after} connections after it was contained"));
        for (address, _) in evidence.contained(false) {
            must(false, format!("{address} was contained and is no zombie"));
        }
        for interface in evidence.interfaces {
            let mode = self.attach_modes.get(*interface).map_or("nothing", String::as_str);
            must(matches!(mode, "native" | "generic" | "tc"), format!("{interface}: attached is {mode}"));
        }
        if let Some(failure) = &evidence.observation.failure {
            must(false, format!("the guard did not answer: {failure}"));
        }
        problems.extend(evidence.flows.iter().filter_map(|flow| judge_flow(flow)));
        problems
    }
}

/// What is wrong with what became of a flow's attempts.
fn judge_flow(flow: &Flow) -> Option<String> {
    let who = format!("{} ({})", flow.senders(), flow.role.name());
    let tally = &flow.tally;
    match flow.role {
        Role::Listed if tally.blocked() == 0 => Some(format!("{who}: never blocked")),
        Role::Refused => match tally.unlike(Attempt::is_told_why) {
            (missing, Some(first)) => Some(format!("{who}: {missing} were not told why: {first}")),
            _ if tally.told_why() == 0 => Some(format!("{who}: never refused")),
            _ => None,
        },
        Role::Zombie if tally.delivered() == 0 => Some(format!("{who}: never delivered, so there was none")),
        Role::Listed | Role::Zombie => None,
        Role::Clean | Role::Declared | Role::Excepted | Role::Workstation => match tally.failures() {
            (0, _) if tally.delivered() == 0 => Some(format!("{who}: delivered nothing")),
            (failed, Some(first)) => Some(format!("{who}: {failed} deliveries failed: {first}")),
            (_, None) => None,
        },
    }
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests;
