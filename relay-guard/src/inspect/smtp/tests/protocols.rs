//! What a connection turns out to be.

use super::dialogue::heard;
use crate::inspect::observation::Protocol;

const CASES: &[(&str, Protocol)] = &[
    ("S: 220 mx", Protocol::Smtp),
    ("C: EHLO x", Protocol::Smtp),
    ("S: 554 no", Protocol::Smtp),
    ("C: GET / HTTP/1.1\\r\\nHost: x\\r\\n", Protocol::Http),
    ("S: 220 mx\nC: POST /x HTTP/1.0", Protocol::Http),
    ("S: 220 mx\nC: GET up", Protocol::Smtp),
    ("C: hm\nS: HTTP/1.1 400 Bad Request", Protocol::Http),
    ("C: SSH-2.0-OpenSSH_9.6", Protocol::Ssh),
    ("S: SSH-2.0-OpenSSH_9.6", Protocol::Ssh),
    ("C: \\x00\\x01\\x02binary", Protocol::Other),
    ("C: what\nS: +OK POP3", Protocol::Other),
    ("S: +OK POP3\nC: USER x", Protocol::Other),
    ("S: * OK IMAP\nC: EHLO x", Protocol::Smtp),
    ("C: what\nS: 220 mx", Protocol::Smtp),
    ("C: too li\\", Protocol::Silent),
    ("", Protocol::Silent),
];

#[test]
fn protocols_are_told_by_what_is_said_first() {
    for (dialogue, protocol) in CASES {
        assert_eq!(heard(dialogue).session().protocol, *protocol, "{dialogue}");
    }
}

#[test]
fn nothing_is_read_of_other_protocols() {
    let heard =
        heard("S: 220 mx\nC: POST / HTTP/1.1\\r\\n\\r\\nMAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>");
    assert_eq!(heard.transactions(), Vec::<String>::new());
    assert_eq!(heard.all.len(), 2, "once when it was known, once at the end");
}

#[test]
fn whoever_speaks_before_the_greeting_talks_first() {
    let talked = |dialogue: &str| heard(dialogue).session().talked_first;
    assert!(talked("C: EHLO x\nS: 220 mx"));
    assert!(talked("S: 220-mx\nC: EHLO x\nS: 220 mx"));
    assert!(talked("S: 22\\\nC: EHLO x\nS: 0 mx"));
    assert!(!talked("S: 220-mx\\r\\n220 mx\nC: EHLO x"));
    assert!(!talked("S! 10\nC: EHLO x"));
}

#[test]
fn a_client_that_does_not_wait_is_paired_all_the_same() {
    let heard = heard(
        "C: EHLO x\\r\\nMAIL FROM:<a@b>\\r\\nRCPT TO:<c@d>\nS: 220 mx\\r\\n250 mx\\r\\n250 ok\\r\\n550 no\nC: QUIT\nS: 221 bye",
    );
    assert_eq!(heard.transactions(), ["1 x <a@b>=250 c@d=550 | 550 no | refused"]);
    let session = heard.session();
    assert_eq!((session.slips.unoffered_pipelining, session.slips.total()), (2, 2));
    assert_eq!(session.greeting.as_ref().unwrap().to_string(), "220 mx");
}
