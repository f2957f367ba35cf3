//! From a packet of a capture to the TCP segment in it.

use etherparse::{IpNumber, LaxIpSlice, TcpSlice};
use relay_guard_common::{address::Address, parse::Flags};

use super::capture::{NoNetwork, Packet};

const IPV6_HEADER: usize = 40;
/// Where the flags are in a TCP header.
const FLAGS: usize = 13;

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TcpSegment<'a> {
    pub(super) source: (Address, u16),
    pub(super) destination: (Address, u16),
    pub(super) sequence: u32,
    pub(super) acknowledgment: Option<u32>,
    pub(super) flags: Flags,
    /// Octets of payload on the wire.
    pub(super) len: u32,
    /// What was kept of them.
    pub(super) payload: &'a [u8],
}

/// Why a packet has no segment that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSegment {
    /// Its link type is not read.
    Link,
    /// It is of another protocol.
    Other,
    /// It is a fragment of an IP packet: nothing puts these together here.
    Fragment,
    /// Too little of it was kept.
    Cut,
    /// Its headers contradict each other.
    Malformed,
}

/// The segment of a packet.
pub(super) fn segment<'a>(packet: &Packet<'a>) -> Result<TcpSegment<'a>, NoSegment> {
    let link = packet.link.map_err(|_| NoSegment::Link)?;
    let offset = link.network(packet.data).map_err(|none| match none {
        NoNetwork::Other => NoSegment::Other,
        NoNetwork::Short => NoSegment::Cut,
    })?;
    let is_cut = (packet.data.len() as u64) < u64::from(packet.length);
    let faulty = || if is_cut { NoSegment::Cut } else { NoSegment::Malformed };
    let (ip, stopped) = LaxIpSlice::from_slice(&packet.data[offset..]).map_err(|_| faulty())?;
    let payload = ip.payload();
    if payload.fragmented {
        return Err(NoSegment::Fragment);
    }
    if stopped.is_some() {
        return Err(faulty());
    }
    if payload.ip_number != IpNumber::TCP {
        return Err(NoSegment::Other);
    }
    let tcp = TcpSlice::from_slice(payload.payload).map_err(|_| faulty())?;
    let on_wire = packet.length.saturating_sub(offset as u32) as usize;
    let (source, destination, headers, whole) = network(&ip, on_wire);
    let len = whole.saturating_sub(headers + tcp.header_slice().len());
    let kept = tcp.payload();
    Ok(TcpSegment {
        source: (source, tcp.source_port()),
        destination: (destination, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        acknowledgment: tcp.ack().then(|| tcp.acknowledgment_number()),
        flags: Flags(tcp.header_slice()[FLAGS]),
        len: len as u32,
        payload: &kept[..kept.len().min(len)],
    })
}

