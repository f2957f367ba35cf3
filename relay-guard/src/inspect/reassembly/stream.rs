//! One direction of a connection: what was handed on, and what waits behind a hole.
//!
//! Octets have positions, 64 bits wide: 0 is the first one of the stream, or the first one that was seen. Numbers on the wire are
//! taken as near to the next expected octet as they can be, so that they may wrap around.

use std::{collections::VecDeque, ops::Range};

use relay_guard_common::flow::Party;

use super::{Octets, PATIENCE_NS, Piece, RETRANSMISSION_NS, octets::Delivery, piece::Span};

/// Octets that wait in a direction, at most: more than a long segment of offloading hardware.
pub const MAX_HELD_OCTETS: usize = 128 << 10;

/// Pieces that wait in a direction, at most.
pub const MAX_HELD_PIECES: usize = 128;

/// Heap octets of a stream, at most.
pub(super) const MAX_STREAM_BYTES: usize = MAX_HELD_OCTETS + MAX_HELD_PIECES * size_of::<Held>();

/// A piece that waits.
#[derive(Debug)]
struct Held {
    from: u64,
    len: u64,
    data: Box<[u8]>,
    needs: u64,
    since_ns: u64,
}

impl Held {
    const fn end(&self) -> u64 {
        self.from + self.len
    }
}

/// A FIN or a reset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    /// Position behind the last octet.
    pub at: u64,
    pub needs: u64,
    pub since_ns: u64,
    pub reset: bool,
}

/// What is next to be handed on, of what has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub position: u64,
    /// How much of the other party's stream its sender had received.
    pub needs: u64,
    pub since_ns: u64,
    reset: bool,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Stream {
    party: Party,
    /// Whether it is known where it begins.
    pub started: bool,
    /// Whether its end was handed on, with all that comes before.
    pub closed: bool,
    /// The number of the next octet on the wire.
    pub sequence: u32,
    /// The position of the next octet to be handed on.
    pub next: u64,
    pub ending: Option<Ending>,
    /// A reset is believed when all that comes before it was handed on: receivers believe it nowhere else (RFC 5961 §3.2).
    pub reset_at: Option<u64>,
    acknowledged: u64,
    acknowledged_ns: u64,
    /// What was last declared missing: it may come yet, too late.
    given_up: Range<u64>,
    held: VecDeque<Held>,
    held_octets: usize,
}

impl Stream {
    pub const fn new(party: Party) -> Self {
        Self {
            party,
            started: false,
            closed: false,
            sequence: 0,
            next: 0,
            ending: None,
            reset_at: None,
            acknowledged: 0,
            acknowledged_ns: 0,
            given_up: 0..0,
            held: VecDeque::new(),
            held_octets: 0,
        }
    }

    /// Where it begins, if that is not known.
    pub const fn start(&mut self, sequence: u32) {
        if !self.started {
            self.started = true;
            self.sequence = sequence;
        }
    }

    /// Whether it goes on in order, as far as is known.
    pub fn is_calm(&self) -> bool {
        self.started && self.ending.is_none() && self.reset_at.is_none() && self.held.is_empty()
    }

    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// The number behind all that was handed on.
    pub const fn end_number(&self) -> u32 {
        match self.ending {
            Some(ending) if self.closed && !ending.reset => self.sequence.wrapping_add(1),
            _ => self.sequence,
        }
    }

    /// The position that a number on the wire stands for; negative before the beginning.
    pub const fn position(&self, sequence: u32) -> i64 {
        self.next as i64 + sequence.wrapping_sub(self.sequence) as i32 as i64
    }

    /// Notes how much of it the other party has received.
    pub const fn acknowledge(&mut self, position: u64, now_ns: u64) {
        if position > self.acknowledged {
            self.acknowledged = position;
            self.acknowledged_ns = now_ns;
        }
    }

    /// Whether all before a position was handed on. A FIN takes a number, but no place.
    pub fn has_reached(&self, position: u64) -> bool {
        self.next >= position || self.ending.is_some_and(|ending| self.next >= ending.at)
    }

    /// The position of the first piece that waits.
    pub fn first_held(&self) -> Option<u64> {
        self.held.front().map(|held| held.from)
    }

    /// The position behind the last piece that waits; 0 if none does.
    pub fn last_held(&self) -> u64 {
        self.held.back().map_or(0, Held::end)
    }

    /// What is next, if anything has come that was not handed on.
    pub fn head(&self) -> Option<Head> {
        if let Some(held) = self.held.front() {
            return Some(Head {
                position: held.from,
                needs: held.needs,
                since_ns: held.since_ns,
                reset: false,
            });
        }
        let pending = self.ending.filter(|ending| !self.closed && !self.doubts(ending));
        let Ending { at, needs, since_ns, reset } = pending?;
        Some(Head { position: at, needs, since_ns, reset })
    }

    /// Whether nobody knows that a FIN's receiver believes it: not all that comes before it has come here or, as far as the other
    /// party said, there. It may lie out of the window (RFC 9293 §3.10.7.4), or its octets may never come.
    fn doubts(&self, ending: &Ending) -> bool {
        !ending.reset && ending.at > self.next.max(self.acknowledged)
    }

    /// When what is before the head is to be given up.
    pub fn deadline(&self) -> Option<u64> {
        let head = self.head()?;
        let hole = head.position > self.next;
        let arrived = self.acknowledged > self.next || head.reset;
        Some(match (hole, arrived) {
            (false, _) => head.since_ns.saturating_add(PATIENCE_NS),
            (true, false) => head.since_ns.saturating_add(RETRANSMISSION_NS),
            (true, true) => (head.since_ns.max(self.acknowledged_ns))
                .saturating_add(PATIENCE_NS)
                .min(head.since_ns.saturating_add(RETRANSMISSION_NS)),
        })
    }

