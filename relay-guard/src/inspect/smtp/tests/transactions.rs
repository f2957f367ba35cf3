//! Transactions: commands and their replies.

use super::dialogue::heard;
use crate::inspect::observation::{Observation, Outcome, Transaction};
use crate::inspect::smtp::{MAX_OPEN, MAX_RECIPIENT_TEXT, MAX_RECIPIENTS};

/// Dialogues, and the transactions in them.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "one message",
        "S: 220 mx.example ESMTP
         C: EHLO client.example
         S: 250-mx.example
         S: 250-PIPELINING
         S: 250 SIZE 1000000
         C: MAIL FROM:<a@example.com> SIZE=100 BODY=8BITMIME
         S: 250 2.1.0 Ok
         C: RCPT TO:<b@example.org>
         S: 250 2.1.5 Ok
         C: DATA
         S: 354 End data with <CR><LF>.<CR><LF>
         C: Subject: x
         C:
         C: text
         C: .
         S: 250 2.0.0 Ok: queued as 4XyZ
         C: QUIT
         S: 221 2.0.0 Bye",
        &["1 client.example <a@example.com>=250 b@example.org=250 DATA=354 20=250 | 250 2.0.0 Ok: queued as 4XyZ | accepted"],
    ),
    (
        "a pipelined group with all replies at once",
        "S: 220 mx
         C: EHLO x
         S: 250-mx\\r\\n250 PIPELINING
         C: MAIL FROM:<a@b>\\r\\nRCPT TO:<c@d>\\r\\nRCPT TO:<e@f>\\r\\nDATA
         S: 250 m\\r\\n250 c\\r\\n550 5.1.1 e\\r\\n354 go
         C: x\\r\\n.\\r\\nQUIT
         S: 250 done\\r\\n221 bye",
        &["1 x <a@b>=250 c@d=250 e@f=550 DATA=354 3=250 | 250 done | accepted"],
    ),
    (
        "two messages, and a null sender",
        "S: 220 mx
         C: HELO x
         S: 250 mx
         C: MAIL FROM:<>
         S: 250 a
         C: RCPT TO:<c@d>
         S: 250 b
         C: DATA
         S: 354 c
         C: .
         S: 250 d
         C: mail from:<x@y>
         S: 250 e
         C: rcpt to:<z@z>
         S: 250 f
         C: data
         S: 354 g
         C: hello\\r\\n..\\r\\n.
         S: 554 5.7.1 spam
         C: quit
         S: 221 h",
        &[
            "1 x <>=250 c@d=250 DATA=354 0=250 | 250 d | accepted",
            "2 x <x@y>=250 z@z=250 DATA=354 11=554 | 554 5.7.1 spam | refused",
        ],
    ),
    (
        "every recipient refused, then QUIT",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: RCPT TO:<c@d>
         S: 550-5.7.1 no
         S: 550 5.7.1 see https://bl.example/
         C: QUIT
         S: 221 bye",
        &["1 x <a@b>=250 c@d=550 | 550 5.7.1 see https://bl.example/ | refused"],
    ),
    (
        "every recipient refused, DATA too, then RSET and another one",
        "S: 220 mx
         C: EHLO x
         S: 250-mx\\r\\n250 PIPELINING
         C: MAIL FROM:<a@b>\\r\\nRCPT TO:<c@d>\\r\\nDATA
         S: 250 ok\\r\\n450 later\\r\\n554 no valid recipients
         C: RSET\\r\\nMAIL FROM:<a@b>\\r\\nRCPT TO:<e@d>
         S: 250 reset\\r\\n250 ok\\r\\n250 ok
         C: RSET
         S: 250 ok",
        &[
            "1 x <a@b>=250 c@d=450 DATA=554 ~0=? | 554 no valid recipients | refused",
            "2 x <a@b>=250 e@d=250 | 250 ok | abandoned",
        ],
    ),
    (
        "the sender refused, and another one tried",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 553 5.1.8 no
         C: MAIL FROM:<c@d>
         S: 553 5.1.8 never
         C: QUIT",
        &["1 x <a@b>=553 | 553 5.1.8 no | refused", "2 x <c@d>=553 | 553 5.1.8 never | refused"],
    ),
    (
        "the server closes in the middle",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: RCPT TO:<c@d>
         S: 421 4.7.0 too many errors",
        &["1 x <a@b>=250 c@d=421 | 421 4.7.0 too many errors | refused incomplete"],
    ),
    (
        "the server closes between two commands",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 250 ok
         S: 421 4.4.2 timeout",
        &["1 x <a@b>=250 | 421 4.4.2 timeout | abandoned incomplete"],
    ),
    (
        "the server closes instead of taking the message",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: RCPT TO:<c@d>
         S: 250 ok
         C: DATA
         S: 354 go
         C: x
         C: .
         S: 421 4.3.2 shutting down",
        &["1 x <a@b>=250 c@d=250 DATA=354 3=421 | 421 4.3.2 shutting down | refused"],
    ),
    (
        "the client goes away after RCPT",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: RCPT TO:<c@d>
         S: 250 ok",
        &["1 x <a@b>=250 c@d=250 | 250 ok | abandoned incomplete"],
    ),
    (
        "a reply that never comes",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: RCPT TO:<c@d>",
        &["1 x <a@b>=250 c@d=? | 250 ok | abandoned incomplete"],
    ),
    (
        "QUIT without its reply is an end in order",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: RCPT TO:<c@d>
         S: 250 ok
         C: QUIT",
        &["1 x <a@b>=250 c@d=250 | 250 ok | abandoned"],
    ),
    (
        "another EHLO gives up the transaction",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: EHLO y
         S: 250 mx
         C: MAIL FROM:<a@b>
         S: 550 no
         C: QUIT",
        &["1 x <a@b>=250 | 250 ok | abandoned incomplete", "2 y <a@b>=550 | 550 no | refused"],
    ),
    (
        "chunks",
        "S: 220 mx
         C: EHLO x
         S: 250-mx\\r\\n250-PIPELINING\\r\\n250 CHUNKING
         C: MAIL FROM:<a@b> SIZE=20
         S: 250 ok
         C: RCPT TO:<c@d>
         S: 250 ok
         C: BDAT 10\\r\\n01234567\\r\\nBDAT 8 LAST\\r\\nMAIL F\\r\\n\\
         S: 250 10 octets\\r\\n250 2.0.0 queued
         C: QUIT
         S: 221 bye",
        &["1 x <a@b>=250 c@d=250 BDAT=? 18=250 | 250 2.0.0 queued | accepted"],
    ),
    (
        "an empty last chunk, and one that is refused",
        "S: 220 mx
         C: EHLO x
         S: 250-mx\\r\\n250-PIPELINING\\r\\n250 CHUNKING
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: RCPT TO:<c@d>
         S: 250 ok
         C: BDAT 2\\r\\n\\n\\n\\
         S: 250 ok
         C: BDAT 0 LAST
         S: 250 queued
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: RCPT TO:<c@d>
         S: 250 ok
         C: BDAT 5\\r\\nhello\\
         S: 552 too much
         C: RSET
         S: 250 ok",
        &[
            "1 x <a@b>=250 c@d=250 BDAT=? 2=250 | 250 queued | accepted",
            "2 x <a@b>=250 c@d=250 BDAT=? ~5=552 | 552 too much | refused",
        ],
    ),
    (
        "whole transactions without waiting (RFC 3030)",
        "S: 220 mx
         C: EHLO x
         S: 250-mx\\r\\n250-PIPELINING\\r\\n250 CHUNKING
         C: MAIL FROM:<a@b>\\r\\nRCPT TO:<c@d>\\r\\nBDAT 1 LAST\\r\\nxMAIL FROM:<e@f>\\r\\nRCPT TO:<g@h>\\r\\nBDAT 1 LAST\\r\\ny\\
         S: 250 1\\r\\n250 2\\r\\n250 3\\r\\n250 4\\r\\n550 5\\r\\n554 6
         C: QUIT",
        &[
            "1 x <a@b>=250 c@d=250 BDAT=? 1=250 | 250 3 | accepted",
            "2 x <e@f>=250 g@h=550 BDAT=? 1=554 | 554 6 | refused",
        ],
    ),
    (
        "parameters, source routes and quoted names",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: MAIL FROM:<@relay.example,@other.example:a@b> SIZE=99 RET=HDRS ENVID=QQ314159 SMTPUTF8 AUTH=<>
         S: 250 ok
         C: RCPT TO:<\"a > b\"@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@d
         S: 250 ok
         C: RCPT TO:<jos\\xc3\\xa9@d>
         S: 250 ok
         C: RSET",
        &["1 x <a@b>=250 \"a > b\"@d=250 jos\u{e9}@d=250 | 250 ok | abandoned"],
    ),
    (
        "LMTP: each recipient has a reply to the message",
        "S: 220 lmtp
         C: LHLO x
         S: 250 lmtp
         C: MAIL FROM:<a@b>
         S: 250 ok
         C: RCPT TO:<c@d>
         S: 250 ok
         C: RCPT TO:<e@d>
         S: 550 no
         C: RCPT TO:<f@d>
         S: 250 ok
         C: DATA
         S: 354 go
         C: .
         S: 452 c full
         S: 250 f done
         C: MAIL FROM:<g@h>
         S: 250 ok
         C: RSET",
        &[
            "1 x <a@b>=250 c@d=250 e@d=550 f@d=250 DATA=354 0=250 | 250 f done | accepted",
            "2 x <g@h>=250 | 250 ok | abandoned",
        ],
    ),
    (
        "no transaction without MAIL",
        "S: 554 go away
         C: QUIT
         S: 221 bye",
        &[],
    ),
    (
        "RCPT and DATA without MAIL make none",
        "S: 220 mx
         C: EHLO x
         S: 250 mx
         C: RCPT TO:<a@b>
         S: 503 MAIL first
         C: DATA
         S: 503 RCPT first
         C: QUIT",
        &[],
    ),
];