/// Both addresses, the octets before the TCP header, and all octets of an IP packet. Where senders leave the splitting to their
/// network card, the header may not say how many these are; then it is what was `on_wire`.
fn network(ip: &LaxIpSlice<'_>, on_wire: usize) -> (Address, Address, usize, usize) {
    match ip {
        LaxIpSlice::Ipv4(v4) => {
            let header = v4.header();
            let auth = v4.extensions().auth.map_or(0, |auth| auth.slice().len());
            let said = usize::from(header.total_len());
            let whole = if said < header.slice().len() { on_wire } else { said };
            let headers = header.slice().len() + auth;
            (Address::v4(header.source()), Address::v4(header.destination()), headers, whole)
        }
        LaxIpSlice::Ipv6(v6) => {
            let header = v6.header();
            let whole = match header.payload_length() {
                0 => on_wire,
                said => IPV6_HEADER + usize::from(said),
            };
            let headers = IPV6_HEADER + v6.extensions().slice().len();
            (Address::v6(header.source()), Address::v6(header.destination()), headers, whole)
        }
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::{super::capture::Link, *};

    const TEXT: &[u8] = b"EHLO mail.example.net\r\n";

    fn v4(options: bool) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([192, 0, 2, 1], [198, 51, 100, 2], 64)
            .tcp(40_000, 25, 7, 1000)
            .ack(9)
            .psh();
        let builder = if options {
            builder.options(&[etherparse::TcpOptionElement::Timestamp(1, 2)]).expect("they fit")
        } else {
            builder
        };
        written(|packet| builder.write(packet, TEXT).expect("it fits"))
    }

    fn v6() -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv6([0x20; 16], [0x30; 16], 64);
        let builder = builder.tcp(25, 40_000, u32::MAX, 1000).syn().ack(1);
        written(|packet| builder.write(packet, b"").expect("it fits"))
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut packet = Vec::new();
        write(&mut packet);
        packet
    }

    fn packet(data: &[u8], length: usize) -> Packet<'_> {
        Packet { time_ns: Some(0), link: Ok(Link::Ethernet), length: length as u32, data }
    }

    #[test]
    fn a_segment_is_what_was_sent() {
        for options in [false, true] {
            let data = v4(options);
            let found = segment(&packet(&data, data.len())).expect("a segment");
            assert_eq!(
                found,
                TcpSegment {
                    source: (Address::v4([192, 0, 2, 1]), 40_000),
                    destination: (Address::v4([198, 51, 100, 2]), 25),
                    sequence: 7,
                    acknowledgment: Some(9),
                    flags: Flags(Flags::ACK | Flags::PSH),
                    len: TEXT.len() as u32,
                    payload: TEXT,
                }
            );
            // A frame's padding, or its checksum, is no payload.
            let padded = [&data[..], &[0x55; 7]].concat();
            assert_eq!(segment(&packet(&padded, padded.len())), Ok(found));
        }
        let data = v6();
        let found = segment(&packet(&data, data.len())).expect("a segment");
        assert_eq!(found.source, (Address::v6([0x20; 16]), 25));
        assert_eq!((found.sequence, found.acknowledgment, found.len), (u32::MAX, Some(1), 0));
        assert!(found.flags.is_syn_ack());
    }

    #[test]
    fn what_the_snap_length_cut_off_is_still_counted() {
        let data = v4(true);
        let headers = data.len() - TEXT.len();
        for kept in 0..data.len() {
            match segment(&packet(&data[..kept], data.len())) {
                Ok(found) => {
                    assert!(kept >= headers);
                    assert_eq!(found.len as usize, TEXT.len());
                    assert_eq!(found.payload, &TEXT[..kept - headers]);
                }
                Err(none) => {
                    assert!(kept < headers);
                    assert_eq!(none, NoSegment::Cut, "{kept} kept");
                }
            }
            // The same, if it had been sent so.
            let none = segment(&packet(&data[..kept], kept));
            assert!(
                kept >= headers || matches!(none, Err(NoSegment::Malformed | NoSegment::Cut)),
                "{none:?}"
            );
        }
    }

    #[test]
    fn lengths_that_a_card_is_to_fill_in_are_those_of_the_packet() {
        let mut data = v4(false);
        data[16..18].fill(0);
        let found = segment(&packet(&data[..60], data.len())).expect("a segment");
        assert_eq!((found.len as usize, found.payload), (TEXT.len(), &TEXT[..6]));
        let mut data = [v6(), TEXT.to_vec()].concat();
        data[18..20].fill(0);
        let found = segment(&packet(&data, data.len())).expect("a segment");
        assert_eq!((found.len as usize, found.payload), (TEXT.len(), TEXT));
    }

    #[test]
    fn what_is_no_segment_says_why() {
        let udp = written(|packet| {
            let builder = PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4([1; 4], [2; 4], 64).udp(25, 25);
            builder.write(packet, TEXT).expect("it fits");
        });
        let mut arp = v4(false);
        arp[12..14].copy_from_slice(&[0x08, 0x06]);
        let mut first = v4(false);
        first[20] = 0x20;
        let mut later = v4(false);
        later[21] = 3;
        let mut short = v4(false);
        short[14] = 0x44;
        for (data, expected) in [
            (udp, NoSegment::Other),
            (arp, NoSegment::Other),
            (first, NoSegment::Fragment),
            (later, NoSegment::Fragment),
            (short, NoSegment::Malformed),
        ] {
            assert_eq!(segment(&packet(&data, data.len())), Err(expected));
        }
        let data = v4(false);
        let unknown = Packet { link: Err(105), ..packet(&data, data.len()) };
        assert_eq!(segment(&unknown), Err(NoSegment::Link));
    }
}
