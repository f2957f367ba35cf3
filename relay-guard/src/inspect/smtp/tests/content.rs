//! Content of messages: its end and its size.

use super::dialogue::heard;
use crate::inspect::smtp::content::{Content, Scanned};

/// Everything before content.
const OPENING: &str = "S: 220 mx\n C: EHLO x\n S: 250-mx\\r\\n250 PIPELINING\n C: MAIL FROM:<a@b>\n S: 250 ok\n C: RCPT TO:<c@d>\n S: 250 ok\n";

/// Pieces of content, where the first end is among them, and where an end that some servers take for one.
const ENDS: &[(&[&str], Option<u64>, Option<u64>)] = &[
    (&["x\r\n.\r\n"], Some(3), None),
    (&[".\r\n"], Some(0), None),
    (&["x\r\n", ".", "\r", "\n"], Some(3), None),
    (&["x\r", "\n.", "\r\nQUIT\r\n"], Some(3), None),
    (&["x\r\n..\r\n.\r\n"], Some(7), None),
    (&["x\r\n.x\r\n.\r\n"], Some(7), None),
    (&["x\r\n.\rx\r\n.\r\n"], Some(8), None),
    (&["x.\r\n.\r\n"], Some(4), None),
    (&["x\n.\n"], None, Some(2)),
    (&["x\n.\r\n"], None, Some(2)),
    (&["x\r\n.\n"], None, Some(3)),
    (&["x\r.\r\n"], None, None),
    (&["x\r\r\n.\r\n"], Some(4), None),
    (&["x\n.\ny\r\n.\r\n"], Some(7), Some(2)),
    (&["no end"], None, None),
];

#[test]
fn content_ends_where_servers_end_it() {
    for (pieces, end, loose) in ENDS {
        let mut content = Content::new(true);
        let found = pieces.iter().any(|piece| content.scan(piece.as_bytes()) != Scanned::More);
        assert_eq!((found.then(|| content.octets()), content.loose_end()), (*end, *loose), "{pieces:?}");
    }
}

#[test]
fn what_comes_behind_the_end_is_left() {
    let mut content = Content::new(true);
    assert_eq!(content.scan(b"x\r\n.\r\nQUIT\r\n"), Scanned::End(b"QUIT\r\n"));
    assert_eq!((content.octets(), content.lines()), (3, 2));
}

/// What follows the opening, and what becomes of the transaction behind its recipients.
const CASES: &[(&str, &str, &str)] = &[
    (
        "an end across pieces",
        "C: DATA\nS: 354 go\nC: x\\r\\n.\\\nC: \\r\\\nC: \\n\\\nS: 250 q",
        "DATA=354 3=250 | 250 q | accepted",
    ),
    (
        "dots doubled are counted as they are sent",
        "C: DATA\nS: 354 go\nC: ..x\nC: .\nS: 250 q",
        "DATA=354 5=250 | 250 q | accepted",
    ),
    (
        "a bare LF that the server takes for an end",
        "C: DATA\nS: 354 go\nC: x\\n.\\n\\\nS: 250 q",
        "DATA=354 2=250 | 250 q | accepted",
    ),
    (
        "a bare LF that the server takes for content",
        "C: DATA\nS: 354 go\nC: x\\n.\\r\\nMAIL FROM:<smuggled@b>\nC: .\nS: 250 q",
        "DATA=354 29=250 | 250 q | accepted",
    ),
    ("skipped content", "C: DATA\nS: 354 go\nC? 5003\nS: 250 q", "DATA=354 ~5000=250 | 250 q | accepted"),
    (
        "content with a hole",
        "C: DATA\nS: 354 go\nC: x\nC! 100\nC: y\nC: .\nS: 250 q",
        "DATA=354 106=250 | 250 q | accepted",
    ),
    (
        "the beginning seen, the rest skipped",
        "C: DATA\nS: 354 go\nC: x\nC? 100\nS: 550 q",
        "DATA=354 ~100=550 | 550 q | refused",
    ),
    (
        "skipped with QUIT behind it",
        "C: DATA\nS: 354 go\nC? 109\nS: 250 q\\r\\n221 bye",
        "DATA=354 ~106=250 | 250 q | accepted",
    ),
    ("skipped, and no reply", "C: DATA\nS: 354 go\nC? 100", "DATA=354 ~100=? | 354 go | unknown incomplete"),
    (
        "an end without a reply",
        "C: DATA\nS: 354 go\nC: x\nC: .",
        "DATA=354 3=? | 354 go | unknown incomplete",
    ),
    ("broken off", "C: DATA\nS: 354 go\nC: half a line\\", "DATA=354 ~11=? | 354 go | abandoned incomplete"),
    (
        "the server gives up before the end",
        "C: DATA\nS: 354 go\nC: RCPT TO:<in@content>\nS: 552 too big\nC: MAIL FROM:<in@content>",
        "DATA=354 ~22=552 | 552 too big | refused",
    ),
    (
        "content before it was wanted",
        "C: DATA\\r\\nx\\r\\n.\nS: 354 go\\r\\n250 q",
        "DATA=354 3=250 | 250 q | accepted",
    ),
    (
        "a server without the reply to DATA",
        "C: DATA\nS: 250 odd\nC: QUIT",
        "DATA=? ~0=? | - | unknown incomplete",
    ),
];

