//! Capture files for tests, octet by octet.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Big,
    Little,
}

impl Order {
    pub(crate) const BOTH: [Self; 2] = [Self::Big, Self::Little];

    fn u16(self, number: u16) -> [u8; 2] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        if self == Self::Big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn words(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| self.u32(*number)).collect()
    }
}

/// pcap's header.
pub(crate) fn pcap_header(order: Order, magic: u32, link: u32) -> Vec<u8> {
    [&order.u32(magic)[..], &order.u16(2), &order.u16(4), &order.words(&[0, 0, 65_535, link])].concat()
}

/// pcap's magic number for times in microseconds.
pub(crate) const MICRO: u32 = 0xa1b2_c3d4;
/// For times in nanoseconds.
pub(crate) const NANO: u32 = 0xa1b2_3c4d;

/// A packet of pcap that was `length` octets long.
pub(crate) fn pcap_packet(
    order: Order,
    (seconds, fraction): (u32, u32),
    length: u32,
    data: &[u8],
) -> Vec<u8> {
    [&order.words(&[seconds, fraction, data.len() as u32, length])[..], data].concat()
}

/// A block of pcapng.
pub(crate) fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let length = order.u32(body.len() as u32 + 12);
    [&order.u32(kind)[..], &length, &body, &length].concat()
}

/// The block that begins a section.
pub(crate) fn section(order: Order) -> Vec<u8> {
    let body = [&order.u32(0x1a2b_3c4d)[..], &order.u16(1), &order.u16(0), &[0xff; 8]].concat();
    block(order, 0x0a0d_0d0a, &body)
}

/// The block of an interface with these options.
pub(crate) fn interface(order: Order, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = [&order.u16(link)[..], &[0, 0], &order.u32(snaplen)].concat();
    for (code, value) in options {
        body.extend([order.u16(*code), order.u16(value.len() as u16)].concat());
        body.extend_from_slice(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    block(order, 1, &body)
}

/// The block of a packet that was `length` octets long.
pub(crate) fn enhanced(order: Order, interface: u32, units: u64, length: u32, data: &[u8]) -> Vec<u8> {
    let numbers = [interface, (units >> 32) as u32, units as u32, data.len() as u32, length];
    block(order, 6, &[&order.words(&numbers)[..], data].concat())
}

/// The same in a block of old.
pub(crate) fn obsolete(order: Order, interface: u16, units: u64, length: u32, data: &[u8]) -> Vec<u8> {
    let numbers = [(units >> 32) as u32, units as u32, data.len() as u32, length];
    block(order, 2, &[&order.u16(interface)[..], &[0, 9], &order.words(&numbers), data].concat())
}

/// The block of a packet without anything else.
pub(crate) fn simple(order: Order, length: u32, data: &[u8]) -> Vec<u8> {
    block(order, 3, &[&order.u32(length)[..], data].concat())
}

/// Compressed.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
