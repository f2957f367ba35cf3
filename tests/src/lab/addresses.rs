//! Who has which address in the lab. Documentation prefixes and private ranges only, so that a packet that escaped
//! would have nowhere to go.
//!
//! The two families mirror each other: an address block that exists for IPv4 exists for IPv6 too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The gateway's interface towards the internet.
pub const OUTSIDE: &str = "out0";
/// The gateway's interface towards the inside hosts.
pub const INSIDE: &str = "in0";
/// The gateway's interface towards the mail server; an inside interface too.
pub const SERVERS: &str = "srv0";
/// The name of the one device in each of the other namespaces.
pub const FAR_END: &str = "eth0";

/// The VLAN between internet and gateway in a lab made by [`Lab::tagged`](super::Lab::tagged).
pub const VLAN: u16 = 66;

/// The port of the mail server, and of all remote ones.
pub const SMTP: u16 = 25;

/// The link between internet and gateway: ::1 and .1 are the internet's, ::2 and .2 the gateway's.
pub const LINK_V4: Ipv4Net = v4([192, 0, 2, 0], 24);
/// See [`LINK_V4`].
pub const LINK_V6: Ipv6Net = v6([0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 0], 64);

/// Senders on the internet that no list knows. All of it is local to the internet namespace.
pub const CLEAN_V4: Ipv4Net = v4([198, 51, 100, 0], 24);
/// See [`CLEAN_V4`].
pub const CLEAN_V6: Ipv6Net = v6([0x2001, 0xdb8, 0xc1ea, 0, 0, 0, 0, 0], 48);

/// Senders on the internet that the tests' lists hold.
pub const LISTED_V4: Ipv4Net = v4([198, 18, 66, 0], 24);
/// See [`LISTED_V4`].
pub const LISTED_V6: Ipv6Net = v6([0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 0], 48);

/// More senders, without a meaning given here: for second lists, holes, neighbours.
pub const SPARE_V4: Ipv4Net = v4([198, 19, 0, 0], 16);
/// See [`SPARE_V4`].
pub const SPARE_V6: Ipv6Net = v6([0x2001, 0xdb8, 0x5a3e, 0, 0, 0, 0, 0], 48);

/// Mail servers all over the internet, which a zombie talks to. Every address is local to the internet namespace.
pub const REMOTE_SERVERS_V4: Ipv4Net = v4([203, 0, 113, 0], 24);
/// See [`REMOTE_SERVERS_V4`].
pub const REMOTE_SERVERS_V6: Ipv6Net = v6([0x2001, 0xdb8, 0x3a11, 0, 0, 0, 0, 0], 48);

/// A part of the internet to which packets vanish: connections there end by timeout.
pub const BLACK_HOLE_V4: Ipv4Net = v4([198, 18, 254, 0], 24);
/// See [`BLACK_HOLE_V4`].
pub const BLACK_HOLE_V6: Ipv6Net = v6([0x2001, 0xdb8, 0xdead, 0, 0, 0, 0, 0], 48);

/// The network of the inside hosts; .1 is the gateway.
pub const INSIDE_V4: Ipv4Net = v4([10, 0, 1, 0], 24);
/// See [`INSIDE_V4`].
pub const INSIDE_V6: Ipv6Net = v6([0x2001, 0xdb8, 0x1, 0, 0, 0, 0, 0], 64);

/// Many more inside hosts, routed behind [`WORKSTATION`]; every address is local to the inside namespace.
pub const CROWD_V4: Ipv4Net = v4([10, 1, 0, 0], 16);
/// See [`CROWD_V4`].
pub const CROWD_V6: Ipv6Net = v6([0x2001, 0xdb8, 0xc0, 0, 0, 0, 0, 0], 64);

/// The network of the mail server; .1 is the gateway.
pub const SERVERS_V4: Ipv4Net = v4([10, 0, 2, 0], 24);
/// See [`SERVERS_V4`].
pub const SERVERS_V6: Ipv6Net = v6([0x2001, 0xdb8, 0x2, 0, 0, 0, 0, 0], 64);

/// An inside host with one address of each family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// Its IPv4 address.
    pub v4: Ipv4Addr,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
}

impl Host {
    /// Both addresses.
    #[must_use]
    pub fn addresses(self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }

    /// Both addresses with a port.
    #[must_use]
    pub fn sockets(self, port: u16) -> [SocketAddr; 2] {
        self.addresses().map(|address| SocketAddr::new(address, port))
    }

    /// The address of the same family as `other`.
    #[must_use]
    pub fn like(self, other: IpAddr) -> IpAddr {
        if other.is_ipv4() { self.v4.into() } else { self.v6.into() }
    }
}

/// The own mail server behind the gateway: receives on port 25 and sends out.
pub const MAIL_SERVER: Host = host(2, 25);
/// An ordinary inside host.
pub const WORKSTATION: Host = host(1, 10);
/// The inside host that becomes a zombie.
pub const ZOMBIE: Host = host(1, 66);
/// The inside host that is excepted from zombie detection.
pub const MONITOR: Host = host(1, 99);
/// The gateway itself, as the internet sees it.
pub const GATEWAY: Host =
    Host { v4: Ipv4Addr::new(192, 0, 2, 2), v6: Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 2) };
/// The router of the internet: what clients use that bind to no source address.
pub const INTERNET: Host =
    Host { v4: Ipv4Addr::new(192, 0, 2, 1), v6: Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 1) };

/// The `n`th address of a network, counted from its first, wrapping around at its size.
#[must_use]
pub fn nth(net: impl Into<IpNet>, n: u32) -> IpAddr {
    match net.into() {
        IpNet::V4(net) => {
            let hosts = u32::MAX.checked_shr(net.prefix_len().into()).unwrap_or(0);
            Ipv4Addr::from_bits(net.network().to_bits() | (n & hosts)).into()
        }
        IpNet::V6(net) => {
            let hosts = u128::MAX.checked_shr(net.prefix_len().into()).unwrap_or(0);
            Ipv6Addr::from_bits(net.network().to_bits() | (u128::from(n) & hosts)).into()
        }
    }
}

/// `10.0.NET.ID` and `2001:db8:NET::ID`, where both numbers are written alike in either family.
const fn host(net: u8, id: u8) -> Host {
    let digits = (id / 10 * 16 + id % 10) as u16;
    Host {
        v4: Ipv4Addr::new(10, 0, net, id),
        v6: Ipv6Addr::new(0x2001, 0xdb8, net as u16, 0, 0, 0, 0, digits),
    }
}

const fn v4(address: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = address;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(address: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = address;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}
