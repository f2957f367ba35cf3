//! AUTH: that it was, and never with what.

use super::dialogue::{Heard, hear, heard, script};
use crate::inspect::observation::Ended;
use crate::inspect::reassembly::Begins;

/// What stands for a secret.
const SECRET: &str = "c2VjcmV0LXNlY3JldA==";

/// What follows EHLO, the mechanism, and whether it was accepted. A MAIL follows in step.
const CASES: &[(&str, &str, Option<bool>)] = &[
    ("C: AUTH PLAIN $\nS: 235 2.7.0 ok", "PLAIN", Some(true)),
    ("C: auth plain $\nS: 535 5.7.8 $ is wrong", "PLAIN", Some(false)),
    ("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: $\nS: 334 UGFzc3dvcmQ6\nC: $\nS: 235 ok", "LOGIN", Some(true)),
    ("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: *\nS: 501 cancelled", "LOGIN", Some(false)),
    ("C: AUTH PLAIN\nS: 334\nC: $\\\nC: $\nS: 535 no", "PLAIN", Some(false)),
    ("C: AUTH LOGIN $\nS: 334 UGFzc3dvcmQ6\nC: $\nS: 235 ok", "LOGIN", Some(true)),
    ("C: AUTH LOGIN\\r\\n$\\r\\n$\nS: 334 x\\r\\n334 y\\r\\n535 no", "LOGIN", Some(false)),
    ("C: AUTH LOGIN\\r\\n$\\r\\n$\nS: 500 what\\r\\n500 $\\r\\n500 $", "LOGIN", Some(false)),
    ("C: AUTH LOGIN\nS: 334 x\nC: RSET\nS: 334 y\nC: MAIL FROM:<secret@b>\nS: 535 no", "LOGIN", Some(false)),
    ("C: AUTH $\nS: 504 what", "OTHER", Some(false)),
    ("C: AUTH CRAM-MD5\nS: 334 PDE4OTY=\nC! 60\nS: 235 ok", "CRAM-MD5", Some(true)),
    ("C: AUTH PLAIN $\nS! 10", "PLAIN", None),
    ("C: AUTH PLAIN x\nS: 535 no\nC: AUTH LOGIN\nS: 334\nC: $\nS: 334\nC: $\nS: 235 ok", "LOGIN", Some(true)),
    ("C: AUTH PLAIN $\nS: 235 ok\nC: AUTH LOGIN $\nS: 503 already", "PLAIN", Some(true)),
    ("C: AUTH XOAUTH2 $\nS: 334 eyJzdGF0dXMi\nC:\nS: 535 no", "XOAUTH2", Some(false)),
];

#[test]
fn authentications_are_told_without_what_was_said() {
    for (dialogue, mechanism, accepted) in CASES {
        let said = dialogue.replace('$', SECRET);
        let text = format!(
            "S: 220 mx\nC: EHLO x\nS: 250-mx\\r\\n250 AUTH PLAIN LOGIN\n{said}\nC: MAIL FROM:<a@b>\nS: 550 5.7.1 no\nC: QUIT"
        );
        let heard = heard(&text);
        let auth = heard.session().auth.as_ref().unwrap_or_else(|| panic!("{said}"));
        assert_eq!((&*auth.mechanism, auth.accepted), (*mechanism, *accepted), "{said}");
        assert_eq!(heard.transactions(), ["1 x <a@b>=550 | 550 5.7.1 no | refused"], "{said}");
        assert!(!format!("{:?}", heard.all).contains(&SECRET[..8]), "{said}: {:?}", heard.all);
    }
}

#[test]
fn a_reply_to_nobody_knows_what_is_kept_without_its_text() {
    // After a restart the AUTH was not seen: the response is a wrong command for whoever looks on, and for some servers.
    for reply in ["500 5.5.2 not recognized: $", "535 no $", "454 $", "550 $"] {
        let reply = reply.replace('$', SECRET);
        let middle = format!("C: {SECRET}\nS: {reply}\nC: MAIL FROM:<a@b>\nS: 550 5.7.1 told\nC: QUIT");
        let lost = format!(
            "S: 220 mx\nC: EHLO x\nS: 250 mx\nC! 12\nC: {SECRET}\nS: {reply}\nC: MAIL FROM:<a@b>\nS: 550 5.7.1 told"
        );
        let unclear = format!(
            "S: 220 mx\nC: EHLO x\nS: 250 mx\nC: AUTH LOGIN\\r\\n{SECRET}\nS! 5\nS: {reply}\nC: MAIL FROM:<a@b>\nS: 550 5.7.1 told"
        );
        for (begins, dialogue) in
            [(Begins::InTheMiddle, middle), (Begins::AtTheBeginning, lost), (Begins::AtTheBeginning, unclear)]
        {
            let all = hear(begins, &script(&dialogue), Ended::Orderly);
            assert!(!format!("{all:?}").contains(&SECRET[..8]), "{dialogue}: {all:?}");
            let heard = Heard { all };
            let told: Vec<_> = heard.session().refused_with.iter().map(ToString::to_string).collect();
            assert_eq!((told.len(), told[1].as_str()), (2, "550 5.7.1 told"), "{dialogue}");
        }
    }
}

#[test]
fn a_response_without_an_end_is_read_to_its_end() {
    let long = SECRET.repeat(400);
    let text = format!(
        "S: 220 mx\nC: EHLO x\nS: 250 AUTH\nC: AUTH GSSAPI {long}\nS: 334 x\nC: {long}\nS: 235 ok\nC: MAIL FROM:<a@b>\nS: 550 no\nC: QUIT"
    );
    let heard = heard(&text);
    assert_eq!(heard.transactions(), ["1 x <a@b>=550 | 550 no | refused"]);
    assert_eq!(heard.session().auth.as_ref().map(|auth| auth.accepted), Some(Some(true)));
    assert_eq!(heard.session().slips.total(), 0);
}

#[test]
fn a_challenge_in_the_middle_of_what_was_not_seen_makes_the_next_line_a_secret() {
    let text = format!(
        "S: 220 mx\nC: EHLO x\nS: 250 AUTH\nC! 12\nS: 334 VXNlcm5hbWU6\nC: MAIL FROM:<{SECRET}>\nS: 235 ok\nC: MAIL FROM:<a@b>\nS: 550 no\nC: QUIT"
    );
    let heard = heard(&text);
    assert_eq!(heard.transactions(), ["1 x <a@b>=550 | 550 no | refused"]);
    assert_eq!(heard.session().auth, None);
}
