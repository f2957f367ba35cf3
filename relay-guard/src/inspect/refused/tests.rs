use proptest::prelude::*;
use relay_guard_common::respond::{
    envelope::{ENVELOPE_LINE_LEN, EnvelopeLine},
    verb::Verb,
};

use super::*;

fn line(port: u16, verb: Verb, octets: &[u8]) -> EnvelopeLine {
    let mut line = [0; ENVELOPE_LINE_LEN];
    line[..octets.len()].copy_from_slice(octets);
    EnvelopeLine {
        time_ns: 1_000,
        source: Address::v4([198, 51, 100, 7]),
        destination: Address::v4([192, 0, 2, 25]),
        source_port: port,
        destination_port: 25,
        class: 3,
        verb: verb as u8,
        direction: Direction::Inbound as u8,
        len: octets.len() as u16,
        ifindex: 4,
        line,
    }
}

fn no_lists() -> Vec<String> {
    Vec::new()
}

/// Takes lines of one connection, and returns it.
fn take_all(lines: &[(Verb, &[u8])]) -> Refused {
    let mut senders = RefusedSenders::default();
    for (verb, octets) in lines {
        senders.take(&line(40_000, *verb, octets), no_lists);
    }
    assert_eq!(senders.iter().count(), 1);
    senders.iter().next().expect("one").clone()
}

#[test]
fn a_connection_is_put_together() {
    let mut senders = RefusedSenders::default();
    let lines: [(Verb, &[u8], u64); 5] = [
        (Verb::Hello, b"EHLO mail.example.net\r\n", 10),
        (Verb::Mail, b"MAIL FROM:<news@example.net> SIZE=12\r\n", 20),
        (Verb::Rcpt, b"RCPT TO:<anna@example.com>\r\n", 30),
        (Verb::Rcpt, b"rcpt to:<bert@example.com>\r\n", 40),
        (Verb::Mail, b"MAIL FROM:<>\r\n", 50),
    ];
    for (verb, octets, time_ns) in lines {
        let line = EnvelopeLine { time_ns, ..line(40_000, verb, octets) };
        let known = senders.take(&line, || vec!["drops".to_owned()]);
        assert!(known.is_some(), "{octets:?}");
    }
    let [refused] = &senders.iter().collect::<Vec<_>>()[..] else { panic!("one connection") };
    assert_eq!(refused.source().to_string(), "198.51.100.7");
    assert_eq!(refused.destination().to_string(), "192.0.2.25");
    assert_eq!(refused.ports(), (40_000, 25));
    assert_eq!((refused.first_ns, refused.last_ns, refused.ifindex), (10, 50, 4));
    assert_eq!((refused.direction, refused.reason), (Direction::Inbound, Reason::Listed));
    assert_eq!(refused.lists, ["drops"]);
    assert_eq!(refused.helo.as_deref(), Some("mail.example.net"));
    assert_eq!(refused.from.as_deref(), Some(""), "the last one is the null sender");
    assert_eq!(refused.recipients, ["anna@example.com", "bert@example.com"]);
    assert_eq!(refused.recipients_total, 2);
}

#[test]
fn a_line_that_is_repeated_counts_once() {
    let anna: (Verb, &[u8]) = (Verb::Rcpt, b"RCPT TO:<anna@example.com>\r\n");
    let bert: (Verb, &[u8]) = (Verb::Rcpt, b"RCPT TO:<bert@example.com>\r\n");
    assert_eq!(take_all(&[anna, anna, anna]).recipients, ["anna@example.com"]);
    assert_eq!(take_all(&[anna, anna, bert, bert]).recipients_total, 2);
    let mut senders = RefusedSenders::default();
    assert!(senders.take(&line(1, anna.0, anna.1), no_lists).is_some());
    let again = EnvelopeLine { time_ns: 9_000, ..line(1, anna.0, anna.1) };
    assert!(senders.take(&again, || panic!("the lists are known")).is_none());
    assert_eq!(senders.iter().next().map(|refused| refused.last_ns), Some(9_000), "it is still there");
    // The same words of another connection are news.
    assert!(senders.take(&line(2, anna.0, anna.1), no_lists).is_some());
}

#[test]
fn only_the_first_recipients_are_kept() {
    let mut senders = RefusedSenders::default();
    for number in 0..20 {
        let octets = format!("RCPT TO:<user{number}@example.com>\r\n");
        senders.take(&line(1, Verb::Rcpt, octets.as_bytes()), no_lists);
    }
    let refused = senders.iter().next().expect("one");
    assert_eq!((refused.recipients.len(), refused.recipients_total), (MAX_RECIPIENTS, 20));
    assert_eq!(refused.recipients[7], "user7@example.com");
}

