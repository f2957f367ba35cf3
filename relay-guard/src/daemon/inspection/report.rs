//! Inspection in the words of the control socket.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use relay_guard_common::{counter::Loss, host::HostRecord};
use tokio::{sync::watch, time::timeout};

use super::events::MAX_EVENTS;
use crate::{
    config::{self, Envelopes, StepAction},
    control::{api, server::Answer},
    daemon::{
        clock::{Moment, monotonic_ns},
        state::State,
    },
    datapath::HostTable,
    inspect::{
        HostKind,
        hosts::{Brief, Change, HostDetail, HostView, Reading, WindowFigures},
        ladder::HostState,
        observation::Protocol,
        service::{AsOf, Handle, Report},
        shown_reply,
    },
};

/// Hosts told in one answer; the ones with the highest scores.
const MAX_HOSTS: usize = 1000;

/// How long the thread that judges may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

const SILENT: &str =
    "inspection does not say how it is going; contained hosts stay so as long as they were to";

/// All that is told beside what the thread knows.
struct Told {
    handle: Arc<Handle>,
    hosts: Arc<HostTable>,
    carried_out: watch::Receiver<u64>,
    inspection: config::Inspection,
    judging: api::Judging,
    key: [u8; 16],
    moment: Moment,
}

impl State {
    fn told_of_inspection(&self) -> Option<Told> {
        let service = self.inspection.service.as_ref()?;
        Some(Told {
            handle: Arc::clone(&service.handle),
            hosts: Arc::clone(&service.hosts),
            carried_out: service.carried_out.subscribe(),
            inspection: self.config.inspection.clone(),
            judging: self.judging(),
            key: self.inspection.key,
            moment: Moment::now(),
        })
    }

    /// By what hosts are judged.
    fn judging(&self) -> api::Judging {
        let inspection = &self.config.inspection;
        let step = |step: &config::ContainmentStep| api::ContainmentStep {
            score: step.score,
            action: step.action.name().to_owned(),
            for_s: (step.action != StepAction::Report).then_some(step.lasts.as_secs()),
        };
        api::Judging {
            enabled: inspection.enabled,
            mode: self.config.mode.name().to_owned(),
            window_s: inspection.window.as_secs(),
            contain_mail_servers: inspection.contain_mail_servers,
            steps: inspection.steps.iter().map(step).collect(),
        }
    }

    /// Tells of inside hosts, the highest scores first, once the thread has said who they are.
    pub(in super::super) fn tell_hosts(&self, answer: Answer<api::Hosts>) {
        let told = self.told_of_inspection();
        tokio::spawn(async move {
            let hosts = match told {
                Some(told) => told.hosts().await,
                None => None,
            };
            drop(answer.send(hosts.ok_or_else(|| SILENT.to_owned())));
        });
    }

    /// Tells all that is known of a host.
    pub(in super::super) fn tell_host(&self, address: IpAddr, answer: Answer<Option<api::HostDetail>>) {
        let told = self.told_of_inspection();
        tokio::spawn(async move {
            let host = match told {
                Some(told) => told.host(address).await,
                None => None,
            };
            drop(answer.send(host.ok_or_else(|| SILENT.to_owned())));
        });
    }

    /// The last changes of states.
    pub(in super::super) fn host_events(&self) -> api::HostEvents {
        api::HostEvents { events: self.inspection.events.newest_first(), kept_at_most: MAX_EVENTS as u64 }
    }

    /// Releases a host, and tells what came of it.
    pub(in super::super) fn release_host(&mut self, address: IpAddr, answer: Answer<api::Released>) {
        let told = self.told_of_inspection();
        let released = self.set_free_by_hand(address);
        tokio::spawn(async move {
            let forgiven = match told {
                Some(told) => timeout(PATIENCE, told.handle.release(address)).await,
                None => Ok(Ok(false)),
            };
            drop(answer.send(match forgiven {
                Ok(Ok(forgiven)) => Ok(api::Released { released, forgiven }),
                Ok(Err(gone)) => Err(gone.to_string()),
                Err(_) => Err(SILENT.to_owned()),
            }));
        });
    }

