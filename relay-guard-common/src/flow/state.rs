//! What the kernel keeps of a connection that is looked into, and how much of it that leaves to capture.
//!
//! Several CPUs see segments of one connection. Each number is moved by one instruction or by compare-and-swap, tried twice: who
//! loses both times captures a little more than the budgets say.

use super::{Budgets, Order, Party, capture::CaptureHeader, opening::Numbers};
use crate::{assert_layout, parse::Flags, shared::SharedU64};

/// A copy of an entry of `FLOWS`, keyed by [`FlowKey`](super::FlowKey), as userspace reads and writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FlowRecord {
    marks: u64,
    /// The client's octets left: in this turn, and above them in all.
    client: u64,
    /// The server's octets left.
    server: u64,
    opening: u64,
    /// When it was last seen to say something, nanoseconds of `CLOCK_MONOTONIC`.
    pub last_seen_ns: u64,
}
assert_layout!(FlowRecord, 40, 8);

/// An entry of `FLOWS` as the kernel has it: the same layout, moved by many.
#[derive(Debug)]
#[repr(C)]
pub struct FlowState {
    marks: SharedU64,
    client: SharedU64,
    server: SharedU64,
    opening: SharedU64,
    last_seen_ns: SharedU64,
}
assert_layout!(FlowState, 40, 8);

/// Userspace wants nothing more but the connection's end.
const ENOUGH: u64 = 1;
/// Userspace wants it to end.
const END: u64 = 2;
/// The handshake was seen.
const OPENED: u64 = 4;
/// It was ended, and userspace told.
const ENDED: u64 = 8;

/// Payload of a party's was left out since its own last record; since the other's last record.
const SKIPPED: u64 = 0x100;
/// Payload of a party's was lost, in the same way.
const LOST: u64 = 0x200;
/// A party's FIN was told; its RST.
const FIN_TOLD: u64 = 0x10;
const RST_TOLD: u64 = 0x20;

/// Where marks that a party's records take stand: of its own payload, and of the other's.
const OWN_AT: [u32; 2] = [0, 2];
const OTHER_AT: [u32; 2] = [6, 4];
/// Where marks of a party's end stand.
const END_AT: [u32; 2] = [0, 2];

impl FlowRecord {
    /// A connection with all of its budgets, at a time.
    #[inline(always)]
    #[must_use]
    pub const fn new(opening: Option<Numbers>, budgets: &Budgets, now_ns: u64) -> Self {
        let (marks, opening) = match opening {
            Some(numbers) => (OPENED, numbers.pack()),
            None => (0, 0),
        };
        Self {
            marks,
            client: (budgets.client as u64) << 32 | budgets.turn as u64,
            server: budgets.server as u64,
            opening,
            last_seen_ns: now_ns,
        }
    }

    /// What userspace wants of it.
    #[must_use]
    pub const fn order(&self) -> Order {
        if self.marks & END != 0 {
            Order::End
        } else if self.marks & ENOUGH != 0 {
            Order::Enough
        } else {
            Order::Watch
        }
    }

    /// The same with another order. One that ends is captured as before where the guard only observes.
    #[must_use]
    pub const fn ordered(self, order: Order) -> Self {
        let marks = match order {
            Order::Watch => self.marks & !(ENOUGH | END),
            Order::Enough => self.marks & !END | ENOUGH,
            Order::End => self.marks | END,
        };
        Self { marks, ..self }
    }

    /// The numbers of its first octets, if its handshake was seen.
    #[must_use]
    pub const fn opening(&self) -> Option<Numbers> {
        if self.marks & OPENED != 0 { Some(Numbers::unpack(self.opening)) } else { None }
    }
}

/// What of a segment is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Octets of its payload that are captured, from the first on.
    pub octets: u32,
    /// Whether there is a record of it at all.
    pub is_told: bool,
}

impl FlowState {
    /// Begins anew: another connection between the same ends.
    #[inline(always)]
    pub fn restart(&self, opening: Numbers, budgets: &Budgets, now_ns: u64) {
        let record = FlowRecord::new(Some(opening), budgets, now_ns);
        self.marks.store(record.marks);
        self.client.store(record.client);
        self.server.store(record.server);
        self.opening.store(record.opening);
        self.last_seen_ns.store(now_ns);
    }

    /// Whether it is to end.
    #[inline(always)]
    #[must_use]
    pub fn is_to_end(&self) -> bool {
        self.marks.load() & END != 0
    }

    /// Whether nobody has been told yet that it was ended. Userspace is told once.
    #[inline(always)]
    #[must_use]
    pub fn is_end_untold(&self) -> bool {
        self.marks.load() & ENDED == 0
    }

    /// Somebody was told that it was ended.
    #[inline(always)]
    pub fn on_end_told(&self) {
        self.marks.set_bits(ENDED);
    }

