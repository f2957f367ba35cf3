//! From packets of captures to segments for inspection.

use relay_guard_common::parse::Flags;
use serde::Serialize;

use super::{
    capture::Packet,
    clock::Clock,
    parties::{Parties, SmtpPorts},
    tcp::{self, NoSegment, TcpSegment},
};
use crate::inspect::segment::Segment;

/// What became of the packets: each is counted in [`packets`](Self::packets) and once below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PacketTally {
    /// Packets that were read.
    pub packets: u64,
    /// Segments of SMTP connections that went on to inspection.
    pub segments: u64,
    /// Segments of SMTP connections that only acknowledge.
    pub acknowledgments: u64,
    /// TCP on other ports.
    pub other_ports: u64,
    /// Other protocols.
    pub other_protocols: u64,
    /// Fragments of IP packets, which are not put together.
    pub fragments: u64,
    /// Of which too little was kept to find a TCP header.
    pub cut: u64,
    /// With headers that cannot be.
    pub malformed: u64,
    /// Of link types that are not read.
    pub unknown_links: u64,
}

impl PacketTally {
    /// All but those that are segments of SMTP.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.other_ports
            + self.other_protocols
            + self.fragments
            + self.cut
            + self.malformed
            + self.unknown_links
    }

    /// What was counted since an earlier tally.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            packets: self.packets - earlier.packets,
            segments: self.segments - earlier.segments,
            acknowledgments: self.acknowledgments - earlier.acknowledgments,
            other_ports: self.other_ports - earlier.other_ports,
            other_protocols: self.other_protocols - earlier.other_protocols,
            fragments: self.fragments - earlier.fragments,
            cut: self.cut - earlier.cut,
            malformed: self.malformed - earlier.malformed,
            unknown_links: self.unknown_links - earlier.unknown_links,
        }
    }

    fn count(&mut self, none: NoSegment) {
        let counter = match none {
            NoSegment::Link => &mut self.unknown_links,
            NoSegment::Other => &mut self.other_protocols,
            NoSegment::Fragment => &mut self.fragments,
            NoSegment::Cut => &mut self.cut,
            NoSegment::Malformed => &mut self.malformed,
        };
        *counter += 1;
    }
}

/// Finds segments of SMTP connections.
#[derive(Debug)]
pub struct Segments {
    parties: Parties,
    clock: Clock,
    tally: PacketTally,
}

impl Segments {
    /// Those of connections with servers on these ports.
    #[must_use]
    pub fn new(ports: impl IntoIterator<Item = u16>) -> Self {
        let parties = Parties::new(SmtpPorts::new(ports));
        Self { parties, clock: Clock::default(), tally: PacketTally::default() }
    }

