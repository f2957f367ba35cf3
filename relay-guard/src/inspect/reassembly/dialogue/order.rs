//! What is handed on when, and what is waited for no longer.

use std::ops::Range;

use relay_guard_common::flow::Party::{self, Client, Server};

use super::{
    super::{
        Octets, Piece,
        octets::Delivery,
        piece::Span,
        stream::{Ending, Stream},
    },
    Dialogue,
};

impl Dialogue {
    /// Notes that a party ends its stream behind a segment.
    pub(super) fn end(&mut self, from: Party, span: Span<'_>, needs: u64, reset: bool, octets: &mut Octets) {
        let since_ns = self.seen_ns;
        let own = self.stream(from);
        if reset && !own.is_reset_by(span.from) {
            // One of the past is none.
            own.reset_at = (span.from > own.next).then_some(span.from).or(own.reset_at);
            return;
        }
        let at = if reset { span.from.max(own.next).max(own.last_held()) } else { span.end() };
        if at >= own.next {
            own.end(Ending { at, needs, since_ns, reset }, octets);
        }
    }

    /// Hands a span on, or keeps it.
    pub(super) fn place<F>(&mut self, from: Party, mut span: Span<'_>, needs: u64, to: &mut Delivery<'_, F>)
    where
        F: FnMut(Party, u64, Piece<'_>),
    {
        let now_ns = self.seen_ns;
        loop {
            let (own, other) = self.pair(from);
            span = own.without_known(span, to.octets);
            if let Some(ending) = own.ending {
                let (before, behind) = span.split(ending.at);
                to.octets.dropped += behind.data.len() as u64;
                span = before;
            }
            if span.len == 0 {
                return;
            }
            let first_held = own.first_held().unwrap_or(u64::MAX);
            if span.from == own.next && first_held > span.from && other.has_reached(needs) {
                let (next, rest) = span.split(first_held);
                own.deliver(next, now_ns, to);
                span = rest;
                self.settle(to);
            } else if own.has_room(&span) || !own.holds() {
                return own.hold(span, needs, now_ns, to.octets);
            } else {
                self.give_up(from, to);
            }
        }
    }

    /// Believes resets that have been reached, and forgets those that were passed.
    pub(super) fn believe_resets(&mut self) {
        for party in [Client, Server] {
            let own = self.stream(party);
            let Some(at) = own.reset_at else { continue };
            let (is_now, is_past) = (own.is_reset_by(at) && !own.holds(), at < own.next);
            if is_now || is_past {
                own.reset_at = None;
            }
            if is_now {
                self.reset_by = self.reset_by.or(Some(party));
            }
        }
    }

    /// Hands on what is in order, of both parties.
    pub(super) fn settle<F: FnMut(Party, u64, Piece<'_>)>(&mut self, to: &mut Delivery<'_, F>) {
        while self.step(Client, to) || self.step(Server, to) {}
    }

    /// Hands on what a party says next, if it is there and so is all that comes before.
    pub(super) fn step<F: FnMut(Party, u64, Piece<'_>)>(
        &mut self,
        party: Party,
        to: &mut Delivery<'_, F>,
    ) -> bool {
        let (own, other) = self.pair(party);
        let Some(head) = own.head().filter(|head| head.position <= own.next && other.has_reached(head.needs))
        else {
            return false;
        };
        debug_assert_eq!(head.position, own.next);
        own.deliver_head(to);
        let own = self.stream(party);
        if own.closed && own.ending.is_some_and(|ending| ending.reset) {
            self.reset_by = Some(party);
        }
        true
    }

    /// Gives up what a party's next piece waits for: what comes before it, or else what its sender had received.
    pub(super) fn give_up<F>(&mut self, party: Party, to: &mut Delivery<'_, F>)
    where
        F: FnMut(Party, u64, Piece<'_>),
    {
        let (own, other) = self.pair(party);
        let Some(head) = own.head() else { return };
        // What the other party says next was said before what is missing here was there, and had arrived before the head was said.
        let earlier = other
            .head()
            .filter(|next| next.position > other.next && next.needs <= own.next && head.needs > other.next);
        if let Some(next) = earlier.filter(|_| head.position > own.next) {
            other.declare(before_an_answer(other.next..next.position, own), false, to);
        } else if head.position > own.next {
            own.declare(before_an_answer(own.next..head.position, other), false, to);
        } else {
            self.pass_over(party.other(), head.needs, false, to);
        }
        self.settle(to);
    }

    /// Brings a party's stream to a position, with what waits on the way there, whatever that itself waits for.
    pub(super) fn pass_over<F>(
        &mut self,
        party: Party,
        position: u64,
        skipped: bool,
        to: &mut Delivery<'_, F>,
    ) where
        F: FnMut(Party, u64, Piece<'_>),
    {
        loop {
            let (own, other) = self.pair(party);
            if own.has_reached(position) {
                break;
            }
            let end = own.ending.map_or(position, |ending| ending.at.min(position));
            let end = before_an_answer(own.next..end, other);
            match own.first_held().filter(|held| *held < end) {
                Some(held) => {
                    own.declare(held, skipped, to);
                    own.deliver_head(to);
                }
                None => own.declare(end, skipped, to),
            }
            while self.step(party.other(), to) {}
        }
    }
}

/// How far something missing goes until the other party answered it: where replies came in the middle of a gap is not lost.
fn before_an_answer(missing: Range<u64>, other: &Stream) -> u64 {
    let answered = other.head().map(|head| head.needs);
    answered.filter(|needs| missing.start < *needs && *needs < missing.end).unwrap_or(missing.end)
}
