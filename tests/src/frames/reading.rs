//! Frames read back, field by field: for what a program under test has made of one.
//!
//! Reading is strict where a receiver is: lengths must agree and checksums be right. What a sender may choose (flags,
//! window, options, hop limit) is only told.

use std::net::{IpAddr, SocketAddr};

use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice};

use super::protocol::TCP;

const ETHERNET_LEN: usize = 14;
const TAG_LEN: usize = 4;
const PPPOE_LEN: usize = 8;
/// Tags of customers and services, and the one that was used for services before these had one.
const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const PPPOE_SESSION: u16 = 0x8864;

/// A TCP segment with all that it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Ethernet's addresses: destination, source. Nothing on devices without Ethernet.
    pub ethernet: Option<([u8; 6], [u8; 6])>,
    /// 802.1Q and 802.1ad tags, outermost first: tag protocol identifier, control.
    pub tags: Vec<(u16, u16)>,
    /// The PPPoE session.
    pub pppoe: Option<u16>,
    /// Octets of the IP header with its options or extension headers.
    pub ip_header_len: usize,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// IPv4's identification; 0 in IPv6.
    pub identification: u16,
    /// Whether routers must not fragment it; always so in IPv6.
    pub dont_fragment: bool,
    /// Type of service or traffic class.
    pub traffic_class: u8,
    /// IPv6's flow label; 0 in IPv4.
    pub flow_label: u32,
    /// Source.
    pub source: SocketAddr,
    /// Destination.
    pub destination: SocketAddr,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number, whether or not the flag is set.
    pub acknowledgement: u32,
    /// Flags, as in [`flags`](super::flags).
    pub flags: u8,
    /// Window.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// TCP options with their padding.
    pub options: Vec<u8>,
    /// What the segment carries.
    pub payload: Vec<u8>,
    /// Octets behind the IP packet: padding, or what was forgotten there.
    pub trailing: usize,
}

/// What is around an IP packet.
struct Around {
    ethernet: Option<([u8; 6], [u8; 6])>,
    tags: Vec<(u16, u16)>,
    pppoe: Option<u16>,
}

impl Reading {
    /// Reads an Ethernet frame.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of_frame(frame: &[u8]) -> Result<Self, String> {
        let (header, mut rest) =
            frame.split_at_checked(ETHERNET_LEN).ok_or_else(|| format!("{} octets", frame.len()))?;
        let addresses = (octets(&header[..6])?, octets(&header[6..12])?);
        let mut around = Around { ethernet: Some(addresses), tags: Vec::new(), pppoe: None };
        let mut ethertype = word(header, 12)?;
        while TAGS.contains(&ethertype) {
            around.tags.push((ethertype, word(rest, 0)?));
            ethertype = word(rest, 2)?;
            rest = &rest[TAG_LEN..];
        }
        let mut behind = 0;
        if ethertype == PPPOE_SESSION {
            let length = usize::from(word(rest, 4)?);
            around.pppoe = Some(word(rest, 2)?);
            ethertype = match (word(rest, 0)?, word(rest, 6)?) {
                (0x1100, 0x0021) => 0x0800,
                (0x1100, 0x0057) => 0x86dd,
                other => return Err(format!("PPPoE with {other:04x?}")),
            };
            let packet = length.checked_sub(2).and_then(|length| rest.get(PPPOE_LEN..PPPOE_LEN + length));
            let packet = packet.ok_or_else(|| format!("PPPoE says {length} octets of {}", rest.len() - 6))?;
            behind = rest.len() - PPPOE_LEN - packet.len();
            rest = packet;
        }
        let reading = Self::of_ip(rest, around)?;
        let named = if reading.source.is_ipv4() { 0x0800 } else { 0x86dd };
        if ethertype != named {
            return Err(format!("ethertype {ethertype:04x} before {}", reading.source.ip()));
        }
        if behind > 0 && reading.trailing > 0 {
            return Err(format!("PPPoE says {} octets more than IP", reading.trailing));
        }
        Ok(Self { trailing: reading.trailing + behind, ..reading })
    }

    /// Reads an IP packet.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn of_packet(packet: &[u8]) -> Result<Self, String> {
        Self::of_ip(packet, Around { ethernet: None, tags: Vec::new(), pppoe: None })
    }

    fn of_ip(packet: &[u8], around: Around) -> Result<Self, String> {
        let sliced = SlicedPacket::from_ip(packet).map_err(|error| error.to_string())?;
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { return Err("no TCP".into()) };
        let net = sliced.net.as_ref().ok_or("no IP")?;
        let ip = ip_header(net)?;
        check_tcp_sum(tcp, ip.source, ip.destination)?;
        let ip_len = ip.len_field;
        let trailing = packet.len().checked_sub(ip_len).ok_or("IP says more than there is")?;
        Ok(Self {
            ethernet: around.ethernet,
            tags: around.tags,
            pppoe: around.pppoe,
            ip_header_len: ip_len - tcp.slice().len(),
            hop_limit: ip.hop_limit,
            identification: ip.identification,
            dont_fragment: ip.dont_fragment,
            traffic_class: ip.traffic_class,
            flow_label: ip.flow_label,
            source: (ip.source, tcp.source_port()).into(),
            destination: (ip.destination, tcp.destination_port()).into(),
            sequence: tcp.sequence_number(),
            acknowledgement: tcp.acknowledgment_number(),
            flags: tcp.slice()[13],
            window: tcp.window_size(),
            urgent: tcp.urgent_pointer(),
            options: tcp.options().to_vec(),
            payload: tcp.payload().to_vec(),
            trailing,
        })
    }
}