    /// Whether payload is wanted at all.
    #[inline(always)]
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.marks.load() & ENOUGH == 0
    }

    /// The numbers of its first octets; zeros if its handshake was not seen.
    #[inline(always)]
    #[must_use]
    pub fn opening(&self) -> Numbers {
        Numbers::unpack(self.opening.load())
    }

    /// What is told of a segment of the client's: the budgets are charged.
    #[inline(always)]
    #[must_use]
    pub fn on_client(&self, len: u32, flags: Flags, now_ns: u64) -> Share {
        if len == 0 {
            return self.share(Party::Client, 0, 0, flags);
        }
        self.last_seen_ns.store(now_ns);
        let mut octets = 0;
        if self.is_watched() {
            octets = charge_client(&self.client, len);
        }
        self.share(Party::Client, len, octets, flags)
    }

    /// What is told of a segment of the server's. Where it says something, the client has another turn; where it tells the client to go
    /// ahead with a message, the client has none.
    #[inline(always)]
    #[must_use]
    pub fn on_server(
        &self,
        len: u32,
        is_go_ahead: bool,
        flags: Flags,
        budgets: &Budgets,
        now_ns: u64,
    ) -> Share {
        if len == 0 {
            return self.share(Party::Server, 0, 0, flags);
        }
        self.last_seen_ns.store(now_ns);
        let mut octets = 0;
        if self.is_watched() {
            give_turn(&self.client, if is_go_ahead { 0 } else { budgets.turn });
            octets = charge_server(&self.server, len);
        }
        self.share(Party::Server, len, octets, flags)
    }

    #[inline(always)]
    fn share(&self, from: Party, len: u32, octets: u32, flags: Flags) -> Share {
        let marks = self.marks.load();
        let is_told = octets != 0 || end_marks(from, flags) & !marks != 0;
        if !is_told && len != 0 {
            self.mark(from, SKIPPED, marks);
        }
        Share { octets, is_told }
    }

    /// Sets marks of a party's payload, both for its own records and for the other's.
    #[inline(always)]
    fn mark(&self, from: Party, mark: u64, known: u64) {
        let bits = mark << OWN_AT[from as usize] | mark << OTHER_AT[from.other() as usize];
        if known & bits != bits {
            self.marks.set_bits(bits);
        }
    }

    /// The marks of the next record of a party's segments ([`CaptureHeader::marks`]).
    #[inline(always)]
    #[must_use]
    pub fn record_marks(&self, from: Party) -> u8 {
        let marks = self.marks.load();
        let skipped = |at: u32| marks >> at & (SKIPPED | LOST) == SKIPPED;
        let mut told = 0;
        if marks & OPENED != 0 {
            told |= CaptureHeader::OPENED;
        }
        if skipped(OWN_AT[from as usize]) {
            told |= CaptureHeader::SKIPPED_OWN;
        }
        if skipped(OTHER_AT[from as usize]) {
            told |= CaptureHeader::SKIPPED_OTHER;
        }
        told
    }

    /// A party's segment was told, with its flags: what its record said need not be said again. `cut`: it did not hold all of what
    /// it stands for, so the next one says that.
    #[inline(always)]
    pub fn on_told(&self, from: Party, flags: Flags, cut: bool) {
        let marks = self.marks.load();
        let said = (SKIPPED | LOST) << OWN_AT[from as usize] | (SKIPPED | LOST) << OTHER_AT[from as usize];
        if marks & said != 0 {
            self.marks.clear_bits(said);
        }
        if cut {
            self.mark(from, SKIPPED, 0);
        }
        let ends = end_marks(from, flags);
        if ends & !marks != 0 {
            self.marks.set_bits(ends);
        }
    }

    /// A record of a party's found no room.
    #[inline(always)]
    pub fn on_lost(&self, from: Party) {
        self.mark(from, LOST, self.marks.load());
    }
}

/// The marks that the flags of a party's segment stand for.
#[inline(always)]
const fn end_marks(from: Party, flags: Flags) -> u64 {
    let mut marks = 0;
    if flags.0 & Flags::FIN != 0 {
        marks |= FIN_TOLD;
    }
    if flags.0 & Flags::RST != 0 {
        marks |= RST_TOLD;
    }
    marks << END_AT[from as usize]
}

/// Takes octets of a client's turn and of all that it has.
#[inline(always)]
fn charge_client(left: &SharedU64, len: u32) -> u32 {
    let mut octets = 0;
    let mut tries = 0;
    while tries < 2 {
        let found = left.load();
        let (turn, total) = (found as u32, (found >> 32) as u32);
        octets = least(len, least(turn, total));
        if octets == 0 || left.replace(found, found - (u64::from(octets) << 32 | u64::from(octets))) {
            break;
        }
        tries += 1;
    }
    octets
}

/// Gives a client a turn.
#[inline(always)]
fn give_turn(left: &SharedU64, turn: u32) {
    let mut tries = 0;
    while tries < 2 {
        let found = left.load();
        if found as u32 == turn || left.replace(found, found >> 32 << 32 | u64::from(turn)) {
            break;
        }
        tries += 1;
    }
}

/// Takes octets of all that a server has.
#[inline(always)]
fn charge_server(left: &SharedU64, len: u32) -> u32 {
    let mut octets = 0;
    let mut tries = 0;
    while tries < 2 {
        let found = left.load();
        octets = least(len, found as u32);
        if octets == 0 || left.replace(found, found - u64::from(octets)) {
            break;
        }
        tries += 1;
    }
    octets
}

#[inline(always)]
const fn least(one: u32, other: u32) -> u32 {
    if one < other { one } else { other }
}

#[cfg(test)]
mod tests;
