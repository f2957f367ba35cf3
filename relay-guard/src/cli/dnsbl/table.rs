//! `relay-guard dnsbl`: how the daemon's zones are, and what came of asking them.

use hyper::Method;

use super::{
    super::{Arguments, Outcome, answers::wrapped, directories, output},
    told::{asks, latency, own_listing},
};
use crate::control::{
    api::{Dnsbl, DnsblZone, Own},
    client,
};

/// Zones named that could not say anything about us; all are in the JSON.
const UNKNOWN_SHOWN: usize = 5;

pub(in super::super) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    let dnsbl: Dnsbl = client::call(&directories.run_dir, Method::GET, "/v1/dnsbl", None::<&()>)?;
    if arguments.json {
        output::json(&dnsbl)?;
    } else if dnsbl.zones.is_empty() {
        output::line("no DNSBL zone is configured; `relay-guard dnsbl catalogue` shows well-known ones");
    } else {
        lines(&dnsbl).iter().for_each(output::line);
    }
    Ok(Outcome::Fine)
}

fn lines(dnsbl: &Dnsbl) -> Vec<String> {
    let mut lines = zones(&dnsbl.zones);
    lines.push(String::new());
    lines.extend(policy(dnsbl));
    lines.extend(asks("asked: ", &dnsbl.asks));
    lines.extend(remembered(dnsbl));
    lines.extend(
        dnsbl.latency_ms.as_ref().map(|took| format!("from a question to its verdict: {}", latency(took))),
    );
    lines.extend(dnsbl.own.iter().flat_map(own));
    lines.extend(dnsbl.zones.iter().filter_map(note));
    lines.extend(dnsbl.zones.iter().filter_map(suspension));
    lines
}

fn zones(zones: &[DnsblZone]) -> Vec<String> {
    let columns = ["ZONE", "STATE", ">WEIGHT", ">QUERIES", ">LISTED", ">FAULTS", ">P50 MS", ">P99 MS"];
    let mut table = output::Table::new(&columns).yielding(0, output::Cut::End);
    for zone in zones {
        let took = |of: fn(&crate::control::api::Latency) -> f64| {
            zone.latency_ms.as_ref().map_or_else(|| "-".to_owned(), |took| milliseconds(of(took)))
        };
        table.row(vec![
            output::cell(&zone.name),
            (zone.state.clone(), Some(tone(&zone.state))),
            output::cell(format!("{:+}", zone.weight)),
            output::cell(output::count(zone.queries)),
            output::cell(output::count(zone.matched)),
            output::cell(output::count(zone.faults)),
            output::cell(took(|took| took.p50)),
            output::cell(took(|took| took.p99)),
        ]);
    }
    table.lines()
}

