//! What DNSBLs came to, in words: for `dnsbl`, `status` and `explain`.

use super::{
    super::{answers::wrapped, output},
    table::milliseconds,
};
use crate::control::api::{Asks, DnsblSummary, DnsblWord, Latency, OwnListing};

/// What became of questions, behind a prefix.
pub(in super::super) fn asks(prefix: &str, asks: &Asks) -> Vec<String> {
    let count = |count: u64, what: &str| (count > 0).then(|| format!("{} {what}", output::number(count)));
    let sources = if asks.asked == 1 { "source" } else { "sources" };
    let items = [
        Some(format!("{} {sources}", output::number(asks.asked))),
        count(asks.answered, "with a verdict"),
        count(asks.in_flight, "being asked"),
        count(asks.waiting, "waiting"),
        count(asks.overflow, "passed because too many waited"),
        count(asks.nobody_to_ask, "passed because no zone could be asked"),
    ];
    wrapped(prefix, &items.into_iter().flatten().collect::<Vec<_>>())
}

/// `half within 3.4 ms, 99 of 100 within 31 ms`.
pub(in super::super) fn latency(took: &Latency) -> String {
    format!("half within {} ms, 99 of 100 within {} ms", milliseconds(took.p50), milliseconds(took.p99))
}

/// One of our own addresses on a zone.
pub(in super::super) fn own_listing(listing: &OwnListing) -> String {
    let OwnListing { address, zone, text, info_url, .. } = listing;
    let said = text.iter().chain(info_url).cloned().collect::<Vec<_>>().join("; ");
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let told = format!("our own {address} is listed on {zone}{said}");
    output::tint(&told, output::Tone::Bad)
}

/// Lookups at a glance, indented by two.
pub(in super::super) fn summary(dnsbl: &DnsblSummary) -> Vec<String> {
    let idle = dnsbl.suspended.len() + dnsbl.testing.len();
    let mut zones = vec![format!("{} of {} asked", dnsbl.zones.saturating_sub(idle as u64), dnsbl.zones)];
    for (names, what) in [(&dnsbl.suspended, "suspended"), (&dnsbl.testing, "not tested yet")] {
        if !names.is_empty() {
            zones.push(format!("{what}: {}", names.join(" ")));
        }
    }
    let mut lines = wrapped("  zones: ", &zones);
    let kinds = [("listed", dnsbl.listed), ("clean", dnsbl.clean), ("unknown", dnsbl.unknown)];
    let kinds = kinds.map(|(kind, count)| format!("{} {kind}", output::number(count)));
    lines.extend(wrapped("  sources: ", &kinds));
    lines.extend(asks("  asked: ", &dnsbl.asks));
    if dnsbl.held > 0 {
        let times = if dnsbl.held == 1 { "SYN" } else { "SYNs" };
        lines.push(format!("  held: {} {times}", output::number(dnsbl.held)));
    }
    lines.extend(dnsbl.latency_ms.as_ref().map(|took| format!("  verdicts: {}", latency(took))));
    lines
}

/// What DNSBLs said of an address; where nobody knows anything of it, that they will be asked.
pub(in super::super) fn word(word: &DnsblWord, is_unknown: bool) -> Vec<String> {
    let zones = if word.zones.is_empty() { String::new() } else { format!(" on {}", word.zones.join(", ")) };
    let score = match word.threshold {
        Some(threshold) => format!("score {} (threshold {threshold})", word.score),
        None => format!("score {}", word.score),
    };
    let told = match word.state.as_str() {
        "none" if is_unknown => "nothing known; they are asked when it connects".to_owned(),
        "none" => return Vec::new(),
        "clean" if word.zones.is_empty() => "not listed".to_owned(),
        "unknown" => format!("zones could not say, {score}{zones}"),
        _ => format!("{score}{zones}"),
    };
    let until = word.until.map_or_else(String::new, |until| {
        let asked = if word.expired { ", asked again when it comes" } else { "" };
        let end = if word.expired { "ended" } else { "ends" };
        format!(", {end} {}{asked}", output::when(until))
    });
    let mut lines = vec![format!("  DNSBLs: {told}{until}")];
    if !word.unknown.is_empty() {
        lines.extend(wrapped("    no answer from ", &word.unknown));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_told_as_far_as_there_is_any() {
        assert_eq!(asks("asked: ", &Asks::default()), ["asked: 0 sources"]);
        let one = Asks { asked: 1, answered: 1, never_asked: 9, ..Asks::default() };
        assert_eq!(asks("", &one).concat(), " 1 source, 1 with a verdict");
        let all = Asks { asked: u64::MAX, overflow: 2, nobody_to_ask: 3, in_flight: 4, waiting: 5, ..one };
        assert!(asks("  asked: ", &all).iter().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn a_summary_names_what_is_not_asked() {
        let good = DnsblSummary { zones: 3, listed: 1, clean: 22_222, held: 1, ..DnsblSummary::default() };
        let expected = [
            "  zones: 3 of 3 asked",
            "  sources: 1 listed, 22 222 clean, 0 unknown",
            "  asked: 0 sources",
            "  held: 1 SYN",
        ];
        assert_eq!(summary(&good), expected);
        let bad = DnsblSummary { suspended: vec!["zen".to_owned()], testing: vec!["a".to_owned()], ..good };
        assert_eq!(summary(&bad)[0], "  zones: 1 of 3 asked, suspended: zen, not tested yet: a");
    }

    #[test]
    fn an_address_is_told_what_zones_said_of_it() {
        let said = DnsblWord {
            state: "listed".to_owned(),
            score: 3,
            threshold: Some(2),
            zones: vec!["zen".to_owned(), "other".to_owned()],
            ..DnsblWord::default()
        };
        let first = |said: &DnsblWord| word(said, true).first().cloned().unwrap_or_default();
        assert_eq!(first(&said), "  DNSBLs: score 3 (threshold 2) on zen, other");
        let ended = DnsblWord { until: Some(1), expired: true, ..said.clone() };
        assert!(
            first(&ended).starts_with("  DNSBLs: score 3 (threshold 2) on zen, other, ended "),
            "{}",
            first(&ended)
        );
        assert!(first(&ended).ends_with(" ago, asked again when it comes"), "{}", first(&ended));
        let clean = DnsblWord { state: "clean".to_owned(), zones: Vec::new(), ..said.clone() };
        assert_eq!(first(&clean), "  DNSBLs: not listed");
        let low = DnsblWord { state: "clean".to_owned(), score: 1, ..said.clone() };
        assert_eq!(first(&low), "  DNSBLs: score 1 (threshold 2) on zen, other");
        let unknown = DnsblWord {
            state: "unknown".to_owned(),
            score: 0,
            zones: Vec::new(),
            unknown: vec!["zen".to_owned()],
            ..said.clone()
        };
        assert_eq!(
            word(&unknown, false),
            ["  DNSBLs: zones could not say, score 0 (threshold 2)", "    no answer from zen"]
        );
        let none = DnsblWord { state: "none".to_owned(), ..DnsblWord::default() };
        assert_eq!(word(&none, false), [""; 0]);
        assert_eq!(first(&none), "  DNSBLs: nothing known; they are asked when it connects");
    }
}