#[test]
fn transactions_are_what_was_said() {
    for (name, dialogue, expected) in CASES {
        assert_eq!(&heard(dialogue).transactions(), expected, "{name}");
    }
}

#[test]
fn the_declared_size_is_told() {
    let dialogue = "S: 220 mx\n C: EHLO x\n S: 250 mx\n C: MAIL FROM:<a@b> BODY=7BIT size=1234\n S: 250 ok";
    let all = heard(dialogue).all;
    let Observation::Transaction(transaction) = &all[0] else { panic!("{all:?}") };
    assert_eq!(transaction.declared_size, Some(1234));
}

#[test]
fn times_are_those_of_the_first_and_the_last_piece() {
    let all =
        heard("S: 220 mx\n C: EHLO x\n S: 250 mx\n C: MAIL FROM:<a@b>\n S: 550 no\n C: QUIT\n S: 221 bye")
            .all;
    let Observation::Transaction(transaction) = &all[0] else { panic!("{all:?}") };
    assert_eq!((transaction.began_ns, transaction.ended_ns), (4, 6));
    let Observation::Session(session) = &all[1] else { panic!("{all:?}") };
    assert_eq!((session.began_ns, session.last_ns), (0, 7));
}

/// Several messages in chunks, none of which waits for the replies to the one before.
fn chunked(messages: usize) -> String {
    let mut dialogue = "S: 220 mx\nC: EHLO x\nS: 250-mx\\r\\n250-PIPELINING\\r\\n250 CHUNKING\n".to_owned();
    for number in 0..messages {
        dialogue += &format!("C: MAIL FROM:<a@b>\nC: RCPT TO:<{number}@d>\nC: BDAT 2 LAST\\r\\nhi\\\n");
    }
    dialogue + &"S: 250 ok\nS: 550 no\nS: 554 none\n".repeat(messages) + "C: QUIT\nS: 221 bye"
}

