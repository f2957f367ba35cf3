//! Transport layer: TCP's ports, and the segment that they make worth reading.

use super::{Frame, Network, ip::Fragment, read, words};
use crate::{address::Address, reason::Reason};

const TCP_MIN_LEN: usize = 20;
const PORTS_LEN: usize = 4;

/// The payload length of a packet whose header does not say it. Not an `Option`: LLVM compares the value of `None`
/// before it looks whether there is one, and the verifier does not accept that.
pub(super) const AS_LONG_AS_FRAME: usize = usize::MAX;

/// TCP flags (RFC 9293 §3.1), the byte at offset 13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// What was sent shall be handed on.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment field is significant.
    pub const ACK: u8 = 0x10;

    /// The client's first segment.
    #[inline(always)]
    #[must_use]
    pub const fn is_syn(self) -> bool {
        self.0 & (Self::SYN | Self::ACK | Self::RST | Self::FIN) == Self::SYN
    }

    /// A SYN that is also an end: no TCP sends that.
    #[inline(always)]
    #[must_use]
    pub const fn is_contradictory(self) -> bool {
        self.0 & Self::SYN != 0 && self.0 & (Self::FIN | Self::RST) != 0
    }

    /// The server's acceptance.
    #[inline(always)]
    #[must_use]
    pub const fn is_syn_ack(self) -> bool {
        self.0 & (Self::SYN | Self::ACK | Self::RST | Self::FIN) == Self::SYN | Self::ACK
    }

    /// A reset that acknowledges something: the server's refusal.
    #[inline(always)]
    #[must_use]
    pub const fn is_reset(self) -> bool {
        self.0 & (Self::RST | Self::ACK) == Self::RST | Self::ACK
    }
}

/// A TCP header that was found: enough to see whether it is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    pub(super) network: Network,
    pub(super) ip_offset: usize,
    pub(super) tcp_offset: usize,
    /// Source port, host byte order.
    pub source_port: u16,
    /// Destination port, host byte order.
    pub destination_port: u16,
    /// A first fragment too short for its TCP header (RFC 1858).
    pub tiny: bool,
    /// A first fragment: more of the segment comes in other packets.
    pub fragmented: bool,
}

/// A TCP segment as far as it matters to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Source port, host byte order.
    pub source_port: u16,
    /// Destination port, host byte order.
    pub destination_port: u16,
    /// Sequence number, host byte order.
    pub sequence: u32,
    /// Acknowledgment number, host byte order.
    pub acknowledgment: u32,
    /// Flags.
    pub flags: Flags,
}

/// The TCP header at `offset` of a packet whose IP header is at `ip_offset` and says that `payload_len` bytes
/// follow, or [`AS_LONG_AS_FRAME`].
#[inline(always)]
pub(super) fn find<F: Frame + ?Sized>(
    frame: &F,
    network: Network,
    ip_offset: usize,
    offset: usize,
    payload_len: usize,
    fragment: Fragment,
) -> Result<Transport, Reason> {
    // The IP header's word counts, not the frame's length: short frames are padded.
    let short = payload_len < TCP_MIN_LEN;
    let mut tiny = false;
    if fragment == Fragment::First {
        if payload_len < PORTS_LEN {
            return Err(Reason::TinyFragment);
        }
        tiny = short || is_cut(frame, offset, payload_len);
    } else if short {
        return Err(Reason::Truncated);
    }
    let [a, b, c, d] = read(frame, offset)?;
    if fragment == Fragment::Whole {
        // A whole TCP header must be there; its last bytes are read so that nobody needs to ask again.
        let _: [u8; 4] = read(frame, offset + TCP_MIN_LEN - 4)?;
    }
    Ok(Transport {
        network,
        ip_offset,
        tcp_offset: offset,
        source_port: u16::from_be_bytes([a, b]),
        destination_port: u16::from_be_bytes([c, d]),
        tiny,
        fragmented: fragment == Fragment::First,
    })
}

/// Whether a first fragment ends before the TCP header that its data offset announces.
#[inline(always)]
fn is_cut<F: Frame + ?Sized>(frame: &F, offset: usize, payload_len: usize) -> bool {
    let Some([data_offset]) = frame.read(offset + 12) else { return true };
    let header_len = (data_offset >> 4) as usize * 4;
    header_len < TCP_MIN_LEN || payload_len < header_len
}

impl Transport {
    /// Whether it is in an IPv6 packet.
    #[inline(always)]
    #[must_use]
    pub const fn is_v6(&self) -> bool {
        matches!(self.network, Network::V6)
    }

    /// Where the IP header and the TCP header begin, octets from the frame's beginning; at most [`MAX_OFFSET`].
    ///
    /// [`MAX_OFFSET`]: super::MAX_OFFSET
    #[inline(always)]
    #[must_use]
    pub const fn offsets(&self) -> (usize, usize) {
        (self.ip_offset, self.tcp_offset)
    }

    /// Reads the segment.
    ///
    /// # Errors
    /// [`Reason::TinyFragment`] for a first fragment without a whole TCP header, [`Reason::Truncated`] if the
    /// frame ends before the headers do.
    #[inline(always)]
    pub fn segment<F: Frame + ?Sized>(&self, frame: &F) -> Result<Segment, Reason> {
        if self.tiny {
            return Err(Reason::TinyFragment);
        }
        let (source, destination) = match self.network {
            Network::V4 => {
                let [source, destination] = words(frame, self.ip_offset + 12)?;
                (Address::v4_word(source), Address::v4_word(destination))
            }
            Network::V6 => {
                let [a, b, c, d, e, f, g, h] = words(frame, self.ip_offset + 8)?;
                (Address::v6_words([a, b, c, d]), Address::v6_words([e, f, g, h]))
            }
        };
        let [sequence, acknowledgment, control] = words(frame, self.tcp_offset + 4)?;
        Ok(Segment {
            source,
            destination,
            source_port: self.source_port,
            destination_port: self.destination_port,
            sequence: u32::from_be(sequence),
            acknowledgment: u32::from_be(acknowledgment),
            // The second octet: the first one is the data offset.
            flags: Flags(control.to_ne_bytes()[1]),
        })
    }
}