    /// The segment of a packet, if it is one that inspection wants to see.
    pub fn segment<'a>(&mut self, packet: &Packet<'a>) -> Option<Segment<'a>> {
        self.tally.packets += 1;
        let time_ns = self.clock.at(packet.time_ns);
        let tcp = match tcp::segment(packet) {
            Ok(tcp) => tcp,
            Err(none) => {
                self.tally.count(none);
                return None;
            }
        };
        let concerned = self.parties.concern(&tcp);
        let Some((flow, from)) = concerned.then(|| self.parties.of(&tcp)).flatten() else {
            self.tally.other_ports += 1;
            return None;
        };
        let TcpSegment { sequence, acknowledgment, flags, len, payload, .. } = tcp;
        if len == 0 && flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) == 0 {
            self.tally.acknowledgments += 1;
            return None;
        }
        self.tally.segments += 1;
        Some(Segment {
            time_ns,
            flow,
            from,
            sequence,
            acknowledgment,
            flags,
            len,
            payload,
            opening: None,
            skipped_own: false,
            skipped_other: false,
        })
    }

    /// Another file begins.
    pub const fn begin_file(&mut self) {
        self.clock.begin_file();
    }

    /// What time it is in the capture: that of the last packet, nanoseconds since the epoch, as far as these go forward.
    #[must_use]
    pub const fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    /// How often the times of packets went back for good.
    #[must_use]
    pub const fn steps_back(&self) -> u64 {
        self.clock.steps_back()
    }

    /// What became of the packets.
    #[must_use]
    pub const fn tally(&self) -> &PacketTally {
        &self.tally
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;
    use relay_guard_common::{address::Address, flow::Party};

    use super::{super::capture::Link, *};

    type End = ([u8; 4], u16);
    const CLIENT: End = ([192, 0, 2, 1], 40_000);
    const SERVER: End = ([198, 51, 100, 2], 25);

    fn data((source, from): End, (destination, to): End, flags: u8, text: &[u8]) -> Vec<u8> {
        let mut builder =
            PacketBuilder::ethernet2([1; 6], [2; 6]).ipv4(source, destination, 64).tcp(from, to, 7, 1000);
        for (flag, set) in [(Flags::SYN, 0_u8), (Flags::FIN, 1), (Flags::RST, 2)] {
            builder = match (flags & flag != 0, set) {
                (true, 0) => builder.syn(),
                (true, 1) => builder.fin(),
                (true, _) => builder.rst(),
                _ => builder,
            };
        }
        let builder = if flags & Flags::ACK != 0 { builder.ack(9) } else { builder };
        let mut packet = Vec::new();
        builder.write(&mut packet, text).expect("it fits");
        packet
    }

    fn packet(time_ns: u64, data: &[u8]) -> Packet<'_> {
        Packet { time_ns: Some(time_ns), link: Ok(Link::Ethernet), length: data.len() as u32, data }
    }

    #[test]
    fn segments_know_who_sent_them_and_when() {
        let mut segments = Segments::new([25]);
        let data = data(SERVER, CLIENT, Flags::ACK, b"220 hello\r\n");
        let segment = segments.segment(&packet(5, &data)).expect("a segment");
        assert_eq!((segment.time_ns, segment.from, segment.sequence), (5, Party::Server, 7));
        assert_eq!((segment.acknowledgment, segment.payload), (Some(9), &b"220 hello\r\n"[..]));
        assert_eq!((segment.flow.client, segment.flow.client_port), (Address::v4(CLIENT.0), 40_000));
        assert_eq!((segment.flow.server, segment.flow.server_port), (Address::v4(SERVER.0), 25));
        assert_eq!(segments.now_ns(), 5);
    }

    #[test]
    fn every_packet_is_counted_once() {
        let mut segments = Segments::new([25]);
        let text = data(CLIENT, SERVER, Flags::ACK, b"QUIT\r\n");
        let ack = data(CLIENT, SERVER, Flags::ACK, b"");
        let web = data(CLIENT, (SERVER.0, 80), Flags::ACK, b"GET /");
        let mut arp = text.clone();
        arp[12..14].copy_from_slice(&[0x08, 0x06]);
        let mut fragment = text.clone();
        fragment[21] = 9;
        let mut malformed = text.clone();
        malformed[14] = 0x41;
        let cut = Packet { length: 1514, ..packet(1, &text[..40]) };
        let unknown = Packet { link: Err(105), ..packet(1, &text) };
        let given = [
            packet(1, &text),
            packet(1, &ack),
            packet(1, &web),
            packet(1, &arp),
            packet(1, &fragment),
            packet(1, &malformed),
            cut,
            unknown,
        ];
        for _ in 0..3 {
            for packet in &given {
                segments.segment(packet);
            }
        }
        for flags in [Flags::SYN, Flags::SYN | Flags::ACK, Flags::FIN | Flags::ACK, Flags::RST] {
            let ends = if flags == Flags::SYN { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
            assert!(segments.segment(&packet(1, &data(ends.0, ends.1, flags, b""))).is_some(), "{flags}");
        }
        let expected = PacketTally {
            packets: 28,
            segments: 7,
            acknowledgments: 3,
            other_ports: 3,
            other_protocols: 3,
            fragments: 3,
            cut: 3,
            malformed: 3,
            unknown_links: 3,
        };
        assert_eq!(*segments.tally(), expected);
        assert_eq!(expected.packets, expected.segments + expected.acknowledgments + expected.skipped());
    }
}
