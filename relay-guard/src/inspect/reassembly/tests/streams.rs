//! One direction: out of order, overlapping, sent again, with gaps, from the middle, around the end of numbers.

use super::{super::RETRANSMISSION_NS, *};

/// What it is about, segments (position and words), what is handed on when all have come, and how many octets came twice.
type Case<'a> = (&'a str, &'a [(u32, &'a str)], &'a [&'a str], u64);

const CASES: &[Case<'_>] = &[
    ("in order", &[(0, "EHLO "), (5, "a\r\n")], &["EHLO a\r\n"], 0),
    ("exchanged", &[(5, "a\r\n"), (0, "EHLO ")], &["EHLO a\r\n"], 0),
    ("backwards", &[(7, "\n"), (6, "\r"), (5, "a"), (0, "EHLO ")], &["EHLO a\r\n"], 0),
    ("sent again", &[(0, "EHLO "), (0, "EHLO "), (5, "a\r\n")], &["EHLO a\r\n"], 5),
    ("sent again, differently: the first copy counts", &[(0, "EHLO "), (0, "XXXXX")], &["EHLO "], 5),
    ("sent again, with more", &[(0, "EHLO "), (0, "EHLO a\r\n")], &["EHLO a\r\n"], 5),
    ("sent again while it waits", &[(5, "a\r\n"), (5, "b\r\n"), (0, "EHLO ")], &["EHLO a\r\n"], 3),
    ("overlapping what was handed on", &[(0, "EHLO "), (3, "XXa\r\n")], &["EHLO a\r\n"], 2),
    ("overlapping what waits, from before", &[(5, "a\r\n"), (0, "EHLO XX")], &["EHLO a\r\n"], 2),
    ("overlapping what waits, from behind", &[(3, "O "), (4, "Xa\r\n"), (0, "EHL")], &["EHLO a\r\n"], 1),
    ("around what waits", &[(2, "LO"), (1, "HXX a\r"), (0, "E")], &["EHLO a\r"], 2),
    ("around two that wait", &[(2, "L"), (4, " "), (1, "HXOXa\r"), (0, "E")], &["EHLO a\r"], 2),
    ("within what waits", &[(1, "HLO a"), (3, "XX"), (0, "E")], &["EHLO a"], 2),
    (
        "around the end of numbers",
        &[(26, "ef"), (20, "89abcd"), (0, "0123456789"), (10, "0123456789")],
        &["0123456789012345678989abcdef"],
        0,
    ),
];

#[test]
fn a_stream_is_what_was_said() {
    for (what, segments, expected, twice) in CASES {
        let mut scene = Scene::new();
        for (at, words) in *segments {
            scene.client(*at, words);
        }
        assert_eq!(scene.heard(), expected.iter().map(|words| client(words)).collect::<Vec<_>>(), "{what}");
        assert_eq!((scene.octets.duplicate, scene.octets.pending), (*twice, 0), "{what}");
    }
}

#[test]
fn what_waits_is_not_handed_on() {
    let mut scene = Scene::new();
    assert_eq!(scene.client(5, "a\r\n"), Taken::New);
    assert_eq!((scene.heard(), scene.octets.pending), (vec![], 3));
    assert!(scene.dialogue.memory() > 3);
    scene.flush();
    assert_eq!(scene.heard(), [Heard::Gap(Client, 5, false), client("a\r\n")]);
    assert_eq!(scene.octets.lost, 5);
}

#[test]
fn a_hole_is_a_gap_when_it_was_waited_for_long_enough() {
    let mut scene = Scene::new();
    scene.client(5, "a");
    scene.client(7, "b");
    assert_eq!(scene.dialogue.deadline(), Some(RETRANSMISSION_NS));
    scene.wait(RETRANSMISSION_NS - 1);
    assert_eq!(scene.heard(), []);
    scene.wait(1);
    let gap = |octets| Heard::Gap(Client, octets, false);
    assert_eq!(scene.heard(), [gap(5), client("a"), gap(1), client("b")]);
    assert_eq!((scene.octets.lost, scene.dialogue.deadline()), (6, None));
}

#[test]
fn what_comes_after_it_was_given_up_is_dropped() {
    let mut scene = Scene::new();
    scene.client(5, "a");
    scene.wait(RETRANSMISSION_NS);
    assert_eq!(scene.client(0, "EHLO "), Taken::Stray);
    assert_eq!((scene.octets.dropped, scene.octets.duplicate), (5, 0));
    assert_eq!(scene.client(3, "O aB"), Taken::New);
    assert_eq!(scene.heard(), [Heard::Gap(Client, 5, false), client("aB")]);
    assert_eq!((scene.octets.dropped, scene.octets.duplicate), (7, 1));
}

