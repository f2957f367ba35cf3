//! What the kernel keeps about an inside host that opens outbound SMTP connections.
//!
//! One fixed-size record per host, updated in place by every CPU, read by userspace; no round trip. Which attempts were counted
//! is remembered in one table for all hosts ([`ATTEMPTS`]). Counts may lose a few when two CPUs turn the window over at the same
//! moment, or gain a few when an attempt is forgotten: they feed thresholds, not bills.

use crate::{
    address::{Address, mix64},
    assert_layout,
    shared::SharedU64,
};

/// Bits of the distinct-destination sketch: exact enough up to some 4,000 destinations per window.
pub const SKETCH_BITS: u32 = 1024;
const SKETCH_WORDS: usize = SKETCH_BITS as usize / 64;

/// Connection attempts remembered, of all hosts together, to tell retransmissions and replies: entries of `ATTEMPTS`, 8 bytes
/// each, a power of two. An attempt has one place, and the newest one keeps it: at 10,000 attempts in a second, for about a
/// hundred seconds.
pub const ATTEMPTS: usize = 1 << 20;

/// States of a remembered attempt, in the two low bits of its place.
const STATE_MASK: u64 = 3;
const PENDING: u64 = 1;
const ESTABLISHED: u64 = 2;
const REFUSED: u64 = 3;

/// What one counting window holds.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Window {
    attempts: SharedU64,
    established: SharedU64,
    refused: SharedU64,
    stopped: SharedU64,
    sketch: [SharedU64; SKETCH_WORDS],
}
assert_layout!(Window, 160, 8);

impl Window {
    fn record(&self) -> WindowRecord {
        WindowRecord {
            attempts: self.attempts.load(),
            established: self.established.load(),
            refused: self.refused.load(),
            stopped: self.stopped.load(),
            sketch: self.sketch.each_ref().map(SharedU64::load),
        }
    }
}

/// The kernel's record of a host, an entry of `HOSTS` keyed by [`Address`].
#[derive(Debug)]
#[repr(C)]
pub struct HostCounters {
    window_start_ns: SharedU64,
    last_seen_ns: SharedU64,
    attempts: SharedU64,
    established: SharedU64,
    refused: SharedU64,
    stopped: SharedU64,
    current: Window,
    previous: Window,
}
assert_layout!(HostCounters, 368, 8);

/// A copy of one window, as userspace reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct WindowRecord {
    /// Distinct connection attempts (retransmitted SYNs count once).
    pub attempts: u64,
    /// Attempts that the server accepted.
    pub established: u64,
    /// Attempts that the server answered with RST.
    pub refused: u64,
    /// Attempts that the guard stopped.
    pub stopped: u64,
    /// Linear-counting sketch of the destinations.
    pub sketch: [u64; SKETCH_WORDS],
}
assert_layout!(WindowRecord, 160, 8);

/// A copy of a [`HostCounters`], as userspace reads it from the map: the same layout without the atomics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct HostRecord {
    /// When the running window began, nanoseconds of `CLOCK_MONOTONIC`.
    pub window_start_ns: u64,
    /// When the host was last seen to open a connection, nanoseconds of `CLOCK_MONOTONIC`.
    pub last_seen_ns: u64,
    /// Attempts since the record was made.
    pub attempts: u64,
    /// Attempts that were accepted.
    pub established: u64,
    /// Attempts that were answered with RST.
    pub refused: u64,
    /// Attempts that the guard stopped.
    pub stopped: u64,
    /// The running window.
    pub current: WindowRecord,
    /// The window before it.
    pub previous: WindowRecord,
}
assert_layout!(HostRecord, 368, 8);

impl HostRecord {
    /// A record without anything counted, whose window begins now.
    #[must_use]
    pub const fn new(now_ns: u64) -> Self {
        const EMPTY: WindowRecord =
            WindowRecord { attempts: 0, established: 0, refused: 0, stopped: 0, sketch: [0; SKETCH_WORDS] };
        Self {
            window_start_ns: now_ns,
            last_seen_ns: now_ns,
            attempts: 0,
            established: 0,
            refused: 0,
            stopped: 0,
            current: EMPTY,
            previous: EMPTY,
        }
    }
}