/// What of an IP header is told.
struct Ip {
    source: IpAddr,
    destination: IpAddr,
    /// Octets of the whole packet, as the header says.
    len_field: usize,
    hop_limit: u8,
    identification: u16,
    dont_fragment: bool,
    traffic_class: u8,
    flow_label: u32,
}

fn ip_header(net: &NetSlice<'_>) -> Result<Ip, String> {
    match net {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            if sum(header.slice()) != RIGHT {
                return Err(format!("IPv4 checksum {:04x} is wrong", header.header_checksum()));
            }
            if header.more_fragments() || header.fragments_offset().value() != 0 {
                return Err("a fragment".into());
            }
            Ok(Ip {
                source: header.source_addr().into(),
                destination: header.destination_addr().into(),
                len_field: usize::from(header.total_len()),
                hop_limit: header.ttl(),
                identification: header.identification(),
                dont_fragment: header.dont_fragment(),
                traffic_class: header.slice()[1],
                flow_label: 0,
            })
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            Ok(Ip {
                source: header.source_addr().into(),
                destination: header.destination_addr().into(),
                len_field: 40 + usize::from(header.payload_length()),
                hop_limit: header.hop_limit(),
                identification: 0,
                dont_fragment: true,
                traffic_class: header.traffic_class(),
                flow_label: header.flow_label().value(),
            })
        }
        NetSlice::Arp(_) => Err("ARP".into()),
    }
}

/// The sum over the pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1), the header as it stands, and the payload.
fn check_tcp_sum(tcp: &TcpSlice<'_>, source: IpAddr, destination: IpAddr) -> Result<(), String> {
    let addresses = match (source, destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
        (IpAddr::V6(from), IpAddr::V6(to)) => [from.octets(), to.octets()].concat(),
        _ => return Err("two families".into()),
    };
    let length = u16::try_from(tcp.slice().len()).map_err(|error| error.to_string())?;
    let pseudo = [&addresses[..], &[0, TCP], &length.to_be_bytes()].concat();
    match sum(&[&pseudo[..], tcp.slice()].concat()) {
        RIGHT => Ok(()),
        wrong => Err(format!("the TCP checksum {:04x} is wrong: the sum is {wrong:04x}", tcp.checksum())),
    }
}

/// The sum of what contains its own checksum, if that is right (RFC 1071).
const RIGHT: u16 = 0xffff;

/// The ones' complement sum of big-endian words; an odd last octet is the upper half of one. By hand, because every bit
/// counts here, those too that have no name.
fn sum(octets: &[u8]) -> u16 {
    let words = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

fn octets(bytes: &[u8]) -> Result<[u8; 6], String> {
    bytes.try_into().map_err(|_| "too short".into())
}

fn word(bytes: &[u8], at: usize) -> Result<u16, String> {
    let pair = bytes.get(at..at + 2).ok_or_else(|| format!("no octets at {at} behind Ethernet"))?;
    Ok(u16::from_be_bytes([pair[0], pair[1]]))
}
