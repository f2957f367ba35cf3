//! The result: figures, and what is wrong with them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::flow::{Flow, Role};
use super::observer::Observation;

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

/// What a report is made of, besides the flows.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) observation: &'a Observation,
    /// Connections from listed addresses that the mail server has seen while the guard ran.
    pub(super) listed_at_server: usize,
    /// The interfaces that must be guarded.
    pub(super) interfaces: &'a [&'a str],
    /// The begin of all traffic.
    pub(super) begin: Instant,
    pub(super) duration: Duration,
    /// Problems found on the way.
    pub(super) problems: Vec<String>,
}

impl Report {
    pub(super) fn new(flows: &[impl AsRef<Flow>], evidence: Evidence<'_>) -> Self {
        let sum = |role: Role, count: &dyn Fn(&Flow) -> usize| -> usize {
            flows.iter().map(AsRef::as_ref).filter(|flow| flow.role == role).map(count).sum()
        };
        let delivered = |role| sum(role, &|flow| flow.tally.delivered());
        let failed = |role| sum(role, &|flow| flow.tally.failures().0);
        let blocked = |role| sum(role, &|flow| flow.tally.blocked());
        let contained = &evidence.observation.contained;
        let is_zombie = |address: &IpAddr| {
            flows.iter().map(AsRef::as_ref).any(|flow| flow.role == Role::Zombie && flow.single_source() == Some(*address))
        };
        let since = contained.iter().filter(|(address, _)| is_zombie(address)).map(|(_, found)| found.since).min();
        let wakes = flows.iter().map(AsRef::as_ref).find(|flow| flow.role == Role::Zombie).map(|flow| flow.wakes);
        let after = |since: Instant| {
            sum(Role::Zombie, &|flow| {
                flow.tally.count(|attempt| attempt.started > since && attempt.outcome.has_connected())
            })
        };
        let mut report = Self {
            ok: false,
            problems: Vec::new(),
            listed_connections_blocked: blocked(Role::Listed),
            listed_connections_passed: sum(Role::Listed, &|flow| flow.tally.passed()).max(evidence.listed_at_server),
            clean_connections_ok: delivered(Role::Clean),
            clean_connections_failed: failed(Role::Clean),
            zombies_found: contained.keys().filter(|address| is_zombie(address)).count(),
            hosts_wrongly_contained: contained.keys().filter(|address| !is_zombie(address)).count(),
            attach_modes: evidence.observation.attach_modes.clone(),
            zombie_contained_after_s: since
                .map(|since| seconds(since.saturating_duration_since(evidence.begin + wakes.unwrap_or_default()))),
            zombie_messages_delivered: delivered(Role::Zombie),
            zombie_connections_blocked: blocked(Role::Zombie),
            zombie_connections_after_containment: since.map_or(0, after),
            declared_messages_ok: delivered(Role::Declared),
            declared_messages_failed: failed(Role::Declared),
            excepted_messages_ok: delivered(Role::Excepted),
            excepted_messages_failed: failed(Role::Excepted),
            workstation_messages_ok: delivered(Role::Workstation),
            workstation_messages_failed: failed(Role::Workstation),
            duration_s: seconds(evidence.duration),
        };
        report.judge(flows, &evidence);
        report
    }

    /// Finds everything that is not as it must be.
    fn judge(&mut self, flows: &[impl AsRef<Flow>], evidence: &Evidence<'_>) {
        let mut problems = evidence.problems.clone();
        let mut must = |holds: bool, problem: String| {
            if !holds {
                problems.push(problem);
            }
        };
        must(self.listed_connections_blocked > 0, "no listed connection was blocked".to_owned());
        let passed = self.listed_connections_passed;
        must(passed == 0, format!("{passed} connections of listed senders got through"));
        must(self.zombies_found > 0, "the zombie was not found".to_owned());
        must(self.zombies_found == 0 || self.zombie_connections_blocked > 0, "the zombie was never blocked".to_owned());
        let after = self.zombie_connections_after_containment;
        must(after == 0, format!("the zombie opened {after} connections after it was contained"));
        for address in evidence.observation.contained.keys() {
            let zombie = flows.iter().any(|flow| {
                flow.as_ref().role == Role::Zombie && flow.as_ref().single_source() == Some(*address)
            });
            must(zombie, format!("{address} was contained and is no zombie"));
        }
        for flow in flows.iter().map(AsRef::as_ref) {
            if matches!(flow.role, Role::Listed | Role::Zombie) {
                must(flow.tally.started() > 0, format!("{}: never tried", flow.senders()));
                continue;
            }
            must(flow.tally.delivered() > 0, format!("{}: delivered nothing", flow.senders()));
            let (failed, first) = flow.tally.failures();
            let how = first.map(|outcome| outcome.to_string()).unwrap_or_default();
            must(failed == 0, format!("{} ({}): {failed} deliveries failed: {how}", flow.senders(), flow.role.name()));
        }
        for interface in evidence.interfaces {
            let mode = self.attach_modes.get(*interface).map_or("nothing", String::as_str);
            must(matches!(mode, "native" | "generic" | "tc"), format!("{interface}: attached is {mode}"));
        }
        if let Some(failure) = &evidence.observation.failure {
            must(false, format!("the guard did not answer: {failure}"));
        }
        self.ok = problems.is_empty();
        self.problems = problems;
    }
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100.0).round() / 100.0
}
