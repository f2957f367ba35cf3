//! Sessions of SMTP: [`Session`] on what two parties may say, and on what nobody saw of it.
//!
//! Invariant: it stays within its bound; how the streams are cut into pieces makes no difference; every transaction is told once,
//! in order, and the session once at its end; whoever is named was named in the streams, and no text has a control character;
//! octets are accounted for, seen or not.
//!
//! An input is a row of things that are said: an octet that says by whom and how much, then what is said.

use relay_guard::inspect::observation::{Ended, Observation, Session as Seen, Transaction};
use relay_guard::inspect::reassembly::{Begins, Piece};
use relay_guard::inspect::smtp::{MAX_SESSION_BYTES, Session};
use relay_guard_common::{address::Address, flow::FlowKey};

/// What one party does.
#[derive(Clone, Copy)]
enum Said<'a> {
    Data { by_client: bool, octets: &'a [u8] },
    Gap { by_client: bool, octets: u64, skipped: bool },
}

/// Holds the invariant against one dialogue.
///
/// # Panics
/// If it does not hold.
pub fn check(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let begins = if first & 1 == 0 { Begins::AtTheBeginning } else { Begins::InTheMiddle };
    let dialogue = dialogue(rest);
    let whole = hear(begins, &dialogue, usize::MAX);
    for most in [1, 1 + usize::from(first >> 1) % 16] {
        assert!(hear(begins, &dialogue, most) == whole, "pieces of {most} make a difference");
    }
    let streams = Streams::of(&dialogue);
    let mut depth = 0;
    for observation in &whole {
        match observation {
            Observation::Transaction(transaction) => {
                depth += 1;
                assert_eq!(transaction.depth, depth);
                streams.hold_transaction(transaction);
            }
            Observation::Session(session) => streams.hold_session(session),
        }
    }
    let [.., Observation::Session(session)] = whole.as_slice() else { panic!("no session at the end") };
    assert!(session.ended.is_some() && session.transactions == depth, "{session:?}");
    streams.hold_octets(session);
}

/// Reads the input as a dialogue. Lines of text are one thing each, so that a dictionary of commands and replies gets far.
fn dialogue(mut input: &[u8]) -> Vec<Said<'_>> {
    let mut dialogue = Vec::new();
    while let Some((how, rest)) = input.split_first() {
        let by_client = match how {
            b'C' | b'c' | b'G' | b'g' => true,
            b'S' | b's' | b'H' | b'h' => false,
            _ => how & 1 == 0,
        };
        let end = rest.iter().position(|octet| *octet == b'\n').map_or(rest.len(), |at| at + 1);
        let (octets, behind) = rest.split_at(end);
        input = behind;
        if matches!(how, b'G' | b'g' | b'H' | b'h') {
            let skipped = how.is_ascii_uppercase();
            dialogue.push(Said::Gap { by_client, octets: octets.len() as u64 * 7 + 1, skipped });
        } else if !octets.is_empty() {
            // Lower case leaves out the end of the line.
            let octets = if how.is_ascii_lowercase() { octets.trim_ascii_end() } else { octets };
            dialogue.push(Said::Data { by_client, octets });
        }
    }
    dialogue
}

/// What is told of a dialogue, in pieces of at most so many octets.
fn hear(begins: Begins, dialogue: &[Said<'_>], most: usize) -> Vec<Observation> {
    let flow = FlowKey::new((Address::v4([10, 0, 0, 5]), 40_000), (Address::v4([192, 0, 2, 25]), 25));
    let mut session = Session::new(flow, begins, 0);
    let mut out = Vec::new();
    let mut tell = |now_ns, by_client, piece| {
        if by_client {
            session.client(now_ns, piece, &mut out);
        } else {
            session.server(now_ns, piece, &mut out);
        }
        assert!(session.memory() <= MAX_SESSION_BYTES, "{} octets", session.memory());
    };
    for (now_ns, said) in (1..).zip(dialogue) {
        match *said {
            Said::Data { by_client, octets } => {
                octets.chunks(most).for_each(|piece| tell(now_ns, by_client, Piece::Data(piece)));
            }
            Said::Gap { by_client, octets, skipped } => {
                tell(now_ns, by_client, Piece::Gap { octets, skipped });
            }
        }
    }
    session.end(dialogue.len() as u64 + 1, Ended::Orderly, &mut out);
    out.iter_mut().for_each(without_octets_so_far);
    out
}

/// A session that goes on counts the piece that told what it is: that depends on how it is cut.
fn without_octets_so_far(observation: &mut Observation) {
    if let Observation::Session(session) = observation
        && session.ended.is_none()
    {
        (session.client_octets, session.server_octets) = (0, 0);
    }
}

/// What both parties said, and what was not seen of it.
#[derive(Default)]
struct Streams {
    /// The client's octets as texts show them.
    client: String,
    /// The server's.
    server: String,
    /// Octets of both, gaps included.
    octets: [u64; 2],
    /// Octets of both that were not seen.
    unseen: [u64; 2],
}

impl Streams {
    fn of(dialogue: &[Said<'_>]) -> Self {
        let mut streams = Self::default();
        let mut said = [Vec::new(), Vec::new()];
        for said_now in dialogue {
            match *said_now {
                Said::Data { by_client, octets } => {
                    streams.octets[usize::from(!by_client)] += octets.len() as u64;
                    said[usize::from(!by_client)].extend_from_slice(octets);
                }
                Said::Gap { by_client, octets, .. } => {
                    streams.octets[usize::from(!by_client)] += octets;
                    streams.unseen[usize::from(!by_client)] += octets;
                }
            }
        }
        [streams.client, streams.server] = said.map(|octets| shown(&octets));
        streams
    }

    fn hold_transaction(&self, transaction: &Transaction) {
        let recipients = transaction.recipients.iter().map(|recipient| &recipient.address);
        recipients
            .chain(&transaction.mail_from)
            .chain(&transaction.helo)
            .for_each(|text| self.by_client(text));
        let replies = transaction.recipients.iter().filter_map(|recipient| recipient.reply.as_ref());
        let replies = replies.chain(&transaction.mail_reply).chain(&transaction.last_reply);
        replies.for_each(|reply| self.by_server(&reply.text));
    }

    fn hold_session(&self, session: &Seen) {
        session.helo.iter().for_each(|text| self.by_client(text));
        session.greeting.iter().chain(&session.refused_with).for_each(|reply| self.by_server(&reply.text));
    }

    fn by_client(&self, text: &str) {
        assert!(self.client.contains(text), "the client did not say {text:?}");
    }

    fn by_server(&self, text: &str) {
        assert!(self.server.contains(text), "the server did not say {text:?}");
    }

    fn hold_octets(&self, session: &Seen) {
        let unseen = session.unseen;
        assert_eq!([session.client_octets, session.server_octets], self.octets);
        assert_eq!(
            [unseen.client_lost + unseen.client_skipped, unseen.server_lost + unseen.server_skipped],
            self.unseen
        );
    }
}

fn shown(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}