#[test]
fn messages_in_flight_keep_their_replies() {
    let heard = heard(&chunked(MAX_OPEN));
    let expected =
        |depth| format!("{depth} x <a@b>=250 {}@d=550 BDAT=? 2=554 | 554 none | refused", depth - 1);
    assert_eq!(heard.transactions(), (1..=MAX_OPEN).map(expected).collect::<Vec<_>>());
    // One more than there is room for: what becomes of the first is not known.
    let more = super::dialogue::heard(&chunked(MAX_OPEN + 1));
    let lines = more.transactions();
    assert_eq!(lines[0], "1 x <a@b>=? 0@d=? BDAT=? 2=? | - | unknown incomplete");
    assert_eq!(lines[1..], (2..=MAX_OPEN + 1).map(expected).collect::<Vec<_>>());
}

/// A message to so many recipients with addresses of 52 octets, and replies of so many octets.
fn to_many(recipients: usize, reply_len: usize) -> Box<Transaction> {
    let mut dialogue =
        "S: 220 mx\nC: EHLO x\nS: 250 mx\nC: MAIL FROM:<a@b>\nS: 250 2.1.0 sender\n".to_owned();
    for number in 0..recipients {
        dialogue += &format!("C: RCPT TO:<{number:052}>\nS: 250 {number:0reply_len$}\n");
    }
    dialogue += "C: DATA\nS: 354 go\nC: x\nC: .\nS: 250 2.0.0 Ok: queued as ABC\nC: QUIT\nS: 221 bye";
    let heard = heard(&dialogue).all.remove(0);
    let Observation::Transaction(transaction) = heard else { panic!("{heard:?}") };
    transaction
}

#[test]
fn whom_there_is_no_room_for_is_counted_and_nothing_is_made_up() {
    for (recipients, reply_len, kept, complete) in [
        (MAX_RECIPIENTS, 8, MAX_RECIPIENTS, true),
        (MAX_RECIPIENTS, 46, MAX_RECIPIENTS, true),
        (MAX_RECIPIENTS + 100, 8, MAX_RECIPIENTS, false),
        (MAX_RECIPIENTS + 100, 400, 218, false),
    ] {
        let seen = to_many(recipients, reply_len);
        assert_eq!(seen.recipients.len(), kept);
        assert_eq!(seen.recipients_left_out as usize, recipients - kept);
        assert_eq!(seen.complete, complete, "{recipients} {reply_len}");
        assert_eq!(seen.last_reply.as_ref().unwrap().to_string(), "250 2.0.0 Ok: queued as ABC");
        assert_eq!(&*seen.mail_reply.as_ref().unwrap().text, "2.1.0 sender");
        assert_eq!(seen.outcome, Outcome::Accepted);
    }
}

#[test]
fn a_reply_that_is_cut_is_said_to_be_missing() {
    // The last recipient fits in, its reply does not.
    let whole = MAX_RECIPIENT_TEXT / (52 + 60);
    let (fits, cut) = (to_many(whole, 60), to_many(whole + 1, 60));
    assert!(fits.complete && fits.recipients_left_out == 0);
    assert!(!cut.complete && cut.recipients.len() == whole + usize::from(cut.recipients_left_out == 0));
}
