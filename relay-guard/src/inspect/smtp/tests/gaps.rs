//! What was not seen: nothing is made up.

use super::dialogue::{flow, hear, heard, script};
use crate::inspect::observation::{Ended, Observation};
use crate::inspect::reassembly::{Begins, Piece};
use crate::inspect::smtp::Session;

/// What follows the greetings, and the transactions in it.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "a recipient is lost",
        "C: MAIL FROM:<a@b>\nS: 250 ok\nC! 15\nS: 250 ok\nC: RCPT TO:<e@f>\nS: 550 no\nC: DATA\nS: 354 go\nC: .\nS: 250 q\nC: QUIT",
        &["1 x <a@b>=250 e@f=550 DATA=354 0=250 | 250 q | accepted incomplete"],
    ),
    (
        "MAIL is lost",
        "C! 15\nS: 250 ok\nC: RCPT TO:<e@f>\nS: 250 ok\nC: DATA\nS: 354 go\nC: .\nS: 250 q\nC: MAIL FROM:<g@h>\nS: 550 no\nC: QUIT",
        &[
            "1 x - =? e@f=250 DATA=354 0=250 | 250 q | accepted incomplete",
            "2 x <g@h>=550 | 550 no | refused",
        ],
    ),
    (
        "DATA is lost, content is not taken for commands",
        "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC! 6\nS: 354 go\nC: MAIL FROM:<in@content>\nC: .\nS: 250 q\nC: MAIL FROM:<g@h>\nS: 550 no\nC: QUIT",
        &[
            "1 x <a@b>=250 c@d=250 DATA=354 24=250 | 250 q | accepted incomplete",
            "2 x <g@h>=550 | 550 no | refused",
        ],
    ),
    (
        "DATA and half of the content are lost in one",
        "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC! 600\nC: RCPT TO:<in@content>\nS: 354 go\nC: .\nS: 250 q\nC: QUIT",
        &["1 x <a@b>=250 c@d=250 DATA=354 0=250 | 250 q | accepted incomplete"],
    ),
    (
        "half a command is lost in a group",
        "C: MAIL FROM:<a@b>\\r\\nRCPT TO:<c@\\\nC! 10\nC: d>\\r\\nDATA\nS: 250 m\\r\\n250 r\\r\\n354 go\nC: .\nS: 250 q\nC: QUIT",
        &["1 x <a@b>=250 DATA=354 0=250 | 250 q | accepted incomplete"],
    ),
    (
        "too much at once was skipped on purpose",
        "C: MAIL FROM:<a@b>\\r\\nRCPT TO:<c@d>\nC? 9000\nS: 250 m\\r\\n250 r\\r\\n250 r\\r\\n550 r\\r\\n354 go\nC? 1003\nS: 250 q",
        &["1 x <a@b>=250 c@d=250 DATA=354 ~1000=250 | 250 q | accepted incomplete"],
    ),
    (
        "the reply to RCPT is lost",
        "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS! 14\nC: DATA\nS: 354 go\nC: .\nS: 250 q\nC: QUIT\nS: 221 bye",
        &["1 x <a@b>=250 c@d=? DATA=354 0=250 | 250 q | accepted incomplete"],
    ),
    (
        "the beginning of replies to a group is lost",
        "C: MAIL FROM:<a@b>\\r\\nRCPT TO:<c@d>\\r\\nRCPT TO:<e@f>\\r\\nDATA\nS! 20\nS: ok\\r\\n250 ok\\r\\n354 go\nC: .\nS: 250 q\nC: QUIT",
        &["1 x <a@b>=? c@d=? e@f=? DATA=354 0=250 | 250 q | accepted incomplete"],
    ),
    (
        "the only reply that is due, without its beginning",
        "C: MAIL FROM:<a@b>\nS! 20\nS: half a line\\r\\n250 ok\nC: RCPT TO:<c@d>\nS: 550 no\nC: QUIT",
        &["1 x <a@b>=250 c@d=550 | 550 no | refused incomplete"],
    ),
    (
        "the reply to the message is lost",
        "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: DATA\nS: 354 go\nC: .\nS! 12\nC: MAIL FROM:<e@f>\nS: 250 ok\nC: RSET",
        &[
            "1 x <a@b>=250 c@d=250 DATA=354 0=? | 354 go | unknown incomplete",
            "2 x <e@f>=250 | 250 ok | abandoned",
        ],
    ),
    (
        "the reply to a skipped message is lost: the next one is not taken for it",
        "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: DATA\nS: 354 go\nC? 100\nS! 12\nC: RSET\nS: 250 reset\nC: MAIL FROM:<e@f>\nS: 250 ok\nC: RSET",
        &[
            "1 x <a@b>=250 c@d=250 DATA=354 ~103=? | 354 go | unknown incomplete",
            "2 x <e@f>=250 | 250 ok | abandoned",
        ],
    ),
    (
        "the go-ahead is lost",
        "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: DATA\nS! 8\nC: x\nC: .\nS: 250 q\nC: QUIT",
        &["1 x <a@b>=250 c@d=250 DATA=? 3=250 | 250 q | accepted incomplete"],
    ),
    (
        "a reply that is none",
        "C: MAIL FROM:<a@b>\nS: fine\nC: RCPT TO:<c@d>\nS: 550 no\nC: QUIT",
        &["1 x <a@b>=? c@d=550 | 550 no | refused incomplete"],
    ),
    (
        "a reply is lost, and commands behind what it answers: the next one may be to these",
        "C: MAIL FROM:<a@b>\nC! 20\nS! 10\nS: 550 no\nC: MAIL FROM:<unsure@f>\nS: 250 ok\nC: MAIL FROM:<e@f>\nS: 250 ok\nC: RSET",
        &["1 x <a@b>=? | - | abandoned incomplete", "2 x <e@f>=250 | 250 ok | abandoned"],
    ),
    (
        "the go-ahead to a lost DATA is lost: what comes may be content",
        "C! 30\nS: 250 ok\nS! 10\nC: MAIL FROM:<in@content>\nC: .\nS: 250 q\nC: MAIL FROM:<e@f>\nS: 550 no\nC: QUIT",
        &["1 x <e@f>=550 | 550 no | refused"],
    ),
    (
        "a gap in a chunk is no loss, its size is known",
        "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: BDAT 1000 LAST\\r\\nxx\\\nC? 998\nS: 250 q\nC: QUIT",
        &["1 x <a@b>=250 c@d=250 BDAT=? 1000=250 | 250 q | accepted"],
    ),
    (
        "a gap beyond a chunk",
        "C: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: BDAT 10\nC! 30\nS: 250 ok\\r\\n250 ok\nC: BDAT 1 LAST\\r\\nx\\\nS: 250 q\nC: QUIT",
        &["1 x <a@b>=250 c@d=250 BDAT=? 11=250 | 250 q | accepted incomplete"],
    ),
];