/// One outbound connection attempt as its SYN and the answers to it show it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The host.
    pub host: Address,
    /// The server.
    pub peer: Address,
    /// The host's port, host byte order.
    pub host_port: u16,
    /// The SYN's sequence number: the answer's acknowledgment less one.
    pub sequence: u32,
}

impl Attempt {
    /// Its place in the table of attempts; less than [`ATTEMPTS`].
    #[inline(always)]
    #[must_use]
    pub const fn place(&self) -> u32 {
        self.fingerprint() as u32 & (ATTEMPTS as u32 - 1)
    }

    /// What stands there above the state.
    #[inline(always)]
    const fn tag(&self) -> u64 {
        // Never 0, so an empty place matches nothing.
        (self.fingerprint() | 4) & !STATE_MASK
    }

    #[inline(always)]
    const fn fingerprint(&self) -> u64 {
        let ends = (self.host.hash() as u64) << 32 | self.peer.hash() as u64;
        mix64(mix64(ends) ^ ((self.host_port as u64) << 32 | self.sequence as u64))
    }
}

impl Default for HostCounters {
    fn default() -> Self {
        Self::new()
    }
}

impl HostCounters {
    /// Counters of a host that nothing has been seen of: zeros, as the kernel's maps begin.
    #[must_use]
    pub fn new() -> Self {
        Self {
            window_start_ns: SharedU64::new(0),
            last_seen_ns: SharedU64::new(0),
            attempts: SharedU64::new(0),
            established: SharedU64::new(0),
            refused: SharedU64::new(0),
            stopped: SharedU64::new(0),
            current: Window::default(),
            previous: Window::default(),
        }
    }

    /// A copy of what is counted, as userspace reads it from the kernel's map.
    #[must_use]
    pub fn record(&self) -> HostRecord {
        HostRecord {
            window_start_ns: self.window_start_ns.load(),
            last_seen_ns: self.last_seen_ns.load(),
            attempts: self.attempts.load(),
            established: self.established.load(),
            refused: self.refused.load(),
            stopped: self.stopped.load(),
            current: self.current.record(),
            previous: self.previous.record(),
        }
    }

    /// Counts a SYN of the host; a retransmission counts once. `slot` is the attempt's [place](Attempt::place). `stopped` says
    /// that the guard did not let it out.
    #[inline(always)]
    pub fn on_syn(&self, attempt: &Attempt, slot: &SharedU64, now_ns: u64, window_ns: u64, stopped: bool) {
        self.turn(now_ns, window_ns);
        self.last_seen_ns.store(now_ns);
        let tag = attempt.tag();
        if slot.load() & !STATE_MASK == tag {
            return;
        }
        // A stopped one is answered by us, if by anybody: that says nothing of a server.
        slot.store(tag | if stopped { REFUSED } else { PENDING });
        add(&self.attempts, &self.current.attempts);
        if stopped {
            add(&self.stopped, &self.current.stopped);
        }
        let bit = attempt.peer.hash() % SKETCH_BITS;
        self.current.sketch[(bit / 64) as usize & (SKETCH_WORDS - 1)].set_bits(1 << (bit % 64));
    }

    /// Counts a server's SYN-ACK. With `strict`, only if the attempt is remembered.
    #[inline(always)]
    pub fn on_syn_ack(&self, attempt: &Attempt, slot: &SharedU64, strict: bool) {
        let tag = attempt.tag();
        let known = slot.load();
        if known == tag | PENDING || (known & !STATE_MASK != tag && !strict) {
            slot.store(tag | ESTABLISHED);
            add(&self.established, &self.current.established);
        }
    }

    /// Counts a server's RST in answer to a SYN. A RST on an established connection counts nothing.
    #[inline(always)]
    pub fn on_reset(&self, attempt: &Attempt, slot: &SharedU64) {
        let tag = attempt.tag();
        if slot.load() == tag | PENDING {
            slot.store(tag | REFUSED);
            add(&self.refused, &self.current.refused);
        }
    }

