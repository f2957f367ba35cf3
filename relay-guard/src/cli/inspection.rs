//! How inspection is going, in words: for `status`.

use super::{answers::wrapped, output};
use crate::control::api::Inspection;

/// What is to be done about what is lost, by name.
const CURES: [(&str, &str, &str); 5] = [
    ("capture-ring-full", "pieces of sessions found the ring full", "raise limits.capture_bytes"),
    ("flow-table-full", "connections found no room and passed unseen", "raise limits.flows"),
    ("host-table-full", "hosts found no room and were not counted", "raise limits.inside_hosts"),
    ("sessions-evicted", "sessions were given up for lack of room", "raise limits.flows"),
    ("hosts-evicted", "hosts were forgotten for lack of room", "raise limits.tracked_hosts"),
];

pub(super) fn lines(inspection: &Inspection) -> Vec<String> {
    let number = output::number;
    if !inspection.outbound && !inspection.inbound {
        return vec!["  off: inside hosts are counted, their sessions not looked into".to_owned()];
    }
    let direction = match (inspection.outbound, inspection.inbound) {
        (true, true) => "outbound and inbound",
        (false, true) => "inbound",
        _ => "outbound",
    };
    let sessions = vec![
        format!("{direction}: {} sessions now", number(inspection.sessions)),
        format!("{} over", number(inspection.sessions_total + inspection.inbound_sessions_total)),
        format!("{} messages", number(inspection.transactions_total)),
        format!("{} segments", number(inspection.segments)),
    ];
    let room = vec![
        format!("{} of {} connections", number(inspection.flows), number(inspection.flows_limit)),
        format!("{} of {} hosts", number(inspection.hosts), number(inspection.hosts_limit)),
        format!(
            "{} beside the ring of {}",
            output::bytes(inspection.memory_bytes),
            output::bytes(inspection.ring_bytes)
        ),
    ];
    let losses = CURES.iter().filter_map(|(name, what, cure)| {
        let count = inspection.losses.get(*name).filter(|count| **count > 0)?;
        Some(format!("  {} {} {what}: {cure}", output::tint("lost:", output::Tone::Warn), number(*count)))
    });
    let known = |name: &str| CURES.iter().any(|(known, ..)| *known == name);
    let others = inspection.losses.iter().filter(|(name, count)| !known(name) && **count > 0);
    let others = others.map(|(name, count)| format!("  lost: {name} {}", number(*count)));
    wrapped("  ", &sessions)
        .into_iter()
        .chain(wrapped("  room: ", &room))
        .chain(losses)
        .chain(others)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_and_what_was_lost_is_said() {
        let mut inspection = Inspection {
            outbound: true,
            sessions: 12,
            segments: 123_456,
            sessions_total: 3456,
            transactions_total: 5678,
            flows: 120,
            flows_limit: 65_536,
            ring_bytes: 16 << 20,
            hosts: 9,
            hosts_limit: 1 << 20,
            memory_bytes: 3 << 20,
            ..Inspection::default()
        };
        let quiet = lines(&inspection);
        let expected = [
            "  outbound: 12 sessions now, 3 456 over, 5 678 messages, 123 456 segments",
            "  room: 120 of 65 536 connections, 9 of 1 048 576 hosts,",
            "    3.0 MiB beside the ring of 16.0 MiB",
        ];
        assert_eq!(quiet, expected);
        let losses = [("capture-ring-full", 7), ("flow-table-full", 0), ("news", 3)];
        inspection.losses = losses.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let lost = lines(&inspection);
        let expected = [
            "  lost: 7 pieces of sessions found the ring full: raise limits.capture_bytes",
            "  lost: news 3",
        ];
        assert_eq!(lost[3..], expected);
        assert_eq!(lines(&Inspection::default()).len(), 1);
    }
}
