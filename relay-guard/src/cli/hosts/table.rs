//! Hosts in a table, the highest score first.

use super::{super::output, LINE, done, kind, shown, signal, state, tone};
use crate::control::api::{Host, Hosts};

pub(super) fn lines(hosts: &Hosts) -> Vec<String> {
    if hosts.hosts.is_empty() {
        return vec!["no inside host has sent mail yet".to_owned()];
    }
    let mut table = output::Table::new(&["HOST", "KIND", "STATE", ">SCORE", ">TRIED", ">TO"]);
    for host in &hosts.hosts {
        let state = state(host);
        table.row(vec![
            output::cell(shown(host.address, &host.kind)),
            output::cell(kind(&host.kind)),
            (state.to_owned(), tone(state)),
            output::cell(host.score),
            output::cell(output::count(host.attempts)),
            output::cell(output::count(host.distinct_destinations.into())),
        ]);
    }
    let rows = table.lines();
    let header = rows.first().cloned();
    let hosts_lines = rows.into_iter().skip(1).zip(&hosts.hosts).flat_map(|(row, host)| {
        let why = (!host.signals.is_empty()).then(|| why(host));
        std::iter::once(row).chain(why)
    });
    header.into_iter().chain(hosts_lines).chain(footer(hosts)).collect()
}

/// What speaks against a host, as far as it fits a line.
fn why(host: &Host) -> String {
    let signals: Vec<String> = host.signals.iter().map(signal).collect();
    output::shorten(&format!("      {}", signals.join(", ")), LINE)
}

fn footer(hosts: &Hosts) -> Vec<String> {
    let window = output::duration(hosts.judging.window_s);
    let mut lines =
        vec![format!("TRIED connections TO servers in {window}; `relay-guard hosts ADDRESS` tells more")];
    if !hosts.judging.enabled {
        lines.push("hosts are counted, not judged: inspection.enabled is false".to_owned());
    } else if hosts.judging.mode == "observe" {
        lines.push("mode is observe: nobody is contained until it is enforce".to_owned());
    }
    let shown = hosts.hosts.len() as u64;
    if hosts.total > shown {
        let rest = output::number(hosts.total - shown);
        lines.push(format!("and {rest} more hosts with lower scores"));
    }
    lines.extend(hosts.hosts.iter().filter_map(contained));
    lines
}

/// How a contained host gets out.
fn contained(host: &Host) -> Option<String> {
    let (address, until) = (host.address, host.contained_until?);
    let action = host.action.as_deref().map_or("contained", done);
    Some(format!(
        "{address}: {action}, ends {}; `relay-guard release {address}` ends it now",
        output::when(until)
    ))
}
