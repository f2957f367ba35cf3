//! What a connection turns out to be.

use super::dialogue::heard;
use crate::inspect::observation::Protocol;

const CASES: &[(&str, Protocol)] = &[
    ("S: 220 mx", Protocol::Smtp),
    ("C: EHLO x", Protocol::Smtp),
    ("S: 554 no", Protocol::Smtp),
    ("C: GET / HTTP/1.1\\r\\nHost: x\\r\\n", Protocol::Http),
    ("S: 220 mx\nC: POST /x HTTP/1.0", Protocol::Smtp),
    ("C: GET / HTTP/1.1\nS: 220 mx", Protocol::Smtp),
    ("C: GET / HTTP/1.1\nS: HTTP/1.1 400 Bad Request", Protocol::Http),
    ("C: SSH-2.0-x\nS: 220 mx", Protocol::Smtp),
    ("C: \\x16\\x03\\x01\\x00\\x05hello", Protocol::Tls),
    ("C: \\x16\\x03\\x01\\x00\\x05hello\nS: 220 mx", Protocol::Smtp),
    ("S: 220 mx\nC: \\x16\\x03\\x01\\x00\\x05hello", Protocol::Smtp),
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
        heard("C: POST / HTTP/1.1\nS: HTTP/1.1 200 OK\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>");
    assert_eq!(heard.transactions(), Vec::<String>::new());
    assert_eq!(heard.all.len(), 2, "once when it was known, once at the end");
}

/// What a client says to seem to speak something else, with what the server says to it: before it is greeted, and behind.
const DISGUISES: &[&str] = &[
    "C: PUT / HTTP/1.1\nS: 220 mx\\r\\n500 what",
    "S: 220 mx\nC: PUT / HTTP/1.1\nS: 500 what",
    "C: SSH-2.0-x\nS: 220 mx\\r\\n500 what",
    "S: 220 mx\nC: SSH-2.0-x\nS: 500 what",
    "C: \\x16\\x03\\x01\\x00\\x05hello\nS: 220 mx\\r\\n500 what",
    "C: \\x16\\x03\\x01\\x02\\x00\\x01hello\nS: 220 mx\\r\\n500 what",
    "C: \\x16\\x03\\x01\\x02\\x00\\x01hello\nC? 9\nS: 220 mx\\r\\n500 what",
    "S: 220 mx\nC: \\x16\\x03\\x01\\x00\\x05hello\nS: 500 what",
    "S: 220 mx\nC: EHLO y\nS: 250 mx\nC: \\x16\\x03\\x01\\x00\\x05hello\nS: 500 what",
    "S: 220 mx\nC: STARTTLS\nS: 454 no\nC: \\x16\\x03\\x01\\x00\\x05hello\nS: 500 what",
    "S: 220 mx\nC! 10\nS: 250 what\nC: \\x16\\x03\\x01\\x00\\x05hello\nS: 500 what",
    "C: \\x16\\x03\\x01\\x00\\x05hello\nS: 220 mx\\r\\n500 what\nC: \\x16\\x03\\x01\\x00\\x05hello\nS: 500 what",
];

#[test]
fn a_wrong_line_blinds_nobody_where_the_server_speaks_smtp() {
    for disguise in DISGUISES {
        let heard = heard(&format!(
            "{disguise}\nC: EHLO x\nS: 250 mx\nC: MAIL FROM:<a@b>\nS: 550 no\nC: QUIT\nS: 221 bye"
        ));
        assert_eq!(heard.transactions(), ["1 x <a@b>=550 | 550 no | refused"], "{disguise}");
        let session = heard.session();
        assert_eq!((session.protocol, heard.all.len()), (Protocol::Smtp, 2), "{disguise}");
        assert!(session.slips.unknown_commands > 0, "{disguise}");
        assert!(session.tls.as_ref().is_none_or(|tls| tls.accepted == Some(false)), "{disguise}");
    }
}

#[test]
fn a_client_of_implicit_tls_does_not_talk_first() {
    let talked = |dialogue: &str| heard(dialogue).session().talked_first;
    let hello = "C: \\x16\\x03\\x01\\x00\\x05hello";
    assert!(!talked(hello));
    assert!(!talked(&format!("{hello}\nS: \\x16\\x03\\x03\\x00\\x7a")));
    assert!(!talked(&format!("{hello}\nS: \\x15\\x03\\x03\\x00\\x02")));
    assert!(talked(&format!("{hello}\nS: 220 mx")));
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
