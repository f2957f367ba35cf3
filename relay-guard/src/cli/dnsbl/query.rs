//! `relay-guard dnsbl query`: what the configured zones say of an address at this moment, and what that comes to.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::future::join_all;
use relay_guard_common::action::Action;
use relay_guard_common::ask::may_be_listed;
use serde::Serialize;

use super::super::{Arguments, Outcome, output, progress::Progress};
use super::asking::{self, Asking};
use crate::config::Dnsbl;
use crate::dnsbl::listed::texts;
use crate::dnsbl::meaning::Meaning;
use crate::dnsbl::plan::{Plan, ZoneMask, bits};
use crate::dnsbl::question::{Question, RecordKind, Records, Reply};
use crate::dnsbl::resolver::Resolver;
use crate::dnsbl::score::{Findings, evaluate, matching};

#[derive(Serialize)]
struct Report {
    address: IpAddr,
    /// Whether the daemon would ask about it, as far as that is known here.
    askable: bool,
    zones: Vec<Row>,
    ports: Vec<AtPort>,
}

/// An entry of `[[dnsbl]]`.
#[derive(Serialize)]
struct Row {
    name: String,
    /// None: it is secret.
    zone: Option<String>,
    /// Whether it is asked about addresses of this family.
    asked: bool,
    answers: Vec<Ipv4Addr>,
    text: Vec<String>,
    /// Whether an answer is one that it looks for.
    listed: bool,
    weight: i32,
    /// Why nothing is known.
    fault: Option<String>,
    took_ms: f64,
}

#[derive(Serialize)]
struct AtPort {
    port: u16,
    score: i32,
    /// The highest threshold that is reached.
    threshold: Option<i32>,
    action: &'static str,
    /// In whose name it is done.
    by: Option<String>,
}

/// What a zone said.
#[derive(Debug)]
struct Said {
    reply: Reply,
    text: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, address: &str, port: Option<u16>) -> anyhow::Result<Outcome> {
    let Asking { config, resolver, runtime } = asking::prepare(arguments)?;
    let address = asking::address(address)?;
    let guarded = &config.ports.guarded;
    if let Some(port) = port.filter(|port| !guarded.contains(port)) {
        anyhow::bail!("port {port} is not guarded (ports.guarded): no zone is asked there");
    }
    let ports = port.map_or_else(|| guarded.clone(), |port| vec![port]);
    let plan = Plan::new(&config.dnsbl, std::slice::from_ref(&ports));
    let progress = Progress::waiting("asking zones");
    let said = runtime.block_on(ask(&resolver, &plan, address));
    drop(progress);
    let report = report(&config.dnsbl, &plan, address, &ports, &said);
    if arguments.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    let stopped = report.ports.iter().any(|port| !["pass", "observe", "limit"].contains(&port.action));
    Ok(if stopped { Outcome::No } else { Outcome::Fine })
}

/// What each zone says of an address, in the plan's order; nothing of those that are not asked about it.
async fn ask(resolver: &Resolver, plan: &Plan, address: IpAddr) -> Vec<Option<Said>> {
    let asked = plan.asked(address);
    join_all(plan.zones.iter().enumerate().map(|(index, zone)| async move {
        if asked >> index & 1 == 0 {
            return None;
        }
        let name = zone.name.question(address);
        let reply = resolver.ask(Question { id: 0, name: name.clone(), kind: RecordKind::A }).await;
        let has_more = matches!(reply.result, Ok(Records::A { .. }));
        let text = if has_more { texts(resolver, name).await } else { Vec::new() };
        Some(Said { reply, text })
    }))
    .await
}

fn report(dnsbl: &Dnsbl, plan: &Plan, address: IpAddr, ports: &[u16], said: &[Option<Said>]) -> Report {
    let listed = findings(plan, said).listed;
    let row = |(index, config): (usize, &crate::config::ZoneConfig)| {
        let said = plan.entries.get(index).and_then(|entry| said.get(entry.zone)?.as_ref());
        let answers = said.map(|said| match &said.reply.result {
            Ok(Records::A { addresses, .. }) => addresses.clone(),
            _ => Vec::new(),
        });
        let zone = plan.entries.get(index).and_then(|entry| plan.zones.get(entry.zone));
        let fault = said.zip(zone).and_then(|(said, zone)| match zone.meaning(&said.reply.result) {
            Meaning::Fault(fault) => Some(fault.to_string()),
            _ => None,
        });
        let family = if address.is_ipv4() { config.ipv4 } else { config.ipv6 };
        Row {
            name: config.name.clone(),
            zone: (!config.secret).then(|| config.zone.expose().to_owned()),
            asked: family && said.is_some(),
            answers: answers.unwrap_or_default(),
            text: said.map_or_else(Vec::new, |said| said.text.clone()),
            listed: listed >> index & 1 == 1,
            weight: config.weight,
            fault,
            took_ms: said.map_or(0.0, |said| said.reply.took.as_secs_f64() * 1e3),
        }
    };
    let zones = dnsbl.zones.iter().enumerate().map(row).collect();
    let ports = ports.iter().map(|port| at_port(dnsbl, address, *port, said)).collect();
    Report { address, askable: may_be_listed(address.into()), zones, ports }
}

