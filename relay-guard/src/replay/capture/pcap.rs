//! pcap: a header, then packets, each with a header of 16 bytes (draft-ietf-opsawg-pcap).

use std::io::Read;

use super::{
    Found, Number,
    error::{CaptureError, Fault},
    link::Link,
    window::{MAX_RECORD, Window},
};

const HEADER: usize = 24;
const PACKET_HEADER: usize = 16;
/// The only version that was ever in use; the number behind the dot changed nothing since 1998.
const MAJOR: u16 = 2;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    order: Number,
    /// Nanoseconds in the unit of a time's second half.
    unit_ns: u64,
    link: Link,
}

/// Whether a file that begins so is one, how its numbers are written, and in which unit its times are.
pub(super) const fn magic(first: [u8; 4]) -> Option<(Number, u64)> {
    match first {
        [0xa1, 0xb2, 0xc3, 0xd4] => Some((Number::BIG, 1000)),
        [0xd4, 0xc3, 0xb2, 0xa1] => Some((Number::LITTLE, 1000)),
        [0xa1, 0xb2, 0x3c, 0x4d] => Some((Number::BIG, 1)),
        [0x4d, 0x3c, 0xb2, 0xa1] => Some((Number::LITTLE, 1)),
        _ => None,
    }
}

impl Pcap {
    /// Reads the header.
    pub(super) fn open<R: Read>(
        window: &mut Window<R>,
        (order, unit_ns): (Number, u64),
    ) -> Result<Self, CaptureError> {
        let header = match window.look(HEADER)? {
            Ok(header) => header,
            Err(missing) => return Err(super::cut_off(0, missing, "the header")),
        };
        let (major, minor) = (order.u16(header, 4), order.u16(header, 6));
        if major != MAJOR {
            return Err(CaptureError::Version { format: "pcap", major, minor });
        }
        // The upper half tells of checksums behind packets, which the lengths in IP headers leave out.
        let link = order.u32(header, 20) as u16;
        let link = Link::from_number(link).ok_or(CaptureError::LinkType(link))?;
        window.take(HEADER);
        Ok(Self { order, unit_ns, link })
    }

    /// Finds the next packet.
    pub(super) fn next<R: Read>(self, window: &mut Window<R>) -> Result<Option<Found>, CaptureError> {
        let offset = window.offset();
        let header = match window.look(PACKET_HEADER)? {
            Ok(header) => header,
            Err(missing) if missing.there == 0 => return Ok(None),
            Err(missing) => return Err(super::cut_off(offset, missing, "the header of a packet")),
        };
        let [seconds, fraction, captured, length] = [0, 4, 8, 12].map(|at| self.order.u32(header, at));
        if captured > MAX_RECORD - PACKET_HEADER as u32 {
            return Err(CaptureError::Damaged { offset, fault: Fault::TooLong(captured) });
        }
        let whole = PACKET_HEADER + captured as usize;
        if let Err(missing) = window.look(whole)? {
            return Err(super::cut_off(offset, missing, "a packet"));
        }
        window.take(PACKET_HEADER);
        let time_ns = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.unit_ns;
        Ok(Some(Found {
            time_ns: Some(time_ns.min(super::MAX_TIME_NS)),
            link: Ok(self.link),
            length: length.max(captured),
            data: window.take(captured as usize),
        }))
    }
}
