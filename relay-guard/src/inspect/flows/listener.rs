//! Who is told what the parties of a connection say.

use relay_guard_common::flow::FlowKey;

use crate::inspect::{
    observation::{Ended, Observation},
    reassembly::{Begins, Piece},
    smtp,
};

/// Listens to one connection.
///
/// It is told everything in the order in which it was said; times are nanoseconds of the segments' clock and never go back.
pub trait Listener {
    /// What it tells.
    type Heard;

    /// Heap octets that it takes, at most.
    const MAX_BYTES: usize;

    /// Begins to listen.
    fn new(flow: FlowKey, begins: Begins, now_ns: u64) -> Self;

    /// The client said this.
    fn client(&mut self, now_ns: u64, piece: Piece<'_>, out: &mut Vec<Self::Heard>);

    /// The server said this.
    fn server(&mut self, now_ns: u64, piece: Piece<'_>, out: &mut Vec<Self::Heard>);

    /// The connection is over; nothing is said afterwards.
    fn end(&mut self, now_ns: u64, how: Ended, out: &mut Vec<Self::Heard>);

    /// Whether what is said matters to it. Once it does not, it never will again.
    fn wants_more(&self) -> bool;

    /// Heap octets that it takes.
    fn memory(&self) -> usize;
}

impl Listener for smtp::Session {
    type Heard = Observation;

    const MAX_BYTES: usize = smtp::MAX_SESSION_BYTES;

    fn new(flow: FlowKey, begins: Begins, now_ns: u64) -> Self {
        Self::new(flow, begins, now_ns)
    }

    fn client(&mut self, now_ns: u64, piece: Piece<'_>, out: &mut Vec<Observation>) {
        self.client(now_ns, piece, out);
    }

    fn server(&mut self, now_ns: u64, piece: Piece<'_>, out: &mut Vec<Observation>) {
        self.server(now_ns, piece, out);
    }

    fn end(&mut self, now_ns: u64, how: Ended, out: &mut Vec<Observation>) {
        self.end(now_ns, how, out);
    }

    fn wants_more(&self) -> bool {
        self.wants_more()
    }

    fn memory(&self) -> usize {
        self.memory()
    }
}