/// Milliseconds: whole ones where there are ten.
pub(super) fn milliseconds(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn tone(state: &str) -> output::Tone {
    match state {
        "good" => output::Tone::Good,
        "suspended" => output::Tone::Bad,
        _ => output::Tone::Warn,
    }
}

/// What scores come to, and what becomes of the first connection.
fn policy(dnsbl: &Dnsbl) -> Vec<String> {
    let thresholds: Vec<String> = dnsbl
        .thresholds
        .iter()
        .map(|threshold| format!("{} from {}", threshold.action, threshold.score))
        .collect();
    let first = if dnsbl.hold {
        "the first SYN of an unknown source is held until its verdict is there"
    } else {
        "the first connection of an unknown source passes"
    };
    let mut lines = wrapped("scores: ", &thresholds);
    lines.push(first.to_owned());
    lines
}

fn remembered(dnsbl: &Dnsbl) -> Vec<String> {
    let cache = &dnsbl.cache;
    let sources = format!("{} of {} sources", output::number(cache.entries), output::number(cache.limit));
    let mut items = vec![sources];
    let kinds = [("listed", cache.listed), ("clean", cache.clean), ("unknown", cache.unknown)];
    items.extend(kinds.iter().map(|(kind, count)| format!("{} {kind}", output::number(*count))));
    if cache.evicted > 0 {
        items.push(format!("{} forgotten to make room", output::number(cache.evicted)));
    }
    wrapped("remembered: ", &items)
}

fn own(own: &Own) -> Vec<String> {
    let Some(at) = own.checked_at else {
        return vec!["our own addresses: not looked up yet".to_owned()];
    };
    let count = own.addresses.len();
    let addresses = if count == 1 { "address".to_owned() } else { format!("{count} addresses") };
    let mut lines = match own.listed.is_empty() {
        true => vec![format!("our own {addresses}: not listed, as of {}", output::when(at))],
        false => own.listed.iter().map(own_listing).collect(),
    };
    let mut unknown: Vec<String> = own.unknown.iter().take(UNKNOWN_SHOWN).cloned().collect();
    match own.unknown.len().saturating_sub(UNKNOWN_SHOWN) {
        0 => {}
        more => unknown.push(format!("and {more} more")),
    }
    if !unknown.is_empty() {
        lines.extend(wrapped("could not say anything about us: ", &unknown));
    }
    lines
}

fn note(zone: &DnsblZone) -> Option<String> {
    zone.note.as_ref().map(|note| format!("{}: {note}", zone.name))
}

fn suspension(zone: &DnsblZone) -> Option<String> {
    let why = zone.why.as_ref().filter(|_| zone.state == "suspended")?;
    let since = zone.since.map_or_else(String::new, |at| format!("since {}", output::when(at)));
    let next = zone.next_test.map_or_else(String::new, |at| format!(", tested again {}", ahead(at)));
    Some(format!(
        "{} {} is suspended: {why} ({since}{next})",
        output::tint("warning:", output::Tone::Warn),
        zone.name
    ))
}

fn ahead(at: u64) -> String {
    match output::until(at).as_str() {
        "now" => "now".to_owned(),
        time => format!("in {time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::api::{Asks, DnsblCache, DnsblThreshold, Latency, OwnListing};

    fn zone(name: &str, state: &str, weight: i32) -> DnsblZone {
        DnsblZone {
            name: name.to_owned(),
            state: state.to_owned(),
            weight,
            queries: 1_234_567,
            listed: 99_999,
            matched: 12_345,
            not_listed: 1,
            faults: 7,
            latency_ms: Some(Latency { p50: 3.44, p90: 9.96, p99: 31.5, max: 100.0 }),
            ..DnsblZone::default()
        }
    }

    fn dnsbl() -> Dnsbl {
        Dnsbl {
            hold: true,
            asks: Asks {
                asked: 12_345,
                answered: 12_000,
                overflow: 1,
                in_flight: 3,
                waiting: 4,
                ..Asks::default()
            },
            cache: DnsblCache {
                entries: 65_536,
                limit: 65_536,
                listed: 7,
                clean: 65_000,
                unknown: 529,
                evicted: 9,
            },
            latency_ms: Some(Latency { p50: 4.0, p90: 9.0, p99: 31.0, max: 2000.0 }),
            zones: vec![
                zone("spamhaus-zen", "good", 2),
                DnsblZone { latency_ms: None, ..zone(&"a".repeat(60), "testing", -100) },
            ],
            thresholds: vec![
                DnsblThreshold { score: 1, action: "observe".to_owned() },
                DnsblThreshold { score: 3, action: "refuse".to_owned() },
            ],
            own: None,
        }
    }

    #[test]
    fn the_table_fits_a_terminal_and_says_what_there_is() {
        let lines = lines(&dnsbl());
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        let text = lines.join("\n");
        for expected in [
            "spamhaus-zen",
            "good",
            "+2     1.2M   12.3k       7     3.4      32",
            "-100     1.2M   12.3k       7       -       -",
            "scores: observe from 1, refuse from 3",
            "the first SYN of an unknown source is held until its verdict is there",
            "asked: 12 345 sources, 12 000 with a verdict, 3 being asked, 4 waiting,",
            "remembered: 65 536 of 65 536 sources, 7 listed, 65 000 clean, 529 unknown,",
            "9 forgotten to make room",
            "from a question to its verdict: half within 4.0 ms, 99 of 100 within 31 ms",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(!text.contains("our own"), "{text}");
        let passes = Dnsbl { hold: false, ..dnsbl() };
        assert!(super::lines(&passes).iter().any(|line| line.ends_with("unknown source passes")));
    }

    #[test]
    fn suspended_zones_and_our_own_listings_are_named() {
        let mut dnsbl = dnsbl();
        dnsbl.zones[0].state = "suspended".to_owned();
        dnsbl.zones[0].why = Some("lists everybody".to_owned());
        dnsbl.zones[0].since = Some(0);
        dnsbl.zones[0].next_test = Some(1);
        dnsbl.zones[1].why = Some("of the past".to_owned());
        dnsbl.own = Some(Own::default());
        let text = lines(&dnsbl).join("\n");
        assert!(text.contains("warning: spamhaus-zen is suspended: lists everybody (since "), "{text}");
        assert!(text.contains(" ago, tested again now)") && !text.contains("of the past"), "{text}");
        assert!(text.contains("our own addresses: not looked up yet"), "{text}");
        let address = "203.0.113.5".parse().expect("an address");
        dnsbl.own = Some(Own { checked_at: Some(1), addresses: vec![address], ..Own::default() });
        let text = lines(&dnsbl).join("\n");
        assert!(text.contains("our own address: not listed, as of "), "{text}");
        dnsbl.own = Some(Own {
            checked_at: Some(1),
            addresses: vec![address],
            listed: vec![OwnListing {
                address,
                zone: "zen".to_owned(),
                answers: vec!["127.0.0.2".parse().expect("an address")],
                text: vec!["see there".to_owned()],
                info_url: Some("https://check.example/203.0.113.5".to_owned()),
            }],
            unknown: (1..=7).map(|number| format!("other{number}")).collect(),
        });
        let text = lines(&dnsbl).join("\n");
        let expected = "our own 203.0.113.5 is listed on zen: see there; https://check.example/203.0.113.5";
        assert!(text.contains(expected), "{text}");
        let expected =
            "could not say anything about us: other1, other2, other3, other4, other5,\n  and 2 more";
        assert!(text.contains(expected), "{text}");
    }
}
