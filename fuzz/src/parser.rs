//! The packet parser on raw frames.
//!
//! Invariant: it finds a TCP segment exactly where etherparse finds one; it looks no further into a frame than it says;
//! and a packet without an Ethernet header is the same packet.
//!
//! What agreement means is shared with the parser's own tests, which make well-formed frames.

// The tests of another crate cannot be depended on.
#[path = "../../relay-guard-common/tests/parser/agreement/mod.rs"]
mod agreement;

use std::cell::Cell;

use relay_guard_common::parse::{self, Frame, Layer, MAX_OFFSET, Segment};
use relay_guard_common::reason::Reason;

/// The length of a TCP header without options: no read starts further behind [`MAX_OFFSET`].
const TCP_HEADER: usize = 20;

/// The length of an Ethernet header.
const ETHERNET_HEADER: usize = 14;

/// Holds the invariant against one frame.
///
/// # Panics
/// If it does not hold.
pub fn check(frame: &[u8]) {
    let outcomes = [
        agreement::equals_reference(frame).map(drop),
        agreement::finds_all_that_etherparse_as_a_whole_finds(frame).map(drop),
    ];
    for outcome in outcomes {
        outcome.unwrap_or_else(|difference| panic!("{difference}"));
    }
    without_ethernet(frame);
}

/// A frame that notes how far it was looked into.
struct Watched<'a> {
    bytes: &'a [u8],
    furthest: Cell<usize>,
}

impl Frame for Watched<'_> {
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.furthest.set(self.furthest.get().max(offset));
        self.bytes.read(offset)
    }

    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]> {
        self.furthest.set(self.furthest.get().max(offset));
        self.bytes.words(offset)
    }
}

fn segment(bytes: &[u8], layer: Layer) -> Result<Segment, Reason> {
    let frame = Watched { bytes, furthest: Cell::new(0) };
    let found = parse::transport(&frame, layer).and_then(|transport| transport.segment(&frame));
    let furthest = frame.furthest.get();
    assert!(furthest <= MAX_OFFSET + TCP_HEADER, "looked at offset {furthest}");
    found
}

/// The bytes as a packet by itself, and behind an Ethernet header that says what its version says.
fn without_ethernet(packet: &[u8]) {
    let ethertype: [u8; 2] = match packet.first().map(|first| first >> 4) {
        Some(4) => [0x08, 0x00],
        Some(6) => [0x86, 0xdd],
        _ => {
            let found = segment(packet, Layer::Network);
            assert!(found.is_err(), "a segment in neither IPv4 nor IPv6: {found:?}");
            return;
        }
    };
    let framed = [&[0; ETHERNET_HEADER - 2], &ethertype[..], packet].concat();
    let (bare, framed) = (segment(packet, Layer::Network), segment(&framed, Layer::Ethernet));
    // What is too far from the beginning is nearer without the header.
    if framed == Err(Reason::TooDeep) {
        return;
    }
    assert_eq!(bare, framed, "by itself, and behind an Ethernet header");
}
