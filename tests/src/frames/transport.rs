//! TCP, UDP, echo requests, or bytes as they are.

use std::net::IpAddr;

use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, TcpHeader, UdpHeader};

use super::flags;
use super::network::Network;
use super::protocol::{TCP, UDP};

/// What Linux offers first on Ethernet.
const WINDOW: u16 = 64240;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// What IP carries.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    kind: Kind,
    payload: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Kind {
    Tcp(Tcp),
    Udp { source: u16, destination: u16 },
    Echo { v4: bool },
    Raw { number: u8 },
}

#[derive(Debug, Clone)]
pub(super) struct Tcp {
    source: u16,
    destination: u16,
    pub(super) flags: u8,
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) window: u16,
    pub(super) urgent: u16,
    pub(super) options: Vec<u8>,
    pub(super) data_offset: Option<u8>,
}

impl Transport {
    pub(super) fn tcp(source: u16, destination: u16) -> Self {
        Self::of(Kind::Tcp(Tcp {
            source,
            destination,
            flags: flags::SYN,
            sequence: 1000,
            acknowledgement: 0,
            window: WINDOW,
            urgent: 0,
            options: Vec::new(),
            data_offset: None,
        }))
    }

    pub(super) fn udp(source: u16, destination: u16) -> Self {
        Self::of(Kind::Udp { source, destination })
    }

    pub(super) fn echo(v4: bool) -> Self {
        Self::of(Kind::Echo { v4 })
    }

    pub(super) fn raw(number: u8, body: &[u8]) -> Self {
        Self { kind: Kind::Raw { number }, payload: body.to_vec() }
    }

    fn of(kind: Kind) -> Self {
        Self { kind, payload: Vec::new() }
    }

    pub(super) fn tcp_mut(&mut self) -> &mut Tcp {
        match &mut self.kind {
            Kind::Tcp(tcp) => tcp,
            other => panic!("not TCP: {other:?}"),
        }
    }

    pub(super) fn set_payload(&mut self, payload: &[u8]) {
        self.payload = payload.to_vec();
    }

    pub(super) fn number(&self) -> u8 {
        match &self.kind {
            Kind::Tcp(_) => TCP,
            Kind::Udp { .. } => UDP,
            Kind::Echo { v4: true } => ICMP,
            Kind::Echo { v4: false } => ICMPV6,
            Kind::Raw { number } => *number,
        }
    }

    /// Header and payload, with the checksum for the addresses of `network`.
    pub(super) fn bytes(&self, network: &Network) -> Vec<u8> {
        let header = match (&self.kind, network.addresses()) {
            (Kind::Raw { .. }, _) | (_, None) => Vec::new(),
            (Kind::Tcp(tcp), Some(addresses)) => tcp.header(addresses, &self.payload),
            (Kind::Udp { source, destination }, Some(addresses)) => {
                udp_header(*source, *destination, addresses, &self.payload)
            }
            (Kind::Echo { .. }, Some(addresses)) => echo_header(addresses, &self.payload),
        };
        [header, self.payload.clone()].concat()
    }
}

impl Tcp {
    fn header(&self, addresses: (IpAddr, IpAddr), payload: &[u8]) -> Vec<u8> {
        let mut header = TcpHeader::new(self.source, self.destination, self.sequence, self.window);
        header.acknowledgment_number = self.acknowledgement;
        header.urgent_pointer = self.urgent;
        for (flag, field) in [
            (flags::FIN, &mut header.fin),
            (flags::SYN, &mut header.syn),
            (flags::RST, &mut header.rst),
            (flags::PSH, &mut header.psh),
            (flags::ACK, &mut header.ack),
            (flags::URG, &mut header.urg),
            (flags::ECE, &mut header.ece),
            (flags::CWR, &mut header.cwr),
        ] {
            *field = self.flags & flag != 0;
        }
        header.set_options_raw(&self.options).expect("at most 40 bytes of TCP options");
        header.checksum = match addresses {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                header.calc_checksum_ipv4_raw(from.octets(), to.octets(), payload)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                header.calc_checksum_ipv6_raw(from.octets(), to.octets(), payload)
            }
            _ => unreachable!("one family, checked when the frame was begun"),
        }
        .expect("a payload that fits");
        let mut bytes = header.to_bytes().to_vec();
        if let Some(words) = self.data_offset {
            bytes[12] = words << 4 | bytes[12] & 0x0f;
        }
        bytes
    }
}

fn udp_header(source: u16, destination: u16, addresses: (IpAddr, IpAddr), payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(UdpHeader::LEN + payload.len()).expect("a payload that fits");
    let mut header = UdpHeader { source_port: source, destination_port: destination, length, checksum: 0 };
    header.checksum = match addresses {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            header.calc_checksum_ipv4_raw(from.octets(), to.octets(), payload)
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            header.calc_checksum_ipv6_raw(from.octets(), to.octets(), payload)
        }
        _ => unreachable!("one family, checked when the frame was begun"),
    }
    .expect("a payload that fits");
    header.to_bytes().to_vec()
}

fn echo_header(addresses: (IpAddr, IpAddr), payload: &[u8]) -> Vec<u8> {
    let echo = IcmpEchoHeader { id: 1, seq: 1 };
    match addresses {
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let kind = Icmpv6Type::EchoRequest(echo);
            let header = Icmpv6Header::with_checksum(kind, from.octets(), to.octets(), payload);
            header.expect("a payload that fits").to_bytes().to_vec()
        }
        _ => Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(echo), payload).to_bytes().to_vec(),
    }
}
