//! Whether a frame may be answered at all.

use relay_guard_common::{
    action::Action,
    address::Address,
    parse::Frame as _,
    respond::{cookie::Tuple, peer::is_unicast, question::Question},
};

use super::Medium;
use crate::maps::respond as maps;

/// The bit of a MAC address's first octet that says: to many (IEEE 802.3 §3.2.3).
const TO_MANY: u8 = 1;
const SOURCE_MAC_OFFSET: usize = 6;

/// Whether it may be: from one host to one host, neither of them ourselves, and not too often.
#[inline(always)]
pub(crate) fn answer<M: Medium>(medium: &M, question: &Question, tuple: &Tuple) -> bool {
    let ((a, b), (c, d)) = (tuple.source.halves(), tuple.destination.halves());
    (question.ip_offset == 0 || is_to_one(medium))
        && are_hosts(a, b, c, d, u64::from(question.class) << 1 | u64::from(question.own)) != 0
        && maps::within_caps(tuple.source, matches!(question.action, Action::Tarpit))
}

/// Whether both addresses are those of hosts, and different ones; the source none of our own, unless we sent it. A global
/// function: the verifier checks it once by itself.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn are_hosts(a: u64, b: u64, c: u64, d: u64, class_and_own: u64) -> u32 {
    let (source, destination) = (Address::from_halves(a, b), Address::from_halves(c, d));
    let are = is_unicast(source)
        && is_unicast(destination)
        && source != destination
        && (class_and_own & 1 != 0 || !maps::is_own(source, class_and_own >> 1 != 0));
    are.into()
}

/// Whether the link header says so.
#[inline(always)]
fn is_to_one<M: Medium>(medium: &M) -> bool {
    let packet = medium.packet();
    let (Some([to, _]), Some([from, _])) = (packet.read(0), packet.read(SOURCE_MAC_OFFSET)) else {
        return false;
    };
    (to | from) & TO_MANY == 0
}
