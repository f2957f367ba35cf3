//! STARTTLS, and TLS without it.

use super::dialogue::{Said, flow, hear, heard, script};
use crate::inspect::observation::{Ended, Observation, Protocol};
use crate::inspect::reassembly::{Begins, Piece};
use crate::inspect::smtp::Session;
use crate::inspect::tls::tests::{CHROME, chrome_hello};

/// A dialogue up to STARTTLS.
const OPENING: &str = "S: 220 mx\nC: EHLO x\nS: 250-mx\\r\\n250 STARTTLS\nC: STARTTLS\n";

fn with_hello(opening: &str) -> Vec<Said> {
    let mut dialogue = script(opening);
    dialogue.push(Said::Client(chrome_hello()));
    dialogue
}

#[test]
fn one_transaction_stands_for_what_is_encrypted() {
    let mut dialogue = with_hello(&format!("{OPENING}S: 220 2.0.0 Ready"));
    dialogue.extend([
        Said::Server(b"\x16\x03\x03\x00\x05MAIL\n".to_vec()),
        Said::Client(b"\x17\x03\x03\n".to_vec()),
    ]);
    let all = hear(Begins::AtTheBeginning, &dialogue, Ended::Orderly);
    let heard = super::dialogue::Heard { all };
    assert_eq!(heard.transactions(), ["1 x -=? | 220 2.0.0 Ready | unknown tls incomplete"]);
    let [_, Observation::Session(before), Observation::Session(after)] = heard.all.as_slice() else {
        panic!("{:?}", heard.all)
    };
    assert_eq!((before.ended, after.ended), (None, Some(Ended::Orderly)));
    let tls = after.tls.as_ref().unwrap();
    assert_eq!((tls.accepted, tls.server_name.as_deref()), (Some(true), Some("mx.example.net")));
    assert_eq!((tls.ja4.as_deref(), tls.alpn.len()), (Some(CHROME), 2));
    assert_eq!((after.protocol, after.transactions, after.complete), (Protocol::Smtp, 1, true));
    assert_eq!(after.slips.total(), 0);
    assert_eq!(before.tls, after.tls);
}

#[test]
fn a_session_wants_no_more_once_it_is_encrypted() {
    let mut session = Session::new(flow(), Begins::AtTheBeginning, 0);
    let mut out = Vec::new();
    let dialogue = with_hello(&format!("{OPENING}S: 220 Ready"));
    for said in &dialogue[..dialogue.len() - 1] {
        super::dialogue::tell(&mut session, 1, said, &mut out);
        assert!(session.wants_more());
    }
    let hello = chrome_hello();
    session.client(1, Piece::Data(&hello[..hello.len() - 1]), &mut out);
    assert!(session.wants_more() && out.is_empty());
    session.client(1, Piece::Data(&hello[hello.len() - 1..]), &mut out);
    assert!(!session.wants_more() && out.len() == 2);
}

#[test]
fn a_refusal_goes_on_in_the_clear() {
    let heard = heard(&format!("{OPENING}S: 454 4.7.0 not now\nC: MAIL FROM:<a@b>\nS: 550 no\nC: QUIT"));
    assert_eq!(heard.transactions(), ["1 x <a@b>=550 | 550 no | refused"]);
    assert_eq!(heard.session().tls.as_ref().unwrap().accepted, Some(false));
}

#[test]
fn text_instead_of_tls_is_a_slip_and_goes_on() {
    let heard = heard(&format!("{OPENING}S: 220 Ready\nC: MAIL FROM:<a@b>\nS: 550 no\nC: QUIT\nS: 221 bye"));
    assert_eq!(heard.transactions(), ["1 x <a@b>=550 | 550 no | refused"]);
    let session = heard.session();
    assert_eq!((session.slips.out_of_order, session.slips.total()), (1, 1));
    assert_eq!(session.tls.as_ref().unwrap().accepted, Some(true));
}

