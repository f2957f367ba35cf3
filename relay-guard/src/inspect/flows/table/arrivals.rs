//! What a segment does: by what is known of its connection.

use relay_guard_common::{
    flow::{FlowKey, Party},
    parse::Flags,
};

use super::Cause;
use super::{Flows, Place};
use crate::inspect::{
    flows::{Listener, marks::Opened},
    reassembly::Taken,
    segment::{FlowCommand, Segment},
};

impl<L: Listener> Flows<L> {
    pub(super) fn handle_live(&mut self, slot: u32, segment: &Segment<'_>, out: &mut Vec<L::Heard>) {
        let Some(tracked) = self.sessions[slot as usize].as_mut() else { return };
        if tracked.is_other(segment) {
            self.end(slot, Cause::Replaced, out);
            return self.handle_unknown(segment, out);
        }
        if tracked.is_astray() {
            self.end(slot, Cause::Replaced, out);
            return self.begin(segment, Opened::default(), out);
        }
        let taken = tracked.take(segment, &mut self.counters.octets, out);
        self.counters.stray += u64::from(taken == Taken::Stray);
        tracked.last_ns = self.now_ns;
        let queue = tracked.queue();
        self.by_use.touch(slot, queue);
        self.shares.touch(slot);
        self.due_ns = self.due_ns.min(self.idle_at(slot, queue));
        self.settle(slot, out);
        self.make_room(slot, out);
    }

    pub(super) fn handle_opened(
        &mut self,
        opened: Opened,
        number: u64,
        segment: &Segment<'_>,
        out: &mut Vec<L::Heard>,
    ) {
        let is_reset = segment.flags.0 & Flags::RST != 0;
        match Opened::by(segment) {
            _ if is_reset => {
                self.places.remove(&segment.flow);
                self.pass_by(segment);
            }
            Some(_) if segment.len > 0 => self.handle_unknown(segment, out),
            Some(handshake) if opened.differs(&handshake) => self.open(segment.flow, handshake),
            Some(handshake) => self.learn(segment.flow, opened, handshake, number),
            None if segment.len > 0 => {
                let began = segment.opening.map_or(opened, Opened::from);
                let fits = began.fits(segment);
                self.begin(segment, if fits { began } else { Opened::default() }, out);
            }
            None if segment.from == Party::Client => {
                let handshake = Opened { client: None, server: segment.acknowledgment };
                self.learn(segment.flow, opened, handshake, number);
            }
            None => {}
        }
    }

    /// A segment of a connection of which nothing is known that could matter.
    pub(super) fn handle_unknown(&mut self, segment: &Segment<'_>, out: &mut Vec<L::Heard>) {
        let is_over = segment.flags.0 & Flags::RST != 0 || segment.flags.is_contradictory();
        match Opened::by(segment) {
            _ if is_over => {
                self.counters.unrelated += 1;
                self.pass_by(segment);
            }
            Some(handshake) if segment.len == 0 => self.open(segment.flow, handshake),
            Some(handshake) => self.begin(segment, handshake, out),
            None if segment.len > 0 => {
                let began = segment.opening.map(Opened::from).filter(|began| began.fits(segment));
                self.begin(segment, began.unwrap_or_default(), out);
            }
            None => {
                self.counters.unrelated += 1;
                self.pass_by(segment);
            }
        }
    }

    /// A segment that begins nothing: if it was captured, the kernel has a flow of which nobody wants to know.
    pub(super) fn pass_by(&mut self, segment: &Segment<'_>) {
        let octets = (segment.payload.len()).min(segment.len as usize) as u64;
        self.counters.octets.received += octets;
        self.counters.octets.dropped += octets;
        if segment.len > 0 || segment.flags.0 & (Flags::FIN | Flags::RST) != 0 {
            self.commands.push(FlowCommand::Forget(segment.connection()));
        }
    }

    /// Adds what a handshake tells to what is known of it.
    pub(super) fn learn(&mut self, flow: FlowKey, opened: Opened, handshake: Opened, number: u64) {
        let known =
            Opened { client: opened.client.or(handshake.client), server: opened.server.or(handshake.server) };
        self.places.insert(flow, Place::Opened(known, number));
    }

    pub(super) fn open(&mut self, flow: FlowKey, handshake: Opened) {
        let number = self.mark(flow, |flows| &mut flows.opened);
        self.places.insert(flow, Place::Opened(handshake, number));
    }
}