    /// Takes away what was handed on, or given up; leaves what is new.
    pub fn without_known<'a>(&self, span: Span<'a>, octets: &mut Octets) -> Span<'a> {
        let (known, new) = span.split(self.next);
        let captured = known.from..known.from + known.data.len() as u64;
        let late =
            captured.end.min(self.given_up.end).saturating_sub(captured.start.max(self.given_up.start));
        octets.dropped += late;
        octets.duplicate += known.data.len() as u64 - late;
        new
    }

    /// Whether a span lies in what was given up, and so is not known to have come before.
    pub fn gave_up(&self, span: &Span<'_>) -> bool {
        span.from < self.given_up.end && span.end() > self.given_up.start
    }

    /// Takes a FIN or a reset. What lies behind it is dropped. Of two FINs the nearer one counts, as long as the other is in doubt.
    pub fn end(&mut self, ending: Ending, octets: &mut Octets) {
        let is_nearer =
            |before: &Ending| self.doubts(before) && ending.at < before.at && ending.at >= self.last_held();
        let at = match self.ending {
            Some(before) if before.reset || !(ending.reset || is_nearer(&before)) => return,
            Some(before) => ending.at.min(before.at),
            None => ending.at,
        };
        self.ending = Some(Ending { at, ..ending });
        self.closed = false;
        while let Some(last) = self.held.back_mut().filter(|last| last.end() > at) {
            let (kept, data) = (at.saturating_sub(last.from), last.data.len());
            if kept > 0 {
                last.len = kept;
                let whole = std::mem::take(&mut last.data);
                last.data = whole[..data.min(usize::try_from(kept).unwrap_or(usize::MAX))].into();
            }
            let dropped = if kept > 0 { data - last.data.len() } else { data };
            self.held_octets -= dropped;
            octets.pending -= dropped as u64;
            octets.dropped += dropped as u64;
            if kept == 0 {
                self.held.pop_back();
            }
        }
        self.give_back_room();
    }

    /// Most streams never hold anything again.
    fn give_back_room(&mut self) {
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
    }

    /// Whether a reset at this position is exactly behind what was handed on, and its FIN.
    pub const fn is_reset_by(&self, position: u64) -> bool {
        position == self.next || (self.closed && position == self.next + 1)
    }

    /// Forgets its FIN if its sender goes on behind it.
    pub fn go_on(&mut self, span: &Span<'_>) {
        if span.len > 0 && self.ending.is_some_and(|ending| !ending.reset && span.end() > ending.at) {
            self.ending = None;
            self.closed = false;
        }
    }

    /// Hands on what is in order.
    pub fn deliver<F>(&mut self, span: Span<'_>, time_ns: u64, to: &mut Delivery<'_, F>)
    where
        F: FnMut(Party, u64, Piece<'_>),
    {
        debug_assert_eq!(span.from, self.next);
        to.data(self.party, time_ns, span.data);
        to.gap(self.party, span.len - span.data.len() as u64, true);
        self.advance(span.len);
    }

    /// Hands on the head, which is in order.
    pub fn deliver_head<F: FnMut(Party, u64, Piece<'_>)>(&mut self, to: &mut Delivery<'_, F>) {
        let Some(held) = self.held.pop_front() else {
            self.closed = self.ending.is_some();
            return;
        };
        self.held_octets -= held.data.len();
        to.octets.pending -= held.data.len() as u64;
        self.deliver(Span { from: held.from, len: held.len, data: &held.data }, held.since_ns, to);
        self.give_back_room();
    }

    /// Declares missing what comes before a position.
    pub fn declare<F: FnMut(Party, u64, Piece<'_>)>(
        &mut self,
        position: u64,
        skipped: bool,
        to: &mut Delivery<'_, F>,
    ) {
        let missing = position.saturating_sub(self.next);
        if missing > 0 {
            self.given_up = self.next..position;
            to.gap(self.party, missing, skipped);
            self.advance(missing);
        }
    }

    const fn advance(&mut self, octets: u64) {
        self.next += octets;
        self.sequence = self.sequence.wrapping_add(octets as u32);
    }

    /// Whether there is room for it, in one piece.
    pub fn has_room(&self, span: &Span<'_>) -> bool {
        self.held_octets + span.data.len() <= MAX_HELD_OCTETS && self.held.len() < MAX_HELD_PIECES
    }

    /// Keeps what has not come before and for which there is room.
    pub fn hold(&mut self, span: Span<'_>, needs: u64, since_ns: u64, octets: &mut Octets) {
        let mut rest = span;
        let mut index = self.held.partition_point(|held| held.end() <= span.from);
        while rest.len > 0 {
            let (new, behind) = rest.split(self.held.get(index).map_or(u64::MAX, |held| held.from));
            if new.len > 0 {
                index += usize::from(self.keep(index, new, needs, since_ns, octets));
            }
            let (known, behind) = behind.split(self.held.get(index).map_or(u64::MAX, Held::end));
            octets.duplicate += known.data.len() as u64;
            (rest, index) = (behind, index + 1);
        }
    }

    fn keep(&mut self, index: usize, span: Span<'_>, needs: u64, since_ns: u64, octets: &mut Octets) -> bool {
        let captured = span.data.len();
        if !self.has_room(&span) {
            octets.dropped += captured as u64;
            return false;
        }
        self.held_octets += captured;
        octets.pending += captured as u64;
        self.held
            .insert(index, Held { from: span.from, len: span.len, data: span.data.into(), needs, since_ns });
        true
    }

    /// Heap octets.
    pub fn memory(&self) -> usize {
        self.held_octets + self.held.capacity() * size_of::<Held>()
    }
}
