//! Both directions of a connection, and the order between them.

mod order;

use relay_guard_common::{
    flow::Party::{self, Client, Server},
    parse::Flags,
};

use super::{Begins, MAX_AHEAD, Octets, Piece, octets::Delivery, piece::Span, stream::Stream};
use crate::inspect::{
    observation::Ended,
    segment::{Opening, Segment},
};

/// What a segment came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Something new.
    New,
    /// Nothing that was not known.
    Known,
    /// It does not fit in: out of the window, or in what was given up. Many of these in a row say that the numbers are others.
    Stray,
}

/// How far a dialogue has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Both may speak.
    Open,
    /// One party has said all that it has to say, or may have broken it off.
    HalfClosed,
    /// Both have, or one has broken it off.
    Closed(Ended),
}

/// A connection's two streams.
#[derive(Debug)]
pub struct Dialogue {
    client: Stream,
    server: Stream,
    begins: Begins,
    reset_by: Option<Party>,
    /// The latest time of a segment.
    seen_ns: u64,
    /// The time of what was last handed on.
    spoken_ns: u64,
}

impl Dialogue {
    /// A connection whose first octets have these numbers, as far as they are known. What is not known begins with the first
    /// segment that tells. No piece is handed on with an earlier time than this.
    #[must_use]
    pub fn new(client: Option<u32>, server: Option<u32>, now_ns: u64) -> Self {
        let begins = if client.or(server).is_some() { Begins::AtTheBeginning } else { Begins::InTheMiddle };
        let mut dialogue = Self {
            client: Stream::new(Client),
            server: Stream::new(Server),
            begins,
            reset_by: None,
            seen_ns: now_ns,
            spoken_ns: now_ns,
        };
        for (party, sequence) in [(Client, client), (Server, server)] {
            sequence.into_iter().for_each(|sequence| dialogue.stream(party).start(sequence));
        }
        dialogue
    }

    /// Whether its first octets are known by number.
    #[must_use]
    pub const fn begins(&self) -> Begins {
        self.begins
    }

    /// The numbers of the next octets to be handed on.
    #[must_use]
    pub const fn next(&self) -> Opening {
        Opening { client: self.client.sequence, server: self.server.sequence }
    }

    /// The numbers behind all that was handed on: a FIN takes one, too.
    #[must_use]
    pub const fn ends(&self) -> Opening {
        Opening { client: self.client.end_number(), server: self.server.end_number() }
    }

    /// How far it has come.
    #[must_use]
    pub const fn state(&self) -> State {
        match (self.client.closed, self.server.closed) {
            _ if self.reset_by.is_some() => State::Closed(Ended::Reset),
            (true, true) => State::Closed(Ended::Orderly),
            (false, false) if self.client.reset_at.is_none() && self.server.reset_at.is_none() => State::Open,
            _ => State::HalfClosed,
        }
    }

    /// Who broke it off.
    #[must_use]
    pub const fn reset_by(&self) -> Option<Party> {
        self.reset_by
    }

    /// Heap octets, no more than [`MAX_DIALOGUE_BYTES`](super::MAX_DIALOGUE_BYTES).
    #[must_use]
    pub fn memory(&self) -> usize {
        self.client.memory() + self.server.memory()
    }

