//! The demonstration from its first to its last step.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::display::{Display, Events};
use super::flow::{Flow, Place, Role};
use super::interrupt::Interrupt;
use super::observer::{Observation, Observer};
use super::report::{Evidence, Report};
use super::snapshot::{Row, Snapshot, attached};
use super::traffic::Traffic;
use super::{End, Options, scenario, summary};
use crate::guard::{Guard, READY_LIMIT};
use crate::lab::{Lab, addresses as addr};
use crate::smtp::{ServerOptions, SmtpServer};
use crate::wait;

/// How much of the guard's log is shown when something is wrong.
const LOG_LINES: usize = 20;
/// The gateway's interfaces, all of which must be guarded.
const INTERFACES: [&str; 3] = [addr::OUTSIDE, addr::INSIDE, addr::SERVERS];

pub(super) fn run(options: Options, interrupt: &Interrupt) -> Result<End> {
    eprintln!("building the lab: internet, gateway, inside network, mail server");
    let lab = Lab::new()?;
    let stage = Stage::set(&lab)?;
    eprintln!("without relay-guard: one message from each sender");
    stage.rehearse()?;
    eprintln!("with relay-guard in the gateway:");
    let mut guard = Guard::new(&lab, &scenario::config(&lab)?)?;
    guard.quiet();
    let end = start(&mut guard, interrupt).and_then(|()| stage.play(&mut guard, options, interrupt));
    if interrupt.is_raised() {
        return Ok(End::Interrupted);
    }
    if !matches!(&end, Ok(End::Finished { report, .. }) if report.ok) {
        eprintln!("the end of relay-guard's log:\n{}", end_of_log(&guard));
    }
    end
}

fn start(guard: &mut Guard<'_>, interrupt: &Interrupt) -> Result<()> {
    guard.run()?;
    let ready = wait::until("relay-guard to be ready", READY_LIMIT, || {
        if interrupt.is_raised() {
            bail!("interrupted");
        }
        guard.ready()
    });
    ready.context("relay-guard does not start")?;
    Ok(())
}

fn end_of_log(guard: &Guard<'_>) -> String {
    let log = guard.log_text();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// Everything but the guard.
struct Stage<'lab> {
    lab: &'lab Lab,
    own: SmtpServer,
    _remote: SmtpServer,
    flows: Vec<Arc<Flow>>,
}

impl<'lab> Stage<'lab> {
    fn set(lab: &'lab Lab) -> Result<Self> {
        let remote = ServerOptions::named("mx.remote.example");
        Ok(Self {
            lab,
            own: SmtpServer::start(
                &lab.mail,
                &addr::MAIL_SERVER.sockets(addr::SMTP),
                ServerOptions::default(),
            )?,
            _remote: SmtpServer::start_everywhere(&lab.internet, addr::SMTP, remote)?,
            flows: scenario::flows().into_iter().map(Arc::new).collect(),
        })
    }

    /// Without the guard every sender must get through: then what is kept out later is kept out by the guard.
    fn rehearse(&self) -> Result<()> {
        for flow in &self.flows {
            let namespace = match flow.place {
                Place::Internet => &self.lab.internet,
                Place::Inside => &self.lab.inside,
                Place::Mail => &self.lab.mail,
            };
            let outcome = flow.delivery(0).attempt_in(namespace);
            ensure!(outcome.is_delivered(), "without relay-guard, {} cannot send: {outcome}", flow.senders());
        }
        Ok(())
    }

    fn play(&self, guard: &mut Guard<'_>, options: Options, interrupt: &Interrupt) -> Result<End> {
        let rehearsed = [Role::Listed, Role::Refused].map(|role| self.at_server(role));
        let observer = Observer::default();
        let played = thread::scope(|scope| {
            // However this ends, the observer must end too, or the scope never would.
            let _stop = StopOnDrop(&observer);
            let guard = &*guard;
            scope.spawn(|| observer.watch(guard));
            self.send_mail(&observer, options, interrupt)
        })?;
        let Some((begin, duration)) = played else { return Ok(End::Interrupted) };
        let observation = observer.observation();
        let report = Report::new(&Evidence {
            flows: &self.flows,
            observation: &observation,
            listed_at_server: self.at_server(Role::Listed) - rehearsed[0],
            refused_at_server: self.at_server(Role::Refused) - rehearsed[1],
            interfaces: &INTERFACES,
            begin,
            duration,
            problems: stop(guard).into_iter().collect(),
        });
        let summary = summary::text(&report, &self.rows(&observation), &attached(&observation));
        Ok(End::Finished { report: Box::new(report), summary })
    }

    /// Runs all flows and shows them; returns when they began and how long they ran. `None`: interrupted.
    fn send_mail(
        &self,
        observer: &Observer,
        options: Options,
        interrupt: &Interrupt,
    ) -> Result<Option<(Instant, Duration)>> {
        let total = Duration::from_secs(options.seconds);
        let traffic = Traffic::start(self.lab, &self.flows)?;
        let begin = traffic.begin;
        let mut display = Display::open(options);
        let mut events = Events::default();
        while !traffic.has_ended() {
            display.show(&self.snapshot(&observer.observation(), &mut events, begin, total), interrupt);
            if interrupt.is_raised() {
                return Ok(None);
            }
            if begin.elapsed() >= total {
                traffic.stop_sending();
            }
        }
        let duration = begin.elapsed();
        traffic.join()?;
        Ok(Some((begin, duration)))
    }

    fn snapshot(
        &self,
        observation: &Observation,
        events: &mut Events,
        begin: Instant,
        total: Duration,
    ) -> Snapshot {
        let elapsed = begin.elapsed();
        let attached = attached(observation);
        let refusal = self.flows.iter().find_map(|flow| flow.tally.refusal());
        events.update(elapsed, &attached, refusal, observation);
        Snapshot { elapsed, total, rows: self.rows(observation), attached, events: events.all.clone() }
    }

    fn rows(&self, observation: &Observation) -> Vec<Row> {
        self.flows.iter().map(|flow| Row::new(flow, observation)).collect()
    }

    /// Connections that the own server has seen from senders with this role.
    fn at_server(&self, role: Role) -> usize {
        let flows: Vec<_> = self.flows.iter().filter(|flow| flow.role == role).collect();
        self.own.ledger().connections_from(|peer| flows.iter().any(|flow| flow.sources.contains(&peer)))
    }
}

/// Stops the daemon in good order; a problem if there is none.
fn stop(guard: &mut Guard<'_>) -> Option<String> {
    match guard.terminate() {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("relay-guard stopped with {status}")),
        Err(error) => Some(format!("relay-guard did not stop: {error:#}")),
    }
}

struct StopOnDrop<'a>(&'a Observer);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
