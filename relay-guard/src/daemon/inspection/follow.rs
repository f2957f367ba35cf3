//! What hosts are judged by, told to the thread that judges; what it wants done, carried out.

use std::{net::IpAddr, sync::Arc, vec};

use tokio::{sync::watch, task::spawn_blocking};

use super::{Inspection, SAVE_INTERVAL_S, Service};
use crate::{
    control::api,
    daemon::{clock::Moment, run::RunError, state::State, verdicts::Containment},
    inspect::{
        HostKind, Kinds,
        hosts::{Change, Command, Rules},
        ladder::HostState,
        service::{self, Beginning, Contained, LiveKernel, Output},
    },
    policy::VerdictKind,
};

impl Inspection {
    /// Tells the thread by what it is to judge, if it was not told so.
    fn tell_rules(&mut self, rules: Rules) {
        let Some(service) = &self.service else { return };
        if self.rules.as_ref() == Some(&rules) {
            return;
        }
        // Where it is busy, it is told at the next tick.
        if let Ok(number) = service.handle.set_rules(rules.clone()) {
            (self.rules, self.number) = (Some(rules), number);
        }
    }

    fn tell_kinds(&mut self, kinds: impl FnOnce() -> Kinds) {
        if let Some(service) = self.service.as_ref().filter(|_| self.kinds_changed) {
            self.kinds_changed = service.handle.set_kinds(Arc::new(kinds())).is_err();
        }
    }
}

impl State {
    /// Begins to look into sessions and to judge hosts.
    pub(in super::super) fn begin_inspection(&mut self) -> Result<(), RunError> {
        let captures = self.datapath.take_captures()?;
        let (flows, hosts) = (self.datapath.take_flow_table()?, self.datapath.host_table()?);
        let tables = (hosts.try_clone()?, flows.try_clone()?);
        let shown = Arc::new(hosts.try_clone()?);
        let rules = self.inspection_rules();
        let contained = self.verdicts.contained();
        let contained = contained.map(|(address, Containment { until_ns, step })| Contained {
            address,
            step: step as u8,
            until_ns,
        });
        let beginning = Beginning {
            rules: rules.clone(),
            kinds: Arc::new(self.kinds()),
            sessions: self.config.limits.flows as usize,
            saved: std::mem::take(&mut self.inspection.earlier),
            contained: contained.collect(),
        };
        let kernel = || LiveKernel::new(captures, flows, hosts);
        let (handle, batches) = service::start(kernel, tables, beginning)
            .map_err(|error| RunError::System { what: "look into sessions", error })?;
        let rest = (0, vec::IntoIter::default());
        self.inspection.service = Some(Service {
            handle: Arc::new(handle),
            hosts: shown,
            batches,
            carried_out: watch::Sender::new(0),
            rest,
        });
        (self.inspection.rules, self.inspection.number) = (Some(rules), 0);
        self.inspection.kinds_changed = false;
        Ok(())
    }

    fn inspection_rules(&self) -> Rules {
        Rules::of(&self.config, self.inspection.key, self.public_addresses())
    }

    fn kinds(&self) -> Kinds {
        let allows = self.verdicts.store().iter().filter(|entry| entry.kind == VerdictKind::Allow);
        let own = self.addresses.iter().map(|(net, _)| net.addr());
        Kinds::new(&self.config.hosts, own, allows.map(|entry| entry.net))
    }

    /// Has hosts judged by what holds now, where that has changed. What the thread has no room for is told at the next tick.
    pub(in super::super) fn follow_inspection(&mut self) {
        let rules = self.inspection_rules();
        self.inspection.tell_rules(rules);
        if self.inspection.kinds_changed {
            let kinds = self.kinds();
            self.inspection.tell_kinds(|| kinds);
        }
    }

    /// Takes what the thread that judges hosts says by rules.
    pub(in super::super) fn take_inspected(&mut self, (rules, outputs): (u64, Vec<Output>)) {
        let is_current = rules == self.inspection.number;
        let mut changed = false;
        for output in outputs {
            self.inspection.is_unsaved = true;
            changed |= match output {
                Output::Command(Command::Changed { address, kind, change }) => {
                    self.note_change(address, kind, &change);
                    false
                }
                // It is all said again.
                _ if !is_current => false,
                Output::Contained(contained) => self.contain_only(&contained),
                Output::Command(Command::Contain { address, step, until_ns }) => {
                    self.contain(address, Containment { until_ns, step: step.into() })
                }
                Output::Command(Command::Release { address }) => self.set_free(address),
                // Done where the kernel's tables are.
                Output::Command(Command::EndSessions { .. } | Command::Forget { .. }) => false,
            };
        }
        if changed {
            self.sync_verdicts();
        }
        if let Some(service) = &self.inspection.service {
            service.is_carried_out();
        }
    }

