//! Dialogues as text, and what comes of them as text.
//!
//! `C: EHLO x` and `S: 250-…` are lines that end in CR LF. `\r`, `\n`, `\t`, `\0`, `\xNN` and `\\` are what they are in Rust; a line
//! that ends in `\` has no end of its own. `C? 12` is a gap of so many octets of the client's that was skipped on purpose, `C! 12`
//! one that was lost; `S?` and `S!` likewise.

use relay_guard_common::{address::Address, flow::FlowKey};

use crate::inspect::observation::{
    Ended, Observation, Outcome, Recipient, Reply, Session as Seen, Transaction,
};
use crate::inspect::reassembly::{Begins, Piece};
use crate::inspect::smtp::Session;

/// What one party does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Client(Vec<u8>),
    Server(Vec<u8>),
    ClientGap { octets: u64, skipped: bool },
    ServerGap { octets: u64, skipped: bool },
}

/// Reads a dialogue.
pub(crate) fn script(text: &str) -> Vec<Said> {
    text.lines().map(str::trim_start).filter(|line| !line.is_empty()).map(said).collect()
}

fn said(line: &str) -> Said {
    let (party, rest) = line.split_at_checked(2).unwrap_or_else(|| panic!("{line}: no line of a dialogue"));
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let gap = |skipped| (rest.parse().unwrap(), skipped);
    match party {
        "C:" => Said::Client(octets(rest)),
        "S:" => Said::Server(octets(rest)),
        "C?" | "C!" => {
            let (octets, skipped) = gap(party == "C?");
            Said::ClientGap { octets, skipped }
        }
        "S?" | "S!" => {
            let (octets, skipped) = gap(party == "S?");
            Said::ServerGap { octets, skipped }
        }
        _ => panic!("{line}: who says this?"),
    }
}

fn octets(line: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            octets.extend(character.to_string().bytes());
            continue;
        }
        match characters.next() {
            None => return octets,
            Some('r') => octets.push(b'\r'),
            Some('n') => octets.push(b'\n'),
            Some('t') => octets.push(b'\t'),
            Some('0') => octets.push(0),
            Some('\\') => octets.push(b'\\'),
            Some('x') => {
                let digits: String = characters.by_ref().take(2).collect();
                octets.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            Some(other) => panic!("\\{other} in {line}"),
        }
    }
    octets.extend(b"\r\n");
    octets
}

/// The connection of all dialogues.
pub(crate) fn flow() -> FlowKey {
    FlowKey::new((Address::v4([10, 0, 0, 5]), 40_000), (Address::v4([192, 0, 2, 25]), 25))
}

/// What a session says to a dialogue, with its bounds held at each step. Time goes on by one for each thing that is said.
pub(crate) fn hear(begins: Begins, dialogue: &[Said], how: Ended) -> Vec<Observation> {
    let mut session = Session::new(flow(), begins, 0);
    let mut out = Vec::new();
    for (now_ns, said) in (1..).zip(dialogue) {
        tell(&mut session, now_ns, said, &mut out);
    }
    session.end(dialogue.len() as u64 + 1, how, &mut out);
    out
}

/// Tells a session one thing.
pub(crate) fn tell(session: &mut Session, now_ns: u64, said: &Said, out: &mut Vec<Observation>) {
    match said {
        Said::Client(octets) => session.client(now_ns, Piece::Data(octets), out),
        Said::Server(octets) => session.server(now_ns, Piece::Data(octets), out),
        Said::ClientGap { octets, skipped } => {
            session.client(now_ns, Piece::Gap { octets: *octets, skipped: *skipped }, out);
        }
        Said::ServerGap { octets, skipped } => {
            session.server(now_ns, Piece::Gap { octets: *octets, skipped: *skipped }, out);
        }
    }
    assert!(session.memory() <= crate::inspect::smtp::MAX_SESSION_BYTES, "{} octets", session.memory());
}

/// What a dialogue comes to, from its beginning to an orderly end.
pub(crate) struct Heard {
    pub(crate) all: Vec<Observation>,
}

/// Hears a dialogue from its beginning to an orderly end.
pub(crate) fn heard(text: &str) -> Heard {
    Heard { all: hear(Begins::AtTheBeginning, &script(text), Ended::Orderly) }
}

impl Heard {
    /// All transactions, a line each.
    pub(crate) fn transactions(&self) -> Vec<String> {
        let transaction = |observation: &Observation| match observation {
            Observation::Transaction(transaction) => Some(words(transaction)),
            Observation::Session(_) => None,
        };
        self.all.iter().filter_map(transaction).collect()
    }

    /// The session at its end.
    pub(crate) fn session(&self) -> &Seen {
        match self.all.last() {
            Some(Observation::Session(session)) => session,
            other => panic!("{other:?}"),
        }
    }
}

/// A transaction in one line: depth, HELO, sender, recipients with codes, data, last reply, outcome, and what it lacks.
fn words(transaction: &Transaction) -> String {
    let Transaction { depth, helo, mail_from, mail_reply, recipients, data, last_reply, outcome, .. } =
        transaction;
    let helo = helo.as_deref().unwrap_or("-");
    let from = mail_from.as_deref().map_or("-".to_owned(), |from| format!("<{from}>"));
    let mut words = format!("{depth} {helo} {from}{}", code(mail_reply.as_ref()));
    for Recipient { address, reply } in recipients {
        words += &format!(" {address}{}", code(reply.as_ref()));
    }
    if let Some(data) = data {
        let kind = if data.chunked { "BDAT" } else { "DATA" };
        let about = if data.whole { "" } else { "~" };
        let go_ahead = code(data.go_ahead.as_ref());
        words += &format!(" {kind}{go_ahead} {about}{}{}", data.octets, code(data.reply.as_ref()));
    }
    let last = last_reply.as_ref().map_or("-".to_owned(), ToString::to_string);
    let outcome = match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Refused => "refused",
        Outcome::Abandoned => "abandoned",
        Outcome::Unknown => "unknown",
    };
    words += &format!(" | {last} | {outcome}");
    if transaction.tls {
        words += " tls";
    }
    if !transaction.complete {
        words += " incomplete";
    }
    words
}

fn code(reply: Option<&Reply>) -> String {
    reply.map_or("=?".to_owned(), |reply| format!("={}", reply.code))
}