#[test]
fn the_longest_silent_goes_first() {
    let mut senders = RefusedSenders::default();
    for port in 0..MAX_REFUSED as u16 {
        senders.take(&line(port, Verb::Hello, b"HELO a\r\n"), no_lists);
    }
    senders.take(&line(0, Verb::Mail, b"MAIL FROM:<a@example.net>\r\n"), no_lists);
    senders.take(&line(9_999, Verb::Hello, b"HELO b\r\n"), no_lists);
    let ports: Vec<_> = senders.iter().map(|refused| refused.ports().0).collect();
    assert_eq!(ports.len(), MAX_REFUSED);
    assert_eq!(ports[..3], [9_999, 0, MAX_REFUSED as u16 - 1]);
    assert_eq!(ports.last(), Some(&2), "1 was silent for longest");
}

#[test]
fn what_comes_after_a_long_silence_is_another_connection() {
    let mut senders = RefusedSenders::default();
    let at = |time_ns| EnvelopeLine { time_ns, ..line(1, Verb::Hello, b"HELO a\r\n") };
    for (time_ns, connections) in [(5, 1), (4 + IDLE_NS, 1), (4 + 2 * IDLE_NS, 2), (5, 2)] {
        senders.take(&at(time_ns), no_lists);
        assert_eq!(senders.iter().count(), connections, "at {time_ns}");
    }
    assert_eq!(
        senders.iter().next().map(|refused| (refused.first_ns, refused.last_ns)),
        Some((4 + 2 * IDLE_NS, 4 + 2 * IDLE_NS))
    );
}

#[test]
fn reasons_follow_from_class_and_direction() {
    for (class, direction, expected) in [
        (3, Direction::Inbound, Reason::Listed),
        (3, Direction::Outbound, Reason::ListedDestination),
        (CLEAN, Direction::Outbound, Reason::Contained),
        (CLEAN, Direction::Inbound, Reason::DnsblListed),
    ] {
        let line = EnvelopeLine { class, direction: direction as u8, ..line(1, Verb::Hello, b"HELO a") };
        let mut senders = RefusedSenders::default();
        assert_eq!(senders.take(&line, no_lists).map(|refused| refused.reason), Some(expected));
    }
}

#[test]
fn lines_of_other_verbs_say_nothing() {
    let mut senders = RefusedSenders::default();
    for verb in [Verb::Other, Verb::Data, Verb::Rset, Verb::Noop, Verb::Quit] {
        assert!(senders.take(&line(1, verb, b"DATA\r\n"), no_lists).is_none());
    }
    let unknown = EnvelopeLine { verb: 200, ..line(1, Verb::Hello, b"HELO a") };
    assert!(senders.take(&unknown, no_lists).is_none());
    assert_eq!(senders.iter().count(), 0);
}

#[test]
fn addresses_are_found_in_what_clients_write() {
    for (octets, expected) in [
        (&b"RCPT TO:<a@example.com>\r\n"[..], "a@example.com"),
        (b"RCPT TO:<a@example.com> NOTIFY=NEVER ORCPT=rfc822;<b>\r\n", "a@example.com"),
        (b"rcpt to: <a@example.com>\n", "a@example.com"),
        (b"RCPT TO:Anna <a@example.com>\r\n", "a@example.com"),
        (b"RCPT TO:a@example.com X=1\r\n", "a@example.com"),
        (b"RCPT TO : a@example.com\r\n", "a@example.com"),
        (b"RCPT a@example.com\r\n", "a@example.com"),
        (b"RCPT tom@example.com\r\n", "tom@example.com"),
        (b"RCPT to\r\n", "to"),
        (b"RCPT TO:<@b.example,@c.example:a@example.com>\r\n", "@b.example,@c.example:a@example.com"),
        (b"RCPT TO:<\"a>b\\\"c\"@example.com> X\r\n", "\"a>b\\\\\"c\"@example.com"),
        (b"RCPT TO:<o'brien@example.com>", "o'brien@example.com"),
        (b"RCPT TO:<a b@example.com", "a b@example.com"),
        (b"RCPT TO:<>\r\n", ""),
        (b"RCPT TO:\r\n", ""),
        (b"RCPT\r\n", ""),
        (b"RC", ""),
        (b"RCPT TO:<a\x1b[31m@example.com>\r\n", "a\\x1b[31m@example.com"),
        (b"RCPT TO:<a\0b>\r\n", "a\\x00b"),
        ("RCPT TO:<jürgen@example.com>\r\n".as_bytes(), "j\\xc3\\xbcrgen@example.com"),
    ] {
        let refused = take_all(&[(Verb::Rcpt, octets)]);
        assert_eq!(refused.recipients, [expected], "{}", String::from_utf8_lossy(octets));
    }
    for (octets, expected) in [
        (&b"EHLO mail.example.net\r\n"[..], "mail.example.net"),
        (b"helo  [192.0.2.1] x\n", "[192.0.2.1]"),
        (b"EHLO\r\n", ""),
        (b"HELO \xff\r\n", "\\xff"),
    ] {
        assert_eq!(take_all(&[(Verb::Hello, octets)]).helo.as_deref(), Some(expected));
    }
    let from = take_all(&[(Verb::Mail, b"MAIL FROM:news@example.net\r\n")]).from;
    assert_eq!(from.as_deref(), Some("news@example.net"));
}

