//! The first line of a payload.

use relay_guard_common::respond::{
    reply::{MAX_SPOKEN, Spoken},
    verb::Verb,
};

use super::Medium;
use crate::{
    maps::respond::{HEARD_DOUBLES, heard},
    packet::{bounded, unknown},
};

/// The payload's first line. A function of its own: where it ends is for the verifier as many ways as it has octets.
#[inline(never)]
pub(crate) fn first_line<M: Medium>(medium: &M, offset: usize, payload_len: u32) -> Spoken {
    let mut spoken = Spoken { verb: Verb::Other, len: 0 };
    let Some(doubles) = heard() else { return spoken };
    let len = if payload_len < MAX_SPOKEN { payload_len } else { MAX_SPOKEN };
    // Out of the frame, of which anything may be in any buffer, into memory of which all is in one place.
    if len == 0 || !medium.load(offset as u32, doubles.as_mut_ptr().cast(), bounded(len, MAX_SPOKEN - 1)) {
        return spoken;
    }
    let end = unknown(line_end(doubles));
    if end == 0 || end > len.into() {
        return spoken;
    }
    spoken.len = end as u32;
    let [a, b, c, d, e, ..] = doubles[0].to_ne_bytes();
    // The octets of a line that is shorter are whatever was there before: the line's end stands before them.
    spoken.verb = Verb::of([a, b, c, d, e]);
    spoken
}

/// Octets up to the first LF, which may stand behind what counts; 0 if there is none.
#[inline(always)]
fn line_end(doubles: &[u64; HEARD_DOUBLES]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LF: u64 = ONES * b'\n' as u64;
    let mut before = 0;
    for double in doubles {
        let differs = double ^ LF;
        // The highest bit of each octet that is 0, and perhaps of ones after the first of these.
        let found = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        if found != 0 {
            return before + first_octet(found) + 1;
        }
        before += 8;
    }
    0
}

/// The lowest octet with a bit set.
#[inline(always)]
fn first_octet(found: u64) -> u64 {
    let mut octet = 0;
    while octet < 7 {
        if found >> (8 * octet) & 0xff != 0 {
            break;
        }
        octet += 1;
    }
    octet
}
