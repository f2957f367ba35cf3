//! Two parties that talk, and where the guard sees them.

use std::net::IpAddr;

use relay_guard_common::address::Address;
use relay_guard_common::flow::{FlowKey, Party};
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::{Frame, flags};

use super::world::ip;

/// Where both parties' segments are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An inside host's mail, on the inside.
    Host,
    /// The gateway's own mail, on the outside.
    Gateway,
    /// Mail to a server of ours, on the outside.
    Inbound,
    /// Mail to the gateway itself, on the outside.
    InboundGateway,
}

impl Way {
    pub const ALL: [Self; 4] = [Self::Host, Self::Gateway, Self::Inbound, Self::InboundGateway];

    pub fn direction(self) -> Direction {
        match self {
            Self::Host | Self::Gateway => Direction::Outbound,
            Self::Inbound | Self::InboundGateway => Direction::Inbound,
        }
    }
}

/// The number of the client's SYN, and of the server's: payload crosses the wrap.
pub const CLIENT: u32 = u32::MAX - 9;
pub const SERVER: u32 = u32::MAX - 4;

/// A connection, with the octets that each party has sent.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    pub way: Way,
    pub client: (IpAddr, u16),
    pub server: (IpAddr, u16),
    pub said: [u32; 2],
}

impl Talk {
    pub fn new(way: Way, v6: bool) -> Self {
        let (client, server) = match (way.direction(), v6) {
            (Direction::Outbound, false) => ("10.0.1.7", "198.51.100.25"),
            (Direction::Outbound, true) => ("2001:db8:1::7", "2001:db8:b::25"),
            (_, false) => ("198.51.100.7", "10.0.1.25"),
            (_, true) => ("2001:db8:b::7", "2001:db8:1::25"),
        };
        Self { way, client: (ip(client), 40000), server: (ip(server), 25), said: [0; 2] }
    }

    /// The same from another port.
    pub fn port(mut self, port: u16) -> Self {
        self.client.1 = port;
        self
    }

    pub fn key(&self) -> FlowKey {
        let end = |(address, port): (IpAddr, u16)| (Address::from(address), port);
        FlowKey::new(end(self.client), end(self.server))
    }

    /// The number of the next octet of a party's.
    pub fn next(&self, from: Party) -> u32 {
        let first = [CLIENT, SERVER][from as usize].wrapping_add(1);
        first.wrapping_add(self.said[from as usize])
    }

    /// A segment with no payload.
    pub fn bare(&self, from: Party, flags: u8) -> Frame {
        let (source, destination) = match from {
            Party::Client => (self.client, self.server),
            Party::Server => (self.server, self.client),
        };
        Frame::tcp(source, destination).flags(flags).numbers(self.next(from), self.next(from.other()))
    }

    pub fn syn(&self) -> Frame {
        self.bare(Party::Client, flags::SYN).numbers(CLIENT, 0)
    }

    pub fn syn_ack(&self) -> Frame {
        self.bare(Party::Server, flags::SYN | flags::ACK).numbers(SERVER, CLIENT.wrapping_add(1))
    }

    /// A segment that says something; what is said next comes after it.
    pub fn says(&mut self, from: Party, payload: impl AsRef<[u8]>) -> Frame {
        let frame = self.bare(from, flags::ACK | flags::PSH).payload(&payload);
        self.said[from as usize] += payload.as_ref().len() as u32;
        frame
    }
}