    /// What tells, beside the loop, how inspection is going.
    pub(in super::super) fn inspection_teller(&self) -> Teller {
        Teller { told: self.told_of_inspection(), limits: self.config.limits.clone() }
    }
}

/// Tells how inspection is going.
pub(in super::super) struct Teller {
    told: Option<Told>,
    limits: config::Limits,
}

impl Teller {
    /// Completes a status.
    pub(in super::super) async fn complete(self, status: &mut api::Status) {
        let Some(told) = self.told else { return };
        match timeout(PATIENCE, told.handle.report()).await {
            Ok(Ok(report)) => {
                status.hosts = by_state(&report);
                status.inspection = Some(summary(&report, &told.inspection, &self.limits, &status.losses));
            }
            _ => status.warnings.push(SILENT.to_owned()),
        }
    }
}

impl Told {
    async fn hosts(mut self) -> Option<api::Hosts> {
        let known = timeout(PATIENCE, self.handle.hosts(MAX_HOSTS)).await.ok()?.ok()?;
        let (total, views) = self.in_force(known).await?;
        let hosts = views.iter().map(|view| self.host_row(view)).collect();
        Some(api::Hosts { judging: self.judging, total, hosts })
    }

    async fn host(mut self, address: IpAddr) -> Option<Option<api::HostDetail>> {
        let known = timeout(PATIENCE, self.handle.host(address)).await.ok()?.ok()?;
        let Some(detail) = self.in_force(known).await? else {
            return Some(None);
        };
        let HostDetail { view, followed, relapses, recent, history } = detail;
        let host = self.host_row(&view);
        let session = |brief: &Brief| session(brief, self.inspection.envelopes, &self.key, self.moment);
        let event = |change: &Change| event(address, view.kind, change, &self.inspection, self.moment);
        Some(Some(api::HostDetail {
            host,
            recent: recent.iter().rev().map(session).collect(),
            history: history.iter().rev().map(event).collect(),
            relapses,
            followed,
            judging: self.judging,
        }))
    }

    /// What the thread knows, once the kernel does as it says.
    async fn in_force<T>(&mut self, AsOf { known, batches }: AsOf<T>) -> Option<T> {
        let carried_out = self.carried_out.wait_for(|carried_out| *carried_out >= batches);
        timeout(PATIENCE, carried_out).await.ok()?.ok()?;
        Some(known)
    }

    fn host_row(&self, view: &HostView) -> api::Host {
        // As the kernel counts it at this moment.
        let record = self.hosts.record(view.address.into());
        host(view, record.as_ref(), &self.inspection, (self.moment, monotonic_ns()))
    }
}

/// A session in words; what is in its reply is shown as envelopes are.
fn session(brief: &Brief, envelopes: Envelopes, key: &[u8; 16], moment: Moment) -> api::RecentSession {
    let text = |text: &Option<Box<str>>| text.as_ref().map(ToString::to_string);
    api::RecentSession {
        began: moment.to_unix(brief.began_ns),
        last: moment.to_unix(brief.last_ns),
        over: brief.over,
        server: brief.server,
        port: brief.server_port,
        protocol: brief.protocol.name().to_owned(),
        helo: text(&brief.helo),
        starttls: brief.tls && brief.protocol == Protocol::Smtp,
        messages: brief.transactions,
        recipients: brief.recipients,
        refused: brief.refused,
        sender: text(&brief.sender),
        reply: brief.reply.as_deref().map(|reply| shown_reply(reply, envelopes, key)),
        incomplete: brief.over && !brief.complete,
    }
}