    /// Turns the window over when it is full: one CPU wins and moves it, the others go on counting.
    #[inline(always)]
    fn turn(&self, now_ns: u64, window_ns: u64) {
        let start = self.window_start_ns.load();
        if start == 0 {
            // A record's first window begins with its first SYN, not when the machine was started.
            let _ = self.window_start_ns.replace(0, now_ns);
            return;
        }
        let age = now_ns.wrapping_sub(start);
        // CPUs' coarse clocks may be a tick apart: "before the start" is not "long after it".
        if age < window_ns || age > u64::MAX / 2 {
            return;
        }
        if !self.window_start_ns.replace(start, now_ns) {
            return;
        }
        // A window that ended more than a window ago is not "previous" any more.
        let keep = age < window_ns.saturating_mul(2);
        move_window(&self.current, &self.previous, keep);
    }
}

#[inline(always)]
fn add(total: &SharedU64, window: &SharedU64) {
    total.add(1);
    window.add(1);
}

#[inline(always)]
fn move_window(from: &Window, to: &Window, keep: bool) {
    for (from, to) in [
        (&from.attempts, &to.attempts),
        (&from.established, &to.established),
        (&from.refused, &to.refused),
        (&from.stopped, &to.stopped),
    ] {
        to.store(if keep { from.load() } else { 0 });
        from.store(0);
    }
    for index in 0..SKETCH_WORDS {
        let word = from.sketch[index].load();
        to.sketch[index].store(if keep { word } else { 0 });
        from.sketch[index].store(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 60_000_000_000;

    fn attempt(peer: u8, port: u16, sequence: u32) -> Attempt {
        let host = Address::v4([10, 0, 0, 1]);
        Attempt { host, peer: Address::v4([203, 0, 113, peer]), host_port: port, sequence }
    }

    /// A host, and the table of attempts.
    struct Host {
        counters: HostCounters,
        slots: Vec<SharedU64>,
    }

    impl core::ops::Deref for Host {
        type Target = HostCounters;

        fn deref(&self) -> &HostCounters {
            &self.counters
        }
    }

    impl Host {
        fn new() -> Self {
            let slots = core::iter::repeat_with(SharedU64::default).take(ATTEMPTS).collect();
            Self { counters: HostCounters::new(), slots }
        }

        fn on_syn(&self, attempt: &Attempt, now_ns: u64, window_ns: u64, stopped: bool) {
            self.counters.on_syn(attempt, self.slot(attempt), now_ns, window_ns, stopped);
        }

        fn on_syn_ack(&self, attempt: &Attempt, strict: bool) {
            self.counters.on_syn_ack(attempt, self.slot(attempt), strict);
        }

        fn on_reset(&self, attempt: &Attempt) {
            self.counters.on_reset(attempt, self.slot(attempt));
        }

        fn slot(&self, attempt: &Attempt) -> &SharedU64 {
            &self.slots[attempt.place() as usize]
        }
    }

    fn bits(window: &Window) -> u32 {
        window.sketch.iter().map(|word| word.load().count_ones()).sum()
    }

    #[test]
    fn retransmissions_count_once() {
        let host = Host::new();
        for _ in 0..3 {
            host.on_syn(&attempt(1, 40000, 7), 1, WINDOW, false);
        }
        host.on_syn(&attempt(1, 40001, 7), 2, WINDOW, true);
        assert_eq!(host.attempts.load(), 2);
        assert_eq!(host.stopped.load(), 1);
        assert_eq!(bits(&host.current), 1);
    }

    #[test]
    fn answers_count_once_and_only_for_their_attempt() {
        let host = Host::new();
        host.on_syn(&attempt(1, 40000, 7), 1, WINDOW, false);
        host.on_syn(&attempt(2, 40000, 9), 1, WINDOW, false);
        for _ in 0..2 {
            host.on_syn_ack(&attempt(1, 40000, 7), true);
            host.on_reset(&attempt(2, 40000, 9));
        }
        // A RST after the handshake ends a connection; it does not refuse one.
        host.on_reset(&attempt(1, 40000, 7));
        assert_eq!(host.established.load(), 1);
        assert_eq!(host.refused.load(), 1);
    }

    #[test]
    fn our_own_answer_to_a_stopped_attempt_counts_nothing() {
        let host = Host::new();
        let stopped = attempt(1, 40000, 7);
        host.on_syn(&stopped, 1000, 1_000_000, true);
        for strict in [false, true] {
            host.on_syn_ack(&stopped, strict);
        }
        host.on_reset(&stopped);
        assert_eq!((host.established.load(), host.refused.load(), host.stopped.load()), (0, 0, 1));
    }

    #[test]
    fn an_answer_to_a_forgotten_attempt_counts_unless_strict() {
        let host = Host::new();
        host.on_syn_ack(&attempt(1, 40000, 7), true);
        assert_eq!(host.established.load(), 0);
        host.on_syn_ack(&attempt(1, 40000, 7), false);
        host.on_syn_ack(&attempt(1, 40000, 7), false);
        assert_eq!(host.established.load(), 1);
    }

    #[test]
    fn windows_turn_over_and_go_stale() {
        let host = Host::new();
        for peer in 0..10 {
            host.on_syn(&attempt(peer, 1, 1), 5, WINDOW, false);
        }
        host.on_syn(&attempt(11, 1, 1), WINDOW + 5, WINDOW, false);
        assert_eq!(host.previous.attempts.load(), 10);
        assert_eq!(host.current.attempts.load(), 1);
        host.on_syn(&attempt(12, 1, 1), 9 * WINDOW, WINDOW, false);
        assert_eq!(host.previous.attempts.load(), 0, "an idle gap leaves no previous window");
        assert_eq!(host.attempts.load(), 12);
    }

    #[test]
    fn a_record_is_what_was_counted() {
        let host = Host::new();
        host.on_syn(&attempt(1, 1, 1), 5, WINDOW, false);
        host.on_syn_ack(&attempt(1, 1, 1), true);
        host.on_syn(&attempt(2, 1, 1), WINDOW + 5, WINDOW, true);
        let record = host.record();
        assert_eq!((record.attempts, record.established, record.refused, record.stopped), (2, 1, 0, 1));
        assert_eq!((record.window_start_ns, record.last_seen_ns), (WINDOW + 5, WINDOW + 5));
        assert_eq!((record.previous.attempts, record.current.stopped), (1, 1));
        assert_eq!(record.previous.sketch.iter().map(|word| word.count_ones()).sum::<u32>(), 1);
    }

    #[test]
    fn a_clock_a_tick_behind_turns_nothing() {
        let host = Host::new();
        host.on_syn(&attempt(1, 1, 1), 10 * WINDOW, WINDOW, false);
        host.on_syn(&attempt(2, 1, 1), 10 * WINDOW - 4_000_000, WINDOW, false);
        assert_eq!(host.current.attempts.load(), 2);
    }

    /// Attempts of two hosts are two, and who loses its place to another is counted once more, no more.
    #[test]
    fn hosts_share_the_table() {
        let [one, other] =
            [1, 2].map(|host| Attempt { host: Address::v4([10, 0, 0, host]), ..attempt(1, 1, 1) });
        assert_ne!((one.place(), one.tag()), (other.place(), other.tag()));
        let slot = SharedU64::default();
        let counters = [HostCounters::new(), HostCounters::new()];
        for _ in 0..2 {
            counters[0].on_syn(&one, &slot, 1, WINDOW, false);
            counters[1].on_syn(&other, &slot, 1, WINDOW, false);
            // The place is another's by now.
            counters[0].on_reset(&one, &slot);
            counters[0].on_syn_ack(&one, &slot, true);
        }
        let record = counters[0].record();
        assert_eq!((record.attempts, record.refused, record.established), (2, 0, 0));
        counters[1].on_reset(&other, &slot);
        assert_eq!(counters[1].record().refused, 1);
    }

    #[test]
    fn places_spread() {
        let mut taken = vec![0_u8; ATTEMPTS];
        for number in 0..ATTEMPTS as u32 {
            // A host that sweeps its ports and servers, with sequence numbers in a row.
            let host = Address::v4((0x0a00_0000 | number >> 12).to_be_bytes());
            let peer = Address::v4((0xcb00_7100 | number & 0xff).to_be_bytes());
            let attempt = Attempt { host, peer, host_port: (number >> 4) as u16, sequence: number };
            taken[attempt.place() as usize] += 1;
        }
        let free = taken.iter().filter(|count| **count == 0).count();
        assert!((0.36..0.38).contains(&(free as f64 / ATTEMPTS as f64)), "{free}");
    }
}
