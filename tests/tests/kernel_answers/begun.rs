//! A whole checksum that happens to be what one begun with the pseudo-header would be.

use relay_guard_common::respond::checksum::of_bytes;

use super::connection::{Connection, Program};
use super::reaction::text;
use super::run::Ports;
use super::segment::Segment;
use super::world::{REFUSED, SAID, with_world};

const ETHERNET_LEN: usize = 14;
/// Offset and length of both addresses, and where TCP begins behind them.
const V4: (usize, usize, usize) = (12, 8, 20);
const V6: (usize, usize, usize) = (8, 32, 40);
/// The checksum within the TCP header.
const CHECKSUM: std::ops::Range<usize> = 16..18;

/// Whether a frame's TCP checksum is the sum of its pseudo-header.
fn looks_begun(packet: &[u8], v6: bool) -> bool {
    let (addresses, len, transport) = if v6 { V6 } else { V4 };
    let segment = &packet[transport..];
    let length = u16::try_from(segment.len()).expect("a short segment").to_be_bytes();
    let pseudo = [&packet[addresses..addresses + len], &[0, 6], &length].concat();
    segment[CHECKSUM] == of_bytes(&pseudo).to_be_bytes()
}

#[test]
fn a_checksum_that_looks_begun_and_is_whole_is_answered_with_a_whole_one() {
    let hello = text(8, "250 mx.example.com\r\n");
    with_world(|world| {
        let mut ports = Ports::default();
        for program in Program::ALL {
            for v6 in [false, true] {
                let connection =
                    Connection::inbound(program, REFUSED.client(v6), ports.next(), 25).open(world.kernel);
                let link = if program.has_ethernet() { ETHERNET_LEN } else { 0 };
                // Sequence numbers run through every checksum there is.
                let segment = (1..=1 << 16)
                    .map(|sequence| Segment::data(SAID, "EHLO x\r\n").at(sequence))
                    .find(|segment| looks_begun(&connection.request(segment)[link..], v6))
                    .expect("a sequence number with that checksum");
                assert_eq!(connection.send(world.kernel, &segment), Ok(hello.clone()), "{connection:?}");
            }
        }
    });
}