#[test]
fn what_is_missing_is_not_made_up() {
    for (name, rest, expected) in CASES {
        let heard =
            heard(&format!("S: 220 mx\nC: EHLO x\nS: 250-mx\\r\\n250-PIPELINING\\r\\n250 CHUNKING\n{rest}"));
        let expected: Vec<String> = expected.iter().map(|line| line.replace("- =?", "-=?")).collect();
        assert_eq!(heard.transactions(), expected, "{name}");
        assert_eq!(heard.session().slips.total(), 0, "{name}: {:?}", heard.session().slips);
    }
}

#[test]
fn a_session_with_a_gap_says_so() {
    let complete = |text: &str| {
        heard(&format!("S: 220 mx\nC: EHLO x\nS: 250 mx\n{text}\nC: QUIT\nS: 221 bye")).session().complete
    };
    assert!(complete("C: NOOP\nS: 250 ok"));
    assert!(!complete("C! 6\nS: 250 ok"));
    assert!(!complete("C: NOOP\nS! 8"));
}

#[test]
fn commands_that_were_skipped_are_told_apart_from_content() {
    let message =
        "C: MAIL FROM:<a@b>\nS: 250 m\nC: RCPT TO:<c@d>\nS: 250 r\nC: DATA\nS: 354 go\nC? 9000\nS: 250 q";
    for (what, rest, expected) in [
        ("a padded turn", "C: NOOP\nC? 9000\nS: 250 ok\nS: 250 m\nS: 550 r".to_owned(), true),
        ("half a command", "C: NOOP x\\\nC? 9000\nS: 250 ok".to_owned(), true),
        ("lost", "C: NOOP\nC! 9000\nS: 250 ok\nS: 250 m\nS: 550 r".to_owned(), false),
        ("behind content", format!("{message}\nS: 250 m\nS: 550 r\nS: 354 go"), true),
        ("content", format!("{message}\n{message}\nC: QUIT\nS: 221 bye"), false),
        ("QUIT behind content", format!("{message}\nS: 221 bye"), false),
        ("content, and then the server closes", format!("{message}\nS: 421 idle"), false),
        ("encrypted", "C: STARTTLS\nS: 220 go\nC? 9000\nS? 9000".to_owned(), false),
        (
            "a chunk",
            "C: MAIL FROM:<a@b>\nS: 250 m\nC: RCPT TO:<c@d>\nS: 250 r\nC: BDAT 9000 LAST\nC? 9000\nS: 250 q"
                .to_owned(),
            false,
        ),
    ] {
        let heard =
            heard(&format!("S: 220 mx\nC: EHLO x\nS: 250-mx\\r\\n250-STARTTLS\\r\\n250 CHUNKING\n{rest}"));
        assert_eq!(heard.session().unseen.commands_skipped, expected, "{what}");
    }
}

