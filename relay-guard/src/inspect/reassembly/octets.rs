//! Keeping account of octets.

use relay_guard_common::flow::Party;

use super::Piece;

/// What became of octets of payload, of one dialogue or of many.
///
/// Always: `received = delivered + duplicate + dropped + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Octets {
    /// Captured octets that came in segments.
    pub received: u64,
    /// Those that were handed on.
    pub delivered: u64,
    /// Those that had come before.
    pub duplicate: u64,
    /// Those that came too late, were out of the window or behind the end, or for which there was no room.
    pub dropped: u64,
    /// Those that wait for what comes before them.
    pub pending: u64,
    /// Octets that never came: they were lost on their way to us.
    pub lost: u64,
    /// Octets that never came, on purpose.
    pub skipped: u64,
}

/// Where pieces go, and where they are counted.
pub(super) struct Delivery<'a, F> {
    pub octets: &'a mut Octets,
    pub sink: &'a mut F,
    /// No piece is handed on with an earlier time than the one before.
    pub time_ns: u64,
}

impl<F: FnMut(Party, u64, Piece<'_>)> Delivery<'_, F> {
    /// Hands on captured octets of a segment that was seen at this time.
    pub fn data(&mut self, from: Party, time_ns: u64, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.time_ns = self.time_ns.max(time_ns);
        self.octets.delivered += data.len() as u64;
        (self.sink)(from, self.time_ns, Piece::Data(data));
    }

    /// Declares octets missing.
    pub fn gap(&mut self, from: Party, octets: u64, skipped: bool) {
        if octets == 0 {
            return;
        }
        let count = if skipped { &mut self.octets.skipped } else { &mut self.octets.lost };
        *count += octets;
        (self.sink)(from, self.time_ns, Piece::Gap { octets, skipped });
    }
}
