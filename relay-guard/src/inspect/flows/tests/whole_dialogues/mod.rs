//! From segments to observations: whole SMTP dialogues, however their segments come.

mod made_up;

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use self::made_up::{MadeUp, made_up};
use super::*;
use crate::inspect::{
    observation::{Observation, Outcome, Transaction},
    smtp,
};

/// What a party says before the other does.
type Turn = (Party, Vec<u8>);

/// A piece of a dialogue that is sent: from whom, where, what, and how much of the other's its sender had received.
#[derive(Clone, Debug)]
struct Sent {
    from: Party,
    at: u32,
    words: Vec<u8>,
    received: u32,
    flags: u8,
}

/// Cuts turns into segments of these lengths, over and over; both parties end in the end.
fn cut(turns: &[Turn], lengths: &[usize]) -> Vec<Sent> {
    let mut lengths = lengths.iter().cycle();
    let mut positions = [0, 0];
    let mut sent = Vec::new();
    for (from, words) in turns {
        let mut rest = &words[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*lengths.next().expect("there are lengths")).min(rest.len()));
            let (at, received) = (positions[*from as usize], positions[from.other() as usize]);
            sent.push(Sent { from: *from, at, words: now.to_vec(), received, flags: Flags::ACK });
            positions[*from as usize] += now.len() as u32;
            rest = later;
        }
    }
    for (from, extra) in [(Server, 0), (Client, 1)] {
        let (at, received) = (positions[from as usize], positions[from.other() as usize] + extra);
        sent.push(Sent { from, at, words: vec![], received, flags: Flags::ACK | Flags::FIN });
    }
    sent
}

/// What is observed of segments that all come at once.
fn observe<'a>(sent: impl IntoIterator<Item = &'a Sent>) -> Vec<Observation> {
    let mut flows: Flows<smtp::Session> = Flows::new(Limits::default());
    let mut out = Vec::new();
    for Sent { from, at, words, received, flags } in sent {
        let plain = opened(segment(*from, *at, "", *received));
        let segment = Segment { payload: words, len: words.len() as u32, flags: Flags(*flags), ..plain };
        flows.handle(&segment, &mut out);
    }
    flows.finish(0, &mut out);
    assert!(flows.is_empty());
    out
}

fn in_one_piece(turns: &[Turn]) -> Vec<Observation> {
    observe(&cut(turns, &[usize::MAX]))
}

/// Each element so many places off.
fn disordered(sent: &[Sent], offsets: &[usize]) -> Vec<Sent> {
    let mut keyed: Vec<(usize, &Sent)> =
        sent.iter().zip(offsets.iter().cycle()).map(|(sent, offset)| (*offset, sent)).collect();
    keyed.iter_mut().enumerate().for_each(|(index, (key, _))| *key += index);
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, sent)| sent.clone()).collect()
}

fn transactions(heard: &[Observation]) -> impl Iterator<Item = &Transaction> {
    heard.iter().filter_map(|observation| match observation {
        Observation::Transaction(transaction) => Some(&**transaction),
        Observation::Session(_) => None,
    })
}

#[test]
fn a_whole_dialogue_is_observed() {
    let turns = [
        (Server, "220 mx.example ESMTP\r\n"),
        (Client, "EHLO client.example\r\n"),
        (Server, "250-mx.example\r\n250 PIPELINING\r\n"),
        (
            Client,
            "MAIL FROM:<a@client.example>\r\nRCPT TO:<b@mx.example>\r\nRCPT TO:<c@mx.example>\r\nDATA\r\n",
        ),
        (Server, "250 ok\r\n250 ok\r\n550 who?\r\n354 go\r\n"),
        (Client, "Subject: x\r\n\r\nMAIL FROM:<x@y>\r\n.\r\n"),
        (Server, "250 2.0.0 queued\r\n"),
        (Client, "QUIT\r\n"),
        (Server, "221 bye\r\n"),
    ];
    let heard = in_one_piece(&turns.map(|(from, words)| (from, words.into())));
    let [Observation::Transaction(transaction), Observation::Session(session)] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!((transaction.outcome, transaction.complete), (Outcome::Accepted, true));
    assert_eq!(transaction.recipients.len(), 2);
    assert_eq!(transaction.data.as_ref().map(|data| data.octets), Some(31));
    assert_eq!((session.ended, session.complete), (Some(Ended::Orderly), true));
}