#[test]
fn messages_have_the_size_that_was_sent() {
    for (name, rest, expected) in CASES {
        let transactions = heard(&format!("{OPENING}{rest}")).transactions();
        assert_eq!(transactions, [format!("1 x <a@b>=250 c@d=250 {expected}")], "{name}");
    }
}

#[test]
fn content_that_is_refused_before_it_is_over_was_commands() {
    for rest in ["C: DATA\\r\\nx\\r\\ny\\r\\n.\\r\\nQUIT", "C: DATA\\r\\nx\\r\\ny\\r\\n.\\r\\nQU\\\nC: IT"] {
        let heard =
            heard(&format!("{OPENING}{rest}\nS: 554 no\\r\\n500 ?\\r\\n500 ?\\r\\n500 ?\\r\\n221 bye"));
        assert_eq!(
            heard.transactions(),
            ["1 x <a@b>=250 c@d=250 DATA=554 ~0=? | 554 no | refused"],
            "{rest}"
        );
        let session = heard.session();
        assert_eq!((session.slips.unknown_commands, session.slips.unoffered_pipelining), (3, 1));
        assert!(session.complete);
    }
}

#[test]
fn a_line_that_is_refused_in_its_middle_was_one_command() {
    let text = format!(
        "{OPENING}C: DATA\\r\\nx\\r\\nSubj\\\nS: 554 no\\r\\n500 x\nC: ect: y\nS: 500 ?\nC: MAIL FROM:<e@f>\nS: 550 no\nC: QUIT"
    );
    assert_eq!(
        heard(&text).transactions(),
        ["1 x <a@b>=250 c@d=250 DATA=554 ~0=? | 554 no | refused", "2 x <e@f>=550 | 550 no | refused"]
    );
}

#[test]
fn bare_lf_at_the_end_is_a_slip_where_it_was_taken_for_the_end() {
    let slips = |rest: &str| heard(&format!("{OPENING}{rest}")).session().slips.bare_lf;
    assert_eq!(slips("C: DATA\nS: 354 go\nC: x\\n.\\n\\\nS: 250 q"), 1);
    assert_eq!(slips("C: DATA\nS: 354 go\nC: x\\ny\nC: .\nS: 250 q"), 0);
}

#[test]
fn skipped_content_leaves_the_session_complete() {
    let heard = heard(&format!("{OPENING}C: DATA\nS: 354 go\nC? 109\nS: 250 q\\r\\n221 bye"));
    let session = heard.session();
    assert!(session.complete);
    assert_eq!((session.unseen.client_skipped, session.unseen.client_lost), (109, 0));
    assert_eq!(session.client_octets, 8 + 17 + 15 + 6 + 109);
}
