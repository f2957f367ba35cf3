//! Sequence numbers that prove themselves.
//!
//! Global functions (exported, scalars only): the verifier checks each by itself instead of once for every way that leads
//! there, and of a keyed hash there is nothing to know.

use relay_guard_common::{
    address::Address,
    respond::cookie::{DOES_NOT_FIT, Tuple},
};

use super::respond::answering;

/// The sequence number with which a client is answered; 0 without a key.
#[inline(always)]
pub(crate) fn issue(tuple: &Tuple) -> u32 {
    let ((a, b), (c, d)) = (tuple.source.halves(), tuple.destination.halves());
    issue_cookie(a, b, c, d, ports(tuple))
}

/// How far an acknowledgment is into what we say; [`DOES_NOT_FIT`] if it began with none of our numbers.
#[inline(always)]
pub(crate) fn offset(tuple: &Tuple, acknowledgment: u32) -> u32 {
    let ((a, b), (c, d)) = (tuple.source.halves(), tuple.destination.halves());
    cookie_offset(a, b, c, d, u64::from(acknowledgment) << 32 | ports(tuple))
}

#[inline(always)]
const fn ports(tuple: &Tuple) -> u64 {
    (tuple.source_port as u64) << 16 | tuple.destination_port as u64
}

#[inline(always)]
const fn tuple(a: u64, b: u64, c: u64, d: u64, ports: u64) -> Tuple {
    Tuple {
        source: Address::from_halves(a, b),
        destination: Address::from_halves(c, d),
        source_port: (ports >> 16) as u16,
        destination_port: ports as u16,
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn issue_cookie(a: u64, b: u64, c: u64, d: u64, ports: u64) -> u32 {
    match answering() {
        Some(answering) => answering.keys.issue(&tuple(a, b, c, d, ports)),
        None => 0,
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn cookie_offset(a: u64, b: u64, c: u64, d: u64, ports: u64) -> u32 {
    match answering() {
        Some(answering) => answering.keys.offset(&tuple(a, b, c, d, ports), (ports >> 32) as u32),
        None => DOES_NOT_FIT,
    }
}
