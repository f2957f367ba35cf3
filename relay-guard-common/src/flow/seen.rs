//! What is known of a segment to look into, beside its header: one word for a function of which the verifier knows nothing more.

use super::{FlowKey, Party, opening::Numbers};
use crate::{
    parse::{MAX_OFFSET, Segment},
    respond::question::Question,
    role::{Direction, Role},
};

/// How a segment is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where the IP header begins in the frame; at most [`MAX_OFFSET`].
    pub ip_offset: usize,
    /// Where the TCP header does.
    pub tcp_offset: usize,
    /// IPv6.
    pub v6: bool,
    /// Who sent it.
    pub from: Party,
    /// Which way its connection goes.
    pub direction: Direction,
    /// The gateway itself sent it.
    pub own: bool,
    /// It may be a reply to any host behind the gateway, which is seen again on the inside.
    pub shared: bool,
}

const FROM_SERVER: u64 = 1 << 32;
const INBOUND: u64 = 2 << 32;
const SHARED: u64 = 4 << 32;

impl Seen {
    /// The word for a segment at a [`Question::place`].
    #[inline(always)]
    #[must_use]
    pub const fn pack(place: u64, role: Role) -> u64 {
        place
            | if matches!(role.from(), Party::Server) { FROM_SERVER } else { 0 }
            | if matches!(role.direction(), Direction::Inbound) { INBOUND } else { 0 }
            | if matches!(role, Role::ReplyToGateway) { SHARED } else { 0 }
    }

    /// What a word says.
    #[inline(always)]
    #[must_use]
    pub const fn unpack(word: u64) -> Self {
        let Question { ip_offset, tcp_offset, v6, own, .. } = Question::unpack(word);
        Self {
            ip_offset,
            tcp_offset,
            v6,
            own,
            from: if word & FROM_SERVER != 0 { Party::Server } else { Party::Client },
            direction: if word & INBOUND != 0 { Direction::Inbound } else { Direction::Outbound },
            shared: word & SHARED != 0,
        }
    }

    /// The connection that a segment belongs to.
    #[inline(always)]
    #[must_use]
    pub const fn flow(&self, segment: &Segment) -> FlowKey {
        let source = (segment.source, segment.source_port);
        let destination = (segment.destination, segment.destination_port);
        match self.from {
            Party::Client => FlowKey::new(source, destination),
            Party::Server => FlowKey::new(destination, source),
        }
    }

    /// The numbers of the parties' next octets, as a segment that acknowledges says them before its own payload.
    #[inline(always)]
    #[must_use]
    pub const fn numbers(&self, segment: &Segment) -> Numbers {
        match self.from {
            Party::Client => Numbers { client: segment.sequence, server: segment.acknowledgment },
            Party::Server => Numbers { client: segment.acknowledgment, server: segment.sequence },
        }
    }
}

/// Where a segment's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins in the frame.
    pub offset: usize,
    /// Octets of it.
    pub len: u32,
}

const V6_LEN: usize = 40;
const TCP_LEN: usize = 20;

impl Seen {
    /// Where the payload is in a frame of `frame_len` octets: `ip_word` is the word of the IP header that ends in its length (the first
    /// one for IPv4, the second one for IPv6), `control` that of the TCP header that begins with the data offset; as they lie in
    /// memory. None if the headers announce more than the frame holds, or less than themselves.
    #[inline(always)]
    #[must_use]
    pub const fn extent(&self, ip_word: u32, control: u32, frame_len: usize) -> Option<Extent> {
        let (ip_word, control) = (u32::from_be(ip_word), u32::from_be(control));
        let header_len = (control >> 28) as usize * 4;
        let offset = (self.tcp_offset & MAX_OFFSET) + header_len;
        let ip_len = if self.v6 { (ip_word >> 16) as usize } else { (ip_word & 0xffff) as usize };
        let end = if ip_len == 0 {
            // Over 64 KiB (RFC 2675, BIG TCP): as long as the frame.
            frame_len
        } else if self.v6 {
            self.ip_offset + V6_LEN + ip_len
        } else {
            self.ip_offset + ip_len
        };
        if header_len < TCP_LEN || end < offset || end > frame_len {
            return None;
        }
        Some(Extent { offset, len: (end - offset) as u32 })
    }
}

#[cfg(test)]
mod tests;