    /// When something that is missing is to be given up (nanoseconds of the segments' clock), if anything waits for it.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.client.deadline().into_iter().chain(self.server.deadline()).min()
    }

    /// Takes a segment in, and hands on what is in order: who said it, when it was seen, and what. The usual segment is handed on
    /// as it is, without a copy.
    pub fn take<F>(&mut self, segment: &Segment<'_>, octets: &mut Octets, sink: &mut F) -> Taken
    where
        F: FnMut(Party, u64, Piece<'_>),
    {
        let data = &segment.payload[..segment.payload.len().min(segment.len as usize)];
        octets.received += data.len() as u64;
        self.seen_ns = self.seen_ns.max(segment.time_ns);
        let now_ns = self.seen_ns;
        let mut to = Delivery { octets, sink, time_ns: self.spoken_ns };
        let (own, other) = self.pair(segment.from);
        let is_plain = segment.flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) == 0;
        let is_next = segment.len > 0 && segment.sequence == own.sequence;
        let taken = match segment.acknowledgment.map(|number| other.position(number)) {
            Some(needs)
                if is_plain && is_next && own.is_calm() && other.is_calm() && needs <= other.next as i64 =>
            {
                other.acknowledge(needs.max(0) as u64, now_ns);
                let span = Span { from: own.next, len: u64::from(segment.len), data };
                own.deliver(span, segment.time_ns, &mut to);
                Taken::New
            }
            _ => self.take_with_care(segment, data, &mut to),
        };
        self.spoken_ns = to.time_ns;
        taken
    }

    /// Gives up what has been waited for long enough.
    pub fn overdue<F>(&mut self, now_ns: u64, octets: &mut Octets, sink: &mut F)
    where
        F: FnMut(Party, u64, Piece<'_>),
    {
        self.give_up_until(now_ns, octets, sink);
    }

    /// Hands on all that waits, with its gaps: nothing more will come.
    pub fn flush<F>(&mut self, octets: &mut Octets, sink: &mut F)
    where
        F: FnMut(Party, u64, Piece<'_>),
    {
        self.give_up_until(u64::MAX, octets, sink);
    }

    fn give_up_until<F>(&mut self, now_ns: u64, octets: &mut Octets, sink: &mut F)
    where
        F: FnMut(Party, u64, Piece<'_>),
    {
        let mut to = Delivery { octets, sink, time_ns: self.spoken_ns };
        loop {
            let client = self.client.deadline().map(|deadline| (deadline, Client));
            let server = self.server.deadline().map(|deadline| (deadline, Server));
            let first = client.into_iter().chain(server).min_by_key(|(deadline, _)| *deadline);
            let Some((_, party)) = first.filter(|(deadline, _)| *deadline <= now_ns) else { break };
            self.give_up(party, &mut to);
        }
        self.believe_resets();
        self.spoken_ns = to.time_ns;
    }

    const fn stream(&mut self, party: Party) -> &mut Stream {
        match party {
            Client => &mut self.client,
            Server => &mut self.server,
        }
    }

    /// A party's stream, and the other's.
    const fn pair(&mut self, party: Party) -> (&mut Stream, &mut Stream) {
        match party {
            Client => (&mut self.client, &mut self.server),
            Server => (&mut self.server, &mut self.client),
        }
    }

    fn take_with_care<F>(&mut self, segment: &Segment<'_>, data: &[u8], to: &mut Delivery<'_, F>) -> Taken
    where
        F: FnMut(Party, u64, Piece<'_>),
    {
        let flag = |flag| segment.flags.0 & flag != 0;
        let first = segment.first_octet();
        let (from, now_ns) = (segment.from, self.seen_ns);
        let (own, other) = self.pair(from);
        own.start(first);
        segment.acknowledgment.into_iter().for_each(|number| other.start(number));
        let at = own.position(first);
        let needs = segment.acknowledgment.map_or(0, |number| other.position(number));
        let is_ahead =
            |stream: &Stream, at: i64, skipped: bool| !skipped && at > (stream.next + MAX_AHEAD) as i64;
        let is_far_behind = (at + i64::from(segment.len)) < own.next as i64 - MAX_AHEAD as i64;
        if is_far_behind
            || is_ahead(own, at, segment.skipped_own)
            || is_ahead(other, needs, segment.skipped_other)
        {
            to.octets.dropped += data.len() as u64;
            return Taken::Stray;
        }
        let needs = needs.max(0) as u64;
        other.acknowledge(needs, now_ns);
        let Some(mut span) = behind_the_beginning(at, segment.len, data, to.octets) else {
            return Taken::Known;
        };
        if flag(Flags::RST) {
            // What a reset carries says why, to nobody in particular (RFC 9293 §3.5.3).
            to.octets.dropped += span.data.len() as u64;
            span = Span { len: 0, data: &[], ..span };
        }
        self.stream(from).go_on(&span);
        if segment.skipped_own {
            self.pass_over(from, span.from, true, to);
        }
        if segment.skipped_other {
            self.pass_over(from.other(), needs, true, to);
        }
        if flag(Flags::FIN | Flags::RST) {
            self.end(from, span, needs, flag(Flags::RST), to.octets);
        }
        let is_stray = span.len > 0 && {
            let own = self.stream(from);
            span.end() <= own.next && own.gave_up(&span)
        };
        let is_new = !is_stray && span.end() > self.stream(from).next;
        self.place(from, span, needs, to);
        self.settle(to);
        self.believe_resets();
        match (is_stray, is_new) {
            (true, _) => Taken::Stray,
            (false, true) => Taken::New,
            (false, false) => Taken::Known,
        }
    }
}

/// A segment's span, without what comes before all that is known; nothing if that is all.
fn behind_the_beginning<'a>(at: i64, len: u32, data: &'a [u8], octets: &mut Octets) -> Option<Span<'a>> {
    let span = Span { from: 0, len: u64::from(len), data };
    if at >= 0 {
        return Some(Span { from: at as u64, ..span });
    }
    let (before, behind) = span.split(at.unsigned_abs());
    octets.dropped += before.data.len() as u64;
    (at + i64::from(len) >= 0).then_some(Span { from: 0, ..behind })
}
