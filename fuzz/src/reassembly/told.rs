//! What a session is told.

use relay_guard::inspect::{
    flows::Listener,
    observation::Ended,
    reassembly::{Begins, Octets, Piece},
};
use relay_guard_common::flow::{FlowKey, Party};

/// The octet that a party sends with this number: one in a wrong place is seen, most likely.
pub fn octet_of(from: Party, number: u32) -> u8 {
    (number.wrapping_mul(2_654_435_761) >> 19) as u8 ^ (0x55 * from as u8)
}

/// Counts what it is told.
pub struct Told {
    octets: Octets,
    seen_ns: u64,
}

impl Told {
    fn count(&mut self, now_ns: u64, piece: Piece<'_>) {
        assert!(now_ns >= self.seen_ns, "time goes back");
        self.seen_ns = now_ns;
        *match piece {
            Piece::Data(_) => &mut self.octets.delivered,
            Piece::Gap { skipped: false, .. } => &mut self.octets.lost,
            Piece::Gap { skipped: true, .. } => &mut self.octets.skipped,
        } += piece.octets();
    }
}

impl Listener for Told {
    type Heard = Octets;

    const MAX_BYTES: usize = 0;

    fn new(_: FlowKey, _: Begins, now_ns: u64) -> Self {
        Self { octets: Octets::default(), seen_ns: now_ns }
    }

    fn client(&mut self, now_ns: u64, piece: Piece<'_>, _: &mut Vec<Octets>) {
        self.count(now_ns, piece);
    }

    fn server(&mut self, now_ns: u64, piece: Piece<'_>, _: &mut Vec<Octets>) {
        self.count(now_ns, piece);
    }

    fn end(&mut self, now_ns: u64, _: Ended, out: &mut Vec<Octets>) {
        assert!(now_ns >= self.seen_ns, "time goes back");
        out.push(self.octets);
    }

    fn wants_more(&self) -> bool {
        // Long enough to matter.
        self.octets.delivered < 20_000
    }

    fn memory(&self) -> usize {
        0
    }
}
