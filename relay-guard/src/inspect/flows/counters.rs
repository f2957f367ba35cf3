//! Bounds, and what is counted.

use crate::inspect::reassembly::Octets;

/// How much there is room for, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at a time; also opened connections without payload, and finished ones that are remembered.
    pub sessions: usize,
    /// Octets that all sessions take.
    pub bytes: usize,
    /// How many equal parts either consists of, of which one client has no more than one: the others have room whatever it does.
    /// An IPv6 client is its /64.
    pub parts: usize,
    /// How long a session is kept of which nothing is seen, nanoseconds. [`Flows::note_alive`](super::Flows::note_alive) counts as
    /// seen.
    pub idle_ns: u64,
}

impl Default for Limits {
    /// What suits a gateway: as many sessions as the kernel's table has by default; a client may be silent for 10 minutes (RFC 5321
    /// §4.5.3.2.6), so a quarter of an hour is beyond all that is said in between.
    fn default() -> Self {
        Self { sessions: 65_536, bytes: 256 << 20, parts: 4, idle_ns: 900_000_000_000 }
    }
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Segments that came.
    pub segments: u64,
    /// Sessions that began.
    pub begun: u64,
    /// Those of them whose beginning was not seen.
    pub begun_in_the_middle: u64,
    /// Sessions that ended by FIN.
    pub ended: u64,
    /// Sessions that ended by a reset.
    pub reset: u64,
    /// Sessions of which nothing was seen for too long.
    pub idle: u64,
    /// Sessions that ended because another connection took their ports.
    pub replaced: u64,
    /// Sessions for which there was no more room: the limit of sessions, or of octets, is too low.
    pub evicted: u64,
    /// Sessions that were not over when all was.
    pub unfinished: u64,
    /// Opened or finished connections that were forgotten early, for lack of room.
    pub forgotten: u64,
    /// Segments of finished connections.
    pub late: u64,
    /// Segments that belong to no session and begin none.
    pub unrelated: u64,
    /// Segments that did not fit into their session.
    pub stray: u64,
    /// What became of payload.
    pub octets: Octets,
}
