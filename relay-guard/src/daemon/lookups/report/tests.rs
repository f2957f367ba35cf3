use relay_guard_common::{action::Action, class::Rule};

use super::*;
use crate::dnsbl::{
    Quantiles,
    engine::{Asks, CacheView, View},
    testing::{dnsbl, weighing, zone as zone_config},
};

const SECOND_NS: u64 = 1_000_000_000;

fn standing(word: &str) -> Standing {
    let (since_ns, next_test_ns) = (SECOND_NS, 2 * SECOND_NS);
    match word {
        "testing" => Standing::Testing,
        "good" => Standing::Good { since_ns, next_test_ns, note: Some("says nothing of IPv6") },
        _ => Standing::Suspended { since_ns, next_test_ns, why: "lists everybody".to_owned() },
    }
}

fn zone_view(entries: &[usize], word: &str) -> ZoneView {
    ZoneView {
        entries: entries.to_vec(),
        standing: standing(word),
        queries: 10,
        listed: 3,
        not_listed: 5,
        faults: 2,
        over_rate: 0,
        suspensions: 0,
        latency_ms: Some(Quantiles { p50: 1.0, p90: 2.0, p99: 3.0, max: 4.0 }),
    }
}

/// Three entries, two of them about one zone, and another one whose name is a secret.
fn told() -> Told {
    let mut config = dnsbl(
        vec![weighing("a.example", 2), weighing("a.example", -1), zone_config("key.b.example")],
        &[2, 5],
    );
    config.zones[1].name = "second".to_owned();
    config.zones[1].ports = PortChoice::Only(vec![25]);
    config.zones[2].name = "b".to_owned();
    config.zones[2].secret = true;
    config.zones[2].ipv6 = true;
    Told { dnsbl: config, moment: Moment::now(), never_asked: 7, own: None }
}

fn report() -> Report {
    Report {
        view: View {
            asks: Asks { asked: 100, answered: 50, overflow: 4, never_asked: 6, ..Asks::default() },
            cache: CacheView { entries: 9, limit: 10, listed: 1, clean: 2, unknown: 6, evicted: 3 },
            latency_ms: None,
            zones: vec![zone_view(&[0, 1], "suspended"), zone_view(&[2], "good")],
            matched: vec![1, 2, 3],
        },
        asks_lost: 8,
        resolvers: Vec::new(),
    }
}

#[test]
fn every_entry_is_told_with_what_its_zone_came_to() {
    let told = told();
    let dnsbl = told.with(&report());
    let rows: Vec<_> = dnsbl
        .zones
        .iter()
        .map(|zone| {
            (zone.name.as_str(), zone.zone.as_deref(), zone.state.as_str(), zone.weight, zone.matched)
        })
        .collect();
    let expected = [
        ("a", Some("a.example"), "suspended", 2, 1),
        ("second", Some("a.example"), "suspended", -1, 2),
        ("b", None, "good", 1, 3),
    ];
    assert_eq!(rows, expected);
    let [first, second, third] = &dnsbl.zones[..] else { panic!("three: {dnsbl:#?}") };
    assert_eq!((first.why.as_deref(), first.note.as_deref()), (Some("lists everybody"), None));
    assert_eq!((third.why.as_deref(), third.note.as_deref()), (None, Some("says nothing of IPv6")));
    assert_eq!((first.ports.as_ref(), second.ports.as_deref()), (None, Some(&[25][..])));
    assert_eq!(third.families, ["ipv4", "ipv6"]);
    assert_eq!(first.since, Some(told.moment.to_unix(SECOND_NS)));
    assert_eq!(first.next_test, Some(told.moment.to_unix(2 * SECOND_NS)));
    assert_eq!((first.queries, first.listed, first.not_listed, first.faults), (10, 3, 5, 2));
    assert_eq!(first.latency_ms, Some(api::Latency { p50: 1.0, p90: 2.0, p99: 3.0, max: 4.0 }));
    let thresholds: Vec<_> = dnsbl.thresholds.iter().map(|one| (one.score, one.action.as_str())).collect();
    assert_eq!(thresholds, [(2, "refuse"), (5, "refuse")]);
    let secret = serde_json::to_string(&dnsbl).expect("JSON");
    assert!(!secret.contains("key"), "{secret}");
}

