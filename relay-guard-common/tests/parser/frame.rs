//! Frames of all shapes that the parser knows, and some that it does not, and what may happen to them.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A frame: link headers, a packet, padding.
pub fn frames() -> impl Strategy<Value = Vec<u8>> {
    let packet = prop_oneof![v4(), v6()];
    let padding = prop_oneof![3 => Just(0_usize), 1 => 0..30_usize];
    (link(), packet, padding).prop_map(|(link, (ethertype, packet), padding)| {
        [link.wrap(ethertype), packet, vec![0; padding]].concat()
    })
}

#[derive(Clone, Debug)]
struct Link {
    addresses: [u8; 12],
    tags: Vec<(u16, u16)>,
    pppoe: bool,
}

fn link() -> impl Strategy<Value = Link> {
    let tag = || (select(vec![0x8100, 0x88a8, 0x9100]), any::<u16>());
    let tags = prop_oneof![
        5 => Just(Vec::new()),
        4 => prop::collection::vec(tag(), 1..=4),
        1 => prop::collection::vec(tag(), 5),
    ];
    (any::<[u8; 12]>(), tags, prop::bool::weighted(0.15)).prop_map(|(addresses, tags, pppoe)| Link {
        addresses,
        tags,
        pppoe,
    })
}

impl Link {
    /// All before the packet.
    fn wrap(&self, ethertype: u16) -> Vec<u8> {
        let mut bytes = self.addresses.to_vec();
        for (identifier, control) in &self.tags {
            bytes.extend([identifier.to_be_bytes(), control.to_be_bytes()].concat());
        }
        if self.pppoe {
            let protocol = if ethertype == 0x0800 { 0x21 } else { 0x57 };
            bytes.extend([0x88, 0x64, 0x11, 0, 0, 7, 0, 0, 0, protocol]);
        } else {
            bytes.extend(ethertype.to_be_bytes());
        }
        bytes
    }
}

/// Mostly TCP.
fn protocol() -> impl Strategy<Value = u8> {
    prop_oneof![9 => Just(6), 1 => select(vec![17, 1, 58, 47, 51, 59, 132]), 1 => any::<u8>()]
}

/// A TCP header, rarely with a wrong data offset, and payload; or the first bytes of that.
fn segment() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 20..120);
    let words = prop_oneof![9 => 5..=15_u8, 1 => 0..=15_u8];
    let cut = prop_oneof![4 => Just(usize::MAX), 1 => 0..60_usize];
    (bytes, words, cut).prop_map(|(mut bytes, words, cut)| {
        let whole = (bytes.len() / 4).min(15) as u8;
        let words = if words < 5 { words } else { words.min(whole) };
        bytes[12] = words << 4;
        bytes.truncate(cut);
        bytes
    })
}

/// (offset in units of 8 bytes, more fragments), mostly none.
fn fragment() -> impl Strategy<Value = (u16, bool)> {
    prop_oneof![
        6 => Just((0, false)),
        2 => Just((0, true)),
        1 => (1..=2_u16, any::<bool>()),
        1 => (0..0x2000_u16, any::<bool>()),
    ]
}

/// The length that IP says, from the real one: mostly that, now and then 0 or near it.
fn length() -> impl Strategy<Value = Option<i32>> {
    prop_oneof![8 => Just(Some(0)), 1 => Just(None), 1 => (-60..20_i32).prop_map(Some)]
}

fn said(real: usize, length: Option<i32>) -> [u8; 2] {
    length.map_or(0, |difference| (real as i32 + difference).max(0) as u16).to_be_bytes()
}

fn v4() -> BoxedStrategy<(u16, Vec<u8>)> {
    let options = prop_oneof![2 => Just(0), 1 => 0..=10_usize];
    (any::<[u8; 20]>(), options, fragment(), protocol(), length(), segment())
        .prop_map(|(mut header, options, (offset, more), protocol, length, segment)| {
            header[0] = 0x45 + options as u8;
            let real = header.len() + options * 4 + segment.len();
            header[2..4].copy_from_slice(&said(real, length));
            header[6..8].copy_from_slice(&(offset | u16::from(more) << 13).to_be_bytes());
            header[9] = protocol;
            (0x0800, [&header[..], &vec![1; options * 4], &segment].concat())
        })
        .boxed()
}

/// An IPv6 extension header: its number, and its bytes from the second on.
fn extension() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let kinds = select(vec![0_u8, 43, 51, 60, 60, 135, 139, 140]);
    let with_length = (kinds, 0..4_u8, any::<[u8; 32]>()).prop_map(|(kind, length, body)| {
        // AH counts words of 4 bytes less 2, the others words of 8 bytes less 1.
        let len = if kind == 51 { (usize::from(length) + 2) * 4 } else { (usize::from(length) + 1) * 8 };
        (kind, [&[length], &body[..len - 2]].concat())
    });
    let of_fragment = (fragment(), any::<[u8; 4]>()).prop_map(|((offset, more), id)| {
        let word = (offset << 3 | u16::from(more)).to_be_bytes();
        (44, [&[0], &word[..], &id].concat())
    });
    prop_oneof![4 => with_length, 1 => of_fragment]
}

fn v6() -> BoxedStrategy<(u16, Vec<u8>)> {
    let extensions = prop_oneof![
        3 => Just(Vec::new()),
        4 => prop::collection::vec(extension(), 1..=3),
        1 => prop::collection::vec(extension(), 7..=9),
    ];
    (any::<[u8; 40]>(), extensions, protocol(), length(), segment())
        .prop_map(|(mut header, extensions, protocol, length, segment)| {
            let mut chain = segment;
            let mut next = protocol;
            for (kind, body) in extensions.iter().rev() {
                chain = [&[next], &body[..], &chain].concat();
                next = *kind;
            }
            header[0] = 0x60 | header[0] & 0x0f;
            header[4..6].copy_from_slice(&said(chain.len(), length));
            header[6] = next;
            (0x86dd, [&header[..], &chain].concat())
        })
        .boxed()
}

/// What happens to a frame on its way.
#[derive(Clone, Debug)]
pub enum Mutation {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
}

/// Half of all frames stay as they are.
pub fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let mutation = prop_oneof![
        4 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        1 => any::<Index>().prop_map(Mutation::Remove),
        1 => any::<Index>().prop_map(Mutation::Truncate),
    ];
    prop_oneof![Just(Vec::new()), prop::collection::vec(mutation, 1..4)]
}

/// The frame after all that.
pub fn mutate(mut frame: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        if frame.is_empty() {
            break;
        }
        match mutation {
            Mutation::Flip(at, bit) => {
                let at = at.index(frame.len());
                frame[at] ^= 1 << bit;
            }
            Mutation::Set(at, byte) => {
                let at = at.index(frame.len());
                frame[at] = *byte;
            }
            Mutation::Insert(at, byte) => frame.insert(at.index(frame.len()), *byte),
            Mutation::Remove(at) => drop(frame.remove(at.index(frame.len()))),
            Mutation::Truncate(at) => frame.truncate(at.index(frame.len())),
        }
    }
    frame
}
