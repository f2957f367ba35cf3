//! From the kernel's questions to zones, from what they say to the kernel; and what it is judged by.

use std::{net::IpAddr, sync::Arc, vec};

use relay_guard_common::{ask::Ask, verdict::Verdict};
use tokio::task::spawn_blocking;

use super::{
    ASK_LIFE_NS, Known, Lookups, NO_PLAN, SAVE_INTERVAL_S, Service, Told,
    never_asked::NeverAsked,
    saved::{fingerprint, restored},
};
use crate::{
    daemon::{
        clock::{Moment, monotonic_ns, unix_s},
        state::State,
    },
    datapath::DatapathError,
    dnsbl::{
        engine::Event,
        plan::Plan,
        score::{Reached, Scored},
        service::{self, Asked, Output},
    },
    policy::ThresholdRules,
};

impl Lookups {
    /// Forgets what is about something else than what is told now.
    fn forget_other(&mut self, told: &Told) {
        let before = self.told.take();
        if before.as_ref().is_none_or(|before| before.groups != told.groups) {
            // Its bits are for other groups.
            self.ask = 0;
        }
        if before.as_ref().is_none_or(|before| before.dnsbl != told.dnsbl) {
            self.own.look_soon();
        }
        if self.filed.as_ref() != Some(&fingerprint(&told.dnsbl)) {
            // The next daemon would take it for something else.
            if let Err(error) = self.file.remove() {
                tracing::error!("{}: {error}", self.file.path().display());
            }
            // It is written anew as soon as everything is said.
            (self.filed, self.saved_at) = (None, 0);
        }
    }

    /// Tells the thread, or begins it; the number of the plan.
    fn tell(&mut self, told: &Told) -> Result<u64, DatapathError> {
        let refused = |error: String| DatapathError::Map { what: "look sources up", error };
        let plan = Arc::new(Plan::new(&told.dnsbl, &told.groups));
        if let Some(service) = &self.service {
            return service.handle.set_plan(plan).map_err(|error| refused(error.to_string()));
        }
        let earlier = restored(std::mem::take(&mut self.earlier), unix_s());
        let (handle, batches) = service::start(plan, earlier).map_err(|error| refused(error.to_string()))?;
        self.service =
            Some(Service { handle: Arc::new(handle), batches, rest: (0, vec::IntoIter::default()) });
        Ok(0)
    }
}

impl State {
    /// Takes what an earlier daemon said in the kernel, and what was saved, if both are about this configuration.
    pub(in super::super) fn adopt_lookups(&mut self, found: &[(IpAddr, Verdict)]) {
        let fingerprint = fingerprint(&self.config.dnsbl);
        let Some(saved) = self.lookups.file.read(&fingerprint, unix_s()) else {
            // What the kernel has may be about another one.
            return;
        };
        let moment = Moment::now();
        let known = found.iter().map(|(address, verdict)| known(*address, verdict, moment));
        self.lookups.earlier = known.chain(saved).collect();
        self.lookups.filed = Some(fingerprint);
    }

    /// Has verdicts follow the configuration and what is published, where that has changed. What is refused is tried again at
    /// the next tick.
    pub(in super::super) fn follow_lookups(&mut self) {
        if !self.published.is_ruled() {
            // Whose rules these are is uncertain until they are written again. What is said meanwhile comes to nothing.
            (self.lookups.told, self.lookups.plan) = (None, NO_PLAN);
            return;
        }
        let (dnsbl, groups) = (&self.config.dnsbl, self.published.inbound_groups());
        let rules = self.published.thresholds();
        // Asked every second: nothing is copied where nothing has changed.
        let is_told = self.lookups.told.as_ref().is_some_and(|told| told.is(dnsbl, groups, rules));
        if is_told && !self.verdicts.are_withdrawn() {
            return;
        }
        let told = Told { dnsbl: dnsbl.clone(), groups: groups.to_vec(), rules: rules.clone() };
        let followed = self.tell_lookups(told);
        if followed.is_err() {
            self.notice(followed);
        }
    }

    fn tell_lookups(&mut self, told: Told) -> Result<(), DatapathError> {
        let lookups = &mut self.lookups;
        lookups.forget_other(&told);
        // What it says from here on is not about this, until it has taken it.
        lookups.plan = NO_PLAN;
        lookups.is_settled = false;
        lookups.is_unsaved = true;
        if told.dnsbl.is_used() {
            lookups.plan = lookups.tell(&told)?;
        } else {
            lookups.service = None;
            lookups.ask = 0;
        }
        let is_used = told.dnsbl.is_used();
        lookups.told = Some(told);
        self.verdicts.begin_scores();
        if is_used { Ok(()) } else { self.verdicts.end_scores(&mut self.datapath) }
    }

    /// Hands the kernel's questions on.
    pub(in super::super) fn take_asks(&mut self, asks: &[Ask]) {
        let Some(service) = &self.lookups.service else { return };
        let never = NeverAsked::new(&self.addresses, self.published.protected(), self.verdicts.store());
        let now_ns = monotonic_ns();
        let fresh = asks.iter().filter(|ask| now_ns.saturating_sub(ask.time_ns) < ASK_LIFE_NS);
        let sources = fresh.map(|ask| Asked { address: ask.source.into(), asked_ns: ask.time_ns });
        let (known, asked): (Vec<_>, Vec<_>) = sources.partition(|source| never.holds(source.address));
        self.lookups.never_asked += known.len() as u64;
        service.handle.ask(asked);
    }