/// What is there when somebody begins to look.
const IN_THE_MIDDLE: &[(&str, &str, &[&str])] = &[
    (
        "between two messages",
        "C: MAIL FROM:<lost@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok\nC: RSET\nS: 250 ok\nC: MAIL FROM:<e@f>\nS: 550 no\nC: QUIT",
        &["1 - - =? c@d=250 | 250 ok | abandoned incomplete", "2 - <e@f>=550 | 550 no | refused"],
    ),
    (
        "in content",
        "C: MAIL FROM:<in@content>\\r\\nDATA\\r\\nQUIT\nC: .\nS: 250 queued\nC: MAIL FROM:<e@f>\nS: 550 no\nC: QUIT",
        &["1 - <e@f>=550 | 550 no | refused"],
    ),
    (
        "in replies",
        "S: one\\r\\n250-two\\r\\n250 three\nC: MAIL FROM:<e@f>\nS: 550 no\nC: QUIT",
        &["1 - <e@f>=550 | 550 no | refused"],
    ),
    ("before the go-ahead", "S: 354 go\nC: MAIL FROM:<in@content>\nC: .\nS: 250 q\nC: QUIT", &[]),
];

#[test]
fn nothing_is_made_up_of_what_was_before() {
    for (name, text, expected) in IN_THE_MIDDLE {
        let all = hear(Begins::InTheMiddle, &script(text), Ended::Orderly);
        let heard = super::dialogue::Heard { all };
        let expected: Vec<String> = expected.iter().map(|line| line.replace("- =?", "-=?")).collect();
        assert_eq!(heard.transactions(), expected, "{name}");
        let session = heard.session();
        assert!(session.unseen.beginning && !session.complete, "{name}");
        assert_eq!(session.slips.total(), 0, "{name}: {:?}", session.slips);
    }
}

#[test]
fn an_end_that_nobody_saw_is_unknown() {
    let dialogue = script("S: 220 mx\nC: EHLO x\nS: 250 mx\nC: MAIL FROM:<a@b>\nS: 250 ok");
    for (how, expected) in [(Ended::Reset, "abandoned"), (Ended::Unseen, "unknown")] {
        let all = hear(Begins::AtTheBeginning, &dialogue, how);
        let heard = super::dialogue::Heard { all };
        assert_eq!(heard.transactions(), [format!("1 x <a@b>=250 | 250 ok | {expected} incomplete")]);
        assert_eq!((heard.session().ended, heard.session().complete), (Some(how), how == Ended::Reset));
    }
}

#[test]
fn after_its_end_a_session_says_nothing() {
    let mut session = Session::new(flow(), Begins::AtTheBeginning, 0);
    let mut out = Vec::new();
    session.end(1, Ended::Reset, &mut out);
    assert!(matches!(out.as_slice(), [Observation::Session(_)]));
    session.client(2, Piece::Data(b"MAIL FROM:<a@b>\r\n"), &mut out);
    session.server(2, Piece::Data(b"250 ok\r\n"), &mut out);
    session.end(3, Ended::Reset, &mut out);
    assert_eq!(out.len(), 1);
}
