//! `relay-guard status --refused`.

use hyper::Method;

use super::{Arguments, Outcome, directories, output};
use crate::control::{
    api::{RefusedSender, RefusedSenders},
    client,
};

/// Columns of a terminal.
const LINE: usize = 80;

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    let refused: RefusedSenders =
        client::call(&directories.run_dir, Method::GET, "/v1/refused", None::<&()>)?;
    if arguments.json {
        output::json(&refused)?;
    } else {
        lines(&refused).iter().for_each(output::line);
    }
    Ok(Outcome::Fine)
}

fn lines(refused: &RefusedSenders) -> Vec<String> {
    let mut lines = Vec::new();
    if refused.lines_lost > 0 {
        let lost = output::number(refused.lines_lost);
        lines.push(format!("{} {lost} lines of senders were lost: too many at a time", warning()));
        lines.push("  (limits.envelopes_per_second says how many); what is shown has holes".to_owned());
    }
    if refused.connections.is_empty() {
        lines.push("no refused sender has said yet who it is and to whom it writes".to_owned());
        lines.push("  (only those speak that are refused at the recipient: action \"refuse\")".to_owned());
    }
    lines.extend(refused.connections.iter().flat_map(sender));
    if refused.connections.len() as u64 >= refused.kept_at_most {
        lines.push(format!("only the last {} connections are kept", refused.kept_at_most));
    }
    lines
}

fn warning() -> String {
    output::tint("warning:", output::Tone::Warn)
}

/// Who was refused and why, what it called itself, and to whom it wrote; each in a line.
fn sender(refused: &RefusedSender) -> [String; 3] {
    let lists =
        if refused.lists.is_empty() { String::new() } else { format!(": {}", refused.lists.join(" ")) };
    let who = format!("{}, {}, {}{lists}", refused.source, output::when(refused.last), refused.reason);
    let helo = refused.helo.as_ref().map_or_else(String::new, |name| format!(", calls itself {name}"));
    let from = refused.from.as_ref().map_or_else(|| "unknown".to_owned(), |from| format!("<{from}>"));
    let at =
        if refused.direction == "outbound" { format!(" at {}", refused.destination) } else { String::new() };
    let to = format!("  to {}", recipients(refused, LINE.saturating_sub(5 + at.chars().count())));
    let cut = |text: &str| output::shorten(text, LINE);
    [
        output::tint(&cut(&who), output::Tone::Bold),
        cut(&format!("  from {from}{helo}")),
        cut(&format!("{to}{at}")),
    ]
}

/// As many recipients as find room, and how many others there are.
fn recipients(refused: &RefusedSender, room: usize) -> String {
    let total = refused.recipients_total;
    if total == 0 {
        return "nobody yet".to_owned();
    }
    let mut text = String::new();
    for (shown, recipient) in (0_u64..).zip(&refused.recipients) {
        let blank = if shown == 0 { "" } else { " " };
        let rest = total.saturating_sub(shown + 1);
        let more = if rest == 0 { String::new() } else { format!(" and {} more", output::number(rest)) };
        let next = format!("{text}{blank}<{recipient}>");
        if shown > 0 && next.chars().count() + more.chars().count() > room {
            return format!("{text} and {} more", output::number(rest + 1));
        }
        // The first one is cut rather than left out.
        text = output::shorten(&next, room.saturating_sub(more.chars().count()));
    }
    match total.saturating_sub(refused.recipients.len() as u64) {
        0 => text,
        rest => format!("{text} and {} more", output::number(rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(recipients: &[&str], recipients_total: u64) -> RefusedSender {
        RefusedSender {
            first: 1,
            last: u64::MAX,
            source: "198.51.100.7".parse().expect("an address"),
            source_port: 40_000,
            destination: "192.0.2.25".parse().expect("an address"),
            port: 25,
            interface: None,
            direction: "inbound".to_owned(),
            reason: "listed".to_owned(),
            lists: vec!["drops".to_owned(), "more".to_owned()],
            helo: Some("mail.example.net".to_owned()),
            from: Some("news@example.net".to_owned()),
            recipients: recipients.iter().map(|&text| text.to_owned()).collect(),
            recipients_total,
        }
    }

    #[test]
    fn a_sender_takes_three_lines() {
        let [who, from, to] = sender(&refused(&["anna@example.com", "bert@example.com"], 5));
        assert!(who.starts_with("198.51.100.7, in ") && who.ends_with(", listed: drops more"), "{who}");
        assert_eq!(from, "  from <news@example.net>, calls itself mail.example.net");
        assert_eq!(to, "  to <anna@example.com> <bert@example.com> and 3 more");

        let outbound =
            RefusedSender { direction: "outbound".to_owned(), lists: Vec::new(), ..refused(&["a@b"], 1) };
        let [who, _, to] = sender(&outbound);
        assert!(who.ends_with(", listed"), "{who}");
        assert_eq!(to, "  to <a@b> at 192.0.2.25");

        let silent = RefusedSender { helo: None, from: None, ..refused(&[], 0) };
        let [_, from, to] = sender(&silent);
        assert_eq!((from.as_str(), to.as_str()), ("  from unknown", "  to nobody yet"));
        let null = RefusedSender { helo: None, from: Some(String::new()), ..refused(&[], 0) };
        assert_eq!(sender(&null)[1], "  from <>");
    }

    #[test]
    fn lines_fit_a_terminal_whatever_senders_say() {
        let long = "x".repeat(256);
        for recipients in [vec![long.as_str(); 8], vec!["someone@example.com"; 8], vec!["a@b", &long]] {
            let [who, from, to] = sender(&RefusedSender {
                source: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse().expect("an address"),
                destination: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse().expect("an address"),
                direction: "outbound".to_owned(),
                lists: vec!["a-list-whose-name-is-as-long-as-a-name-can-be.48".to_owned(); 3],
                helo: Some(long.clone()),
                from: Some(long.clone()),
                ..refused(&recipients, 1_000_000)
            });
            for line in [&who, &from, &to] {
                assert!(line.chars().count() <= LINE, "{line}");
            }
            assert!(to.ends_with("more at 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"), "{to}");
        }
        let [_, _, to] = sender(&refused(&["someone@example.com"; 8], 8));
        assert_eq!(to, "  to <someone@example.com> <someone@example.com> and 6 more");
    }

    #[test]
    fn nobody_and_losses_are_said() {
        let none = RefusedSenders { connections: Vec::new(), kept_at_most: 2, lines_lost: 0 };
        assert!(lines(&none)[0].starts_with("no refused sender"));
        let lost = RefusedSenders { lines_lost: 1234, ..none.clone() };
        assert!(lines(&lost)[0].starts_with("warning: 1 234 lines of senders were lost"));
        let full = RefusedSenders { connections: vec![refused(&[], 0); 2], ..none };
        assert_eq!(lines(&full).last().map(String::as_str), Some("only the last 2 connections are kept"));
        assert_eq!(lines(&full).len(), 7);
    }
}
