//! Segments from any bytes: eleven for each.

use relay_guard::inspect::segment::{Opening, Segment};
use relay_guard_common::{
    address::Address,
    flow::{FlowKey, Party},
    parse::Flags,
};

use super::told::octet_of;

/// Bytes of a step: what it is, flags, position (2), octets (2), captured octets (2), acknowledged (2), time.
const STEP: usize = 11;

/// No input is looked at beyond so many steps.
const MAX_STEPS: usize = 400;

/// Numbers of first octets: both streams wrap around soon.
const FIRST: Opening = Opening { client: u32::MAX - 3_000, server: u32::MAX - 100 };

/// A segment, and when it comes.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    what: u8,
    flags: u8,
    at: u16,
    len: u16,
    captured: u16,
    acknowledged: u16,
    /// Nanoseconds since the first one.
    pub time_ns: u64,
}

/// What the input says.
pub fn steps(input: &[u8]) -> impl Iterator<Item = Step> {
    let mut time_ns = 0;
    input.as_chunks::<STEP>().0.iter().take(MAX_STEPS).map(move |bytes| {
        let [what, flags, at @ .., time] = *bytes;
        // Up to 16 minutes; short times are the more frequent ones.
        time_ns += u64::from(time).pow(5);
        let number = |index: usize| u16::from_le_bytes([at[index], at[index + 1]]);
        let [at, len, captured, acknowledged] = [number(0), number(2), number(4), number(6)];
        Step { what, flags, at, len, captured, acknowledged, time_ns }
    })
}

impl Step {
    fn bit(&self, bit: u8) -> bool {
        self.what >> bit & 1 != 0
    }

    fn from(&self) -> Party {
        if self.bit(0) { Party::Server } else { Party::Client }
    }

    /// Where the connection begins, if this is its first segment.
    pub fn opening(&self) -> Opening {
        FIRST
    }

    fn sequence(&self) -> u32 {
        let [own, _] = self.bases();
        // Far away, if it is to be.
        own.wrapping_add(u32::from(self.at))
            .wrapping_add(if self.bit(5) { 1 << 23 } else { 0 })
            .wrapping_sub(64)
    }

    fn bases(&self) -> [u32; 2] {
        match self.from() {
            Party::Client => [FIRST.client, FIRST.server],
            Party::Server => [FIRST.server, FIRST.client],
        }
    }

    /// The octets that have these numbers, as far as they are captured.
    pub fn payload(&self) -> Vec<u8> {
        let first = self.sequence().wrapping_add(u32::from(self.flags & Flags::SYN != 0));
        let captured = u32::from(self.captured.min(self.len));
        (0..captured).map(|index| octet_of(self.from(), first.wrapping_add(index))).collect()
    }

    /// The segment.
    pub fn segment<'a>(&self, payload: &'a [u8]) -> Segment<'a> {
        let [_, other] = self.bases();
        let port = 1_000 + u16::from(self.what >> 6);
        Segment {
            time_ns: self.time_ns,
            flow: FlowKey::new((Address::v4([192, 0, 2, 1]), port), (Address::v4([192, 0, 2, 2]), 25)),
            from: self.from(),
            sequence: self.sequence(),
            acknowledgment: (self.flags & Flags::ACK != 0)
                .then_some(other.wrapping_add(u32::from(self.acknowledged)).wrapping_sub(64)),
            flags: Flags(self.flags),
            len: u32::from(self.len),
            payload,
            opening: self.bit(1).then_some(FIRST),
            skipped_own: self.bit(2),
            skipped_other: self.bit(3),
        }
    }
}