#[test]
fn whoever_was_not_asked_about_is_counted_wherever_that_was_found_out() {
    let dnsbl = told().with(&report());
    // The loop left out 7, the engine 6 of the 100 that it got; 8 were lost between them.
    assert_eq!((dnsbl.asks.asked, dnsbl.asks.never_asked, dnsbl.asks.overflow), (94, 13, 12));
    let summary = summary(&dnsbl, 5);
    assert_eq!((summary.zones, summary.held, summary.entries), (3, 5, 9));
    assert_eq!(
        (summary.suspended.as_slice(), summary.testing.len()),
        (&["a".to_owned(), "second".to_owned()][..], 0)
    );
    let mut testing = report();
    testing.view.zones[1].standing = standing("testing");
    assert_eq!(super::summary(&told().with(&testing), 0).testing, ["b"]);
}

#[test]
fn warnings_name_suspended_zones_and_our_own_listings() {
    let mut told = told();
    let address = "203.0.113.5".parse().expect("an address");
    let listing = |zone: &str| api::OwnListing {
        address,
        zone: zone.to_owned(),
        answers: Vec::new(),
        text: Vec::new(),
        info_url: None,
    };
    told.own = Some(api::Own { listed: vec![listing("x"), listing("y")], ..api::Own::default() });
    let expected = [
        "DNSBL a is suspended: lists everybody",
        "DNSBL second is suspended: lists everybody",
        "our own address 203.0.113.5 is listed on x",
        "our own address 203.0.113.5 is listed on y",
    ];
    assert_eq!(warnings(&told.with(&report())), expected);
}

fn verdict(reasons: [Reason; 4], listed: u32, unknown: u32) -> Verdict {
    let rules = reasons.map(|reason| Rule::new(Action::Pass, reason));
    Verdict { listed, unknown, ..Verdict::of(rules, 50) }
}

#[test]
fn a_word_has_the_score_at_its_port() {
    use Reason::{DnsblClean, DnsblListed, DnsblUnknown};
    let config = told().dnsbl;
    let listed = [DnsblClean, DnsblListed, DnsblClean, DnsblClean];
    for (reasons, masks, port, state, score) in [
        (listed, (0b101, 0), 25, "listed", 3),
        (listed, (0b111, 0), 25, "listed", 2),
        // The second one counts at 25 alone.
        (listed, (0b111, 0), 587, "listed", 3),
        // One that vouches and could not say counts as if it had.
        ([DnsblUnknown; 4], (0b001, 0b010), 25, "unknown", 1),
        ([DnsblUnknown; 4], (0b001, 0b010), 587, "unknown", 2),
        ([DnsblUnknown; 4], (0b010, 0b001), 25, "unknown", -1),
        ([DnsblClean; 4], (0, 0), 25, "clean", 0),
        // Of a newer configuration.
        ([DnsblClean; 4], (1 << 31, 1 << 30), 25, "clean", 0),
    ] {
        let verdict = verdict(reasons, masks.0, masks.1);
        let word = word(&config, Some((&verdict, 77)), port, 49);
        assert_eq!((word.state.as_str(), word.score), (state, score), "{masks:?} {port}");
        assert_eq!((word.threshold, word.until, word.expired), (Some(2), Some(77), false));
        assert_eq!(word.zones, names(&config, masks.0));
        assert_eq!(word.unknown, names(&config, masks.1));
    }
    let over = verdict([DnsblClean; 4], 0b110, 0);
    let told = word(&config, Some((&over, 77)), 25, 50);
    assert!(told.expired);
    assert_eq!(told.zones, ["second", "b"]);
    assert_eq!(word(&config, None, 25, 0).state, "none");
}
