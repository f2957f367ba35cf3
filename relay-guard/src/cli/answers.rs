//! What is answered in the servers' place, in words: for `status`, `list` and `explain`.

use relay_guard_common::respond::step::Step;

use super::output;
use crate::control::api::{ActionCount, Exchange, Steps};

/// Columns of a terminal.
pub(super) const LINE: usize = 80;

/// What actions came to, in a line for what was done, one for what would have been, and one for what limits let through.
pub(super) fn actions(counts: &[ActionCount]) -> Vec<String> {
    let of = |effect: &str| {
        let mut sums: Vec<(&str, u64)> = Vec::new();
        let wanted = |count: &&ActionCount| count.effect == effect && count.action != "observe";
        for count in counts.iter().filter(wanted) {
            match sums.iter_mut().find(|(action, _)| *action == count.action) {
                Some((_, sum)) => *sum += count.packets,
                None => sums.push((&count.action, count.packets)),
            }
        }
        sums
    };
    let told = |(action, packets): &(&str, u64)| format!("{} {}", done(action), output::number(*packets));
    let line = |prefix: &str, effect: &str| {
        let sums: Vec<_> = of(effect).iter().map(told).collect();
        if sums.is_empty() { Vec::new() } else { wrapped(prefix, &sums) }
    };
    let within: u64 = of("passed").iter().map(|(_, packets)| packets).sum();
    let within = (within > 0).then(|| format!("  let through {} within their limit", output::number(within)));
    line("  ", "stopped").into_iter().chain(line("  would have ", "observed")).chain(within).collect()
}

/// An action that was carried out.
fn done(action: &str) -> &str {
    match action {
        "drop" => "dropped",
        "refuse" => "refused",
        "tarpit" => "tarpitted",
        "limit" => "limited",
        // `reset` is the same.
        other => other,
    }
}

