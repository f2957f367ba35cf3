//! `relay-guard explain ADDRESS`.

use std::net::IpAddr;

use anyhow::anyhow;
use hyper::Method;

use super::{
    Arguments, Outcome,
    answers::{self, LINE},
    directories, dnsbl, output,
};
use crate::{
    control::{
        api::{Explanation, Judgement, Listing},
        client,
    },
    lists::Prefix,
};

pub(super) fn run(arguments: &Arguments, address: &str, port: Option<u16>) -> anyhow::Result<Outcome> {
    let address = parse(address)?;
    let directories = directories::of(arguments);
    let port = port.map_or_else(String::new, |port| format!("&port={port}"));
    let path = format!("/v1/explain?address={address}{port}");
    let explanation: Explanation = client::call(&directories.run_dir, Method::GET, &path, None::<&()>)?;
    if arguments.json {
        output::json(&explanation)?;
    } else {
        print(&explanation);
    }
    let stopped = explanation.inbound.as_ref().is_some_and(stops)
        || (explanation.inbound.is_none() && explanation.outbound.as_ref().is_some_and(stops));
    Ok(if stopped { Outcome::No } else { Outcome::Fine })
}

/// Whether policy wants a connection stopped. One that is limited passes while it is within its rate.
fn stops(judgement: &Judgement) -> bool {
    !matches!(judgement.action.as_str(), "pass" | "observe" | "limit")
}

fn parse(address: &str) -> anyhow::Result<IpAddr> {
    let prefix = Prefix::parse(address.as_bytes())
        .map_err(|_| anyhow!("{address:?} is no address; names are never looked up"))?;
    let net = prefix.network();
    anyhow::ensure!(
        net.prefix_len() == net.max_prefix_len(),
        "{address:?} is a CIDR; explain wants one address of it"
    );
    Ok(prefix.address())
}

fn print(explanation: &Explanation) {
    let Explanation { address, port, .. } = explanation;
    let observes = explanation.mode == "observe";
    match &explanation.inbound {
        Some(judgement) => judged(&format!("{address} → port {port}, from outside"), judgement, observes),
        None => {
            output::line(format!(
                "{address} → port {port}, from outside: passes, port {port} is not guarded"
            ));
        }
    }
    if let Some(judgement) = explanation.outbound.as_ref().filter(|judgement| judgement.reason != "clean") {
        judged(&format!("{address} → port {port}, as an inside host"), judgement, observes);
    }
    if let Some(judgement) = explanation.destination.as_ref().filter(|judgement| judgement.reason != "clean")
    {
        judged(&format!("inside hosts → {address} port {port}"), judgement, observes);
    }
    let is_unknown = explanation.inbound.as_ref().is_some_and(|judgement| judgement.reason == "clean");
    explanation.dnsbl.iter().flat_map(|word| dnsbl::word(word, is_unknown)).for_each(output::line);
    if let Some(protection) = explanation.protected.first().filter(|_| explanation.declared.is_none()) {
        let note = protection.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
        output::line(format!("  protected: {} {}{note}", protection.kind, output::net(protection.net)));
    }
    if let Some(declared) = &explanation.declared {
        output::line(format!("  declared in the configuration: {declared}"));
    }
    for verdict in &explanation.verdicts {
        let until =
            verdict.until.map_or("for good".to_owned(), |until| format!("ends {}", output::when(until)));
        let reason = if verdict.reason.is_empty() { String::new() } else { format!(": {}", verdict.reason) };
        output::line(format!(
            "  {} {} by the administrator, {until}{reason}",
            verdict.kind,
            output::net(verdict.net)
        ));
    }
    if let Some(until) = explanation.contained_until {
        output::line(format!(
            "  contained by {}, ends {}; `relay-guard release {address}` ends it now",
            explanation.contained_by.as_deref().unwrap_or("a step that is no more"),
            output::when(until)
        ));
    }
}

fn judged(what: &str, judgement: &Judgement, observes: bool) {
    let limited = judgement.action == "limit";
    let (verdict, tone) = match judgement.effect.as_str() {
        "observed" => ("passes, observed", output::Tone::Warn),
        _ if limited => ("passes up to its rate", output::Tone::Warn),
        "stopped" => ("stopped", output::Tone::Bad),
        _ => ("passes", output::Tone::Good),
    };
    let class = if judgement.class == 0 { String::new() } else { format!(", class {}", judgement.class) };
    let why = format!("(action {}, reason {}{class})", judgement.action, judgement.reason);
    output::line(headline(what, verdict, &output::tint(verdict, tone), &why));
    judgement.lists.iter().for_each(listed);
    if let Some(answer) = &judgement.answer {
        let would = if observes { "would get" } else { "gets" };
        let over = if limited { "over its rate " } else { "" };
        output::line(format!("  {over}it {would}, says the loaded program:"));
        answers::dialogue(&answer.dialogue).iter().for_each(|line| output::line(format!("    {line}")));
    }
}

/// What is judged, what becomes of it, and why: on one line, or on two where that would not fit a terminal.
/// `told` is the verdict as a terminal shows it.
fn headline(what: &str, verdict: &str, told: &str, why: &str) -> String {
    let fits = |parts: &[&str]| parts.iter().map(|part| part.chars().count()).sum::<usize>() <= LINE;
    if fits(&[what, ": ", verdict, " ", why]) {
        format!("{what}: {told} {why}")
    } else if fits(&[what, ": ", verdict]) {
        format!("{what}: {told}\n  {why}")
    } else {
        format!("{what}:\n  {told} {why}")
    }
}

/// `spamhaus-drop (drop), line 812: SBL256894`, and below it where that is.
fn listed(listing: &Listing) {
    let line = listing.line.map_or_else(String::new, |line| format!(", line {line}"));
    let value = listing.value.map_or_else(String::new, |value| format!(", {value}"));
    let said = listing.note.as_ref().or(listing.text.as_ref());
    let said = said.map_or_else(String::new, |said| format!(": {said}"));
    output::line(format!("  {} ({}){value}{line}{said}", listing.list, listing.action));
    let text = listing.text.as_ref().filter(|_| listing.note.is_some());
    let text = text.map_or_else(String::new, |text| format!(": {text}"));
    output::line(format!("    {}", output::tint(&format!("{}{text}", listing.file), output::Tone::Dim)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headlines_fit_a_terminal() {
        let why = "(action refuse, reason listed-destination, class 1234)";
        let longest = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff";
        for (what, breaks) in [
            ("192.0.2.1 → port 25", ""),
            ("inside hosts → 198.51.100.200 port 25", ""),
            (&format!("{longest} → port 25, from outside"), "\n"),
            (&format!("inside hosts → {longest} port 65535"), "\n"),
            (&format!("{longest} → port 65535, as an inside host"), "\n"),
        ] {
            for verdict in ["stopped", "passes", "passes, observed", "passes up to its rate"] {
                let plain = headline(what, verdict, verdict, why);
                let lines: Vec<_> = plain.lines().collect();
                assert!(lines.iter().all(|line| line.chars().count() <= LINE), "{lines:?}");
                assert!(lines[1..].iter().all(|line| line.starts_with("  ")), "{lines:?}");
                let joined = lines.iter().map(|line| line.trim_start()).collect::<Vec<_>>().join(" ");
                assert_eq!(joined, format!("{what}: {verdict} {why}"));
                assert!(breaks.is_empty() || lines.len() == 2, "{lines:?}");
            }
        }
        let short = headline("192.0.2.1 → port 25, from outside", "passes", "<passes>", "(why)");
        assert_eq!(short, "192.0.2.1 → port 25, from outside: <passes> (why)");
    }
}
