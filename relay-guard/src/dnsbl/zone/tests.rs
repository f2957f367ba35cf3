use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

#[test]
fn names_of_zones_are_taken_in_lower_case_without_a_dot_at_the_end() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{}", "b".repeat(MAX_ZONE_LEN - 128));
    assert_eq!(longest.len(), 189);
    for (text, name) in [
        ("zen.spamhaus.org", "zen.spamhaus.org"),
        ("Zen.Spamhaus.ORG.", "zen.spamhaus.org"),
        ("_a.b-1.2c", "_a.b-1.2c"),
        ("local", "local"),
        (&longest, &longest),
    ] {
        assert_eq!(ZoneName::parse(text).as_ref().map(ZoneName::expose), Ok(name));
    }
}

#[test]
fn what_is_no_name_is_refused_without_repeating_it() {
    let label = "a".repeat(64);
    let long = format!("{}.ab", ["a"; 94].join("."));
    for (text, expected) in [
        ("", ZoneError::Empty),
        (".", ZoneError::Empty),
        ("a..b", ZoneError::EmptyLabel(3)),
        (".a", ZoneError::EmptyLabel(1)),
        ("a.b..", ZoneError::EmptyLabel(5)),
        ("bl example", ZoneError::Character { character: ' ', place: 3 }),
        ("bl.example/", ZoneError::Character { character: '/', place: 11 }),
        ("é.example", ZoneError::Character { character: 'é', place: 1 }),
        ("{key}.example", ZoneError::Character { character: '{', place: 1 }),
        ("a\nb", ZoneError::Character { character: '\n', place: 2 }),
        ("a.-b.c", ZoneError::Hyphen(3)),
        ("a.b-.c", ZoneError::Hyphen(3)),
        (&format!("x.{label}.y"), ZoneError::LongLabel(3)),
        (&long, ZoneError::TooLong(190)),
        ("127.0.0.1", ZoneError::Number),
    ] {
        assert_eq!(ZoneName::parse(text), Err(expected), "{text:?}");
    }
}

#[test]
fn a_key_takes_its_place_and_is_never_shown() {
    let key = "s3cretKey";
    let zone = ZoneName::with_key("{key}.zen.dq.spamhaus.net", key).unwrap();
    assert_eq!(zone.expose(), "s3cretkey.zen.dq.spamhaus.net");
    assert_eq!(format!("{zone:?}"), "ZoneName(…)");
    let long = "k".repeat(63);
    let template = format!("{{key}}.{}", ["a"; 70].join("."));
    for (template, key, expected) in [
        ("zen.spamhaus.org", key, ZoneError::Keys(0)),
        ("{key}.{key}.org", key, ZoneError::Keys(2)),
        ("{key}.a b", key, ZoneError::Character { character: ' ', place: 8 }),
        ("{key}.a", "", ZoneError::Key),
        ("{key}.a", "no.dots", ZoneError::Key),
        ("{key}.a", "no blanks", ZoneError::Key),
        ("{key}.a", "-key", ZoneError::Key),
        ("{key}.a", "{key}", ZoneError::Key),
        ("a{key}.b", &long, ZoneError::Key),
        (&template, &long, ZoneError::TooLong(63 + 140)),
    ] {
        let found = ZoneName::with_key(template, key).unwrap_err();
        assert!(key.len() < 3 || !found.to_string().contains(key) || key == KEY_PLACE, "{found}");
        assert_eq!(found, expected, "{template} {key}");
    }
}

#[test]
fn questions_are_reversed_octets_and_nibbles() {
    let zone = ZoneName::parse("bl.example").unwrap();
    for (address, name) in [
        ("192.0.2.99", "99.2.0.192.bl.example."),
        (
            // RFC 5782 §2.4.
            "2001:db8:1:2:3:4:567:89ab",
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.example.",
        ),
        ("::ffff:127.0.0.2", "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example."),
    ] {
        assert_eq!(zone.question(address.parse().unwrap()), name);
    }
}

proptest! {
    /// Read backwards, the labels are the address; and no question is longer than DNS allows.
    #[test]
    fn every_question_can_be_asked(v4 in any::<u32>(), v6 in any::<u128>(), len in 1..=MAX_ZONE_LEN) {
        let mut name: String = "a".repeat(len).into_bytes().chunks(63).map(|chunk| "a".repeat(chunk.len())).collect::<Vec<_>>().join(".");
        name.truncate(len);
        let name = name.trim_end_matches('.').to_owned();
        let zone = ZoneName::parse(&name).unwrap();
        let strip = |question: String| question.strip_suffix(&format!("{name}.")).map(ToOwned::to_owned).unwrap();

        let question = zone.question(Ipv4Addr::from(v4).into());
        prop_assert!(question.len() <= 254);
        let octets: Vec<u8> = strip(question).trim_end_matches('.').rsplit('.').map(|o| o.parse().unwrap()).collect();
        prop_assert_eq!(octets, v4.to_be_bytes());

        let question = zone.question(Ipv6Addr::from(v6).into());
        prop_assert!(question.len() <= 254);
        let nibbles: String = strip(question).trim_end_matches('.').rsplit('.').collect();
        prop_assert_eq!(u128::from_str_radix(&nibbles, 16).unwrap(), v6);
    }

    #[test]
    fn anything_may_be_written(text in "\\PC{0,300}", key in "\\PC{0,80}") {
        let _ = ZoneName::parse(&text);
        let _ = ZoneName::with_key(&format!("{text}{{key}}"), &key);
    }
}