/// Which entries list what was asked about, and which could not say.
fn findings(plan: &Plan, said: &[Option<Said>]) -> Findings {
    let mut findings = Findings::default();
    let mut faulty: ZoneMask = 0;
    for (zone, (said, known)) in said.iter().zip(&plan.zones).enumerate() {
        let Some(said) = said else { continue };
        match known.meaning(&said.reply.result) {
            Meaning::Listed { answers, .. } => findings.listed |= matching(plan, zone, answers),
            Meaning::NotListed { .. } => {}
            Meaning::Fault(_) => faulty |= 1 << zone,
        }
    }
    findings.unknown = bits(plan.entries_of(faulty)).fold(0, |mask, entry| mask | 1 << entry);
    findings
}

/// What it comes to at one port.
fn at_port(dnsbl: &Dnsbl, address: IpAddr, port: u16, said: &[Option<Said>]) -> AtPort {
    // A plan of its own: there may be more ports than the kernel has groups.
    let plan = Plan::new(dnsbl, &[vec![port]]);
    let scored = evaluate(&plan, address, findings(&plan, said), 0, 0);
    let reached = scored.groups[0].and_then(|reached| {
        let threshold = dnsbl.thresholds.get(usize::from(reached.threshold))?;
        Some((threshold, dnsbl.zones.get(usize::from(reached.entry))?.name.clone()))
    });
    let action = reached.as_ref().map_or(Action::Pass, |(threshold, _)| threshold.action);
    AtPort {
        port,
        score: scored.score[0],
        threshold: reached.as_ref().map(|(threshold, _)| threshold.score),
        action: action.name(),
        by: reached.map(|(_, by)| by),
    }
}

fn print(report: &Report) {
    let mut table =
        output::Table::new(&["ZONE", "ANSWER", "COUNTS", ">WEIGHT", ">MS"]).yielding(1, output::Cut::End);
    for row in &report.zones {
        table.row(vec![
            output::cell(&row.name),
            output::cell(answer(row)),
            if row.listed { ("yes".to_owned(), Some(output::Tone::Bold)) } else { output::cell("no") },
            output::cell(format!("{:+}", row.weight)),
            output::cell(if row.asked { format!("{:.0}", row.took_ms) } else { String::new() }),
        ]);
    }
    table.print();
    for row in &report.zones {
        let said = row.text.iter().map(String::as_str).chain(row.fault.as_deref());
        said.for_each(|said| output::line(format!("  {}: {said}", row.name)));
    }
    if !report.askable {
        output::line(
            "  The daemon asks nobody about this address: it is private, reserved or not one host's.",
        );
    }
    report.ports.iter().map(|port| at(report.address, port)).for_each(output::line);
    unsaid(&report.zones).iter().for_each(output::line);
}

/// That the scores may be others when all can say something again.
fn unsaid(zones: &[Row]) -> Option<String> {
    let (unsaid, all) = (zones.iter().filter(|row| row.fault.is_some()).count(), zones.len());
    let counted = "a zone that lists counts nothing then, one that vouches as if it did";
    (unsaid != 0).then(|| format!("{unsaid} of {all} could not say: {counted}"))
}

fn answer(row: &Row) -> String {
    match (row.asked, &row.fault, row.answers.as_slice()) {
        (false, ..) => "not asked".to_owned(),
        (true, Some(_), []) => "unknown".to_owned(),
        (true, None, []) => "not listed".to_owned(),
        (true, _, answers) => answers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

fn at(address: IpAddr, AtPort { port, score, threshold, action, by }: &AtPort) -> String {
    let reached = threshold.map_or_else(String::new, |threshold| format!(", threshold {threshold}"));
    let by = by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let tone = if *action == "pass" { output::Tone::Good } else { output::Tone::Bad };
    format!("{address} → port {port}: {}{by} (score {score}{reached})", output::tint(action, tone))
}

#[cfg(test)]
mod tests;
