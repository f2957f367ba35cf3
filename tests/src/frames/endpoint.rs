//! Addresses with ports, as tests like to write them.

use std::net::{IpAddr, SocketAddr};

/// What can be given as an address with a port.
pub trait Endpoint {
    /// The address.
    fn endpoint(self) -> SocketAddr;
}

impl Endpoint for SocketAddr {
    fn endpoint(self) -> SocketAddr {
        self
    }
}

impl Endpoint for (IpAddr, u16) {
    fn endpoint(self) -> SocketAddr {
        self.into()
    }
}

impl Endpoint for &str {
    fn endpoint(self) -> SocketAddr {
        self.parse().unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }
}
