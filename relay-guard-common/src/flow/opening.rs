//! Handshakes in a table of a fixed size: what a connection must have shown before memory is spent on it.
//!
//! A connection has one place, by a keyed hash of its ends, and the newest one keeps it. There the client's SYN leaves the number
//! that the server must acknowledge, and the SYN-ACK that does the number at which the server begins: that is an opening. Nobody
//! makes one who sees only one way, so a flood of forged SYNs, SYN-ACKs or payload comes to nothing but places taken.
//!
//! A connection whose handshake was not seen is known from its middle when its client acknowledges what its server said: a mark of
//! that stays in the same place meanwhile.

use super::FlowKey;
use crate::{assert_layout, shared::SharedU64};

/// How many places there are: entries of `OPENINGS`, 16 octets each; a power of two.
pub const OPENINGS: usize = 1 << 16;

/// How far a first segment may be beyond the numbers of its opening, octets: others may have overtaken it. The smaller, the less
/// is guessed.
pub const REACH: u32 = 1 << 20;

const TAG_AT: u32 = 34;
const KIND_AT: u32 = 32;
const KIND_MASK: u64 = 3;
const SYN: u64 = 1;
const OPEN: u64 = 2;
const MIDDLE: u64 = 3;

/// A connection's place, and its tag there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Less than [`OPENINGS`].
    pub index: u32,
    /// 30 bits, never 0.
    tag: u32,
}

impl Place {
    /// The place of a connection, by a key that nobody outside knows.
    #[inline(always)]
    #[must_use]
    pub const fn of(key: [u64; 2], flow: &FlowKey) -> Self {
        let ((a, b), (c, d)) = (flow.client.halves(), flow.server.halves());
        let ports = (flow.client_port as u64) << 16 | flow.server_port as u64;
        let client = folded(a ^ key[0], key[1] | 1) ^ folded(b ^ ports ^ key[1], key[0] | 1);
        let server = folded(c ^ client, key[0] | 1) ^ folded(d ^ key[0] ^ client.rotate_left(32), key[1] | 1);
        let hash = folded(client ^ server, MULTIPLIER);
        let tag = (hash >> TAG_AT) as u32;
        Self { index: hash as u32 & (OPENINGS as u32 - 1), tag: if tag == 0 { 1 } else { tag } }
    }

    #[inline(always)]
    const fn word(self, kind: u64, number: u32) -> u64 {
        (self.tag as u64) << TAG_AT | kind << KIND_AT | number as u64
    }

    /// The kind of a word of this connection's; 0 if it is another's.
    #[inline(always)]
    const fn kind(self, word: u64) -> u64 {
        if word >> TAG_AT == self.tag as u64 { word >> KIND_AT & KIND_MASK } else { 0 }
    }
}

/// The golden ratio's bits, as is usual (Knuth, vol. 3 §6.4).
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// The product, its upper bits, which depend on all others, in the lower ones too.
#[inline(always)]
const fn folded(value: u64, multiplier: u64) -> u64 {
    let product = value.wrapping_mul(multiplier);
    product ^ product >> 29 ^ product >> 47
}

/// The sequence numbers that the two parties' next octets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The client's.
    pub client: u32,
    /// The server's.
    pub server: u32,
}

impl Numbers {
    /// As one word.
    #[inline(always)]
    #[must_use]
    pub const fn pack(self) -> u64 {
        (self.client as u64) << 32 | self.server as u64
    }

    /// From one word.
    #[inline(always)]
    #[must_use]
    pub const fn unpack(word: u64) -> Self {
        Self { client: (word >> 32) as u32, server: word as u32 }
    }

    /// Whether others are these, or not far beyond.
    #[inline(always)]
    #[must_use]
    pub const fn fit(self, others: Self) -> bool {
        others.client.wrapping_sub(self.client) < REACH && others.server.wrapping_sub(self.server) < REACH
    }
}

/// What the table says of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing, or not enough.
    Nothing,
    /// The numbers of its first octets.
    Opened(Numbers),
    /// Its server has said something up to there.
    Middle(Numbers),
}

/// A place of the table.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Opening {
    client: SharedU64,
    server: SharedU64,
}
assert_layout!(Opening, 16, 8);

impl Opening {
    /// Notes a client's SYN, whose next octet has that number. One that comes again behind its answer changes nothing.
    #[inline(always)]
    pub fn on_syn(&self, place: Place, client: u32) {
        if self.client.load() != place.word(OPEN, client) {
            self.client.store(place.word(SYN, client));
        }
    }

    /// Notes a server's SYN-ACK: what it acknowledges, and the number of the server's next octet. Whether it answers a noted SYN for
    /// the first time, and the connection is open.
    #[inline(always)]
    #[must_use]
    pub fn on_syn_ack(&self, place: Place, numbers: Numbers) -> bool {
        let found = self.client.load();
        // What a SYN carried may be acknowledged as well (RFC 7413).
        if place.kind(found) != SYN || numbers.client.wrapping_sub(found as u32) >= REACH {
            return false;
        }
        // The word that is asked for first comes last: until then nobody takes the other for its companion.
        self.server.store(place.word(OPEN, numbers.server));
        self.client.replace(found, place.word(OPEN, found as u32))
    }

    /// Notes payload of a server's whose connection is not known, unless it is known how that was opened. It takes the place of a
    /// SYN, too: one that a client sends into its open connection, where the server ignores it, must not hide the rest.
    #[inline(always)]
    pub fn on_middle(&self, place: Place, numbers: Numbers) {
        if place.kind(self.client.load()) == OPEN {
            return;
        }
        self.server.store(place.word(MIDDLE, numbers.server));
        self.client.store(place.word(MIDDLE, numbers.client));
    }

    /// What is known. Halves of two connections', or of two of its states, are nothing.
    #[inline(always)]
    #[must_use]
    pub fn known(&self, place: Place) -> Known {
        let (client, server) = (self.client.load(), self.server.load());
        let kind = place.kind(client);
        if kind != place.kind(server) {
            return Known::Nothing;
        }
        let numbers = Numbers { client: client as u32, server: server as u32 };
        match kind {
            OPEN => Known::Opened(numbers),
            MIDDLE => Known::Middle(numbers),
            _ => Known::Nothing,
        }
    }

    /// Forgets a connection that is known elsewhere from now on: what is left of it when it is over makes nothing of it.
    #[inline(always)]
    pub fn forget(&self, place: Place) {
        let found = self.client.load();
        if place.kind(found) != 0 {
            // Another's that came in between stays.
            let _ = self.client.replace(found, 0);
        }
    }
}

#[cfg(test)]
mod tests;
