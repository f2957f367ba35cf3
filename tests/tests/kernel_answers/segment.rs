//! A client's segment, in numbers that begin at 0 in both directions.

use std::net::SocketAddr;

use relay_guard_tests::frames::{Frame, flags};

/// The client's first sequence number: dialogues wrap around 2^32 soon.
pub const ISN: u32 = 0xffff_fff0;
/// The acknowledgement of our SYN.
pub const GREETING_AT: u32 = 1;

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub flags: u8,
    /// Counted from the client's first sequence number.
    pub sequence: u32,
    /// Counted from the cookie: 1 acknowledges our SYN.
    pub acknowledgement: u32,
    pub window: u16,
    pub payload: Vec<u8>,
}

/// What a client that we never answered acknowledges: far from what fits.
pub const NEVER_SENT: u32 = 0x8000_0000;

impl Segment {
    /// A SYN.
    pub fn syn() -> Self {
        Self { flags: flags::SYN, sequence: 0, acknowledgement: 0, window: 64240, payload: Vec::new() }
    }

    /// An ACK without payload, after the SYN.
    pub fn ack(acknowledgement: u32) -> Self {
        Self { flags: flags::ACK, sequence: 1, acknowledgement, ..Self::syn() }
    }

    /// Payload, as the first after the handshake, and as an answer to that many octets of ours.
    pub fn data(acknowledgement: u32, payload: impl AsRef<[u8]>) -> Self {
        let payload = payload.as_ref().to_vec();
        Self { flags: flags::ACK | flags::PSH, payload, ..Self::ack(acknowledgement) }
    }

    /// The same at another place in what the client sends.
    pub fn at(self, sequence: u32) -> Self {
        Self { sequence, ..self }
    }

    /// The same with these flags alone.
    pub fn flags(self, flags: u8) -> Self {
        Self { flags, ..self }
    }

    /// The same with these flags too.
    pub fn and(self, flags: u8) -> Self {
        Self { flags: self.flags | flags, ..self }
    }

    /// The same with another window.
    pub fn window(self, window: u16) -> Self {
        Self { window, ..self }
    }

    /// The same with payload.
    pub fn payload(self, payload: impl AsRef<[u8]>) -> Self {
        Self { payload: payload.as_ref().to_vec(), ..self }
    }

    /// The frame, where our first sequence number was `cookie`.
    pub fn frame(&self, client: SocketAddr, server: SocketAddr, cookie: u32) -> Frame {
        let acknowledgement = match self.flags & flags::ACK {
            0 => self.acknowledgement,
            _ => cookie.wrapping_add(self.acknowledgement),
        };
        Frame::tcp(client, server)
            .flags(self.flags)
            .numbers(ISN.wrapping_add(self.sequence), acknowledgement)
            .window(self.window)
            .payload(&self.payload)
    }
}
