//! Which session a segment belongs to, when sessions begin and end, and what is kept within bounds.

mod bounds;
mod commands;
mod endings;
mod model;
mod sessions;
mod whole_dialogues;

use relay_guard_common::{
    address::Address,
    flow::{
        FlowKey,
        Party::{self, Client, Server},
    },
    parse::Flags,
};

use super::{Counters, Flows, Limits, Listener};
use crate::inspect::{
    observation::Ended,
    reassembly::{Begins, Octets, Piece},
    segment::{Connection, FlowCommand, Opening, Segment},
};

/// The numbers of first octets.
const OPENING: Opening = Opening { client: 1_001, server: u32::MAX - 4 };

/// A word after which a listener wants no more.
const ENOUGH: &[u8] = b"TLS";

const SECOND: u64 = 1_000_000_000;

/// What was heard: the client's port, and what.
type Heard = (u16, Event);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Begun(Begins),
    Said(Party, Vec<u8>),
    Missing(Party, u64, bool),
    Over(Ended),
}

/// Notes what it hears, and takes as much room as it heard octets.
#[derive(Debug)]
struct Recorder {
    port: u16,
    begins: Option<Begins>,
    octets: usize,
    wants_more: bool,
}

impl Recorder {
    fn note(&mut self, from: Party, piece: Piece<'_>, out: &mut Vec<Heard>) {
        out.extend(self.begins.take().map(|begins| (self.port, Event::Begun(begins))));
        match (out.last_mut(), piece) {
            (Some((port, Event::Said(before, data))), Piece::Data(more))
                if *port == self.port && *before == from =>
            {
                data.extend_from_slice(more);
            }
            (_, Piece::Data(data)) => out.push((self.port, Event::Said(from, data.to_vec()))),
            (_, Piece::Gap { octets, skipped }) => {
                out.push((self.port, Event::Missing(from, octets, skipped)));
            }
        }
        if let Piece::Data(data) = piece {
            self.octets = (self.octets + data.len()).min(Self::MAX_BYTES);
            self.wants_more &= !data.starts_with(ENOUGH);
        }
    }
}

impl Listener for Recorder {
    type Heard = Heard;

    const MAX_BYTES: usize = 64 << 10;

    fn new(flow: FlowKey, begins: Begins, _: u64) -> Self {
        Self { port: flow.client_port, begins: Some(begins), octets: 0, wants_more: true }
    }

    fn client(&mut self, _: u64, piece: Piece<'_>, out: &mut Vec<Heard>) {
        self.note(Client, piece, out);
    }

    fn server(&mut self, _: u64, piece: Piece<'_>, out: &mut Vec<Heard>) {
        self.note(Server, piece, out);
    }

    fn end(&mut self, _: u64, how: Ended, out: &mut Vec<Heard>) {
        out.extend(self.begins.take().map(|begins| (self.port, Event::Begun(begins))));
        out.push((self.port, Event::Over(how)));
    }

    fn wants_more(&self) -> bool {
        self.wants_more
    }

    fn memory(&self) -> usize {
        self.octets
    }
}

fn flow(port: u16) -> FlowKey {
    FlowKey::new((Address::v4([192, 0, 2, 1]), port), (Address::v4([198, 51, 100, 1]), 25))
}

/// One whose handshake the kernel has not seen.
fn connection(port: u16) -> Connection {
    Connection { flow: flow(port), opening: None }
}

/// The connection of most tests.
const PORT: u16 = 1_025;

/// A segment of it: positions count from the first octets.
fn segment(from: Party, at: u32, words: &str, acknowledged: u32) -> Segment<'_> {
    let (own, other) = match from {
        Client => (OPENING.client, OPENING.server),
        Server => (OPENING.server, OPENING.client),
    };
    Segment {
        time_ns: 0,
        flow: flow(PORT),
        from,
        sequence: own.wrapping_add(at),
        acknowledgment: Some(other.wrapping_add(acknowledged)),
        flags: Flags(Flags::ACK),
        len: words.len() as u32,
        payload: words.as_bytes(),
        opening: None,
        skipped_own: false,
        skipped_other: false,
    }
}

