//! SYNs in the name of others, by raw sockets: as fast as a test's machine sends, and nobody waits for an answer.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};
use rustix::net::{AddressFamily, SendFlags, SocketType};

use crate::namespace::Namespace;

/// Header lengths.
const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;
const TCP_LEN: usize = 20;
/// TCP's number as a protocol.
const TCP: u8 = 6;
const TTL: u8 = 60;
const SYN: u8 = 2;
const WINDOW: [u8; 2] = 64_000_u16.to_be_bytes();

/// Two sockets of a namespace that send what they are given, IP header included.
#[derive(Debug)]
pub struct Spoofer {
    v4: OwnedFd,
    v6: OwnedFd,
}

impl Spoofer {
    /// Sockets in `namespace`, for use anywhere.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn new(namespace: &Namespace) -> Result<Self> {
        let open = |family| rustix::net::socket(family, SocketType::RAW, Some(rustix::net::ipproto::RAW));
        namespace
            .run(|| {
                Ok::<_, rustix::io::Errno>(Self {
                    v4: open(AddressFamily::INET)?,
                    v6: open(AddressFamily::INET6)?,
                })
            })
            .context("cannot open a raw socket")
    }

    /// Sends one SYN; both ends are of one family.
    ///
    /// # Errors
    /// Without a route to `server`.
    pub fn syn(&self, source: SocketAddr, server: SocketAddr, sequence: u32) -> Result<()> {
        let to = SocketAddr::new(server.ip(), 0);
        let sent = match (source.ip(), server.ip()) {
            (IpAddr::V4(from), IpAddr::V4(_)) => {
                let mut packet = [0; IPV4_LEN + TCP_LEN];
                packet[0] = 0x45;
                packet[2..4].copy_from_slice(&((IPV4_LEN + TCP_LEN) as u16).to_be_bytes());
                (packet[8], packet[9]) = (TTL, TCP);
                packet[12..16].copy_from_slice(&from.octets());
                // The kernel fills in the checksum of the IP header.
                fill(&mut packet, IPV4_LEN, 12, source, server, sequence);
                rustix::net::sendto(&self.v4, &packet, SendFlags::empty(), &to)
            }
            (from, _) => {
                let mut packet = [0; IPV6_LEN + TCP_LEN];
                packet[0] = 0x60;
                packet[4..6].copy_from_slice(&(TCP_LEN as u16).to_be_bytes());
                (packet[6], packet[7]) = (TCP, TTL);
                packet[8..24].copy_from_slice(&sixteen(from));
                fill(&mut packet, IPV6_LEN, 8, source, server, sequence);
                rustix::net::sendto(&self.v6, &packet, SendFlags::empty(), &to)
            }
        };
        sent.with_context(|| format!("cannot send to {server}")).map(drop)
    }
}

fn sixteen(address: IpAddr) -> [u8; 16] {
    let v6: Ipv6Addr = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    v6.octets()
}

/// The destination, which stands before the TCP header, and the TCP header; `addresses` is where both addresses begin.
fn fill(
    packet: &mut [u8],
    header: usize,
    addresses: usize,
    source: SocketAddr,
    server: SocketAddr,
    sequence: u32,
) {
    match server.ip() {
        IpAddr::V4(to) => packet[header - 4..header].copy_from_slice(&to.octets()),
        IpAddr::V6(to) => packet[header - 16..header].copy_from_slice(&to.octets()),
    }
    let tcp = &mut packet[header..];
    tcp[0..2].copy_from_slice(&source.port().to_be_bytes());
    tcp[2..4].copy_from_slice(&server.port().to_be_bytes());
    tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
    (tcp[12], tcp[13]) = ((TCP_LEN as u8 / 4) << 4, SYN);
    tcp[14..16].copy_from_slice(&WINDOW);
    // RFC 9293 §3.1: over the pseudo-header (addresses, protocol, length) and the segment.
    let words = packet[addresses..].as_chunks().0;
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let sum = sum + u32::from(TCP) + TCP_LEN as u32;
    let sum = (sum & 0xffff) + (sum >> 16);
    let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet[header + 16..header + 18].copy_from_slice(&checksum.to_be_bytes());
}
