use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn filters_match_what_they_say() {
    for (text, yes, no) in [
        ("127.0.0.2", &["127.0.0.2"][..], &["127.0.0.3", "127.0.1.2", "126.0.0.2", "127.1.0.2"][..]),
        (
            "127.0.0.[2..11;14]",
            &["127.0.0.2", "127.0.0.7", "127.0.0.11", "127.0.0.14"],
            &["127.0.0.1", "127.0.0.12", "127.0.0.13", "127.0.0.15", "127.0.1.2"],
        ),
        ("127.0.[0..255].[1..3]", &["127.0.15.3", "127.0.255.1"], &["127.0.15.0", "127.1.15.3"]),
        ("[127].[0;10;20].0.255", &["127.10.0.255"], &["127.11.0.255", "127.10.0.254"]),
        ("[120..130].0.0.2", &["127.0.0.2"], &["127.0.0.3"]),
        ("127.255.255.253", &["127.255.255.253"], &["127.255.255.254"]),
        ("127.0.0.[1..2]", &["127.0.0.2"], &["127.0.0.3"]),
    ] {
        let filter = AnswerFilter::parse(text).expect(text);
        for (answers, expected) in [(yes, true), (no, false)] {
            for answer in answers {
                assert_eq!(filter.matches(answer.parse().unwrap()), expected, "{text} {answer}");
            }
        }
    }
}

#[test]
fn what_is_no_filter_is_refused_with_its_place() {
    for (text, expected) in [
        ("", "character 1: a number is missing here"),
        ("127.0.0", "character 8: a dot before the next of four octets is missing here"),
        ("127.0.0.", "character 9: a number is missing here"),
        ("127.0.0.2.3", "character 10: nothing may follow the fourth octet"),
        ("127.0.0.2 ", "character 10: nothing may follow the fourth octet"),
        ("127.0.0.256", "character 9: 256 is no octet; write 0 to 255"),
        ("127.0.0.[2..999]", "character 13: 999 is no octet; write 0 to 255"),
        ("127.0.0.02", "character 9: 02 begins with a zero; write it without"),
        ("127.0.0.[5..2]", "character 10: 5..2 is empty; write 2..5"),
        ("127.0.0.[2;5..2]", "character 12: 5..2 is empty; write 2..5"),
        ("127.0.0.[]", "character 10: nothing is in the brackets; write values such as [2..11;14]"),
        ("127.0.0.[2..]", "character 13: a number is missing here"),
        ("127.0.0.[2;]", "character 12: a number is missing here"),
        ("127.0.0.[2", "character 11: ';' or ']' is missing here"),
        ("127.0.0.[2,3]", "character 11: ';' or ']' is missing here"),
        ("127.0.0.[2-3]", "character 11: ';' or ']' is missing here"),
        ("127.0.0.2..4", "character 10: nothing may follow the fourth octet"),
        ("127.0.0.é", "character 9: a number is missing here"),
        ("é", "character 1: a number is missing here"),
        ("10.0.0.2", "character 1: a DNSBL answers from 127.0.0.0/8 alone; write 127"),
        ("[1..126;128..255].0.0.2", "character 1: a DNSBL answers from 127.0.0.0/8 alone; write 127"),
        ("127.0.0.1", "character 1: it matches no listing"),
        ("127.255.255.254", "character 1: it matches no listing"),
        ("127.255.255.[252;254..255]", "character 1: it matches no listing"),
    ] {
        let error = AnswerFilter::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
    let long = format!("127.0.0.[2{}]", ";2".repeat(MAX_FILTER_LEN));
    assert_eq!(AnswerFilter::parse(&long).unwrap_err().cause, FilterFault::TooLong);
}

#[test]
fn they_are_shown_in_their_shortest_form() {
    for (text, shown) in [
        ("127.0.0.2", "127.0.0.2"),
        ("127.0.0.[2]", "127.0.0.2"),
        ("127.0.0.[2..2]", "127.0.0.2"),
        ("127.0.0.[14;2..11]", "127.0.0.[2..11;14]"),
        ("127.0.0.[2..5;4..6;7;9]", "127.0.0.[2..7;9]"),
        ("127.[0..255].0.[0..128;129..255]", "127.[0..255].0.[0..255]"),
    ] {
        assert_eq!(AnswerFilter::parse(text).expect(text).to_string(), shown);
    }
    assert_eq!(AnswerFilter::default().to_string(), "127.[0..255].[0..255].[0..255]");
}

/// Ranges as they may be written, with the values in them.
fn octet() -> impl Strategy<Value = (String, BTreeSet<u8>)> {
    let range = (any::<u8>(), any::<u8>()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    prop::collection::vec(range, 1..5).prop_map(|ranges| {
        let written = ranges.iter().map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}..{last}"),
        });
        let values = ranges.iter().flat_map(|(first, last)| *first..=*last).collect();
        (format!("[{}]", written.collect::<Vec<_>>().join(";")), values)
    })
}

proptest! {
    /// Against sets of values; and what is shown is read as the same.
    #[test]
    fn a_filter_is_the_product_of_its_octets(
        octets in prop::collection::vec(octet(), 3),
        answers in prop::collection::vec(any::<[u8; 3]>(), 64),
    ) {
        let text = format!("127.{}.{}.{}", octets[0].0, octets[1].0, octets[2].0);
        let filter = match AnswerFilter::parse(&text) {
            Ok(filter) => filter,
            Err(FilterError { cause: FilterFault::NoListing | FilterFault::TooLong, .. }) => return Ok(()),
            Err(error) => panic!("{text}: {error}"),
        };
        for [b, c, d] in answers {
            let expected = octets[0].1.contains(&b) && octets[1].1.contains(&c) && octets[2].1.contains(&d);
            prop_assert_eq!(filter.matches(Ipv4Addr::new(127, b, c, d)), expected);
            prop_assert!(!filter.matches(Ipv4Addr::new(128, b, c, d)));
        }
        prop_assert_eq!(AnswerFilter::parse(&filter.to_string()), Ok(filter));
    }

    /// Whatever is written, nothing panics, and the place is in the text or right behind it.
    #[test]
    fn anything_may_be_written(text in "([0-9.;\\[\\]é]|127|\\.\\.){0,40}") {
        if let Err(error) = AnswerFilter::parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.place));
        }
    }
}
