//! What holds for any dialogue.

use proptest::prelude::*;
use proptest::sample::Index;

use super::dialogue::{Said, flow, script, tell};
use crate::inspect::observation::{Ended, Observation};
use crate::inspect::reassembly::Begins;
use crate::inspect::smtp::{MAX_SESSION_BYTES, Session};
use crate::inspect::tls::tests::chrome_hello;

/// Things that are said, in any order.
const LINES: &[&str] = &[
    "C: EHLO client.example",
    "C: HELO other",
    "C: LHLO x",
    "C: MAIL FROM:<a@example.com> SIZE=10",
    "C: MAIL FROM:<>",
    "C: MAIL FROM: nobody",
    "C: RCPT TO:<b@example.org>",
    "C: RCPT TO:<@x:c@example.org>",
    "C: DATA",
    "C: DATA\\n\\",
    "C: text",
    "C: .",
    "C: .\\n\\",
    "C: \\n.\\n\\",
    "C: BDAT 4 LAST\\r\\nabcd\\",
    "C: BDAT 20",
    "C: RSET",
    "C: QUIT",
    "C: NOOP",
    "C: AUTH PLAIN aaaa",
    "C: AUTH LOGIN",
    "C: STARTTLS",
    "C: half a line\\",
    "C: \\x16\\x03\\x01\\",
    "C: \\x16\\",
    "C: \\x00\\xff",
    "C: GET / HTTP/1.0",
    "C? 7",
    "C! 30",
    "S: 220 mx",
    "S: 250 ok",
    "S: 250-mx\\r\\n250-PIPELINING\\r\\n250-CHUNKING\\r\\n250 STARTTLS",
    "S: 250-",
    "S: 354 go",
    "S: 550 5.7.1 no",
    "S: 450 later",
    "S: 421 closing",
    "S: 334 VXNlcm5hbWU6",
    "S: 235 ok",
    "S: 221 bye",
    "S: 25\\",
    "S: 0 x\\n\\",
    "S: rubbish",
    "S? 9",
    "S! 11",
];

fn dialogues() -> impl Strategy<Value = Vec<Said>> {
    let said = prop_oneof![
        20 => prop::sample::select(LINES).prop_map(|line| script(line).remove(0)),
        1 => Just(Said::Client(chrome_hello())),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Said::Client),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Said::Server),
    ];
    (any::<bool>(), prop::collection::vec(said, 0..60)).prop_map(|(begins, mut dialogue)| {
        // Half of them begin as most do: else few would get far.
        if begins {
            let opening =
                "S: 220 mx\nC: EHLO x\nS: 250 mx\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: RCPT TO:<c@d>\nS: 250 ok";
            dialogue.splice(0..0, script(opening));
        }
        dialogue
    })
}

fn begins() -> impl Strategy<Value = Begins> {
    prop_oneof![4 => Just(Begins::AtTheBeginning), 1 => Just(Begins::InTheMiddle)]
}

/// What is said to the same times, in other pieces.
fn hear(begins: Begins, dialogue: &[(u64, Said)]) -> Vec<Observation> {
    let mut session = Session::new(flow(), begins, 0);
    let mut out = Vec::new();
    for (now_ns, said) in dialogue {
        tell(&mut session, *now_ns, said, &mut out);
    }
    session.end(1000, Ended::Orderly, &mut out);
    // A session that goes on counts the piece that told what it is.
    for observation in &mut out {
        if let Observation::Session(session) = observation
            && session.ended.is_none()
        {
            (session.client_octets, session.server_octets) = (0, 0);
        }
    }
    out
}

/// Cuts what is said into pieces of lengths that go round.
fn cut(dialogue: &[(u64, Said)], lens: &[usize]) -> Vec<(u64, Said)> {
    let mut lens = lens.iter().cycle();
    let mut pieces = Vec::new();
    for (now_ns, said) in dialogue {
        let (octets, make): (_, fn(Vec<u8>) -> Said) = match said {
            Said::Client(octets) => (octets, Said::Client),
            Said::Server(octets) => (octets, Said::Server),
            Said::ClientGap { .. } | Said::ServerGap { .. } => {
                pieces.push((*now_ns, said.clone()));
                continue;
            }
        };
        let mut rest = octets.as_slice();
        while !rest.is_empty() {
            let len = lens.next().copied().unwrap_or(1).min(rest.len());
            pieces.push((*now_ns, make(rest[..len].to_vec())));
            rest = &rest[len..];
        }
    }
    pieces
}