    /// Takes what the thread that asks says about a plan.
    pub(in super::super) fn take_outputs(&mut self, (plan, outputs): (u64, Vec<Output>)) {
        let is_current = plan == self.lookups.plan;
        for output in outputs {
            if let Err(error) = self.take_output(output, is_current) {
                self.notice(Err(error));
            }
        }
    }

    fn take_output(&mut self, output: Output, is_current: bool) -> Result<(), DatapathError> {
        match output {
            Output::Event(event) => {
                log(&event);
                Ok(())
            }
            Output::Forget(address) => {
                self.lookups.is_unsaved = true;
                self.verdicts.unscore(address, &mut self.datapath)
            }
            // It numbers what was there before.
            Output::Verdict(_) | Output::AskBits(_) if !is_current => Ok(()),
            Output::Verdict(scored) => {
                self.lookups.is_unsaved = true;
                let verdict = verdict(self.published.thresholds(), &scored);
                self.verdicts.score(scored.address, verdict, &mut self.datapath)
            }
            Output::AskBits(bits) => {
                self.lookups.ask = bits;
                let settled = self.settle_scores();
                self.beat().and(settled)
            }
        }
    }

    /// The first bits that are said about a plan come after all verdicts: what was not said anew is over.
    fn settle_scores(&mut self) -> Result<(), DatapathError> {
        if self.lookups.is_settled {
            return Ok(());
        }
        self.lookups.is_settled = true;
        self.verdicts.end_scores(&mut self.datapath)
    }

    /// Saves what is known beside the loop, if it is time and something is new.
    pub(in super::super) fn save_lookups(&mut self, now_s: u64) {
        let lookups = &mut self.lookups;
        let is_due = lookups.is_unsaved && now_s.saturating_sub(lookups.saved_at) >= SAVE_INTERVAL_S;
        let is_idle = lookups.saving.as_ref().is_none_or(tokio::task::JoinHandle::is_finished);
        if !is_due || !is_idle || !lookups.is_settled {
            return;
        }
        lookups.is_unsaved = false;
        lookups.saved_at = now_s;
        lookups.filed = Some(fingerprint(&self.config.dnsbl));
        let save = self.saving();
        self.lookups.saving = Some(spawn_blocking(save));
    }

    /// Saves what is known, before the daemon ends.
    pub(in super::super) async fn save_lookups_at_end(&mut self) {
        if let Some(saving) = self.lookups.saving.take() {
            // It writes the same file.
            let _ = saving.await;
        }
        if self.lookups.is_settled && self.config.dnsbl.is_used() {
            self.saving()();
        }
    }

    fn saving(&self) -> impl FnOnce() + Send + 'static {
        let file = self.lookups.file.clone();
        let fingerprint = fingerprint(&self.config.dnsbl);
        let moment = Moment::now();
        let scores = self.verdicts.scores();
        let known: Vec<Known> = scores.map(|(address, verdict)| known(address, verdict, moment)).collect();
        move || {
            if let Err(error) = file.write(&fingerprint, &known, unix_s()) {
                tracing::warn!("{}: {error}", file.path().display());
            }
        }
    }
}

/// What the kernel has of a source.
fn known(address: IpAddr, verdict: &Verdict, moment: Moment) -> Known {
    let &Verdict { until, listed, unknown, .. } = verdict;
    Known { address, until: moment.to_unix(until), listed, unknown }
}

fn log(event: &Event) {
    if event.is_warning() {
        tracing::warn!("{event}");
    } else {
        tracing::info!("{event}");
    }
}

/// What the kernel is told of a source.
fn verdict(rules: &ThresholdRules, scored: &Scored) -> Verdict {
    let reached = scored.groups.map(|group| group.map(|Reached { threshold, entry }| (threshold, entry)));
    let rules = rules.rules(reached, scored.unknown == 0);
    Verdict { listed: scored.listed, unknown: scored.unknown, ..Verdict::of(rules, scored.until_ns) }
}

#[cfg(test)]
mod tests {
    use relay_guard_common::{action::Action, class::Rule, reason::Reason};

    use super::*;
    use crate::dnsbl::score::Kind;

    #[test]
    fn a_verdict_has_the_rules_of_its_thresholds() {
        let rules = ThresholdRules::new(vec![(Action::Observe, vec![0, 0]), (Action::Refuse, vec![7, 8])]);
        let reached = |threshold, entry| Some(Reached { threshold, entry });
        let scored = Scored {
            address: IpAddr::from([192, 0, 2, 1]),
            until_ns: 50,
            kind: Kind::Listed,
            groups: [reached(1, 1), None, reached(0, 0), None],
            score: [3, 0, 1, 0],
            listed: 0b11,
            unknown: 0b100,
            asked_ns: 1,
        };
        let listed = |action| Rule::new(action, Reason::DnsblListed);
        let unknown = Rule::new(Action::Pass, Reason::DnsblUnknown);
        let expected = [listed(Action::Refuse).with_param(8), unknown, listed(Action::Observe), unknown];
        let told = verdict(&rules, &scored);
        assert_eq!(told, Verdict { listed: 0b11, unknown: 0b100, ..Verdict::of(expected, 50) });
        let clean = verdict(&rules, &Scored { unknown: 0, groups: [None; 4], ..scored });
        assert_eq!(clean.rules, [Rule::new(Action::Pass, Reason::DnsblClean); 4]);
    }
}
