//! What the frame to answer says.

use relay_guard_common::{
    address::Address,
    parse::{Flags, Frame as _},
    respond::{cookie::Tuple, question::Question, reply::Heard},
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
}

const TCP_LEN: usize = 20;
const V6_LEN: usize = 40;

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
        let [a, b] = packet.read(ip_offset + 4)?;
        ip_len = V6_LEN + u16::from_be_bytes([a, b]) as usize;
        source = Address::v6(packet.read(ip_offset + 8)?);
        destination = Address::v6(packet.read(ip_offset + 24)?);
    } else {
        let [a, b] = packet.read(ip_offset + 2)?;
        ip_len = u16::from_be_bytes([a, b]) as usize;
        source = Address::v4(packet.read(ip_offset + 12)?);
        destination = Address::v4(packet.read(ip_offset + 16)?);
    }
    let header: [u8; TCP_LEN] = packet.read(tcp_offset)?;
    let [a, b, c, d, e, f, g, h, i, j, k, l, data_offset, flags, window @ ..] = header;
    let payload_offset = tcp_offset + (data_offset >> 4) as usize * 4;
    let end = ip_offset + ip_len;
    // Lengths of 0 (BIG TCP, jumbograms) are no commands of SMTP either.
    if ((data_offset >> 4) as usize) * 4 < TCP_LEN || end < payload_offset || end > medium.len() {
        return None;
    }
    let tuple = Tuple {
        source,
        destination,
        source_port: u16::from_be_bytes([a, b]),
        destination_port: u16::from_be_bytes([c, d]),
    };
    let heard = Heard {
        sequence: u32::from_be_bytes([e, f, g, h]),
        acknowledgment: u32::from_be_bytes([i, j, k, l]),
        flags: Flags(flags),
        window: u16::from_be_bytes([window[0], window[1]]),
        payload_len: (end - payload_offset) as u32,
    };
    Some(Request { tuple, heard, payload_offset })
}
