//! Frames, as the feeding program wants them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use relay_guard_tests::frames::{Frame, flags};

use relay_guard_tests::bench::Random;

/// Bytes of an Ethernet header, and of what is kept behind it.
const LINK_LEN: usize = 14;
const NETWORK_LEN: usize = 64;
/// Length of the frames that are fed.
pub(crate) const FRAME_LEN: usize = LINK_LEN + NETWORK_LEN;

/// Link header and two unused bytes, then network header with what follows, then which bits of a source belong in
/// there: an element of the map `HEADERS`.
pub(crate) type Headers = [u64; 12];

/// A source as the feeding program puts it in, an element of the map `SOURCES`: IPv4's octets are the last 4 of the
/// first doubleword, as in the header.
pub(crate) type Source = [u64; 2];

const LINK_AND_NETWORK: usize = LINK_LEN + 2 + NETWORK_LEN;
const V4_SOURCE: Source = [0xffff_ffff_0000_0000, 0];
const V6_SOURCE: Source = [u64::MAX; 2];

/// A host behind the guard.
const SERVER_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 25);
const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 25);

/// A frame in the form in which it is fed, its source still to be put in. Those that are shorter are padded, as Ethernet
/// does; none is longer.
fn headers(frame: &Frame, source: Source) -> Headers {
    let frame = frame.clone().build();
    let mut bytes = [0; LINK_AND_NETWORK];
    let (link, network) = frame.split_at(LINK_LEN);
    bytes[..LINK_LEN].copy_from_slice(link);
    bytes[LINK_LEN + 2..][..network.len()].copy_from_slice(network);
    let mut headers = Headers::default();
    let (doubles, masks) = headers.split_at_mut(LINK_AND_NETWORK / 8);
    for (double, bytes) in doubles.iter_mut().zip(bytes.as_chunks().0) {
        *double = u64::from_ne_bytes(*bytes);
    }
    masks.copy_from_slice(&source);
    headers
}

/// An address as a source.
pub(crate) fn source(address: impl Into<IpAddr>) -> Source {
    let mut octets = [0; 16];
    match address.into() {
        IpAddr::V4(v4) => octets[4..8].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => octets = v6.octets(),
    }
    let [first, second] = [0, 8].map(|at| octets[at..].first_chunk().copied().unwrap_or_default());
    [first, second].map(u64::from_ne_bytes)
}

/// The families.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// A client yet without an address, and the server.
    fn ends(self, random: &mut Random, port: u16) -> (SocketAddr, SocketAddr) {
        let (none, server): (IpAddr, IpAddr) = match self {
            Self::V4 => (Ipv4Addr::UNSPECIFIED.into(), SERVER_V4.into()),
            Self::V6 => (Ipv6Addr::UNSPECIFIED.into(), SERVER_V6.into()),
        };
        (SocketAddr::new(none, client_port(random)), SocketAddr::new(server, port))
    }

    const fn source(self) -> Source {
        match self {
            Self::V4 => V4_SOURCE,
            Self::V6 => V6_SOURCE,
        }
    }
}

fn client_port(random: &mut Random) -> u16 {
    32_768 + random.below(28_000) as u16
}

/// A port of other services.
fn other_port(random: &mut Random) -> u16 {
    const PORTS: [u16; 8] = [22, 80, 443, 443, 443, 993, 8_080, 8_443];
    PORTS[random.below(PORTS.len())]
}

fn segment(family: Family, port: u16, flags: u8, random: &mut Random) -> Headers {
    let (client, server) = family.ends(random, port);
    let numbers = (random.next() as u32, random.next() as u32);
    headers(&Frame::tcp(client, server).flags(flags).numbers(numbers.0, numbers.1), family.source())
}

/// A segment to the server's port 25.
pub(crate) fn smtp(family: Family, flags: u8, random: &mut Random) -> Headers {
    segment(family, 25, flags, random)
}

/// A segment of a connection that is not SMTP.
pub(crate) fn tcp(family: Family, random: &mut Random) -> Headers {
    let port = other_port(random);
    segment(family, port, flags::ACK | flags::PSH, random)
}

/// A datagram.
pub(crate) fn udp(family: Family, random: &mut Random) -> Headers {
    let port = other_port(random);
    let (client, server) = family.ends(random, port);
    headers(&Frame::udp(client, server), family.source())
}

/// An ARP request.
pub(crate) fn arp(random: &mut Random) -> Headers {
    headers(&Frame::arp(random.v4().into(), SERVER_V4), [0; 2])
}

/// What a gateway sees, roughly, in random order.
pub(crate) fn mix(random: &mut Random) -> Headers {
    match random.below(100) {
        0..50 => tcp(Family::V4, random),
        50..70 => udp(Family::V4, random),
        70..90 => tcp(Family::V6, random),
        90..99 => udp(Family::V6, random),
        _ => arp(random),
    }
}