    fn contain_only(&mut self, contained: &[Contained]) -> bool {
        let contained: Vec<_> = contained
            .iter()
            .map(|&Contained { address, step, until_ns }| {
                (address, Containment { until_ns, step: step.into() })
            })
            .collect();
        self.verdicts.contain_only(&contained)
    }

    fn contain(&mut self, address: IpAddr, containment: Containment) -> bool {
        let before = self.verdicts.containment(address);
        let until = self.verdicts.to_unix(containment.until_ns);
        let action = self.step_name(containment.step).unwrap_or_default();
        if before.is_some_and(|before| before.step == containment.step) {
            tracing::info!(host = %address, action, until, "contained for longer");
        } else {
            tracing::warn!(host = %address, action, until, "contained");
        }
        self.verdicts.contain(address, Some(containment))
    }

    /// Ends a containment. Whether there was one.
    fn set_free(&mut self, address: IpAddr) -> bool {
        let was_contained = self.verdicts.contain(address, None);
        if was_contained {
            tracing::info!(host = %address, "released");
        }
        was_contained
    }

    /// Ends a containment by the administrator's word. Whether there was one. What the thread says of it in the meantime is followed
    /// by the word that it is released, once it is told.
    pub(super) fn set_free_by_hand(&mut self, address: IpAddr) -> bool {
        let released = self.set_free(address);
        if released {
            self.sync_verdicts();
        }
        released
    }

    /// Ends a containment by the administrator's word, and has what the host did forgotten. Whether there was one.
    pub(in super::super) fn release_by_hand(&mut self, address: IpAddr) -> bool {
        let released = self.set_free_by_hand(address);
        if let Some(service) = self.inspection.service.as_ref().filter(|_| released) {
            let handle = Arc::clone(&service.handle);
            // That the thread is gone, the loop learns.
            tokio::spawn(async move { handle.release(address).await.is_ok() });
        }
        released
    }

    /// Tells the administrator that a host's state has changed.
    fn note_change(&mut self, address: IpAddr, kind: HostKind, change: &Change) {
        let event = self.event(address, kind, change);
        let why: Vec<String> =
            event.signals.iter().map(|signal| format!("{}: +{}", signal.text, signal.points)).collect();
        let (why, score) = (why.join(", "), change.score);
        let mail_server = self.config.inspection.contain_mail_servers && kind == HostKind::MailServer;
        let spared = !kind.may_be_contained() && !mail_server;
        let host = kind.shown(address);
        match (change.from, change.to) {
            (_, HostState::Reported(_) | HostState::Contained(_)) if spared => {
                tracing::warn!(
                    host,
                    kind = kind.name(),
                    score,
                    "sends like a zombie, and is never contained: {why}"
                );
            }
            (_, HostState::Reported(_) | HostState::Contained(_)) => {
                tracing::warn!(host, score, "zombie: {why}");
            }
            // That it is released is told by that.
            (HostState::Contained(_), HostState::Quiet) => {}
            (_, HostState::Quiet) => tracing::info!(host, score, "quiet again"),
        }
        self.inspection.events.note(event);
    }

    fn event(&self, address: IpAddr, kind: HostKind, change: &Change) -> api::HostEvent {
        super::report::event(address, kind, change, &self.config.inspection, Moment::now())
    }

    /// Saves what is known beside the loop, if it is time and something is new.
    pub(in super::super) fn save_inspection(&mut self, now_s: u64) {
        let inspection = &mut self.inspection;
        let is_due = inspection.is_unsaved && now_s.saturating_sub(inspection.saved_at) >= SAVE_INTERVAL_S;
        let is_idle = inspection.saving.as_ref().is_none_or(tokio::task::JoinHandle::is_finished);
        if !is_due || !is_idle {
            return;
        }
        if let Some(save) = self.saving_inspection() {
            (self.inspection.is_unsaved, self.inspection.saved_at) = (false, now_s);
            self.inspection.saving = Some(tokio::spawn(save));
        }
    }

    /// Saves what is known, before the daemon ends.
    pub(in super::super) async fn save_inspection_at_end(&mut self) {
        if let Some(saving) = self.inspection.saving.take() {
            // It writes the same file.
            let _ = saving.await;
        }
        if let Some(save) = self.saving_inspection() {
            save.await;
        }
    }

    fn saving_inspection(&self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let handle = Arc::clone(&self.inspection.service.as_ref()?.handle);
        let (file, events) = (self.inspection.file.clone(), self.inspection.events.newest_first());
        Some(async move {
            let Ok(saved) = handle.saved().await else { return };
            let written = spawn_blocking(move || {
                file.write(saved, events).map_err(|error| format!("{}: {error}", file.path().display()))
            });
            if let Ok(Err(error)) = written.await {
                tracing::warn!("{error}");
            }
        })
    }
}
