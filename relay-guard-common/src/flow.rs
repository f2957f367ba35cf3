//! Connections that are looked into: what the kernel keeps of one, and what it hands to userspace.
//!
//! A connection is known by its [`FlowKey`]. The kernel remembers the sequence numbers of its handshake ([`Opening`]) in a fixed
//! table, and makes a [`Flow`] with the first payload of either side; userspace gives it an [`Order`] and removes it.

use crate::{address::Address, assert_layout};

/// Both ends of a connection. Ports are in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct FlowKey {
    /// Who opened it.
    pub client: Address,
    /// Who was asked.
    pub server: Address,
    /// The client's port.
    pub client_port: u16,
    /// The server's port.
    pub server_port: u16,
    /// Always zero.
    pub reserved: u32,
}
assert_layout!(FlowKey, 40, 8);

impl FlowKey {
    /// The connection of a client with a server, each an address and a port.
    #[inline(always)]
    #[must_use]
    pub const fn new((client, client_port): (Address, u16), (server, server_port): (Address, u16)) -> Self {
        Self { client, server, client_port, server_port, reserved: 0 }
    }
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Party {
    /// Who opened the connection.
    Client = 0,
    /// Who was asked.
    Server = 1,
}

impl Party {
    /// The party with this number, if there is one.
    #[inline(always)]
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Client),
            1 => Some(Self::Server),
            _ => None,
        }
    }

    /// The one at the other end.
    #[inline(always)]
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What userspace wants of a connection's capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Order {
    /// Its payload, as far as the budgets go.
    Watch = 0,
    /// Its end alone.
    Enough = 1,
    /// That it ends: its segments are answered with resets, to both ends.
    End = 2,
}

impl Order {
    /// The order with this number; [`Order::Watch`] for others.
    #[inline(always)]
    #[must_use]
    pub const fn from_u8(number: u8) -> Self {
        match number {
            1 => Self::Enough,
            2 => Self::End,
            _ => Self::Watch,
        }
    }
}