/// Steps of answering behind a prefix, in as many lines as they take; none if there were none.
pub(super) fn steps(prefix: &str, steps: &Steps) -> Vec<String> {
    let known = Step::ALL.map(Step::name);
    let newer = steps.keys().map(String::as_str).filter(|name| !known.contains(name));
    let told = known.into_iter().chain(newer).filter_map(|name| {
        let count = *steps.get(name)?;
        let (plural, their) = if count == 1 { ("", "its") } else { ("s", "their") };
        let count = output::number(count);
        Some(match name {
            "syn" => format!("{count} SYN{plural}"),
            "syn-ack" => format!("{count} SYN-ACK{plural}"),
            "tarpitted" => format!("{count} kept waiting"),
            "limited" => format!("{count} over {their} limit"),
            other => format!("{count} {other}"),
        })
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() { Vec::new() } else { wrapped(prefix, &told) }
}

/// A dialogue as its text would look to the client. Segments without text are left out, unless there is nothing else.
pub(super) fn dialogue(exchanges: &[Exchange]) -> Vec<String> {
    let spoken = exchanges.iter().any(|exchange| !exchange.bytes.is_empty());
    let mut lines = Vec::new();
    for exchange in exchanges {
        if !spoken || !matches!(exchange.client.as_str(), "SYN" | "ACK") {
            lines.push(format!("> {}", exchange.client));
        }
        let Some(server) = &exchange.server else {
            lines.push("< (nothing)".to_owned());
            continue;
        };
        let waits = if exchange.window == Some(0) { ", window 0: it has to wait" } else { "" };
        if !spoken || !exchange.bytes.is_empty() || server == "RST" || !waits.is_empty() {
            lines.push(format!("< {server}{waits}"));
        }
    }
    lines
}

/// Items behind a prefix, a comma between them, in lines that fit a terminal; those after the first are indented.
pub(super) fn wrapped(prefix: &str, items: &[String]) -> Vec<String> {
    let indent = " ".repeat(prefix.len() - prefix.trim_start().len() + 2);
    let (mut lines, mut line) = (Vec::new(), prefix.to_owned());
    for (number, item) in items.iter().enumerate() {
        let comma = if number + 1 < items.len() { "," } else { "" };
        let blank = if line.ends_with(' ') { "" } else { " " };
        let length = line.chars().count() + blank.len() + item.chars().count() + comma.len();
        if length > LINE && number > 0 {
            lines.push(std::mem::replace(&mut line, format!("{indent}{item}{comma}")));
        } else {
            line.push_str(&format!("{blank}{item}{comma}"));
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(action: &str, direction: &str, effect: &str, packets: u64) -> ActionCount {
        ActionCount {
            action: action.to_owned(),
            direction: direction.to_owned(),
            effect: effect.to_owned(),
            packets,
            bytes: 0,
        }
    }

    #[test]
    fn actions_are_told_by_what_became_of_them() {
        assert_eq!(actions(&[]), [""; 0]);
        assert_eq!(actions(&[count("observe", "inbound", "observed", 9)]), [""; 0]);
        let counts = [
            count("drop", "inbound", "stopped", 3),
            count("drop", "outbound", "stopped", 1200),
            count("refuse", "inbound", "stopped", 12),
            count("reset", "inbound", "observed", 4),
            count("tarpit", "inbound", "observed", 5),
            count("limit", "inbound", "passed", 40),
            count("limit", "inbound", "stopped", 2),
        ];
        let expected = [
            "  dropped 1 203, refused 12, limited 2",
            "  would have reset 4, tarpitted 5",
            "  let through 40 within their limit",
        ];
        assert_eq!(actions(&counts), expected);
    }

    #[test]
    fn steps_are_told_in_their_order_and_fit_a_line() {
        let made = |rows: &[(&str, u64)]| -> Steps {
            rows.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        assert_eq!(steps("  ", &made(&[])), [""; 0]);
        let few = made(&[("capped", 2), ("refused", 12), ("syn", 14), ("future", 1)]);
        assert_eq!(steps("drops: ", &few), ["drops: 14 SYNs, 12 refused, 2 capped, 1 future"]);
        let one = made(&[("syn", 1), ("syn-ack", 1), ("limited", 1), ("tarpitted", 1)]);
        assert_eq!(steps("", &one).concat(), " 1 SYN, 1 SYN-ACK, 1 kept waiting, 1 over its limit");
        let none = made(&[("syn", 0), ("limited", 0)]);
        assert_eq!(steps("a:", &none), ["a: 0 SYNs, 0 over their limit"]);
        let all: Vec<_> = Step::ALL.iter().map(|step| (step.name(), 1_234_567_890_123)).collect();
        let lines = steps("  ", &made(&all));
        assert!(lines.len() > 1, "{lines:?}");
        assert!(lines.iter().all(|line| line.chars().count() <= LINE && !line.ends_with(' ')), "{lines:?}");
        assert!(lines[1..].iter().all(|line| line.starts_with("    1")), "{lines:?}");
        assert_eq!(lines.concat().matches("1 234 567 890 123").count(), Step::ALL.len());
    }

    #[test]
    fn a_line_is_broken_where_it_would_not_fit() {
        for (last, lines) in [(37, 1), (38, 2)] {
            let wrapped = wrapped("  ", &["a".repeat(39), "b".repeat(last)]);
            assert_eq!(wrapped.len(), lines, "{wrapped:?}");
        }
        assert_eq!(wrapped("  ", &["a".repeat(100)]).len(), 1, "there is no better place");
    }

    fn exchange(client: &str, server: Option<&str>, window: u16) -> Exchange {
        let text = server.filter(|text| text.starts_with(|first: char| first.is_ascii_digit()));
        Exchange {
            client: client.to_owned(),
            server: server.map(str::to_owned),
            bytes: text.map_or_else(String::new, |text| format!("{text}\r\n")),
            closes: false,
            window: Some(window),
        }
    }

    #[test]
    fn a_dialogue_is_shown_as_text() {
        let refused = [
            exchange("SYN", Some("SYN-ACK"), 1024),
            exchange("ACK", Some("220 mx SMTP"), 1024),
            exchange("EHLO me", Some("250 mx"), 1024),
        ];
        assert_eq!(dialogue(&refused), ["< 220 mx SMTP", "> EHLO me", "< 250 mx"]);
        assert_eq!(dialogue(&[exchange("SYN", Some("RST"), 1)]), ["> SYN", "< RST"]);
        let tarpit = [
            exchange("SYN", Some("SYN-ACK"), 16),
            exchange("ACK", None, 0),
            exchange("EHLO me", Some("ACK"), 0),
        ];
        let expected =
            ["> SYN", "< SYN-ACK", "> ACK", "< (nothing)", "> EHLO me", "< ACK, window 0: it has to wait"];
        assert_eq!(dialogue(&tarpit), expected);
        let cut = [exchange("ACK", Some("220 mx SMTP"), 1), exchange("EHLO me", Some("RST"), 1)];
        assert_eq!(dialogue(&cut), ["< 220 mx SMTP", "> EHLO me", "< RST"]);
    }
}
