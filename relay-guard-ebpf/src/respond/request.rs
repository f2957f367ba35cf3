//! What the frame to answer says.

use relay_guard_common::{
    address::Address,
    parse::{Flags, Frame as _},
    respond::{checksum::Sum, cookie::Tuple, question::Question, reply::Heard},
};

use super::Medium;

/// A segment to answer.
pub(crate) struct Request {
    /// Between whom.
    pub(crate) tuple: Tuple,
    /// What it says.
    pub(crate) heard: Heard,
    /// Where its payload begins in the frame.
    pub(crate) payload_offset: usize,
    /// Octets of the frame, in all its buffers.
    pub(crate) frame_len: usize,
    /// Its TCP checksum looks as if it were only begun, with the pseudo-header, for a device to complete (`CHECKSUM_PARTIAL`):
    /// so come the gateway's own segments, and those of a neighbour on the other end of a veth. Of others one in 65,536 looks
    /// like that.
    pub(crate) begun: bool,
}

/// The sum of a pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1); to a sum it does not matter which address comes first.
#[inline(always)]
pub(crate) const fn pseudo_header(tuple: &Tuple, segment_len: u32) -> Sum {
    Sum::new().add_address(&tuple.source).add_address(&tuple.destination).add32(TCP).add32(segment_len)
}

/// The protocol's number (RFC 9293).
pub(crate) const TCP: u32 = 6;
/// A TCP header without options.
pub(crate) const TCP_LEN: usize = 20;
/// An IPv6 header without extensions.
pub(crate) const V6_LEN: usize = 40;

impl Request {
    /// Room for one.
    pub(crate) const EMPTY: Self = Self {
        tuple: Tuple {
            source: Address::v4([0; 4]),
            destination: Address::v4([0; 4]),
            source_port: 0,
            destination_port: 0,
        },
        heard: Heard { sequence: 0, acknowledgment: 0, flags: Flags(0), window: 0, payload_len: 0 },
        payload_offset: 0,
        frame_len: 0,
        begun: false,
    };
}

/// Reads the segment. Whether the frame holds what its headers announce. A function of its own, for the stack's sake.
#[inline(never)]
pub(crate) fn read<M: Medium>(medium: &M, word: u64, request: &mut Request) -> bool {
    match try_read(medium, &Question::unpack(word)) {
        Some(read) => {
            *request = read;
            true
        }
        None => false,
    }
}

#[inline(always)]
fn try_read<M: Medium>(medium: &M, question: &Question) -> Option<Request> {
    let packet = medium.packet();
    let Question { ip_offset, tcp_offset, .. } = *question;
    let (source, destination, ip_len);
    if question.v6 {
        let [_, first, a, b, c, d, e, f, g, h] = packet.words(ip_offset)?;
        ip_len = V6_LEN + (u32::from_be(first) >> 16) as usize;
        source = Address::v6_words([a, b, c, d]);
        destination = Address::v6_words([e, f, g, h]);
    } else {
        let [first, _, _, from, to] = packet.words(ip_offset)?;
        ip_len = (u32::from_be(first) & 0xffff) as usize;
        source = Address::v4_word(from);
        destination = Address::v4_word(to);
    }
    let [ports, sequence, acknowledgment, control, check] = packet.words(tcp_offset)?;
    let (ports, control) = (u32::from_be(ports), u32::from_be(control));
    let header_len = (control >> 28) as usize * 4;
    let payload_offset = tcp_offset + header_len;
    let (end, frame_len) = (ip_offset + ip_len, medium.len());
    // Lengths of 0 (BIG TCP, jumbograms) are no commands of SMTP either.
    if header_len < TCP_LEN || end < payload_offset || end > frame_len {
        return None;
    }
    let tuple =
        Tuple { source, destination, source_port: (ports >> 16) as u16, destination_port: ports as u16 };
    let segment_len = (end - tcp_offset) as u32;
    let begun = pseudo_header(&tuple, segment_len).fold() == (u32::from_be(check) >> 16) as u16;
    let heard = Heard {
        sequence: u32::from_be(sequence),
        acknowledgment: u32::from_be(acknowledgment),
        flags: Flags((control >> 16) as u8),
        window: control as u16,
        payload_len: (end - payload_offset) as u32,
    };
    Some(Request { tuple, heard, payload_offset, frame_len, begun })
}
