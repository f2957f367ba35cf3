//! `relay-guard status`.

use hyper::Method;

use super::{Arguments, Outcome, answers, directories, dnsbl, inspection, list::list_state, output};
use crate::{
    control::{
        api::{Attempt, Interface, List, Status},
        client::{self, ClientError},
    },
    datapath::{PinnedHook, Pins},
};

/// Attempts shown; all are in the JSON.
const RECENT_SHOWN: usize = 5;

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    match client::call::<Status>(&directories.run_dir, Method::GET, "/v1/status", None::<&()>) {
        Ok(status) => {
            if arguments.json {
                output::json(&status)?;
            } else {
                print(&status);
            }
            Ok(Outcome::Fine)
        }
        Err(error @ ClientError::NotRunning(_)) => {
            let hooks = Pins::at(&directories.pin_dir).hooks();
            not_running(arguments, &error, &hooks)?;
            Ok(Outcome::No)
        }
        Err(error) => Err(error.into()),
    }
}

fn not_running(arguments: &Arguments, error: &ClientError, hooks: &[PinnedHook]) -> anyhow::Result<()> {
    let attached: Vec<_> =
        hooks.iter().map(|hook| format!("{} ({} {})", hook.interface, hook.hook, hook.mode)).collect();
    if arguments.json {
        return output::json(&serde_json::json!({ "running": false, "attached": attached }));
    }
    output::line(error.to_string());
    if attached.is_empty() {
        output::line("nothing is attached: SMTP is not filtered");
    } else {
        output::line(format!("still attached, with the last tables: {}", attached.join(", ")));
    }
    Ok(())
}

fn print(status: &Status) {
    let mode = match status.mode.as_str() {
        "enforce" => output::tint("enforce", output::Tone::Good),
        _ => output::tint("observe (nothing is stopped)", output::Tone::Warn),
    };
    output::line(format!(
        "relay-guard {} is running (pid {}), mode {mode}, up {}",
        status.version,
        status.pid,
        output::duration(status.uptime_s)
    ));
    for warning in &status.warnings {
        output::line(format!("{} {warning}", output::tint("warning:", output::Tone::Warn)));
    }
    section("Interfaces");
    interfaces(&status.interfaces);
    if !status.lists.is_empty() {
        section("Lists");
        lists(&status.lists);
    }
    section("SMTP packets");
    totals(status);
    let steps = answers::steps("  ", &status.answers);
    if !steps.is_empty() {
        section("Answers in the servers' place");
        steps.iter().for_each(output::line);
    }
    if let Some(dnsbl) = &status.dnsbl {
        section("DNSBLs");
        dnsbl::summary(dnsbl).iter().for_each(output::line);
    }
    if let Some(inspection) = &status.inspection {
        section("Inspection of sessions");
        inspection::lines(inspection).iter().for_each(output::line);
    }
    section("Hosts and verdicts");
    let hosts: Vec<_> = status.hosts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let hosts = if hosts.is_empty() { "none seen".to_owned() } else { hosts.join(", ") };
    output::line(format!("  inside hosts: {hosts}"));
    output::line(format!(
        "  in force: {} of the administrator, {} contained",
        status.verdicts.administrator, status.verdicts.contained
    ));
    if !status.recent.is_empty() {
        section("Last attempts that were not simply passed");
        recent(&status.recent);
    }
}

fn section(title: &str) {
    output::line(format!("\n{}", output::tint(title, output::Tone::Bold)));
}

fn interfaces(interfaces: &[Interface]) {
    let mut table = output::Table::new(&["NAME", "SIDE", "STATE", "INGRESS", "EGRESS"]);
    for interface in interfaces {
        let tone = if interface.state == "attached" { output::Tone::Good } else { output::Tone::Warn };
        let ingress = match interface.mode.as_deref() {
            Some("native") => ("XDP native".to_owned(), Some(output::Tone::Good)),
            Some("generic") => ("XDP generic (slow)".to_owned(), Some(output::Tone::Warn)),
            Some("tc") => ("tc".to_owned(), Some(output::Tone::Warn)),
            _ => output::cell("-"),
        };
        table.row(vec![
            output::cell(&interface.name),
            output::cell(&interface.side),
            (interface.state.clone(), Some(tone)),
            ingress,
            output::cell(interface.tc.as_deref().unwrap_or("-")),
        ]);
    }
    table.print();
}

fn lists(lists: &[List]) {
    let columns = ["LIST", "ACTION", ">ENTRIES", ">PACKETS", ">AGE", "STATE"];
    let mut table = output::Table::new(&columns).yielding(0, output::Cut::End);
    for list in lists {
        let (state, tone) = list_state(list);
        table.row(vec![
            output::cell(output::shorten(&list.name, 24)),
            output::cell(&list.action),
            output::cell(output::number(list.entries)),
            output::cell(output::number(list.packets)),
            output::cell(list.refreshed_at.map_or_else(|| "-".to_owned(), output::age)),
            (state, Some(tone)),
        ]);
    }
    table.print();
}

fn totals(status: &Status) {
    let totals = &status.totals;
    let mut table = output::Table::new(&["", ">SEEN", ">STOPPED", ">OBSERVED"]);
    for (name, seen, stopped, observed) in [
        ("inbound", totals.inbound, totals.inbound_stopped, totals.inbound_observed),
        ("outbound", totals.outbound, totals.outbound_stopped, totals.outbound_observed),
    ] {
        table.row(vec![
            output::cell(name),
            output::cell(output::number(seen)),
            output::cell(output::number(stopped)),
            output::cell(output::number(observed)),
        ]);
    }
    table.print();
    output::line(format!(
        "  of {} packets in all, {} could not be parsed and passed",
        output::number(totals.packets),
        output::number(totals.unparsable)
    ));
    answers::actions(&status.actions).iter().for_each(output::line);
}

fn recent(attempts: &[Attempt]) {
    let mut table = output::Table::new(&["WHEN", "SOURCE", ">PORT", "EFFECT", "REASON", "LIST"]);
    for attempt in attempts.iter().take(RECENT_SHOWN) {
        table.row(vec![
            output::cell(output::when(attempt.at)),
            output::cell(attempt.source),
            output::cell(attempt.port),
            output::cell(&attempt.effect),
            output::cell(&attempt.reason),
            output::cell(output::shorten(&attempt.lists.join(" "), 24)),
        ]);
    }
    table.print();
}
