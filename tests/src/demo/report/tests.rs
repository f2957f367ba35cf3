use serde_json::json;

use super::*;
use crate::demo::scenario;
use crate::smtp::Stage;

const INTERFACES: [&str; 2] = ["out0", "in0"];

/// A demonstration that went well, for tests to spoil.
struct Run {
    flows: Vec<Arc<Flow>>,
    observation: Observation,
    listed_at_server: usize,
    refused_at_server: usize,
    begin: Instant,
}

impl Run {
    fn good() -> Self {
        let begin = Instant::now();
        let flows: Vec<Arc<Flow>> = scenario::flows().into_iter().map(Arc::new).collect();
        let observation = Observation::default();
        let mut run = Self { flows, observation, listed_at_server: 0, refused_at_server: 0, begin };
        for role in [Role::Clean, Role::Declared, Role::Excepted, Role::Workstation] {
            run.attempt(role, 1, &Outcome::Delivered);
        }
        run.attempt(Role::Listed, 1, &Outcome::ConnectTimeout);
        run.refuse(1);
        run.attempt(Role::Zombie, 4, &Outcome::Delivered);
        run.contain(Role::Zombie, 6);
        run.attempt(Role::Zombie, 7, &Outcome::ConnectTimeout);
        for interface in INTERFACES {
            run.observation.attach_modes.insert(interface.to_owned(), "native".to_owned());
        }
        run
    }

    fn at(&self, second: u64) -> Instant {
        self.begin + Duration::from_secs(second)
    }

    fn attempt(&self, role: Role, second: u64, outcome: &Outcome) {
        for flow in self.flows.iter().filter(|flow| flow.role == role) {
            flow.tally.start();
            let source = flow.delivery(0).source;
            flow.tally.end(Attempt { source, started: self.at(second), outcome: outcome.clone() });
        }
    }

    /// Each refused sender is told why.
    fn refuse(&self, second: u64) {
        for flow in self.flows.iter().filter(|flow| flow.role == Role::Refused) {
            let source = flow.delivery(0).source;
            flow.tally.start();
            flow.tally.end(Attempt { source, started: self.at(second), outcome: scenario::refusal(source) });
        }
    }

    fn contain(&mut self, role: Role, second: u64) {
        let flow = self.flows.iter().find(|flow| flow.role == role).expect("every role has a flow");
        let address = flow.single_source().expect("an inside host");
        let contained = Contained { since: self.at(second), entry: json!({}) };
        self.observation.contained.insert(address, contained);
    }

    fn report(&self) -> Report {
        Report::new(&Evidence {
            flows: &self.flows,
            observation: &self.observation,
            listed_at_server: self.listed_at_server,
            refused_at_server: self.refused_at_server,
            interfaces: &INTERFACES,
            begin: self.begin,
            duration: Duration::from_secs(24),
            problems: Vec::new(),
        })
    }

    /// The only problem there is.
    fn problem(&self) -> String {
        let report = self.report();
        assert!(!report.ok && report.problems.len() == 1, "{:?}", report.problems);
        report.problems[0].clone()
    }
}

#[test]
fn a_good_run_is_good_and_counted_right() {
    let report = Run::good().report();
    assert_eq!((report.ok, &report.problems[..]), (true, &[][..]));
    assert_eq!((report.listed_connections_blocked, report.listed_connections_passed), (2, 0));
    assert_eq!(
        (report.refusals_received, report.refusals_missing, report.refused_connections_passed),
        (2, 0, 0)
    );
    assert_eq!(
        report.refusal_as_received.as_deref(),
        Some(
            "550 5.7.1 198.19.66.1 is on demo-refuse; see https://lists.example/198.19.66.1 or write to \
             help@guarded.example"
        )
    );
    assert_eq!((report.clean_connections_ok, report.clean_connections_failed), (2, 0));
    assert_eq!((report.zombies_found, report.hosts_wrongly_contained), (1, 0));
    assert_eq!((report.zombie_messages_delivered, report.zombie_connections_blocked), (1, 1));
    assert_eq!(report.zombie_contained_after_s, Some(2.0));
    assert_eq!(report.attach_modes.len(), 2);
}