#[test]
fn no_transaction_stands_for_tls_that_never_began() {
    let heard = heard(&format!("{OPENING}S: 220 Ready"));
    assert_eq!(heard.transactions(), Vec::<String>::new());
}

#[test]
fn a_hello_that_is_not_there_is_tls_nevertheless() {
    for gap in ["C! 517", "C: \\x16\\x03\\x01\\\nC? 600", "C: \\x16\\x03\\x01\\xff\\xff\\x01garbage"] {
        let heard = heard(&format!("{OPENING}S: 220 Ready\n{gap}"));
        assert_eq!(heard.transactions(), ["1 x -=? | 220 Ready | unknown tls incomplete"], "{gap}");
        assert_eq!(heard.session().tls.as_ref().unwrap().ja4, None);
    }
}

#[test]
fn a_hello_that_breaks_off_is_tls_nevertheless() {
    let mut dialogue = script(&format!("{OPENING}S: 220 Ready"));
    dialogue.push(Said::Client(chrome_hello()[..200].to_vec()));
    let all = hear(Begins::AtTheBeginning, &dialogue, Ended::Reset);
    let heard = super::dialogue::Heard { all };
    assert_eq!(heard.transactions(), ["1 x -=? | 220 Ready | unknown tls incomplete"]);
}

#[test]
fn what_is_sent_behind_starttls_is_forgotten() {
    let mut dialogue = with_hello(
        "S: 220 mx\nC: EHLO x\nS: 250-mx\\r\\n250 STARTTLS\nC: STARTTLS\\r\\nMAIL FROM:<injected@b>\\r\\nRCPT\\\nS: 220 Ready",
    );
    dialogue.push(Said::Server(b"250 ok\r\n".to_vec()));
    let all = hear(Begins::AtTheBeginning, &dialogue, Ended::Orderly);
    let heard = super::dialogue::Heard { all };
    assert_eq!(
        heard.transactions(),
        ["1 x <injected@b>=? | - | abandoned incomplete", "2 x -=? | 220 Ready | unknown tls incomplete"]
    );
    assert_eq!(heard.session().slips.unoffered_pipelining, 1);
}

#[test]
fn nobody_waits_for_replies_to_what_was_forgotten() {
    let heard = heard(
        "S: 220 mx\nC: EHLO x\nS: 250-mx\\r\\n250 STARTTLS\nC: STARTTLS\\r\\nNOOP\nS: 220 Ready\nC: MAIL FROM:<a@b>\nS: 550 no\nC: QUIT",
    );
    assert_eq!(heard.transactions(), ["1 x <a@b>=550 | 550 no | refused"]);
}

#[test]
fn tls_from_the_first_octet_on_is_another_protocol() {
    for unlike_a_greeting in ["", "S: mx"] {
        let mut dialogue = with_hello(unlike_a_greeting);
        dialogue.push(Said::Server(b"\x16\x03\x03\x00\x7a".to_vec()));
        let all = hear(Begins::AtTheBeginning, &dialogue, Ended::Orderly);
        let heard = super::dialogue::Heard { all };
        assert_eq!(heard.transactions(), Vec::<String>::new());
        let session = heard.session();
        assert_eq!(session.protocol, Protocol::Tls);
        let tls = session.tls.as_ref().unwrap();
        assert_eq!((tls.accepted, tls.ja4.as_deref()), (Some(true), Some(CHROME)));
    }
}

#[test]
fn a_handshake_after_a_lost_starttls_is_seen() {
    let dialogue = with_hello("S: 220 mx\nC: EHLO x\nS: 250 mx\nC! 10\nS: 220 Ready");
    let all = hear(Begins::AtTheBeginning, &dialogue, Ended::Orderly);
    let heard = super::dialogue::Heard { all };
    assert_eq!(heard.transactions(), ["1 x -=? | - | unknown tls incomplete"]);
}
