use proptest::prelude::*;

use super::*;
use crate::{
    address::Address,
    parse::{Flags, Layer, transport},
    role::Hook,
};

/// A TCP header of so many words, in IPv4 or IPv6 behind `before` octets, and a payload.
fn packet(v6: bool, words: usize, payload: usize) -> Vec<u8> {
    let len = words * 4 + payload;
    let mut packet = if v6 {
        let mut header = vec![0; 40];
        header[0] = 0x60;
        header[4..6].copy_from_slice(&(len as u16).to_be_bytes());
        header[6] = 6;
        header
    } else {
        let mut header = vec![0; 20];
        header[0] = 0x45;
        header[2..4].copy_from_slice(&(len as u16 + 20).to_be_bytes());
        header[9] = 6;
        header
    };
    let mut tcp = vec![0; words.max(5) * 4];
    tcp[12] = (words as u8) << 4;
    packet.append(&mut tcp);
    packet.resize(packet.len() + payload, b'x');
    packet
}

fn seen(packet: &[u8], role: Role, hook: Hook) -> Seen {
    let transport = transport(packet, Layer::Network).expect("TCP");
    Seen::unpack(Seen::pack(Question::place(&transport, hook), role))
}

fn extent(packet: &[u8]) -> Option<Extent> {
    let seen = seen(packet, Role::Outbound, Hook::Ingress);
    let word = |at: usize| u32::from_ne_bytes(packet[at..at + 4].try_into().expect("four octets"));
    let ip_word = word(if seen.v6 { seen.ip_offset + 4 } else { seen.ip_offset });
    seen.extent(ip_word, word(seen.tcp_offset + 12), packet.len())
}

#[test]
fn a_word_says_who_and_which_way() {
    let cases = [
        (Role::Outbound, Party::Client, Direction::Outbound, false),
        (Role::ReplyToHost, Party::Server, Direction::Outbound, false),
        (Role::ReplyToGateway, Party::Server, Direction::Outbound, true),
        (Role::Inbound, Party::Client, Direction::Inbound, false),
        (Role::ReplyOfServer, Party::Server, Direction::Inbound, false),
    ];
    for (role, from, direction, shared) in cases {
        for v6 in [false, true] {
            for hook in [Hook::Ingress, Hook::EgressForwarded, Hook::EgressOwn] {
                let packet = packet(v6, 5, 3);
                let tcp_offset = if v6 { 40 } else { 20 };
                let own = hook == Hook::EgressOwn;
                let expected = Seen { ip_offset: 0, tcp_offset, v6, from, direction, own, shared };
                assert_eq!(seen(&packet, role, hook), expected);
            }
        }
    }
}

#[test]
fn both_parties_name_the_same_connection() {
    let (client, server) = (Address::v4([10, 0, 0, 1]), Address::v4([198, 51, 100, 25]));
    let there = Segment {
        source: client,
        destination: server,
        source_port: 40000,
        destination_port: 25,
        sequence: 1,
        acknowledgment: 2,
        flags: Flags(Flags::ACK),
    };
    let back = Segment {
        source: server,
        destination: client,
        source_port: 25,
        destination_port: 40000,
        sequence: 2,
        acknowledgment: 1,
        ..there
    };
    let packet = packet(false, 5, 0);
    let of_client = seen(&packet, Role::Outbound, Hook::Ingress);
    let of_server = seen(&packet, Role::ReplyToHost, Hook::Ingress);
    let key = FlowKey::new((client, 40000), (server, 25));
    assert_eq!((of_client.flow(&there), of_server.flow(&back)), (key, key));
    let numbers = Numbers { client: 1, server: 2 };
    assert_eq!((of_client.numbers(&there), of_server.numbers(&back)), (numbers, numbers));
}

#[test]
fn what_is_announced_and_not_there_is_no_payload() {
    for v6 in [false, true] {
        let ip_len = if v6 { 40 } else { 20 };
        let whole = packet(v6, 5, 10);
        assert_eq!(extent(&whole), Some(Extent { offset: ip_len + 20, len: 10 }));
        assert_eq!(extent(&whole[..whole.len() - 1]), None, "the frame ends before");
        // Header lengths of less than a header, and of more than there is.
        for (words, payload) in [(4, 10), (0, 30), (15, 0)] {
            let mut lying = packet(v6, 5, payload);
            lying[ip_len + 12] = words << 4;
            assert_eq!(extent(&lying), None, "{words} words");
        }
        // A length of 0: as long as the frame.
        let mut endless = packet(v6, 5, 10);
        let at = if v6 { 4 } else { 2 };
        endless[at..at + 2].fill(0);
        assert_eq!(extent(&endless), Some(Extent { offset: ip_len + 20, len: 10 }));
    }
}

proptest! {
    /// Padding is no payload.
    #[test]
    fn payload_is_found(v6: bool, words in 5..=15_usize, payload in 0..3000_usize, padding in 0..60_usize) {
        let mut frame = packet(v6, words, payload);
        let offset = frame.len() - payload;
        frame.resize(frame.len() + padding, 0);
        prop_assert_eq!(extent(&frame), Some(Extent { offset, len: payload as u32 }));
    }
}