#[test]
fn a_listed_sender_that_connects_is_a_problem_even_if_it_delivers_nothing() {
    let run = Run::good();
    let broken = Outcome::Broken { stage: Stage::Greeting, cause: "reset".to_owned() };
    run.attempt(Role::Listed, 2, &broken);
    assert_eq!(run.problem(), "2 connections of listed senders got through");

    let mut run = Run::good();
    run.listed_at_server = 1;
    assert_eq!(run.problem(), "1 connections of listed senders got through");
}

#[test]
fn a_listed_sender_must_learn_nothing() {
    let run = Run::good();
    run.attempt(Role::Listed, 2, &Outcome::ConnectRefused);
    assert_eq!(run.problem(), "2 connections of listed senders were answered with a reset");
}

#[test]
fn every_refused_sender_must_be_told_why_in_the_words_meant_for_it() {
    let source = |text: &str| text.parse().expect("an address");
    for outcome in [
        Outcome::Delivered,
        Outcome::ConnectTimeout,
        Outcome::ReplyTimeout(Stage::Greeting),
        Outcome::Rejected { stage: Stage::Rcpt, code: 550, text: "5.7.1 no".to_owned() },
        scenario::refusal(source("198.19.66.77")),
    ] {
        let run = Run::good();
        run.attempt(Role::Refused, 2, &outcome);
        let report = run.report();
        assert_eq!(
            (report.problems.len(), report.refusals_missing),
            (2, 2),
            "{outcome}: {:?}",
            report.problems
        );
        let expected = format!("198.19.66.0/24 (refused sender): 1 were not told why: {outcome}");
        assert_eq!(report.problems[0], expected);
    }
    let mut run = Run::good();
    run.refused_at_server = 1;
    assert_eq!(run.problem(), "1 connections of refused senders got through");
}

#[test]
fn every_other_sender_must_deliver_everything() {
    for role in [Role::Excepted, Role::Workstation] {
        let run = Run::good();
        run.attempt(role, 2, &Outcome::ConnectTimeout);
        assert!(run.problem().contains("1 deliveries failed: no answer to the SYN"), "{}", run.problem());
    }
    for role in [Role::Clean, Role::Declared] {
        let run = Run::good();
        run.attempt(role, 2, &Outcome::ConnectRefused);
        assert_eq!(run.report().problems.len(), 2, "one for each family: {:?}", run.report().problems);
    }
}

#[test]
fn the_zombie_must_be_contained_and_stay_so_and_nobody_else() {
    let mut run = Run::good();
    run.observation.contained.clear();
    assert_eq!(run.problem(), "the zombie was not found");

    let run = Run::good();
    run.attempt(Role::Zombie, 8, &Outcome::Delivered);
    assert_eq!(run.problem(), "the zombie opened 1 connections after it was contained");

    let mut run = Run::good();
    run.contain(Role::Excepted, 6);
    assert_eq!(run.problem(), "10.0.1.99 was contained and is no zombie");
    assert_eq!(run.report().hosts_wrongly_contained, 1);
}

#[test]
fn every_interface_must_be_guarded_and_every_question_answered() {
    let mut run = Run::good();
    run.observation.attach_modes.remove("in0");
    assert_eq!(run.problem(), "in0: attached is nothing");

    let mut run = Run::good();
    run.observation.attach_modes.insert("in0".to_owned(), "missing".to_owned());
    assert_eq!(run.problem(), "in0: attached is missing");

    let mut run = Run::good();
    run.observation.failure = Some("exit status: 2".to_owned());
    assert_eq!(run.problem(), "the guard did not answer: exit status: 2");
}

#[test]
fn senders_that_never_sent_prove_nothing() {
    let mut run = Run::good();
    run.flows = scenario::flows().into_iter().map(Arc::new).collect();
    let problems = run.report().problems;
    // Every flow, and a zombie that was contained without ever being blocked.
    assert_eq!(problems.len(), run.flows.len() + 1, "{problems:?}");
}
