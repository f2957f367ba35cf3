//! The first line of a payload.

use relay_guard_common::{
    parse::Frame as _,
    respond::{reply::MAX_SPOKEN, verb::Verb},
};

use super::Medium;

/// Octets of the payload's first line, LF included; 0 if none ends within the first [`MAX_SPOKEN`] octets.
#[inline(never)]
pub(crate) fn line_len<M: Medium>(medium: &M, offset: usize, payload_len: u32) -> u32 {
    let packet = medium.packet();
    let before = packet.forget(offset - 1);
    for index in 0..MAX_SPOKEN {
        if index >= payload_len {
            break;
        }
        // With the octet before it, which a header always has: of one octet alone the verifier would not believe that it is
        // there. A frame in several buffers has the first line in the first one.
        let Some([_, octet]) = packet.read(before + index as usize) else { break };
        if octet == b'\n' {
            return index + 1;
        }
    }
    0
}

/// The verb at `offset`.
#[inline(always)]
pub(crate) fn verb<M: Medium>(medium: &M, offset: usize) -> Verb {
    match medium.packet().read::<5>(offset) {
        Some(first) => Verb::of(first),
        // No verb is shorter than four octets and an end.
        None => Verb::Other,
    }
}
