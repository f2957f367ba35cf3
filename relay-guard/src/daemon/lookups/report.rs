//! Lookups in the words of the control socket.

use std::{net::IpAddr, sync::Arc, time::Duration};

use relay_guard_common::{reason::Reason, verdict::Verdict};
use tokio::time::timeout;

use crate::{
    config::{Dnsbl, ZoneConfig},
    control::{api, server::Answer},
    daemon::{
        clock::{Moment, monotonic_ns},
        state::State,
    },
    dnsbl::{
        engine::ZoneView,
        health::Standing,
        plan::bits,
        service::{Handle, Report},
    },
    policy::PortChoice,
};

/// How long the thread that asks may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// All that is told beside what the thread that asks knows.
struct Told {
    dnsbl: Dnsbl,
    moment: Moment,
    never_asked: u64,
    own: Option<api::Own>,
}

impl State {
    /// Tells how lookups are going, once the thread that asks has said so; the loop does not wait for it.
    pub(in super::super) fn tell_dnsbl(&self, answer: Answer<api::Dnsbl>) {
        let told = self.told();
        let Some(handle) = self.lookups.handle() else { return drop(answer.send(Ok(api::Dnsbl::default()))) };
        tokio::spawn(async move {
            let report = report(&handle).await;
            drop(answer.send(report.map(|report| told.with(&report)).ok_or_else(|| SILENT.to_owned())));
        });
    }

    /// Has what zones said of a source, or of all, forgotten.
    pub(in super::super) fn forget_dnsbl(&mut self, address: Option<IpAddr>, answer: Answer<api::Forgotten>) {
        let Some(handle) = self.lookups.handle() else {
            return drop(answer.send(Err("no DNSBL zone is configured".to_owned())));
        };
        // A verdict that is on its way is followed by the word that it is forgotten.
        let removed = match address {
            Some(address) => self.verdicts.unscore(address, &mut self.datapath),
            None => self.verdicts.clear_scores(&mut self.datapath),
        };
        if removed.is_err() {
            self.notice(removed);
        }
        tokio::spawn(async move {
            let forgotten = timeout(PATIENCE, handle.forget(address)).await;
            let told = |count| api::Forgotten { forgotten: count as u64 };
            drop(answer.send(match forgotten {
                Ok(Ok(count)) => Ok(told(count)),
                Ok(Err(gone)) => Err(gone.to_string()),
                Err(_) => Err(SILENT.to_owned()),
            }));
        });
    }

    /// What tells, beside the loop, how lookups are going.
    pub(in super::super) fn lookups_teller(&self) -> Teller {
        Teller(self.lookups.handle().map(|handle| (handle, self.told())))
    }

    fn told(&self) -> Told {
        Told {
            dnsbl: self.config.dnsbl.clone(),
            moment: Moment::now(),
            never_asked: self.lookups.never_asked,
            own: self.lookups.own.told(&self.config.dnsbl),
        }
    }

    /// The entries that list a source, by name; none if DNSBLs do not come to a threshold.
    pub(in super::super) fn zones_of(&self, source: IpAddr) -> Vec<String> {
        let is_listed = |verdict: &&Verdict| has(verdict, Reason::DnsblListed);
        let listed =
            self.verdicts.scored(source.to_canonical()).filter(is_listed).map(|verdict| verdict.listed);
        names(&self.config.dnsbl, listed.unwrap_or(0))
    }

    /// What DNSBLs said of an address, by what the kernel has; none if nobody is looked up.
    pub(in super::super) fn dnsbl_word(&self, address: IpAddr, port: u16) -> Option<api::DnsblWord> {
        let dnsbl = &self.config.dnsbl;
        let until = |verdict: &Verdict| Moment::now().to_unix(verdict.until);
        let said = self.verdicts.scored(address).map(|verdict| (verdict, until(verdict)));
        dnsbl.is_used().then(|| word(dnsbl, said, port, monotonic_ns()))
    }
}

/// Tells how lookups are going.
pub(in super::super) struct Teller(Option<(Arc<Handle>, Told)>);

impl Teller {
    /// Completes a status.
    pub(in super::super) async fn complete(self, status: &mut api::Status) {
        let Some((handle, told)) = self.0 else { return };
        match report(&handle).await {
            Some(report) => {
                let dnsbl = told.with(&report);
                status.warnings.extend(warnings(&dnsbl));
                status.dnsbl = Some(summary(&dnsbl, held(status)));
            }
            None => status.warnings.push(SILENT.to_owned()),
        }
    }
}

const SILENT: &str = "DNSBL lookups do not say how they are going; sources are judged by what is known";

async fn report(handle: &Handle) -> Option<Report> {
    timeout(PATIENCE, handle.report()).await.ok()?.ok()
}

impl super::Lookups {
    fn handle(&self) -> Option<Arc<Handle>> {
        self.service.as_ref().map(|service| Arc::clone(&service.handle))
    }
}

