//! Lines as they should not be, and what is told of a session as a whole.

use super::dialogue::heard;
use crate::inspect::observation::Slips;
use crate::inspect::smtp::{MAX_EXTENSIONS, MAX_LINE, MAX_REFUSED_WITH};

const NONE: Slips = Slips {
    bare_lf: 0,
    unknown_commands: 0,
    out_of_order: 0,
    unoffered_pipelining: 0,
    long_lines: 0,
    binary: 0,
    bad_arguments: 0,
};

/// What follows EHLO without extensions, and the slips in it.
const SLIPS: &[(&str, Slips)] = &[
    ("C: NOOP\nS: 250 ok\nC: VRFY a\nS: 252 ok\nC: HELP\nS: 214 ok", NONE),
    ("C: NOOP\\n\\\nS: 250 ok\nC: MAIL FROM:<a@b>\\n\\\nS: 250 ok", Slips { bare_lf: 2, ..NONE }),
    ("C: FOO\nS: 500 ?\nC:\nS: 500 ?", Slips { unknown_commands: 2, ..NONE }),
    ("C: MAIL FROM: <a@b>\nS: 250 ok\nC: RCPT TO:c@d\nS: 250 ok", Slips { bad_arguments: 2, ..NONE }),
    ("C: MAIL FROM :<a@b>\nS: 250 ok\nC: RCPT TO:<c@d\nS: 250 ok", Slips { bad_arguments: 2, ..NONE }),
    ("C: MAIL a@b\nS: 501 ?\nC: MAIL FROM:\nS: 501 ?\nC: MAIL\nS: 501 ?", Slips { bad_arguments: 3, ..NONE }),
    ("C: BDAT many\nS: 501 ?\nC: DATA now\nS: 501 ?", Slips { bad_arguments: 2, out_of_order: 1, ..NONE }),
    ("C: EHLO\nS: 501 ?\nC: EHLO a b\nS: 250 mx\nC: AUTH\nS: 501 ?", Slips { bad_arguments: 3, ..NONE }),
    ("C:  NOOP\nS: 250 ok", Slips { bad_arguments: 1, ..NONE }),
    (
        "C: RCPT TO:<c@d>\nS: 503 ?\nC: DATA\nS: 503 ?\nC: BDAT 1 LAST\\r\\nx\\\nS: 503 ?",
        Slips { out_of_order: 3, ..NONE },
    ),
    ("C: MAIL FROM:<a@b>\nS: 250 ok\nC: DATA\nS: 503 ?", Slips { out_of_order: 1, ..NONE }),
    ("C: MAIL FROM:<a@b>\nS: 250 ok\nC: MAIL FROM:<a@b>\nS: 503 ?", Slips { out_of_order: 1, ..NONE }),
    ("C: MAIL FROM:<a@b>\nS: 250 ok\nC: AUTH PLAIN x\nS: 503 ?", Slips { out_of_order: 1, ..NONE }),
    (
        "C: MAIL FROM:<a@b>\\r\\nRCPT TO:<c@d>\nS: 250 ok\\r\\n250 ok",
        Slips { unoffered_pipelining: 1, ..NONE },
    ),
    ("C: \\x00\\x01\\x7f\\xff\nS: 500 ?", Slips { binary: 3, unknown_commands: 1, ..NONE }),
    ("C: HELO x\nS: 250 ok\nC: MAIL FROM:<a@b> SIZE=1\nS: 250 ok", Slips { bad_arguments: 1, ..NONE }),
    ("C: HELO x\nS: 250 ok\nC: EHLO x\nS: 250 ok\nC: MAIL FROM:<a@b> SIZE=1\nS: 250 ok", NONE),
];

#[test]
fn slips_are_counted_by_kind() {
    for (rest, expected) in SLIPS {
        let heard = heard(&format!("S: 220 mx\nC: EHLO x\nS: 250 mx\n{rest}\nC: QUIT\nS: 221 bye"));
        assert_eq!(heard.session().slips, *expected, "{rest}");
        assert!(heard.session().complete, "{rest}");
    }
}

#[test]
fn mail_before_hello_is_out_of_order() {
    let heard = heard("S: 220 mx\nC: MAIL FROM:<a@b>\nS: 503 hello?\nC: QUIT");
    assert_eq!(heard.transactions(), ["1 - <a@b>=503 | 503 hello? | refused"]);
    assert_eq!(heard.session().slips.out_of_order, 1);
}

#[test]
fn addresses_are_read_however_they_are_written() {
    let cases = [
        ("MAIL FROM:<a@b>", "a@b"),
        ("mail from:<A@B>", "A@B"),
        ("MAIL FROM: <a@b>", "a@b"),
        ("MAIL FROM:a@b SIZE=1", "a@b"),
        ("MAIL FROM:<a@b", "a@b"),
        ("MAIL FROM:<@x,@y:a@b>", "a@b"),
        ("MAIL FROM:<\"a b\\\\\"c>\"@d>", "\"a b\\\"c>\"@d"),
        ("MAIL FROM:<\"a@b>", "\"a@b"),
        ("MAIL FROM:<a\\x01@b>", "a?@b"),
        ("MAIL FROM:<a\\xff@b>", "a\u{fffd}@b"),
        ("MAIL FROM:<>", ""),
    ];
    for (line, address) in cases {
        let heard = heard(&format!("S: 220 mx\nC: EHLO x\nS: 250 mx\nC: {line}\nS: 250 ok\nC: RSET"));
        assert_eq!(heard.transactions(), [format!("1 x <{address}>=250 | 250 ok | abandoned")], "{line}");
    }
}