/// All that is said in the stream of either party, as texts show it.
fn shown(dialogue: &[Said]) -> String {
    let octets: Vec<u8> = dialogue
        .iter()
        .filter_map(|said| match said {
            Said::Client(octets) | Said::Server(octets) => Some(octets.as_slice()),
            Said::ClientGap { .. } | Said::ServerGap { .. } => None,
        })
        .collect::<Vec<_>>()
        .concat();
    let text = String::from_utf8_lossy(&octets);
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

fn addresses(observations: &[Observation]) -> Vec<&str> {
    observations.iter().flat_map(named).collect()
}

fn named(observation: &Observation) -> Vec<&str> {
    let Observation::Transaction(transaction) = observation else { return Vec::new() };
    let recipients = transaction.recipients.iter().map(|recipient| &*recipient.address);
    recipients.chain(transaction.mail_from.as_deref()).chain(transaction.helo.as_deref()).collect()
}

proptest! {
    #[test]
    fn how_it_is_cut_makes_no_difference(
        begins in begins(),
        dialogue in dialogues(),
        lens in prop::collection::vec(1_usize..8, 1..6),
    ) {
        let dialogue: Vec<(u64, Said)> = (1..).zip(dialogue).collect();
        prop_assert_eq!(hear(begins, &dialogue), hear(begins, &cut(&dialogue, &lens)));
    }

    #[test]
    fn nobody_is_named_who_was_not(begins in begins(), dialogue in dialogues()) {
        let all = hear(begins, &(1..).zip(dialogue.clone()).collect::<Vec<_>>());
        let shown = shown(&dialogue);
        for address in addresses(&all) {
            prop_assert!(shown.contains(address), "{:?} is not in {:?}", address, shown);
        }
    }

    #[test]
    fn every_mail_is_told_once_and_sessions_end_once(dialogue in dialogues()) {
        let all = hear(Begins::AtTheBeginning, &(1..).zip(dialogue).collect::<Vec<_>>());
        let depths: Vec<u32> = all.iter().filter_map(|observation| match observation {
            Observation::Transaction(transaction) => Some(transaction.depth),
            Observation::Session(_) => None,
        }).collect();
        let expected: Vec<u32> = (1..).take(depths.len()).collect();
        prop_assert_eq!(&depths, &expected);
        let ended = |observation: &&Observation| matches!(observation, Observation::Session(session) if session.ended.is_some());
        prop_assert_eq!(all.iter().filter(ended).count(), 1);
        let Some(Observation::Session(session)) = all.last() else { panic!("no session at the end") };
        prop_assert_eq!(session.transactions as usize, depths.len());
    }

    /// Whatever the server says to AUTH, and whatever comes before.
    #[test]
    fn secrets_are_never_told(
        dialogue in dialogues(),
        at in any::<Index>(),
        lens in prop::collection::vec(1_usize..8, 1..6),
        with_initial in any::<bool>(),
        end in prop::sample::select(vec!["235 ok", "535 no", "500 what", "334 more"]),
    ) {
        let secret = "U2VjcmV0U2VjcmV0";
        let auth = if with_initial {
            format!("C: AUTH PLAIN {secret}\nS: {end}")
        } else {
            format!("C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: {secret}\nS: {end}")
        };
        let mut dialogue = dialogue;
        let at = at.index(dialogue.len() + 1);
        // In step, so that it is AUTH.
        let mut said = script("C: RSET");
        said.extend(script(&auth));
        dialogue.splice(at..at, said);
        let dialogue = cut(&(1..).zip(dialogue).collect::<Vec<_>>(), &lens);
        let all = format!("{:?}", hear(Begins::AtTheBeginning, &dialogue));
        prop_assert!(!all.contains(&secret[..8]), "{}", all);
    }

    #[test]
    fn any_octets_stay_within_bounds(
        begins in begins(),
        pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..3000)), 0..12),
    ) {
        let said = |(client, octets)| if client { Said::Client(octets) } else { Said::Server(octets) };
        // `tell` holds the bound.
        hear(begins, &(1..).zip(pieces.into_iter().map(said)).collect::<Vec<_>>());
    }
}

/// Everything at its bound at once.
#[test]
fn the_fullest_session_stays_within_its_bound() {
    let mut session = Session::new(flow(), Begins::AtTheBeginning, 0);
    let mut out = Vec::new();
    let mut most = 0;
    let mut say = |line: &str| {
        tell(&mut session, 1, &script(line).remove(0), &mut out);
        most = most.max(session.memory());
    };
    let long = "x".repeat(600);
    say(&format!("S: 220 {long}"));
    say(&format!("C: EHLO {long}"));
    let keywords: String = (0..40).map(|n| format!("250-X{n}{long}\\r\\n")).collect();
    say(&format!("S: {keywords}250 PIPELINING"));
    say(&format!("C: AUTH PLAIN {long}"));
    say("S: 235 ok");
    let reply = format!("S: 550 5.7.1 {long}");
    // The first one waits for its last reply alone, the second one for all: no more may wait.
    for (local_part, recipients, is_answered) in
        [("somebody.with.a.longer.name", 1000, true), (&long[..200], 900, false)]
    {
        say(&format!("C: MAIL FROM:<{long}>"));
        for _ in 0..recipients {
            say(&format!("C: RCPT TO:<{local_part}@mail.example.org>"));
            if is_answered {
                say(&reply);
            }
        }
        if is_answered {
            say(&reply);
        }
        say("C: BDAT 0 LAST");
    }
    say(&format!("C: {long}\\"));
    say(&format!("S: {long}\\"));
    for _ in 0..1000 {
        say(&reply);
    }
    assert!(most > MAX_SESSION_BYTES / 2 && most <= MAX_SESSION_BYTES, "{most} octets");
}

/// Where many wait, the next ones are as good as not seen, and it goes on after the replies.
#[test]
fn commands_without_replies_are_bounded() {
    let mut session = Session::new(flow(), Begins::AtTheBeginning, 0);
    let mut out = Vec::new();
    for _ in 0..100_000 {
        tell(&mut session, 1, &Said::Client(b"NOOP\r\n".to_vec()), &mut out);
    }
    assert!(out.is_empty());
    for _ in 0..2000 {
        tell(&mut session, 2, &Said::Server(b"250 ok\r\n".to_vec()), &mut out);
    }
    for said in script("C: MAIL FROM:<a@b>\nS: 550 no\nC: QUIT") {
        tell(&mut session, 3, &said, &mut out);
    }
    assert!(
        matches!(out.as_slice(), [Observation::Transaction(transaction)] if transaction.complete),
        "{out:?}"
    );
}
