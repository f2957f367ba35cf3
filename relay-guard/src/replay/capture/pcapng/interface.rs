//! What a section says of an interface.

use super::super::{MAX_TIME_NS, Number, link::Link};

const LINK_TYPE: usize = 0;
const SNAPLEN: usize = 4;
const OPTIONS: usize = 8;

const END: u16 = 0;
const RESOLUTION: u16 = 9;
const TIME_OFFSET: u16 = 14;

/// An interface, as far as packets need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    /// What its packets begin with, or the number of what is not known.
    pub(super) link: Result<Link, u16>,
    /// The most bytes of a packet that are kept; 0 is all.
    snaplen: u32,
    /// `if_tsresol`: a power of ten, or with the first bit set of two.
    resolution: u8,
    /// Seconds that are added to all times.
    offset_s: i64,
}

impl Interface {
    /// Reads the body of its block, which has at least [`OPTIONS`] bytes. Options that are odd are left out: a name that is
    /// no UTF-8 makes no packet unreadable.
    pub(super) fn read(body: &[u8], order: Number) -> Self {
        let number = order.u16(body, LINK_TYPE);
        let mut interface = Self {
            link: Link::from_number(number).ok_or(number),
            snaplen: order.u32(body, SNAPLEN),
            resolution: 6,
            offset_s: 0,
        };
        let mut rest = &body[OPTIONS..];
        while let Some((code, value, behind)) = option(rest, order) {
            match (code, value) {
                (END, _) => break,
                (RESOLUTION, [resolution, ..]) => interface.resolution = *resolution,
                (TIME_OFFSET, [_, _, _, _, _, _, _, _]) => interface.offset_s = order.u64(value, 0) as i64,
                _ => {}
            }
            rest = behind;
        }
        interface
    }

    /// The most bytes of a packet that are kept.
    pub(super) const fn most(&self) -> u32 {
        if self.snaplen == 0 { u32::MAX } else { self.snaplen }
    }

    /// Nanoseconds since the epoch, of a time in the interface's units.
    pub(super) fn time_ns(&self, units: u64) -> u64 {
        let exponent = u32::from(self.resolution & 0x7f);
        let in_seconds = u128::from(units) * 1_000_000_000;
        let ns = if self.resolution & 0x80 != 0 {
            in_seconds >> exponent
        } else {
            10_u128.checked_pow(exponent).map_or(0, |unit| in_seconds / unit)
        };
        let ns = ns as i128 + i128::from(self.offset_s) * 1_000_000_000;
        ns.clamp(0, i128::from(MAX_TIME_NS)) as u64
    }
}

/// The first option, and what is behind it.
fn option(options: &[u8], order: Number) -> Option<(u16, &[u8], &[u8])> {
    let (head, rest) = options.split_at_checked(4)?;
    let (code, length) = (order.u16(head, 0), usize::from(order.u16(head, 2)));
    let value = rest.get(..length)?;
    Some((code, value, rest.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An interface block's body with these options.
    fn body(options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![1, 0, 0, 0, 96, 0, 0, 0];
        for (code, value) in options {
            body.extend_from_slice(&code.to_le_bytes());
            body.extend_from_slice(&(value.len() as u16).to_le_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body
    }

    #[test]
    fn times_are_in_the_units_that_options_say() {
        const NS: u64 = 1_000_000_000;
        let offset = 3600_i64.to_le_bytes();
        let back = (-3600_i64).to_le_bytes();
        for (options, units, expected) in [
            (&[][..], 7_000_001, 7 * NS + 1000),
            (&[(RESOLUTION, &[6][..])], 7_000_001, 7 * NS + 1000),
            (&[(RESOLUTION, &[9])], 7 * NS + 1, 7 * NS + 1),
            (&[(RESOLUTION, &[3])], 7001, 7 * NS + 1_000_000),
            (&[(RESOLUTION, &[0])], 7, 7 * NS),
            (&[(RESOLUTION, &[12])], 7_000_000_001_999, 7 * NS + 1),
            (&[(RESOLUTION, &[0x80 | 10])], 7 * 1024 + 512, 7 * NS + NS / 2),
            (&[(RESOLUTION, &[0x80 | 32])], 7 << 32, 7 * NS),
            (&[(RESOLUTION, &[0xff])], u64::MAX, 0),
            (&[(RESOLUTION, &[0x7f])], u64::MAX, 0),
            (&[(RESOLUTION, &[0])], u64::MAX, MAX_TIME_NS),
            (&[(RESOLUTION, &[0]), (TIME_OFFSET, &offset)], 7, 3607 * NS),
            (&[(RESOLUTION, &[0]), (TIME_OFFSET, &back)], 3607, 7 * NS),
            (&[(RESOLUTION, &[0]), (TIME_OFFSET, &back)], 7, 0),
            // Of a wrong length, or behind the end.
            (&[(TIME_OFFSET, &offset[..7])], 7_000_000, 7 * NS),
            (&[(END, &[]), (RESOLUTION, &[9])], 7_000_000, 7 * NS),
            (&[(2, b"\xff\xfe\xff"), (10, &[0, 0, 0, 0]), (RESOLUTION, &[9])], 7, 7),
        ] {
            let interface = Interface::read(&body(options), Number::LITTLE);
            assert_eq!(interface.time_ns(units), expected, "{options:?} {units}");
        }
    }

    #[test]
    fn options_that_are_cut_off_are_left_out() {
        let body = body(&[(RESOLUTION, &[9]), (2, b"a name of some length")]);
        for cut in OPTIONS..=body.len() {
            let interface = Interface::read(&body[..cut], Number::LITTLE);
            assert_eq!((interface.link, interface.most()), (Ok(Link::Ethernet), 96));
            assert_eq!(interface.resolution, if cut < OPTIONS + 5 { 6 } else { 9 });
        }
    }
}
