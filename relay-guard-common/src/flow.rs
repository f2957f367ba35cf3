//! Connections that are looked into: what the kernel keeps of one, and what it hands to userspace.
//!
//! A connection is known by its [`FlowKey`]. The kernel remembers the numbers of its handshake in a fixed table ([`opening`]), and
//! makes a [`FlowRecord`](state::FlowRecord) of it with the first payload of either side. What it hands on of a segment is what the
//! [budgets](Budgets) leave ([`state`]), in records of a ring ([`capture`]). Userspace gives a flow an [`Order`] and removes it.

pub mod capture;
pub mod go_ahead;
pub mod opening;
pub mod seen;
pub mod state;

use crate::{address::Address, assert_layout, role::Direction};

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

/// How much of a connection is captured, octets of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Budgets {
    /// Of the client's, between two segments of the server's that say something. After the server's go-ahead for a message (354):
    /// nothing.
    pub turn: u32,
    /// Of the client's, in all.
    pub client: u32,
    /// Of the server's, in all.
    pub server: u32,
    /// Always zero.
    pub reserved: u32,
}
assert_layout!(Budgets, 16, 4);

impl Budgets {
    /// What is usual: commands and replies are far shorter.
    pub const USUAL: Self = Self { turn: 8 * 1024, client: 256 * 1024, server: 64 * 1024, reserved: 0 };
}

/// Bit of [`Settings::inspect`](crate::settings::Settings::inspect): outbound SMTP is looked into.
pub const INSPECT_OUTBOUND: u32 = 1;
/// Bit of [`Settings::inspect`](crate::settings::Settings::inspect): inbound SMTP is looked into.
pub const INSPECT_INBOUND: u32 = 2;

/// The bit that says whether SMTP that goes a way is looked into.
#[inline(always)]
#[must_use]
pub const fn inspect_bit(direction: Direction) -> u32 {
    match direction {
        Direction::Unknown => 0,
        Direction::Outbound => INSPECT_OUTBOUND,
        Direction::Inbound => INSPECT_INBOUND,
    }
}