/// What is done to a host in this state.
fn action(state: HostState, inspection: &config::Inspection) -> Option<String> {
    let HostState::Contained(step) = state else { return None };
    inspection.steps.get(usize::from(step)).map(|step| step.action.name().to_owned())
}

fn signal(reading: &Reading) -> api::Signal {
    api::Signal {
        name: reading.signal.name().to_owned(),
        figure: reading.figure,
        fading: reading.fading,
        points: reading.points.round() as u32,
        text: reading.to_string(),
    }
}

fn host(
    view: &HostView,
    record: Option<&HostRecord>,
    inspection: &config::Inspection,
    (moment, now_ns): (Moment, u64),
) -> api::Host {
    let window_ns = u64::try_from(inspection.window.as_nanos()).unwrap_or(u64::MAX);
    let figures = record.map(|record| WindowFigures::of(record, (0, now_ns), window_ns)).unwrap_or_default();
    let last_ns = record.map_or(0, |record| record.last_seen_ns).max(view.last_ns);
    api::Host {
        address: view.address,
        kind: view.kind.name().to_owned(),
        state: view.state.name().to_owned(),
        score: view.score,
        action: action(view.state, inspection),
        contained_until: (view.contained_until_ns > 0).then(|| moment.to_unix(view.contained_until_ns)),
        attempts: figures.attempts,
        established: figures.established,
        failed: figures.attempts.saturating_sub(figures.established).saturating_sub(figures.stopped),
        refused: figures.refused,
        stopped: figures.stopped,
        distinct_destinations: figures.destinations,
        attempts_total: record.map_or(0, |record| record.attempts),
        sessions: view.sessions.into(),
        messages: view.transactions.into(),
        signals: view.signals.iter().map(signal).collect(),
        idle_s: (last_ns > 0).then(|| now_ns.saturating_sub(last_ns) / 1_000_000_000),
    }
}

/// A change of a host's state in words.
pub(super) fn event(
    address: IpAddr,
    kind: HostKind,
    change: &Change,
    inspection: &config::Inspection,
    moment: Moment,
) -> api::HostEvent {
    api::HostEvent {
        at: moment.to_unix(change.at_ns),
        address,
        kind: kind.name().to_owned(),
        from: change.from.name().to_owned(),
        to: change.to.name().to_owned(),
        action: action(change.to, inspection),
        score: change.score,
        signals: change.signals.iter().map(signal).collect(),
        by_hand: change.by_hand,
    }
}

fn by_state(report: &Report) -> BTreeMap<String, u64> {
    let (reported, contained) = report.standing;
    let quiet = report.hosts.saturating_sub(reported + contained);
    let states = [("quiet", quiet), ("reported", reported), ("contained", contained)];
    states.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count)).collect()
}

/// Losses of the kernel that are inspection's.
const KERNEL_LOSSES: [Loss; 3] = [Loss::HostTableFull, Loss::FlowTableFull, Loss::CaptureRingFull];

fn summary(
    report: &Report,
    inspection: &config::Inspection,
    limits: &config::Limits,
    losses: &BTreeMap<String, u64>,
) -> api::Inspection {
    let of_kernel = KERNEL_LOSSES.map(|loss| (loss.name(), losses.get(loss.name()).copied().unwrap_or(0)));
    let losses = of_kernel.into_iter().chain(report.losses.iter().copied());
    api::Inspection {
        outbound: inspection.enabled,
        inbound: inspection.enabled && inspection.inbound,
        sessions: report.sessions,
        segments: report.segments,
        sessions_total: report.outbound.sessions,
        transactions_total: report.outbound.transactions,
        inbound_sessions_total: report.inbound.sessions,
        flows: report.flows,
        flows_limit: limits.flows.into(),
        ring_bytes: limits.capture_bytes.into(),
        hosts: report.hosts,
        hosts_limit: limits.tracked_hosts.into(),
        memory_bytes: report.memory,
        losses: losses
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name.to_owned(), count))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
