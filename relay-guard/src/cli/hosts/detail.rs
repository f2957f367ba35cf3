//! All that is known of one host.

use super::{super::output, LINE, advice, done, events, shown, signal, state, tone};
use crate::control::api::{Host, HostDetail, RecentSession};

pub(super) fn lines(detail: &HostDetail) -> Vec<String> {
    let mut lines = vec![head(&detail.host)];
    lines.extend(section("Why", signals(detail)));
    lines.extend(section("Counted", counted(detail)));
    lines.extend(section("Last sessions", detail.recent.iter().flat_map(session).collect()));
    let history = if detail.history.is_empty() { Vec::new() } else { events::table(&detail.history, false) };
    lines.extend(section("What became of it", history));
    lines.extend(section("What to do", advice::lines(detail)));
    lines
}

fn section(title: &str, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    let title = [String::new(), output::tint(title, output::Tone::Bold)];
    title.into_iter().chain(lines).collect()
}

/// Who it is, and how it stands.
fn head(host: &Host) -> String {
    let kind = match host.kind.as_str() {
        "host" => "inside host",
        "network" => "IPv6 network, all of its hosts together",
        "mail-server" => "declared mail server",
        "own-server" => "own server",
        "gateway" => "this machine",
        "excepted" => "excepted host",
        "allowed" => "allowed host",
        other => other,
    };
    let word = state(host);
    let word = tone(word).map_or_else(|| word.to_owned(), |tone| output::tint(word, tone));
    let until =
        host.contained_until.map_or_else(String::new, |until| format!(", ends {}", output::when(until)));
    format!("{} ({kind}): {word}{until}, score {}", shown(host.address, &host.kind), host.score)
}

fn signals(detail: &HostDetail) -> Vec<String> {
    let host = &detail.host;
    let steps = &detail.judging.steps;
    let steps: Vec<String> = steps.iter().map(|step| format!("{} {}", step.action, step.score)).collect();
    let sum = format!("  = {} points; {}", host.score, steps.join(", "));
    match (host.signals.is_empty(), detail.judging.enabled) {
        (_, false) => vec!["  hosts are counted, not judged: inspection.enabled is false".to_owned()],
        (true, true) => vec!["  nothing speaks against it".to_owned(), output::shorten(&sum, LINE)],
        (false, true) => {
            let said = host.signals.iter().map(|one| format!("  {}", signal(one)));
            said.chain([output::shorten(&sum, LINE)]).collect()
        }
    }
}

/// Of a network nothing else is counted; its hosts have their own figures.
fn counted(detail: &HostDetail) -> Vec<String> {
    let host = &detail.host;
    if host.kind == "network" {
        return Vec::new();
    }
    let number = output::number;
    let window = output::duration(detail.judging.window_s);
    let mut lines = vec![
        format!(
            "  in {window}: {} attempts at {} servers; {} accepted, {} failed ({} refused),",
            number(host.attempts),
            number(host.distinct_destinations.into()),
            number(host.established),
            number(host.failed),
            number(host.refused),
        ),
        format!("    {} stopped by the guard", number(host.stopped)),
        match host.idle_s {
            Some(idle_s) => format!(
                "  since it is known: {} attempts, {} sessions, {} messages; last seen {} ago",
                number(host.attempts_total),
                number(host.sessions),
                number(host.messages),
                output::duration(idle_s)
            ),
            None => "  not seen since the daemon was started".to_owned(),
        },
    ];
    if detail.relapses > 0 {
        lines.push(format!("  came again {} times after it was released", detail.relapses));
    }
    lines
}

/// A session in two lines or three.
fn session(session: &RecentSession) -> Vec<String> {
    let RecentSession { last, server, port, .. } = session;
    let helo = session.helo.as_ref().map_or_else(String::new, |helo| format!(", as {helo}"));
    let first = format!("  {} ago to {server} port {port}{helo}", output::age(*last));
    let second = format!("      {}", became(session));
    let reply = session.reply.as_ref().map(|reply| format!("      {reply}"));
    [Some(first), Some(second), reply]
        .into_iter()
        .flatten()
        .map(|line| output::shorten(&line, LINE))
        .collect()
}

/// What became of a session, as far as it was seen.
fn became(session: &RecentSession) -> String {
    let mut parts = Vec::new();
    match session.protocol.as_str() {
        "smtp" => {}
        "silent" => parts.push("nothing was said".to_owned()),
        "tls" => parts.push("TLS from the first octet on: nothing else is known".to_owned()),
        other => parts.push(format!("no SMTP: {other}")),
    }
    if session.messages > 0 {
        let sender = session.sender.as_ref().map_or_else(String::new, |sender| format!(" from <{sender}>"));
        let plural = if session.messages == 1 { "" } else { "s" };
        parts.push(format!(
            "{} message{plural}{sender}, {} of {} recipients refused",
            session.messages, session.refused, session.recipients
        ));
    } else if session.protocol == "smtp" && !session.starttls {
        parts.push("no message".to_owned());
    }
    if session.starttls {
        parts.push("encrypted by STARTTLS: the rest cannot be seen".to_owned());
    }
    if !session.over {
        parts.push("goes on".to_owned());
    }
    if session.incomplete {
        parts.push("incomplete: a part was not captured".to_owned());
    }
    parts.join("; ")
}

/// What is done to a contained host, for advice.
pub(super) fn doing(host: &Host) -> &str {
    host.action.as_deref().map_or("contained", done)
}