/// What was said, and what may be told of it.
struct Truth {
    facts: BTreeSet<String>,
    complete: Vec<String>,
}

/// All that a transaction tells of envelopes and replies, each by itself.
fn facts(transaction: &Transaction) -> Vec<String> {
    let Transaction { mail_from, mail_reply, recipients, last_reply, helo, .. } = transaction;
    let sender = mail_from.as_ref().map(|sender| format!("from {sender}"));
    let answered =
        mail_from.as_ref().zip(mail_reply.as_ref()).map(|(sender, reply)| format!("{sender}: {reply}"));
    let recipients = recipients.iter().flat_map(|recipient| {
        let reply = recipient.reply.as_ref().map(|reply| format!("{}: {reply}", recipient.address));
        [Some(format!("to {}", recipient.address)), reply]
    });
    let helo = helo.as_ref().map(|helo| format!("helo {helo}"));
    let last =
        last_reply.as_ref().map(|reply| format!("last {}", reply.text.split(' ').next().unwrap_or_default()));
    [sender, answered, helo, last].into_iter().chain(recipients).flatten().collect()
}

/// What makes one complete transaction the same as another.
fn envelope(transaction: &Transaction) -> String {
    let Transaction { mail_from, recipients, last_reply, outcome, .. } = transaction;
    format!("{mail_from:?} {recipients:?} {last_reply:?} {outcome:?}")
}

fn truth(whole: &[Observation], made_up: &MadeUp) -> Truth {
    let mut known: BTreeSet<String> = transactions(whole).flat_map(facts).collect();
    // With commands missing, the last reply that was seen may be any of the transaction's.
    known.extend(made_up.replies.iter().map(|reply| format!("last {reply}")));
    Truth { facts: known, complete: transactions(whole).filter(|t| t.complete).map(envelope).collect() }
}

proptest! {
    #[test]
    fn however_segments_come_the_same_is_observed(
        made_up in made_up(),
        lengths in vec(1..60_usize, 1..20),
        offsets in vec(0..9_usize, 1..40),
        copies in vec(prop::bool::weighted(0.2), 1..40),
    ) {
        let whole = in_one_piece(&made_up.turns);
        let sent = cut(&made_up.turns, &lengths);
        prop_assert_eq!(&observe(&sent), &whole, "cut into segments");
        let twice = |(index, sent): (usize, &Sent)| vec![sent.clone(); 1 + usize::from(copies[index % copies.len()])];
        let sent: Vec<Sent> = sent.iter().enumerate().flat_map(twice).collect();
        prop_assert_eq!(&observe(&disordered(&sent, &offsets)), &whole, "disordered and sent twice");
    }

    #[test]
    fn what_is_lost_is_not_made_up(
        made_up in made_up(),
        lengths in vec(1..60_usize, 1..20),
        offsets in vec(0..4_usize, 1..40),
        losses in vec((any::<prop::sample::Index>(), 1..4_usize), 1..4),
    ) {
        let whole = in_one_piece(&made_up.turns);
        let truth = truth(&whole, &made_up);
        let sent = cut(&made_up.turns, &lengths);
        let mut is_lost = vec![false; sent.len()];
        for (first, count) in &losses {
            is_lost[first.index(sent.len())..].iter_mut().take(*count).for_each(|lost| *lost = true);
        }
        let arrived: Vec<Sent> = sent.iter().zip(&is_lost).filter(|(_, lost)| !**lost).map(|(sent, _)| sent.clone()).collect();
        let seen = observe(&disordered(&arrived, &offsets));
        let shown: String = sent.iter().zip(&is_lost).map(|(sent, lost)| format!("\n{:?} {:?}{}", sent.from, String::from_utf8_lossy(&sent.words), if *lost { " LOST" } else { "" })).collect();
        for transaction in transactions(&seen) {
            for fact in facts(transaction) {
                prop_assert!(truth.facts.contains(&fact), "{} is made up: {:?}\nof{}", fact, transaction, shown);
            }
            prop_assert!(
                !transaction.complete || truth.complete.contains(&envelope(transaction)),
                "not complete: {:?}\nof{}", transaction, shown,
            );
        }
    }
}
