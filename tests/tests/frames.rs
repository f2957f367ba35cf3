//! The frame builders, judged by etherparse's parser.

use std::net::IpAddr;

use etherparse::{IpPayloadSlice, NetSlice, SlicedPacket, TransportSlice};
use relay_guard_tests::frames::{Endpoint as _, Ext, Frame, Reading, flags, protocol};

const V4: (&str, &str) = ("198.51.100.7:40000", "10.0.2.25:25");
const V6: (&str, &str) = ("[2001:db8:c1ea::7]:40000", "[2001:db8:2::25]:25");

fn v4() -> Frame {
    Frame::tcp(V4.0, V4.1).payload("EHLO x\r\n")
}

fn v6() -> Frame {
    Frame::tcp(V6.0, V6.1).payload("EHLO x\r\n")
}

fn parse(frame: &[u8]) -> SlicedPacket<'_> {
    SlicedPacket::from_ethernet(frame).unwrap_or_else(|error| panic!("{error}: {frame:02x?}"))
}

/// Finds the TCP header with its checksum right and the payload whole.
fn assert_whole_tcp(frame: &[u8]) {
    let packet = parse(frame);
    let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { panic!("no TCP: {packet:?}") };
    assert_eq!(tcp.payload(), b"EHLO x\r\n");
    assert_eq!((tcp.source_port(), tcp.destination_port()), (40000, 25));
    let header = tcp.to_header();
    let expected = match packet.net.as_ref().expect("IP") {
        NetSlice::Ipv4(ip) => {
            let header_slice = ip.header();
            assert_eq!(header_slice.header_checksum(), header_slice.to_header().calc_header_checksum());
            header.calc_checksum_ipv4_raw(header_slice.source(), header_slice.destination(), tcp.payload())
        }
        NetSlice::Ipv6(ip) => {
            header.calc_checksum_ipv6_raw(ip.header().source(), ip.header().destination(), tcp.payload())
        }
        NetSlice::Arp(_) => panic!("ARP"),
    };
    assert_eq!(Ok(tcp.checksum()), expected);
}

#[test]
fn well_formed_tcp_is_found_behind_everything_etherparse_knows() {
    for frame in [
        v4(),
        v4().vlan(5),
        v4().service_vlan(100).vlan(5),
        v4().tag(0x9100, 1).vlan(2).vlan(3),
        v4().v4_options(&[1; 40]),
        v4().tcp_options(&[2, 4, 5, 180, 1, 3, 3, 7]),
        v6(),
        v6().vlan(5).vlan(6),
        v6().ext(Ext::HopByHop { len: 8 }),
        v6().ext(Ext::HopByHop { len: 264 }).ext(Ext::Routing { len: 24 }),
        v6().ext(Ext::HopByHop { len: 16 })
            .ext(Ext::DestinationOptions { len: 8 })
            .ext(Ext::Routing { len: 8 })
            .ext(Ext::Authentication { len: 24 })
            .ext(Ext::DestinationOptions { len: 2048 }),
        v6().fragment(0, false),
    ] {
        assert_whole_tcp(&frame.build());
    }
}

#[test]
fn the_transport_is_where_it_is_said_to_be() {
    for frame in [
        v4(),
        v4().vlan(1).pppoe(7).v4_options(&[0; 8]),
        v4().without_ethernet(),
        v6().service_vlan(1).vlan(2).ext(Ext::HopByHop { len: 24 }).fragment(0, true),
        v6().pppoe(7).ext(Ext::Authentication { len: 12 }),
    ] {
        let bytes = frame.build();
        let at = frame.transport_offset();
        assert_eq!(bytes[at..at + 4], [0x9c, 0x40, 0, 25], "{frame:?}");
    }
}

#[test]
fn pppoe_has_the_bytes_of_rfc_2516() {
    let plain = v4().build();
    let frame = v4().vlan(5).pppoe(0x0102).build();
    let length = u8::try_from(plain.len() - 14 + 2).expect("short");
    assert_eq!(frame[12..26], [0x81, 0, 0, 5, 0x88, 0x64, 0x11, 0, 1, 2, 0, length, 0, 0x21]);
    assert_eq!(frame[26..], plain[14..]);
    assert_eq!(v6().pppoe(1).build()[20..22], [0, 0x57]);
    assert_eq!(v6().pppoe_protocol(1, 0xc021).build()[20..22], [0xc0, 0x21]);
}

#[test]
fn flags_and_numbers_are_set() {
    let bytes = v4().flags(flags::ACK | flags::CWR | flags::FIN).numbers(7, 9).build();
    let packet = parse(&bytes);
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else { panic!("no TCP") };
    assert_eq!((tcp.ack(), tcp.cwr(), tcp.fin(), tcp.syn(), tcp.psh()), (true, true, true, false, false));
    assert_eq!((tcp.sequence_number(), tcp.acknowledgment_number()), (7, 9));
}

#[test]
fn fragments_carry_their_piece() {
    let first = v4().fragment(0, true).piece(0..8).build();
    let packet = parse(&first);
    let ip = packet.net.as_ref().and_then(NetSlice::ipv4_ref).expect("IPv4");
    assert!(ip.header().more_fragments() && ip.payload().fragmented && packet.transport.is_none());
    assert_eq!(ip.payload().payload.len(), 8);

    for later in [v4().fragment(8, false).piece(8..28), v6().fragment(8, false).piece(8..28)] {
        let bytes = later.build();
        let packet = parse(&bytes);
        let payload: &IpPayloadSlice<'_> = packet.ip_payload().expect("IP");
        assert!(payload.fragmented);
        assert_eq!(payload.payload, &later_whole(&later)[8..28]);
    }
}