#[test]
fn a_line_without_end_is_passed_over() {
    for len in [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 100 * MAX_LINE] {
        let line = "x".repeat(len);
        let text = format!(
            "S: 220 mx\nC: EHLO x\nS: 250 mx\nC: {line}\nS: 500 ?\nC: MAIL FROM:<a@b>\nS: 550 no\nC: QUIT"
        );
        let heard = heard(&text);
        assert_eq!(heard.transactions(), ["1 x <a@b>=550 | 550 no | refused"], "{len}");
        // The CR belongs to the line.
        let long = u32::from(len >= MAX_LINE);
        let slips = Slips { long_lines: long, unknown_commands: 1 - long, ..NONE };
        assert_eq!(heard.session().slips, slips, "{len}");
    }
}

#[test]
fn a_reply_without_end_is_cut() {
    let text = format!(
        "S: 220 mx\nC: EHLO x\nS: 250 mx\nC: MAIL FROM:<a@b>\nS: 250 {}\nC: QUIT\nS: 221 bye",
        "y".repeat(9000)
    );
    let kept = "y".repeat(super::super::MAX_REPLY_TEXT);
    assert_eq!(heard(&text).transactions(), [format!("1 x <a@b>=250 | 250 {kept} | abandoned")]);
}

#[test]
fn replies_are_read_however_they_are_written() {
    let cases = [
        ("250 ok", "250 ok"),
        ("250", "250 "),
        ("250-one\\r\\n250-two\\r\\n250 three", "250 three"),
        ("250-one\\r\\nno code\\r\\n250 three", "250 three"),
        ("250-one\\n250 two\\n\\", "250 two"),
        ("550-5.7.1 one\\r\\n550 5.7.1 two", "550 5.7.1 two"),
        ("250-one\\r\\n550 two", "550 two"),
    ];
    for (reply, expected) in cases {
        let heard =
            heard(&format!("S: 220 mx\nC: EHLO x\nS: 250 mx\nC: MAIL FROM:<a@b>\nS: {reply}\nC: RSET"));
        let [transaction] = heard.transactions().try_into().unwrap_or_else(|all| panic!("{all:?}"));
        assert!(transaction.contains(&format!("| {expected} |")), "{reply}: {transaction}");
    }
}

#[test]
fn keywords_are_those_of_the_last_ehlo() {
    let heard = heard(
        "S: 220 mx\nC: EHLO x\nS: 250-mx hello\\r\\n250-size 1000\\r\\n250-AUTH=LOGIN\\r\\n250-AUTH LOGIN\\r\\n250 PIPELINING\nC: EHLO x\nS: 250-mx\\r\\n250 8BITMIME\nC: QUIT",
    );
    assert_eq!(*heard.session().extensions, ["8BITMIME".into()]);
    let first = super::dialogue::heard(
        "S: 220 mx\nC: EHLO x\nS: 250-mx hello\\r\\n250-size 1000\\r\\n250-AUTH=LOGIN\\r\\n250 AUTH LOGIN",
    );
    assert_eq!(*first.session().extensions, ["SIZE".into(), "AUTH".into()]);
    let many: String = (0..100).map(|n| format!("250-X{n}\\r\\n")).collect();
    let many = super::dialogue::heard(&format!("S: 220 mx\nC: EHLO x\nS: 250-mx\\r\\n{many}250 END"));
    assert_eq!(many.session().extensions.len(), MAX_EXTENSIONS);
}

#[test]
fn names_that_change_are_counted() {
    let heard = heard(
        "S: 220 mx\nC: EHLO a\nS: 502 ?\nC: HELO a\nS: 250 ok\nC: HELO b\nS: 250 ok\nC: EHLO a\nS: 250 ok",
    );
    let session = heard.session();
    assert_eq!((session.helo.as_deref(), session.helo_changes, session.plain_helo), (Some("a"), 2, false));
    assert!(super::dialogue::heard("S: 220 mx\nC: HELO a\nS: 250 ok").session().plain_helo);
}

#[test]
fn refusals_are_counted_and_the_first_are_kept() {
    let refusal = "C: RCPT TO:<a@b>\nS: 550 no such user\n";
    let text = format!(
        "S: 220 mx\nC: EHLO x\nS: 250 mx\nC: MAIL FROM:<a@b>\nS: 450 later\n{}C: RCPT TO:<z@b>\nS: 554 5.7.1 blocked using bl.example",
        refusal.repeat(20)
    );
    let heard = heard(&text);
    let session = heard.session();
    assert_eq!(session.refusals, [1, 21]);
    assert_eq!(session.refused_with.len(), MAX_REFUSED_WITH);
    assert_eq!(session.refused_with[0].to_string(), "450 later");
    assert_eq!(session.refused_with[MAX_REFUSED_WITH - 1].to_string(), "554 5.7.1 blocked using bl.example");
}
