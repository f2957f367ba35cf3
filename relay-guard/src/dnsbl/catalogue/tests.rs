use std::collections::BTreeSet;

use url::Url;

use super::*;
use crate::dnsbl::meaning::is_listing;

#[test]
fn every_zone_is_complete() {
    assert!(ZONES.len() >= 25);
    for known in ZONES {
        let KnownZone { zone, title, operator, what, note, .. } = known;
        assert!(known.ipv4 || known.ipv6, "{zone}");
        for text in [title, operator, what] {
            assert!(
                !text.is_empty() && !text.ends_with('.') && text.len() <= 120 && text.is_ascii(),
                "{zone}: {text}"
            );
        }
        assert!(!note.ends_with('.') && note.len() <= 140, "{zone}: {note}");
        for filter in known.answers.iter().chain(known.codes.iter().map(|(filter, _)| filter)) {
            let read =
                AnswerFilter::parse(filter).unwrap_or_else(|error| panic!("{zone}: {filter}: {error}"));
            assert_eq!(&read.to_string(), filter, "{zone}");
        }
        assert!(known.policy.iter().all(Ipv4Addr::is_loopback), "{zone}");
        // No listing that anybody may want to count is taken for it.
        assert!(
            known.quota.iter().all(|answer| is_listing(*answer) && !known.filter().matches(*answer)),
            "{zone}"
        );
        assert!(!known.is_public() || known.name().is_some(), "{zone}");
        assert_eq!(known.is_public(), !zone.contains('{'), "{zone}");
        assert!(known.is_public() || known.registration && ZoneName::with_key(zone, "k").is_ok(), "{zone}");
        // Those who vouch for their members say so only in some answers.
        assert!(known.kind != Kind::Mixed || known.answers.is_some(), "{zone}");
    }
}

#[test]
fn every_page_can_stand_in_a_reply() {
    for known in ZONES {
        let page = known.page().unwrap_or_else(|| panic!("{}", known.zone));
        for address in ["192.0.2.1", "2001:db8::1"] {
            let url = Url::parse(&page.with(address)).unwrap();
            assert!(matches!(url.scheme(), "https" | "http"), "{url}");
        }
        assert!(page.addresses() <= 1 && page.longest() <= 120, "{}", known.zone);
        assert!(page.pieces().iter().all(|piece| !piece.contains([' ', '"'])), "{}", known.zone);
    }
}

#[test]
fn names_are_unique_and_in_order_and_none_has_ended() {
    let names: Vec<&str> = ZONES.iter().map(|known| known.zone).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    let titles: BTreeSet<&str> = ZONES.iter().map(|known| known.title).collect();
    assert_eq!(titles.len(), ZONES.len());
    for known in ZONES {
        assert_eq!(known.name().as_ref().and_then(ended), None, "{}", known.zone);
    }
    assert!(ENDED.is_sorted_by(|a, b| a.0 < b.0));
}

#[test]
fn zones_are_known_by_their_names_with_any_key() {
    for (name, expected) in [
        ("zen.spamhaus.org", Some("zen.spamhaus.org")),
        ("ZEN.Spamhaus.org.", Some("zen.spamhaus.org")),
        ("0a1b2c.zen.dq.spamhaus.net", Some("{key}.zen.dq.spamhaus.net")),
        ("zen.dq.spamhaus.net", None),
        ("a.b.zen.dq.spamhaus.net", None),
        ("a.zen.spamhaus.org", None),
        ("spamhaus.org", None),
    ] {
        assert_eq!(known(&ZoneName::parse(name).unwrap()).map(|known| known.zone), expected, "{name}");
    }
    for (name, is_over) in [
        ("dnsbl.sorbs.net", true),
        ("sorbs.net", true),
        ("resorbs.net", false),
        ("cbl.abuseat.org", true),
        ("abuseat.org", false),
    ] {
        assert_eq!(ended(&ZoneName::parse(name).unwrap()).is_some(), is_over, "{name}");
    }
}

#[test]
fn zones_are_found_by_name_and_nearly() {
    for known in ZONES {
        assert_eq!(find(&known.zone.to_uppercase()).unwrap().zone, known.zone);
    }
    for (name, expected) in [
        ("zen.spamhous.org", Some("zen.spamhaus.org")),
        ("barracuda", Some("b.barracudacentral.org")),
        ("bl.example.com", None),
        ("x", None),
        ("", None),
    ] {
        assert_eq!(find(name).unwrap_err().nearest, expected, "{name}");
    }
    let error = find("zen.spamhous.org").unwrap_err().to_string();
    assert_eq!(error, "no zone \"zen.spamhous.org\" in the catalogue: did you mean \"zen.spamhaus.org\"?");
}

#[test]
fn answers_by_default_are_those_of_whom_is_meant() {
    let matches = |zone: &str, answer: [u8; 4]| find(zone).unwrap().filter().matches(answer.into());
    for (zone, answer, expected) in [
        ("zen.spamhaus.org", [127, 0, 0, 10], true),
        ("zen.spamhaus.org", [127, 0, 0, 30], true),
        ("list.dnswl.org", [127, 0, 5, 2], true),
        ("list.dnswl.org", [127, 0, 5, 0], false),
        ("list.dnswl.org", [127, 0, 0, 255], false),
        ("hostkarma.junkemailfilter.com", [127, 0, 0, 3], false),
    ] {
        assert_eq!(matches(zone, answer), expected, "{zone} {answer:?}");
    }
    let zen = find("zen.spamhaus.org").unwrap();
    let abuse = AnswerFilter::parse("127.0.0.[2..9]").unwrap();
    assert_eq!(zen.policy_among(&abuse).count(), 0);
    assert_eq!(zen.policy_among(&AnswerFilter::default()).count(), 2);
    assert!(public_blocklists().all(|known| known.name().is_some()));
    assert!(public_blocklists().count() >= 25);
}
