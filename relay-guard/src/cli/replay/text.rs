//! What was seen, for people: figures, who sent most, whom lists act against.

use super::super::output::{self, Cut, Table, Tone};
use crate::{
    inspect::HostKind,
    replay::{
        Messages, PacketTally, Replay, Summary,
        lines::{FileLine, HostLine, Line, VerdictLine},
    },
};

/// Rows of a table that are shown.
const MOST: usize = 20;

/// Whether a line is needed for the text.
pub(super) fn wants(line: &Line) -> bool {
    match line {
        Line::File(_) => true,
        Line::Verdict(verdict) => verdict.listing.action != "pass",
        Line::Host(host) => host.state != "quiet",
        Line::Transaction(_) | Line::Session(_) => false,
    }
}

/// Prints the text.
pub(super) fn print(replay: &Replay, kept: &[Line]) {
    lines(replay.summary(), kept).iter().for_each(output::line);
}

fn lines(summary: &Summary, kept: &[Line]) -> Vec<String> {
    let mut lines = Vec::new();
    for line in kept {
        if let Line::File(file) = line {
            lines.extend(of_file(file));
        }
    }
    lines.extend(figures(summary));
    lines.extend(clients(summary));
    lines.extend(hosts(kept));
    let verdicts = kept.iter().filter_map(|line| match line {
        Line::Verdict(verdict) => Some(verdict),
        _ => None,
    });
    lines.extend(sources(&verdicts.collect::<Vec<_>>()));
    lines
}

/// A file, and what of it was no SMTP.
fn of_file(file: &FileLine) -> Vec<String> {
    let PacketTally { packets, segments, acknowledgments, .. } = file.packets;
    let figures = format!(
        "{} packets, {} of SMTP",
        output::number(packets),
        output::number(segments + acknowledgments)
    );
    let name = output::shorten_start(&file.file, 80 - 2 - figures.chars().count());
    let mut lines = vec![format!("{}: {figures}", output::tint(&name, Tone::Bold))];
    let skipped = [
        (file.packets.other_ports, "of other ports"),
        (file.packets.other_protocols, "of other protocols"),
        (file.packets.fragments, "fragments"),
        (file.packets.cut, "cut too short"),
        (file.packets.malformed, "malformed"),
        (file.packets.unknown_links, "of unknown link types"),
    ];
    let skipped: Vec<String> = skipped
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", output::count(count)))
        .collect();
    if !skipped.is_empty() {
        lines.extend(wrapped(&format!("not read: {}", skipped.join(", "))));
    }
    lines
}

/// A sentence on as many lines as it needs, indented.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::from(" ")];
    for word in text.split(' ') {
        let last = lines.last_mut().map_or(0, |line| line.chars().count());
        if last + 1 + word.chars().count() > 80 {
            lines.push(String::from("   "));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}

fn figures(summary: &Summary) -> Vec<String> {
    let number = output::number;
    let Summary { sessions, complete, encrypted, not_smtp, .. } = summary;
    let Messages { all, accepted, refused, abandoned, unknown, recipients, refused_recipients } =
        summary.messages;
    vec![
        format!(
            "sessions: {}; seen whole {}, encrypted {}, not SMTP {}",
            number(*sessions),
            number(*complete),
            number(*encrypted),
            number(*not_smtp)
        ),
        format!(
            "messages: {}; accepted {}, refused {}, given up {}, not seen {}",
            number(all),
            number(accepted),
            number(refused),
            number(abandoned),
            number(unknown)
        ),
        format!("recipients: {}; refused {}", number(recipients), number(refused_recipients)),
    ]
}

/// Who sent most.
fn clients(summary: &Summary) -> Vec<String> {
    let clients = summary.clients();
    if clients.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(&["CLIENT", ">SESSIONS", ">MESSAGES", ">TAKEN", ">REFUSED"]);
    for (address, client) in clients.iter().take(MOST) {
        let refused = client.messages.refused;
        let tone = (refused > 0 && refused * 2 >= client.messages.all).then_some(Tone::Warn);
        table.row(vec![
            output::cell(address),
            output::cell(output::count(client.sessions)),
            output::cell(output::count(client.messages.all)),
            output::cell(output::count(client.messages.accepted)),
            (output::count(refused), tone),
        ]);
    }
    let mut lines = table.lines();
    lines.extend(others(clients.len() + usize::try_from(summary.left_out.min(1)).unwrap_or(0)));
    lines
}

/// Who behaves like a bot, and by what.
fn hosts(kept: &[Line]) -> Vec<String> {
    let found = kept.iter().filter_map(|line| match line {
        Line::Host(host) => Some(host.as_ref()),
        _ => None,
    });
    let found: Vec<&HostLine> = found.collect();
    if found.is_empty() {
        return vec!["no host stands out".to_owned()];
    }
    let mut lines = vec![format!("hosts that stand out: {}", output::number(found.len() as u64))];
    for host in found.iter().take(MOST) {
        let tone = if host.state == "contained" { Tone::Bad } else { Tone::Warn };
        let step = host.step.map_or_else(String::new, |step| format!(" (step: {step})"));
        let kind = if host.kind == "host" { String::new() } else { format!(", {}", host.kind) };
        let name =
            HostKind::named(host.kind).map_or_else(|| host.host.to_string(), |kind| kind.shown(host.host));
        let head = format!("{name}{kind}: {}{step}, score {}", host.state, host.score);
        lines.push(format!("  {}", output::tint(&output::shorten(&head, 78), tone)));
        for signal in &host.signals {
            let text = format!("{}: +{:.0}", signal.text, signal.points);
            lines.push(format!("    {}", output::shorten(&text, 76)));
        }
    }
    lines.extend(others(found.len()));
    lines
}

/// Whom configured lists act against.
fn sources(verdicts: &[&VerdictLine]) -> Vec<String> {
    if verdicts.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(&["SOURCE", "ACTION", "LISTS"]).yielding(2, Cut::End);
    for verdict in verdicts.iter().take(MOST) {
        table.row(vec![
            output::cell(verdict.source),
            (verdict.listing.action.to_owned(), Some(Tone::Bad)),
            output::cell(verdict.listing.lists.join(" ")),
        ]);
    }
    let head =
        format!("as sources of inbound mail, lists act against {}", output::number(verdicts.len() as u64));
    let mut lines = vec![head];
    lines.extend(table.lines());
    lines.extend(others(verdicts.len()));
    lines
}

/// What is said where not all are shown.
fn others(all: usize) -> Option<String> {
    let others = all.saturating_sub(MOST);
    (others > 0).then(|| format!("  and {} more; --json shows all", output::number(others as u64)))
}
