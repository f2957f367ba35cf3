//! `relay-guard dnsbl test`: whether the configured zones can be believed at this moment.

use std::time::Duration;

use anyhow::ensure;
use futures_util::future::join_all;
use rustix::rand::{GetRandomFlags, getrandom};
use serde::Serialize;

use super::super::{Arguments, Outcome, output, progress::Progress};
use super::asking::{self, Asking};
use crate::config::Dnsbl;
use crate::dnsbl::health::{Findings, Probe};
use crate::dnsbl::listed::label;
use crate::dnsbl::meaning::Meaning;
use crate::dnsbl::plan::{Plan, Zone, bits};
use crate::dnsbl::question::{Question, RecordKind};
use crate::dnsbl::resolver::Resolver;

#[derive(Serialize)]
struct Report {
    zones: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    /// The names of the entries about the zone.
    name: String,
    /// None: it is secret.
    zone: Option<String>,
    ok: bool,
    /// What is wrong.
    why: Option<String>,
    /// What else is worth to be known.
    note: Option<&'static str>,
    /// The slowest answer.
    took_ms: f64,
}

pub(super) fn run(arguments: &Arguments, only: Option<&str>) -> anyhow::Result<Outcome> {
    let Asking { config, resolver, runtime } = asking::prepare(arguments)?;
    let dnsbl = &config.dnsbl;
    let plan = Plan::new(dnsbl, std::slice::from_ref(&config.ports.guarded));
    let wanted = wanted(dnsbl, &plan, only)?;
    let progress = Progress::waiting("testing zones");
    let rows = wanted.iter().map(|zone| test(&resolver, &plan, *zone));
    let tested = runtime.block_on(join_all(rows));
    drop(progress);
    let zones = wanted.iter().zip(tested).map(|(zone, tested)| row(dnsbl, &plan, *zone, &tested)).collect();
    let report = Report { zones };
    if arguments.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(if report.zones.iter().all(|zone| zone.ok) { Outcome::Fine } else { Outcome::No })
}

/// The zones to test: all, or that of one entry.
fn wanted(dnsbl: &Dnsbl, plan: &Plan, only: Option<&str>) -> anyhow::Result<Vec<usize>> {
    let Some(only) = only else { return Ok((0..plan.zones.len()).collect()) };
    let meant = |(entry, config): (usize, &crate::config::ZoneConfig)| {
        let lower = only.trim_end_matches('.').to_ascii_lowercase();
        let named = config.name == only || !config.secret && config.zone.expose() == lower;
        named.then(|| plan.entries.get(entry).map(|entry| entry.zone)).flatten()
    };
    let zone = dnsbl.zones.iter().enumerate().find_map(meant);
    let names = || dnsbl.zones.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>().join(", ");
    ensure!(zone.is_some(), "no zone {only:?} is configured; there are {}", names());
    Ok(zone.into_iter().collect())
}

/// What the test of a zone found, and how long its slowest answer took.
async fn test(resolver: &Resolver, plan: &Plan, zone: usize) -> (Findings, Duration) {
    let zone = &plan.zones[zone];
    let probes = Probe::of_zone(zone.test_points, families(plan, zone));
    let label = label(random());
    let replies = join_all(probes.iter().map(|probe| {
        let name = match probe.address() {
            Some(address) => zone.name.question(address),
            None => format!("{label}.{}.", zone.name.expose()),
        };
        resolver.ask(Question { id: 0, name, kind: RecordKind::A })
    }))
    .await;
    let mut findings = Findings::default();
    for (probe, reply) in probes.iter().zip(&replies) {
        findings.add(
            *probe,
            match zone.meaning(&reply.result) {
                Meaning::Listed { .. } => Ok(true),
                Meaning::NotListed { .. } => Ok(false),
                Meaning::Fault(fault) => Err(fault),
            },
        );
    }
    (findings, replies.iter().map(|reply| reply.took).max().unwrap_or_default())
}

/// A zone that weighs nothing at guarded ports is asked about nobody, and can be tested all the same.
fn families(plan: &Plan, zone: &Zone) -> [bool; 2] {
    let of_entries = bits(zone.entries).map(|entry| plan.entries[entry].families);
    let asked = of_entries.fold(zone.families, |all, entry| [all[0] | entry[0], all[1] | entry[1]]);
    if asked == [false; 2] { [true, false] } else { asked }
}

/// Early at boot there may be none; then the name is always the same, and still nobody's.
fn random() -> u64 {
    let mut random = [0; 8];
    let _ = getrandom(&mut random, GetRandomFlags::NONBLOCK);
    u64::from_ne_bytes(random)
}

fn row(dnsbl: &Dnsbl, plan: &Plan, zone: usize, (findings, took): &(Findings, Duration)) -> Row {
    let entries = plan.zones[zone].entries;
    let secret = bits(entries).any(|entry| dnsbl.zones[entry].secret);
    let why = findings.why().map(|why| why.to_string());
    Row {
        name: plan.shown(zone),
        zone: (!secret).then(|| plan.zones[zone].name.expose().to_owned()),
        ok: why.is_none(),
        why,
        note: findings.note(),
        took_ms: took.as_secs_f64() * 1e3,
    }
}

fn print(report: &Report) {
    let mut table = output::Table::new(&["ZONE", "STATE", ">MS"]).yielding(0, output::Cut::End);
    for zone in &report.zones {
        let state = if zone.ok { ("good", output::Tone::Good) } else { ("bad", output::Tone::Bad) };
        table.row(vec![
            output::cell(&zone.name),
            (state.0.to_owned(), Some(state.1)),
            output::cell(format!("{:.0}", zone.took_ms)),
        ]);
    }
    table.print();
    for zone in &report.zones {
        let said = zone.why.as_deref().into_iter().chain(zone.note);
        said.for_each(|said| output::line(format!("  {}: {said}", zone.name)));
    }
}

#[cfg(test)]
mod tests;
