//! Changes of hosts' states.

use super::{super::output, LINE, done, kind, shown, signal, tone};
use crate::control::api::{HostEvent, HostEvents};

pub(super) fn lines(events: &HostEvents) -> Vec<String> {
    if events.events.is_empty() {
        return vec!["no host has changed its state yet".to_owned()];
    }
    let mut lines = table(&events.events, true);
    if events.events.len() as u64 >= events.kept_at_most {
        lines.push(format!("only the last {} changes are kept", events.kept_at_most));
    }
    lines
}

/// Changes in a table, with what spoke against the host below where there is something.
pub(super) fn table(events: &[HostEvent], with_hosts: bool) -> Vec<String> {
    let columns: &[&str] = if with_hosts {
        &["WHEN", "HOST", "KIND", "WAS", "IS", ">SCORE"]
    } else {
        &["WHEN", "WAS", "IS", ">SCORE"]
    };
    let mut table = output::Table::new(columns);
    for event in events {
        let now = state(event);
        let mut row = vec![output::cell(format!("{} ago", output::age(event.at)))];
        if with_hosts {
            row.extend([output::cell(shown(event.address, &event.kind)), output::cell(kind(&event.kind))]);
        }
        row.extend([output::cell(&event.from), (now.to_owned(), tone(&event.to)), output::cell(event.score)]);
        table.row(row);
    }
    let rows = table.lines();
    let header = rows.first().cloned();
    let of_events = rows.into_iter().skip(1).zip(events).flat_map(|(row, event)| {
        let signals: Vec<String> = event.signals.iter().map(signal).collect();
        let why = output::shorten(&format!("      {}", signals.join(", ")), LINE);
        std::iter::once(row).chain((!signals.is_empty()).then_some(why))
    });
    header.into_iter().chain(of_events).collect()
}

/// The state that a host changed to: what is done to it says more than that it is contained.
fn state(event: &HostEvent) -> &str {
    event.action.as_deref().map_or(&event.to, done)
}