/// The same without being cut: the transport header and payload.
fn later_whole(frame: &Frame) -> Vec<u8> {
    let whole = frame.clone().piece(0..28).build();
    whole[frame.transport_offset()..].to_vec()
}

#[test]
fn other_protocols_are_what_they_say() {
    let (from, to): (IpAddr, IpAddr) = ([198, 51, 100, 7].into(), [10, 0, 2, 25].into());
    assert!(matches!(
        parse(&Frame::udp(V6.0, V6.1).payload("x").build()).transport,
        Some(TransportSlice::Udp(_))
    ));
    assert!(matches!(parse(&Frame::icmp_echo(from, to).build()).transport, Some(TransportSlice::Icmpv4(_))));
    let sctp = Frame::ip(protocol::SCTP, from, to, &[0; 12]).build();
    assert_eq!((sctp[23], sctp.len()), (132, 14 + 20 + 12));
    let arp = Frame::arp([10, 0, 2, 1].into(), [10, 0, 2, 25].into()).build();
    assert!(matches!(parse(&arp).net, Some(NetSlice::Arp(_))));
}

#[test]
fn wrong_values_are_wrong_as_asked_and_nothing_else() {
    let right = v4().build();
    for (frame, at, value) in [
        (v4().ihl(4), 14, vec![0x44]),
        (v4().ip_version(6), 14, vec![0x65]),
        (v4().ip_length(19), 16, vec![0, 19]),
        (v4().data_offset(4), 14 + 20 + 12, vec![0x40]),
        (v4().ethertype(0x86dd), 12, vec![0x86, 0xdd]),
    ] {
        let wrong = frame.build();
        assert_eq!(wrong[at..at + value.len()], value, "{frame:?}");
        let differing: Vec<usize> = (0..right.len()).filter(|&index| right[index] != wrong[index]).collect();
        // The header's checksum goes with its length, which IP's own checksum covers.
        let own = |index: &usize| (at..at + value.len()).contains(index) || (24..26).contains(index);
        assert!(differing.iter().all(own), "{frame:?}: {differing:?}");
    }
    assert_eq!(v4().length(40).build(), right[..40]);
    assert_eq!(v4().length(80).build()[right.len()..], vec![0; 80 - right.len()]);
}

#[test]
fn what_is_built_is_read_back() {
    for frame in [
        v4(),
        v4().vlan(5),
        v4().service_vlan(100).vlan(5),
        v4().v4_options(&[1; 8]).tcp_options(&[2, 4, 5, 180]),
        v4().vlan(3).pppoe(0x0102),
        v6(),
        v6().pppoe(7),
        v6().vlan(5).ext(Ext::HopByHop { len: 16 }),
    ] {
        let bytes = frame.clone().numbers(7, 9).flags(flags::ACK | flags::URG).window(512).urgent(3).build();
        let reading = Reading::of_frame(&bytes).expect("a good frame");
        let (source, destination) = if reading.source.is_ipv4() { V4 } else { V6 };
        assert_eq!((reading.source, reading.destination), (source.endpoint(), destination.endpoint()));
        assert_eq!((reading.sequence, reading.acknowledgement, reading.flags), (7, 9, 0x30));
        assert_eq!((reading.window, reading.urgent, reading.hop_limit), (512, 3, 64));
        assert_eq!((&reading.payload[..], reading.trailing), (&b"EHLO x\r\n"[..], 0));
        let around = bytes.len() - reading.payload.len() - 20 - reading.options.len() - reading.ip_header_len;
        let tags = reading.tags.len() * 4 + if reading.pppoe.is_some() { 8 } else { 0 };
        assert_eq!(around, 14 + tags, "{frame:?}");
        let padded = frame.length(bytes.len() + 9).build();
        assert_eq!(Reading::of_frame(&padded).expect("padding is no error").trailing, 9);
    }
    let packet = v4().without_ethernet().build();
    assert_eq!(Reading::of_packet(&packet).expect("a packet").ethernet, None);
}

/// Every octet of a frame counts: one that is wrong is read as something else, or as an error.
#[test]
fn nothing_wrong_is_read_as_right() {
    for frame in [v4().vlan(5).pppoe(7), v6().vlan(5).pppoe(7)] {
        let right = frame.build();
        let reading = Reading::of_frame(&right);
        assert!(reading.is_ok());
        for at in 0..right.len() {
            for bit in 0..8 {
                let mut wrong = right.clone();
                wrong[at] ^= 1 << bit;
                let read = Reading::of_frame(&wrong);
                assert_ne!(read, reading, "octet {at}, bit {bit}");
                // Ethernet's addresses, the tag, the session, and what IPv6 sums nowhere.
                let unsummed = at < 16 || (20..22).contains(&at);
                let v6_alone = right[24..26] == [0, 0x57] && (26..34).contains(&at);
                assert!(read.is_err() || unsummed || v6_alone, "octet {at}, bit {bit}: {read:?}");
            }
        }
        for length in 0..right.len() {
            assert!(Reading::of_frame(&right[..length]).is_err(), "{length} octets");
        }
    }
}
