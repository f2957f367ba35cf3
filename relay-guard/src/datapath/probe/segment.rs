//! Segments of a connection that does not happen: what a client sends, and what the loaded program answers.

use std::net::IpAddr;

use relay_guard_common::probe::{PROBE_ANSWER_OFFSET, PROBE_HALF_OFFSET, PROBE_SIDE_OFFSET};

use super::ProbeQuestion;

/// Flags of the TCP header (RFC 9293 §3.1).
pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

/// The client's port: any does.
const SOURCE_PORT: u16 = 40_000;
/// Length of an Ethernet header.
const ETHERNET: usize = 14;
/// Ethertypes.
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
/// The protocol number of TCP.
const TCP: u8 = 6;

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What policy wants.
    Decision = 0,
    /// What the sender would get.
    Answer = 1,
}

/// One segment of TCP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// The flags as they stand in the header.
    pub flags: u8,
    /// How much the sender of the segment takes.
    pub window: u16,
    /// Its data.
    pub payload: Vec<u8>,
}

impl Segment {
    /// How far it takes the sequence numbers of its sender.
    pub(super) fn length(&self) -> u32 {
        let marks = u32::from(self.has(SYN)) + u32::from(self.has(FIN));
        marks.wrapping_add(self.payload.len() as u32)
    }

    /// Whether it has one of these flags.
    pub(super) const fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// Whether it ends the connection at once (RST).
    #[must_use]
    pub const fn resets(&self) -> bool {
        self.has(RST)
    }

    /// Whether its sender begins with it (SYN).
    #[must_use]
    pub const fn opens(&self) -> bool {
        self.has(SYN)
    }

    /// Whether its acknowledgment number counts (ACK).
    #[must_use]
    pub const fn acknowledges(&self) -> bool {
        self.has(ACK)
    }

    /// Whether its sender has said all (FIN).
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.has(FIN)
    }

    /// The segment as a probe's frame, as the program takes it: without VLAN tags, options and checksums.
    pub(super) fn frame(&self, question: &ProbeQuestion, wanted: Wanted) -> Vec<u8> {
        let mut frame = vec![0; ETHERNET];
        frame[PROBE_SIDE_OFFSET] = question.side as u8;
        frame[PROBE_HALF_OFFSET] = question.half as u8;
        frame[PROBE_ANSWER_OFFSET] = wanted as u8;
        let length = (20 + self.payload.len()) as u16;
        match (question.source, question.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame[12..ETHERNET].copy_from_slice(&IPV4);
                frame.extend([0x45, 0]);
                frame.extend((20 + length).to_be_bytes());
                frame.extend([0, 0, 0, 0, 64, TCP, 0, 0]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
            }
            (source, destination) => {
                let octets = |address: IpAddr| match address {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                    IpAddr::V6(v6) => v6.octets(),
                };
                frame[12..ETHERNET].copy_from_slice(&IPV6);
                frame.extend([0x60, 0, 0, 0]);
                frame.extend(length.to_be_bytes());
                frame.extend([TCP, 64]);
                frame.extend(octets(source));
                frame.extend(octets(destination));
            }
        }
        frame.extend(SOURCE_PORT.to_be_bytes());
        frame.extend(question.port.to_be_bytes());
        frame.extend(self.seq.to_be_bytes());
        frame.extend(self.ack.to_be_bytes());
        // Five words of header, no options.
        frame.extend([0x50, self.flags]);
        frame.extend(self.window.to_be_bytes());
        frame.extend([0, 0, 0, 0]);
        frame.extend(&self.payload);
        frame
    }

    /// The segment in a frame without VLAN tags and extension headers. What stands behind the packet in the frame
    /// (padding) is not part of it.
    pub(super) fn read(frame: &[u8]) -> Option<Self> {
        let (header, packet) = frame.split_at_checked(ETHERNET)?;
        let tcp = if header.ends_with(&IPV4) {
            let length = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
            let header = usize::from(packet.first()? & 0x0f) * 4;
            (packet.get(9) == Some(&TCP)).then(|| packet.get(header..length)).flatten()?
        } else if header.ends_with(&IPV6) {
            let length = usize::from(u16::from_be_bytes([*packet.get(4)?, *packet.get(5)?]));
            (packet.get(6) == Some(&TCP)).then(|| packet.get(40..40 + length)).flatten()?
        } else {
            return None;
        };
        let &[_, _, _, _, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, ..] = tcp else {
            return None;
        };
        let data = usize::from(offset >> 4) * 4;
        Some(Self {
            seq: u32::from_be_bytes([s0, s1, s2, s3]),
            ack: u32::from_be_bytes([a0, a1, a2, a3]),
            flags,
            window: u16::from_be_bytes([w0, w1]),
            payload: tcp.get(data.max(20)..)?.to_vec(),
        })
    }
}