#[test]
fn what_was_left_out_on_purpose_is_not_waited_for() {
    let mut scene = Scene::new();
    scene.client(0, "DATA\r\n");
    scene.client(9, "x");
    scene.take(Segment { skipped_own: true, ..segment(Client, 1_000, b"QUIT\r\n") });
    let gap = |octets| Heard::Gap(Client, octets, true);
    assert_eq!(scene.heard(), [client("DATA\r\n"), gap(3), client("x"), gap(990), client("QUIT\r\n")]);
    assert_eq!((scene.octets.skipped, scene.octets.lost), (993, 0));
}

#[test]
fn what_was_left_out_may_be_longer_than_any_window() {
    let mut scene = Scene::new();
    let far = 1_900_000_000;
    assert_eq!(scene.take(segment(Client, far, b"QUIT")), Taken::Stray);
    let skipped = Segment { skipped_own: true, ..segment(Client, far, b"QUIT") };
    assert_eq!(scene.take(skipped), Taken::New);
    let skipped = Segment { skipped_own: true, ..segment(Client, far.wrapping_mul(2), b"RSET") };
    assert_eq!(scene.take(skipped), Taken::New);
    let gap = |octets| Heard::Gap(Client, octets, true);
    assert_eq!(scene.heard(), [gap(1_900_000_000), client("QUIT"), gap(1_899_999_996), client("RSET")]);
}

#[test]
fn what_was_cut_off_is_a_gap() {
    let mut scene = Scene::new();
    scene.take(acknowledging(Segment { len: 10, ..segment(Client, 0, b"DATA") }, 0));
    scene.take(acknowledging(Segment { len: 9, ..segment(Client, 12, b"QUIT") }, 0));
    scene.client(10, "ab");
    let gap = |octets| Heard::Gap(Client, octets, true);
    assert_eq!(scene.heard(), [client("DATA"), gap(6), client("abQUIT"), gap(5)]);
    assert_eq!((scene.octets.skipped, scene.octets.received), (11, 10));
}

#[test]
fn more_payload_than_there_was_on_the_wire_is_none() {
    let mut scene = Scene::new();
    scene.take(Segment { len: 2, ..segment(Client, 0, b"DATA") });
    assert_eq!((scene.heard(), scene.octets.received), (vec![client("DA")], 2));
}

#[test]
fn in_the_middle_a_stream_begins_with_what_is_seen_first() {
    let mut scene = Scene::from(Dialogue::new(None, None, 0));
    scene.take(acknowledging(segment(Client, 100, b"RCPT"), 70));
    assert_eq!(scene.client(90, "0123456789RC"), Taken::Known, "from before, and again");
    scene.take(acknowledging(segment(Server, 75, b"ok"), 104));
    scene.take(acknowledging(segment(Server, 70, b"250 \n"), 104));
    assert_eq!(scene.heard(), [client("RCPT"), server("250 \nok")]);
    assert_eq!((scene.octets.dropped, scene.octets.duplicate), (10, 2));
}

#[test]
fn what_is_out_of_the_window_is_dropped() {
    let mut scene = Scene::new();
    let far = super::super::MAX_AHEAD as u32;
    assert_eq!(scene.client(far + 1, "x"), Taken::Stray);
    assert_eq!(scene.client(far, "x"), Taken::New);
    assert_eq!(scene.take(acknowledging(segment(Client, 0, b"x"), far + 1)), Taken::Stray);
    assert_eq!(scene.client(0u32.wrapping_sub(far + 2), "x"), Taken::Stray);
    assert_eq!((scene.heard(), scene.octets.dropped, scene.octets.pending), (vec![], 3, 1));
}

#[test]
fn a_probe_with_an_octet_that_came_before_changes_nothing() {
    let mut scene = Scene::new();
    scene.client(0, "NOOP\r\n");
    assert_eq!(scene.client(5, "?"), Taken::Known);
    assert_eq!(scene.client(5, ""), Taken::Known);
    assert_eq!(scene.client(6, "QUIT"), Taken::New);
    assert_eq!(scene.heard(), [client("NOOP\r\nQUIT")]);
}
