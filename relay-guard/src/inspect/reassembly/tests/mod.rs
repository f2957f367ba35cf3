//! What a dialogue hands on.

mod bounds;
mod endings;
mod model;
mod order;
mod streams;

use relay_guard_common::{
    address::Address,
    flow::{
        FlowKey,
        Party::{self, Client, Server},
    },
    parse::Flags,
};

use super::{Dialogue, MAX_DIALOGUE_BYTES, Octets, Piece, Taken};
use crate::inspect::segment::Segment;

/// The number of the client's first octet: the stream wraps around soon.
const CLIENT: u32 = u32::MAX - 20;

/// The number of the server's first octet.
const SERVER: u32 = 5_000;

/// A piece that was handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Data(Party, Vec<u8>),
    Gap(Party, u64, bool),
}

/// A client's words.
fn client(words: &str) -> Heard {
    Heard::Data(Client, words.into())
}

/// A server's words.
fn server(words: &str) -> Heard {
    Heard::Data(Server, words.into())
}

/// A segment with numbers that count from the first octet of its sender.
fn segment(from: Party, at: u32, payload: &[u8]) -> Segment<'_> {
    let base = if from == Client { CLIENT } else { SERVER };
    Segment {
        time_ns: 0,
        flow: FlowKey::new((Address::v4([192, 0, 2, 1]), 1025), (Address::v4([198, 51, 100, 1]), 25)),
        from,
        sequence: base.wrapping_add(at),
        acknowledgment: None,
        flags: Flags(Flags::ACK),
        len: payload.len() as u32,
        payload,
        opening: None,
        skipped_own: false,
        skipped_other: false,
    }
}

/// The same, with what it acknowledges, counted likewise.
fn acknowledging(segment: Segment<'_>, octets: u32) -> Segment<'_> {
    let base = if segment.from == Client { SERVER } else { CLIENT };
    Segment { acknowledgment: Some(base.wrapping_add(octets)), ..segment }
}

/// A dialogue, and what it handed on.
struct Scene {
    dialogue: Dialogue,
    octets: Octets,
    heard: Vec<Heard>,
    now_ns: u64,
}

impl Scene {
    /// A connection that is seen from the beginning.
    fn new() -> Self {
        Self::from(Dialogue::new(Some(CLIENT), Some(SERVER), 0))
    }

    fn from(dialogue: Dialogue) -> Self {
        Self { dialogue, octets: Octets::default(), heard: Vec::new(), now_ns: 0 }
    }

    fn take(&mut self, segment: Segment<'_>) -> Taken {
        let segment = Segment { time_ns: self.now_ns, ..segment };
        let heard = &mut self.heard;
        let taken = self.dialogue.take(&segment, &mut self.octets, &mut |from, _, piece: Piece<'_>| {
            note(heard, from, piece);
        });
        self.check();
        taken
    }

    /// The client says something; `at` is the position of its first octet.
    fn client(&mut self, at: u32, words: &str) -> Taken {
        self.take(acknowledging(segment(Client, at, words.as_bytes()), 0))
    }

    fn wait(&mut self, ns: u64) {
        self.now_ns += ns;
        let heard = &mut self.heard;
        self.dialogue.overdue(self.now_ns, &mut self.octets, &mut |from, _, piece: Piece<'_>| {
            note(heard, from, piece);
        });
        self.check();
    }

    fn flush(&mut self) {
        let heard = &mut self.heard;
        self.dialogue.flush(&mut self.octets, &mut |from, _, piece: Piece<'_>| note(heard, from, piece));
        self.check();
        assert_eq!(self.octets.pending, 0, "something still waits");
        assert_eq!(self.dialogue.memory(), 0, "something is still held");
    }

    /// What was handed on since the last call; neighbours of one kind are one.
    fn heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    /// What always holds.
    fn check(&self) {
        let Octets { received, delivered, duplicate, dropped, pending, .. } = self.octets;
        assert_eq!(received, delivered + duplicate + dropped + pending, "{:?}", self.octets);
        assert!(self.dialogue.memory() <= MAX_DIALOGUE_BYTES);
    }
}

fn note(heard: &mut Vec<Heard>, from: Party, piece: Piece<'_>) {
    match (heard.last_mut(), piece) {
        (Some(Heard::Data(before, data)), Piece::Data(more)) if *before == from => {
            data.extend_from_slice(more);
        }
        (_, Piece::Data(data)) => heard.push(Heard::Data(from, data.to_vec())),
        (Some(Heard::Gap(before, sum, why)), Piece::Gap { octets, skipped })
            if *before == from && *why == skipped =>
        {
            *sum += octets;
        }
        (_, Piece::Gap { octets, skipped }) => heard.push(Heard::Gap(from, octets, skipped)),
    }
}