impl Told {
    fn with(&self, Report { view, asks_lost, .. }: &Report) -> api::Dnsbl {
        let zones = self.dnsbl.zones.iter().enumerate().filter_map(|(index, config)| {
            let of = view.zones.iter().find(|zone| zone.entries.contains(&index))?;
            let matched = view.matched.get(index).copied().unwrap_or(0);
            Some(zone(config, of, matched, self.moment))
        });
        let threshold = |threshold: &crate::config::Threshold| api::DnsblThreshold {
            score: threshold.score,
            action: threshold.action.name().to_owned(),
        };
        let asks = &view.asks;
        api::Dnsbl {
            hold: self.dnsbl.lookups.hold,
            asks: api::Asks {
                asked: asks.asked - asks.never_asked,
                answered: asks.answered,
                cached: asks.cached,
                overflow: asks.overflow + asks_lost,
                never_asked: asks.never_asked + self.never_asked,
                nobody_to_ask: asks.nobody_to_ask,
                in_flight: asks.in_flight,
                waiting: asks.waiting,
            },
            cache: view.cache,
            latency_ms: view.latency_ms,
            zones: zones.collect(),
            thresholds: self.dnsbl.thresholds.iter().map(threshold).collect(),
            own: self.own.clone(),
        }
    }
}

fn zone(config: &ZoneConfig, view: &ZoneView, matched: u64, moment: Moment) -> api::DnsblZone {
    let (state, why, note, times) = match &view.standing {
        Standing::Testing => ("testing", None, None, None),
        Standing::Good { since_ns, next_test_ns, note } => {
            ("good", None, note.map(str::to_owned), Some((since_ns, next_test_ns)))
        }
        Standing::Suspended { since_ns, next_test_ns, why } => {
            ("suspended", Some(why.clone()), None, Some((since_ns, next_test_ns)))
        }
    };
    let ports = match &config.ports {
        PortChoice::All => None,
        PortChoice::Only(ports) => Some(ports.clone()),
    };
    api::DnsblZone {
        name: config.name.clone(),
        zone: config.shown_zone().map(str::to_owned),
        state: state.to_owned(),
        why,
        note,
        since: times.map(|(since, _)| moment.to_unix(*since)),
        next_test: times.map(|(_, next)| moment.to_unix(*next)),
        weight: config.weight,
        queries: view.queries,
        listed: view.listed,
        matched,
        not_listed: view.not_listed,
        faults: view.faults,
        latency_ms: view.latency_ms,
        answers: config.answers.to_string(),
        ports,
        families: config.families().iter().map(|family| (*family).to_owned()).collect(),
    }
}

/// What the administrator should look at.
fn warnings(dnsbl: &api::Dnsbl) -> Vec<String> {
    let suspended = dnsbl.zones.iter().filter(|zone| zone.state == "suspended").map(|zone| {
        let why = zone.why.as_deref().unwrap_or("its test failed");
        format!("DNSBL {} is suspended: {why}", zone.name)
    });
    let own = dnsbl.own.iter().flat_map(|own| &own.listed);
    let own = own.map(|listing| format!("our own address {} is listed on {}", listing.address, listing.zone));
    suspended.chain(own).collect()
}

fn summary(dnsbl: &api::Dnsbl, held: u64) -> api::DnsblSummary {
    let of_state = |state: &str| {
        let zones = dnsbl.zones.iter().filter(|zone| zone.state == state);
        zones.map(|zone| zone.name.clone()).collect()
    };
    api::DnsblSummary {
        zones: dnsbl.zones.len() as u64,
        suspended: of_state("suspended"),
        testing: of_state("testing"),
        hold: dnsbl.hold,
        entries: dnsbl.cache.entries,
        listed: dnsbl.cache.listed,
        clean: dnsbl.cache.clean,
        unknown: dnsbl.cache.unknown,
        asks: dnsbl.asks,
        held,
        latency_ms: dnsbl.latency_ms,
        own_listed: dnsbl.own.iter().flat_map(|own| own.listed.clone()).collect(),
    }
}

fn held(status: &api::Status) -> u64 {
    let held = status.counters.iter().filter(|row| row.reason == Reason::Held.name());
    held.map(|row| row.packets).sum()
}

/// Whether any of its rules has this reason.
fn has(verdict: &Verdict, reason: Reason) -> bool {
    verdict.rules.iter().any(|rule| rule.reason == reason as u8)
}

/// The names of entries.
fn names(dnsbl: &Dnsbl, mask: u32) -> Vec<String> {
    bits(mask).filter_map(|bit| Some(dnsbl.zones.get(bit)?.name.clone())).collect()
}

/// What was said of an address (and until when, seconds since the epoch), at a port and a time of `CLOCK_MONOTONIC`.
fn word(dnsbl: &Dnsbl, said: Option<(&Verdict, u64)>, port: u16, now_ns: u64) -> api::DnsblWord {
    let Some((verdict, until)) = said else {
        return api::DnsblWord { state: "none".to_owned(), ..api::DnsblWord::default() };
    };
    let entries = |mask| bits(mask).filter_map(|bit| dnsbl.zones.get(bit));
    let vouching = entries(verdict.unknown).filter(|zone| zone.weight < 0);
    let weighing = entries(verdict.listed).chain(vouching).filter(|zone| zone.ports.holds(port));
    let state = if has(verdict, Reason::DnsblListed) {
        "listed"
    } else if has(verdict, Reason::DnsblUnknown) {
        "unknown"
    } else {
        "clean"
    };
    api::DnsblWord {
        state: state.to_owned(),
        score: weighing.map(|zone| zone.weight).sum(),
        threshold: dnsbl.thresholds.first().map(|threshold| threshold.score),
        zones: names(dnsbl, verdict.listed),
        unknown: names(dnsbl, verdict.unknown),
        until: Some(until),
        expired: verdict.until <= now_ns,
    }
}

#[cfg(test)]
mod tests;