fn client(at: u32, words: &str, acknowledged: u32) -> Segment<'_> {
    segment(Client, at, words, acknowledged)
}

fn server(at: u32, words: &str, acknowledged: u32) -> Segment<'_> {
    segment(Server, at, words, acknowledged)
}

fn flagged(segment: Segment<'_>, flags: u8) -> Segment<'_> {
    Segment { flags: Flags(segment.flags.0 | flags), ..segment }
}

fn fin(segment: Segment<'_>) -> Segment<'_> {
    flagged(segment, Flags::FIN)
}

fn reset(segment: Segment<'_>) -> Segment<'_> {
    flagged(segment, Flags::RST)
}

/// A handshake's first segment, for first octets at these distances from [`OPENING`].
fn syn(at: u32) -> Segment<'static> {
    let segment = client(at.wrapping_sub(1), "", 0);
    Segment { flags: Flags(Flags::SYN), acknowledgment: None, ..segment }
}

fn syn_ack(at: u32, client_at: u32) -> Segment<'static> {
    Segment { flags: Flags(Flags::SYN | Flags::ACK), ..server(at.wrapping_sub(1), "", client_at) }
}

fn on(port: u16, segment: Segment<'_>) -> Segment<'_> {
    Segment { flow: flow(port), ..segment }
}

fn opened(segment: Segment<'_>) -> Segment<'_> {
    Segment { opening: Some(OPENING), ..segment }
}

/// A table, and what is heard.
struct Scene {
    flows: Flows<Recorder>,
    heard: Vec<Heard>,
    now_ns: u64,
}

impl Scene {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self { flows: Flows::new(limits), heard: Vec::new(), now_ns: 0 }
    }

    /// Takes segments in, one after the other.
    fn take<'a>(&mut self, segments: impl IntoIterator<Item = Segment<'a>>) -> &mut Self {
        for segment in segments {
            self.flows.handle(&Segment { time_ns: self.now_ns, ..segment }, &mut self.heard);
            self.check();
        }
        self
    }

    /// Lets time pass.
    fn wait(&mut self, ns: u64) -> &mut Self {
        self.now_ns += ns;
        let due = self.flows.next_expiry().is_some_and(|due| due <= self.now_ns);
        let before = self.heard.len();
        self.flows.expire(self.now_ns, &mut self.heard);
        assert!(due || self.heard.len() == before, "something happened that was not due");
        assert!(self.flows.next_expiry().is_none_or(|due| due > self.now_ns), "something is still due");
        self.check();
        self
    }

    fn finish(&mut self) -> &mut Self {
        self.flows.finish(self.now_ns, &mut self.heard);
        self.check();
        self
    }

    /// What was heard since the last call, of the connection of most tests.
    fn heard(&mut self) -> Vec<Event> {
        self.all_heard().into_iter().filter(|(port, _)| *port == PORT).map(|(_, event)| event).collect()
    }

    fn all_heard(&mut self) -> Vec<Heard> {
        std::mem::take(&mut self.heard)
    }

    fn counters(&self) -> &Counters {
        self.flows.counters()
    }

    fn commands(&mut self) -> Vec<FlowCommand> {
        self.flows.commands().collect()
    }

    /// What always holds.
    fn check(&self) {
        let Octets { received, delivered, duplicate, dropped, pending, .. } = self.counters().octets;
        assert_eq!(received, delivered + duplicate + dropped + pending, "{:?}", self.counters());
        let Counters { begun, ended, reset, idle, replaced, evicted, unfinished, .. } = self.counters();
        let over = ended + reset + idle + replaced + evicted + unfinished;
        assert_eq!(begun - over, self.flows.len() as u64, "{:?}", self.counters());
    }
}

fn begun() -> Event {
    Event::Begun(Begins::AtTheBeginning)
}

fn begun_in_the_middle() -> Event {
    Event::Begun(Begins::InTheMiddle)
}

fn said(from: Party, words: &str) -> Event {
    Event::Said(from, words.into())
}

fn over(how: Ended) -> Event {
    Event::Over(how)
}
