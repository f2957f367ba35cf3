//! One session: its dialogue, and who listens.

use relay_guard_common::{
    flow::{FlowKey, Party},
    parse::Flags,
};

use super::{Listener, by_use::Queue, marks::Opened};
use crate::inspect::{
    observation::Ended,
    reassembly::{Dialogue, Octets, Piece, State, Taken},
    segment::{Connection, Opening, Segment},
};

/// Segments in a row that do not fit, after which the numbers must be others: another connection, or a forged segment led astray.
pub(super) const MAX_STRAYS: u8 = 8;

/// Octets that a SYN can carry.
const MAX_EARLY_DATA: u32 = 65_535;

#[derive(Debug)]
pub(super) struct Tracked<L> {
    pub flow: FlowKey,
    pub dialogue: Dialogue,
    pub listener: L,
    /// Its first numbers, as far as they are known.
    pub began: Opened,
    /// The handshake's numbers as the latest segment had them: how the kernel knows the connection.
    opening: Option<Opening>,
    /// When it was last seen to say something.
    pub last_ns: u64,
    /// When something in it is to be given up.
    pub deadline: Option<u64>,
    /// What it takes, as it was counted last.
    pub bytes: usize,
    /// Nothing more is wanted of it but its end.
    pub enough: bool,
    /// It was decided to end it.
    pub condemned: bool,
    strays: u8,
}

impl<L: Listener> Tracked<L> {
    pub fn new(flow: FlowKey, began: Opened, now_ns: u64) -> Self {
        let dialogue = Dialogue::new(began.client, began.server, now_ns);
        Self {
            flow,
            listener: L::new(flow, dialogue.begins(), now_ns),
            dialogue,
            began,
            opening: None,
            last_ns: now_ns,
            deadline: None,
            bytes: 0,
            enough: false,
            condemned: false,
            strays: 0,
        }
    }

    /// Whether a segment belongs to another connection with the same addresses and ports. What it tells of the beginning is kept.
    pub fn is_other(&mut self, segment: &Segment<'_>) -> bool {
        let beginning = match (segment.opening, Opened::by(segment)) {
            (None, None) => return false,
            (Some(opening), _) => opening.into(),
            (None, Some(handshake)) => self.without_early_data(handshake),
        };
        let is_unknown = self.began == Opened::default();
        if is_unknown && (segment.flags.0 & Flags::SYN != 0 || !self.follows(&beginning)) {
            return true;
        }
        if self.began.differs(&beginning) {
            return true;
        }
        self.began.client = self.began.client.or(beginning.client);
        self.began.server = self.began.server.or(beginning.server);
        false
    }

    /// A server may acknowledge what came with the SYN (RFC 7413): that is not where the client began.
    fn without_early_data(&self, handshake: Opened) -> Opened {
        let early = handshake.client.zip(self.began.client).map(|(next, begin)| next.wrapping_sub(begin));
        Opened {
            client: handshake.client.filter(|_| early.is_none_or(|early| early > MAX_EARLY_DATA)),
            ..handshake
        }
    }

    /// Whether it can have begun so.
    fn follows(&self, beginning: &Opened) -> bool {
        let next = self.dialogue.next();
        let is_behind =
            |next: u32, begin: Option<u32>| begin.is_none_or(|begin| next.wrapping_sub(begin) as i32 >= 0);
        is_behind(next.client, beginning.client) && is_behind(next.server, beginning.server)
    }

    /// Takes a segment of this connection. Says whether it fits.
    pub fn take(&mut self, segment: &Segment<'_>, octets: &mut Octets, out: &mut Vec<L::Heard>) -> Taken {
        self.opening = segment.opening;
        let Self { dialogue, listener, enough, .. } = self;
        let mut sink = |from, now_ns, piece: Piece<'_>| tell(listener, from, now_ns, piece, out);
        let taken = if *enough {
            // The kernel leaves out what nobody wants, and does not say so each time.
            let segment = Segment { skipped_own: true, skipped_other: true, ..*segment };
            dialogue.take(&segment, octets, &mut sink)
        } else {
            dialogue.take(segment, octets, &mut sink)
        };
        match taken {
            Taken::New => self.strays = 0,
            Taken::Stray if segment.len > 0 && !self.enough => self.strays = self.strays.saturating_add(1),
            Taken::Stray | Taken::Known => {}
        }
        taken
    }

    /// Whether its numbers are not the connection's any more.
    pub const fn is_astray(&self) -> bool {
        self.strays >= MAX_STRAYS
    }

    /// Gives up what was waited for until this time.
    pub fn overdue(&mut self, now_ns: u64, octets: &mut Octets, out: &mut Vec<L::Heard>) {
        let Self { dialogue, listener, .. } = self;
        dialogue.overdue(now_ns, octets, &mut |from, now_ns, piece: Piece<'_>| {
            tell(listener, from, now_ns, piece, out);
        });
    }

    /// Hands on what is left, and ends.
    pub fn end(&mut self, how: Ended, octets: &mut Octets, out: &mut Vec<L::Heard>) {
        let Self { dialogue, listener, .. } = self;
        dialogue
            .flush(octets, &mut |from, now_ns, piece: Piece<'_>| tell(listener, from, now_ns, piece, out));
        listener.end(self.last_ns, how, out);
    }

    /// How it ends if nothing more comes.
    pub const fn outlook(&self) -> Ended {
        match self.dialogue.state() {
            _ if self.condemned => Ended::Reset,
            State::Closed(how) => how,
            State::HalfClosed => Ended::Orderly,
            State::Open => Ended::Unseen,
        }
    }

    /// The connection, as the kernel knows it.
    pub const fn connection(&self) -> Connection {
        Connection { flow: self.flow, opening: self.opening }
    }

    /// Where it waits for more.
    pub const fn queue(&self) -> Queue {
        match self.dialogue.state() {
            _ if self.condemned => Queue::HalfClosed,
            State::HalfClosed => Queue::HalfClosed,
            State::Open | State::Closed(_) => Queue::Open,
        }
    }

    /// What it takes: itself and its heap.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.dialogue.memory() + self.listener.memory()
    }
}

fn tell<L: Listener>(listener: &mut L, from: Party, now_ns: u64, piece: Piece<'_>, out: &mut Vec<L::Heard>) {
    match from {
        Party::Client => listener.client(now_ns, piece, out),
        Party::Server => listener.server(now_ns, piece, out),
    }
}