#[test]
fn only_octets_that_count_are_read() {
    let stale = EnvelopeLine { len: 11, ..line(1, Verb::Rcpt, b"RCPT TO:<a@example.com>\r\n") };
    let none = EnvelopeLine { len: 0, ..stale };
    for (line, expected) in [(stale, "a@"), (none, "")] {
        let mut senders = RefusedSenders::default();
        assert!(senders.take(&line, no_lists).is_some());
        assert_eq!(senders.iter().next().expect("one").recipients, [expected]);
    }
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let long = [b"RCPT TO:<", &[0xff; 200][..]].concat();
    let text = &take_all(&[(Verb::Rcpt, &long)]).recipients[0];
    assert_eq!(text.chars().count(), 253, "whole escapes only");
    assert!(text.starts_with("\\xff\\xff") && text.ends_with("\\xff…"), "{text}");
    let plain = [b"RCPT TO:<", &[b'a'; 247][..]].concat();
    assert_eq!(take_all(&[(Verb::Rcpt, &plain)]).recipients[0], "a".repeat(247));
}

/// Lines of a few connections: which, verb, what they say.
fn lines() -> impl Strategy<Value = Vec<(u16, u8, usize)>> {
    prop::collection::vec((0..3_u16, 0..8_u8, 0..4_usize), 0..60)
}

proptest! {
    #[test]
    fn any_octets_stay_within_bounds(
        octets in prop::collection::vec(any::<u8>(), 0..=ENVELOPE_LINE_LEN),
        verb: u8,
        len: u16,
        direction: u8,
    ) {
        for verb in [verb, Verb::Hello as u8, Verb::Mail as u8, Verb::Rcpt as u8] {
            let line = EnvelopeLine { verb, len, direction, ..line(1, Verb::Other, &octets) };
            let mut senders = RefusedSenders::default();
            senders.take(&line, no_lists);
            for refused in senders.iter() {
                for text in refused.helo.iter().chain(&refused.from).chain(&refused.recipients) {
                    prop_assert!(text.chars().count() <= MAX_TEXT);
                    prop_assert!(text.trim_end_matches('…').bytes().all(|octet| (b' '..=b'~').contains(&octet)));
                }
            }
        }
    }

    /// What is known of each connection is what a naive reading of its own lines says.
    #[test]
    fn connections_do_not_mix(lines in lines()) {
        let words: [&[u8]; 4] = [b"XXXX TO:<a>\r\n", b"XXXX TO:<b>\r\n", b"XXXX TO:<c>\r\n", b"XXXX TO:<a> \r\n"];
        let mut senders = RefusedSenders::default();
        for (port, verb, word) in &lines {
            let line = EnvelopeLine { verb: *verb, ..line(*port, Verb::Other, words[*word]) };
            senders.take(&line, no_lists);
        }
        for port in 0..3 {
            let envelope = |verb: u8| (1..=3).contains(&verb);
            let mut own: Vec<_> =
                lines.iter().filter(|(of, verb, _)| *of == port && envelope(*verb)).collect();
            own.dedup();
            let recipients: Vec<_> = own.iter().filter(|(_, verb, _)| *verb == Verb::Rcpt as u8).collect();
            let known = senders.iter().find(|refused| refused.ports().0 == port);
            prop_assert_eq!(known.is_some(), !own.is_empty());
            if let Some(known) = known {
                prop_assert_eq!(known.recipients_total, recipients.len() as u64);
                let names = ["a", "b", "c", "a"];
                let first: Vec<_> = recipients.iter().map(|(_, _, word)| names[*word]).take(MAX_RECIPIENTS).collect();
                prop_assert_eq!(&known.recipients, &first);
            }
        }
        let last = lines.iter().rev().find(|(_, verb, _)| (1..=3).contains(verb)).map(|(port, ..)| *port);
        prop_assert_eq!(senders.iter().next().map(|refused| refused.ports().0), last);
    }
}
