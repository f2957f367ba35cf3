//! Frames between the addresses and ports that policies are about, and what happens to them.

use std::net::IpAddr;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use relay_guard_tests::frames::{Ext, Frame};

use super::world::addresses;

/// A frame as it is sent, half of the time changed.
pub fn frames() -> impl Strategy<Value = Vec<u8>> {
    (segment(), link(), network(), changes()).prop_map(|(segment, link, network, changes)| {
        let frame = link.around(network.around(segment.frame(), segment.is_v4(), segment.udp));
        changes.iter().fold(frame.build(), |frame, change| change.on(frame))
    })
}

#[derive(Clone, Debug)]
struct Segment {
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
    flags: u8,
    payload: usize,
    udp: bool,
}

impl Segment {
    fn is_v4(&self) -> bool {
        self.source.0.is_ipv4()
    }

    fn frame(&self) -> Frame {
        let payload = vec![0x55; self.payload];
        if self.udp {
            return Frame::udp(self.source, self.destination).payload(payload);
        }
        Frame::tcp(self.source, self.destination).flags(self.flags).payload(payload)
    }
}

fn segment() -> impl Strategy<Value = Segment> {
    let from = select(vec![40000_u16, 40001, 40002, 25, 587]);
    let to = select(vec![25_u16, 25, 25, 465, 587, 40000, 80]);
    // Where the kernel is to see IPv4 addresses in IPv6.
    let mapped = prop::bool::weighted(0.1);
    (addresses(), addresses(), mapped, from, to, any::<u8>(), 0..200_usize, prop::bool::weighted(0.05))
        .prop_map(|(source, other, mapped, from, to, flags, payload, udp)| {
            let source = match source {
                IpAddr::V4(source) if mapped => IpAddr::V6(source.to_ipv6_mapped()),
                source => source,
            };
            let destination = match (source, other) {
                (IpAddr::V6(_), IpAddr::V4(other)) => IpAddr::V6(other.to_ipv6_mapped()),
                (IpAddr::V4(_), IpAddr::V6(other)) => IpAddr::V4((other.to_bits() as u32).into()),
                (_, other) => other,
            };
            Segment { source: (source, from), destination: (destination, to), flags, payload, udp }
        })
}

#[derive(Clone, Debug)]
struct Link {
    tags: Vec<(u16, u16)>,
    pppoe: bool,
}

impl Link {
    fn around(&self, frame: Frame) -> Frame {
        let frame =
            self.tags.iter().fold(frame, |frame, &(identifier, control)| frame.tag(identifier, control));
        if self.pppoe { frame.pppoe(7) } else { frame }
    }
}

fn link() -> impl Strategy<Value = Link> {
    let tag = || (select(vec![0x8100, 0x88a8, 0x9100]), any::<u16>());
    let tags = prop_oneof![
        6 => Just(Vec::new()),
        3 => prop::collection::vec(tag(), 1..=4),
        1 => prop::collection::vec(tag(), 5),
    ];
    (tags, prop::bool::weighted(0.1)).prop_map(|(tags, pppoe)| Link { tags, pppoe })
}

#[derive(Clone, Debug)]
struct Network {
    options: usize,
    extensions: Vec<Ext>,
    /// Offset in units of 8 bytes, more fragments, how much of the segment.
    fragment: Option<(u16, bool, usize)>,
    length: Option<u16>,
}

impl Network {
    fn around(&self, frame: Frame, v4: bool, udp: bool) -> Frame {
        let mut frame = if v4 {
            frame.v4_options(&vec![1; self.options * 4])
        } else {
            self.extensions.iter().cloned().fold(frame, Frame::ext)
        };
        if let Some((offset, more, len)) = self.fragment {
            // A UDP header has 8 bytes, a TCP header 20: what a piece takes is there.
            frame = frame.fragment(offset * 8, more).piece(0..if udp { len.min(8) } else { len.min(20) });
        }
        match self.length {
            Some(length) => frame.ip_length(length),
            None => frame,
        }
    }
}

fn network() -> impl Strategy<Value = Network> {
    let options = prop_oneof![3 => Just(0), 1 => 0..=10_usize];
    let extension = prop_oneof![
        (1..4_usize).prop_map(|n| Ext::HopByHop { len: n * 8 }),
        (1..4_usize).prop_map(|n| Ext::Routing { len: n * 8 }),
        (1..4_usize).prop_map(|n| Ext::DestinationOptions { len: n * 8 }),
        (1..4_usize).prop_map(|n| Ext::Mobility { len: n * 8 }),
        (3..8_usize).prop_map(|n| Ext::Authentication { len: n * 4 }),
        (0..2_u16, any::<bool>()).prop_map(|(n, more)| Ext::Fragment { offset: n * 8, more }),
    ];
    let extensions = prop_oneof![
        4 => Just(Vec::new()),
        3 => prop::collection::vec(extension.clone(), 1..4),
        1 => prop::collection::vec(extension, 7..10),
    ];
    let fragment = option::weighted(0.2, (select(vec![0_u16, 0, 1, 2, 185]), any::<bool>(), 0..30_usize));
    let length = option::weighted(0.1, prop_oneof![Just(0), 0..120_u16, any::<u16>()]);
    (options, extensions, fragment, length).prop_map(|(options, extensions, fragment, length)| Network {
        options,
        extensions,
        fragment,
        length,
    })
}

/// What happens to a frame on its way.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
    Pad(usize),
}

impl Change {
    fn on(&self, mut frame: Vec<u8>) -> Vec<u8> {
        // Headers are where changes matter.
        let front = frame.len().clamp(1, 100);
        match self {
            _ if frame.is_empty() => {}
            Self::Flip(at, bit) => frame[at.index(front)] ^= 1 << bit,
            Self::Set(at, byte) => frame[at.index(front)] = *byte,
            Self::Insert(at, byte) => frame.insert(at.index(front), *byte),
            Self::Remove(at) => drop(frame.remove(at.index(front))),
            Self::Truncate(at) => frame.truncate(at.index(frame.len())),
            Self::Pad(len) => frame.resize(frame.len() + len, 0),
        }
        frame
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        4 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => any::<Index>().prop_map(Change::Remove),
        1 => any::<Index>().prop_map(Change::Truncate),
        1 => (0..40_usize).prop_map(Change::Pad),
    ];
    prop_oneof![Just(Vec::new()), prop::collection::vec(change, 1..4)]
}
