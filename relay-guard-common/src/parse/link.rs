//! Link layer: Ethernet, VLAN tags, PPPoE.

use super::{Frame, Network, read};
use crate::reason::Reason;

/// VLAN tags followed in one frame.
pub const MAX_TAGS: usize = 4;

const ETHERTYPE_OFFSET: usize = 12;
const ETHERNET_LEN: usize = 14;
const TAG_LEN: usize = 4;
/// PPPoE session header (RFC 2516 §4) and PPP protocol number.
const PPPOE_LEN: usize = 8;

const ETH_IPV4: u16 = 0x0800;
const ETH_IPV6: u16 = 0x86dd;
const ETH_VLAN: u16 = 0x8100;
const ETH_QINQ: u16 = 0x88a8;
/// QinQ before 802.1ad named a type of its own; still sent by some switches.
const ETH_QINQ_OLD: u16 = 0x9100;
const ETH_PPPOE_SESSION: u16 = 0x8864;

const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;

/// The network protocol of an Ethernet frame and the offset of its header.
#[inline(always)]
pub(super) fn ethernet<F: Frame + ?Sized>(frame: &F) -> Result<(Network, usize), Reason> {
    let mut ethertype = u16::from_be_bytes(read(frame, ETHERTYPE_OFFSET)?);
    let mut offset = ETHERNET_LEN;
    // The common cases first: no tag, no loop.
    match ethertype {
        ETH_IPV4 => return Ok((Network::V4, offset)),
        ETH_IPV6 => return Ok((Network::V6, offset)),
        _ => {}
    }
    for _ in 0..MAX_TAGS {
        if !is_tag(ethertype) {
            break;
        }
        ethertype = u16::from_be_bytes(read(frame, offset + 2)?);
        offset += TAG_LEN;
    }
    let offset = frame.forget(offset);
    match ethertype {
        ETH_IPV4 => Ok((Network::V4, offset)),
        ETH_IPV6 => Ok((Network::V6, offset)),
        ETH_PPPOE_SESSION => pppoe(frame, offset),
        tag if is_tag(tag) => Err(Reason::TooDeep),
        _ => Err(Reason::NotIp),
    }
}

/// The network protocol of a frame without link header, by its version.
#[inline(always)]
pub(super) fn bare<F: Frame + ?Sized>(frame: &F) -> Result<(Network, usize), Reason> {
    // Two bytes, because the verifier learns nothing from "one byte at offset 0 is there".
    let [first, _] = read(frame, 0)?;
    match first >> 4 {
        4 => Ok((Network::V4, 0)),
        6 => Ok((Network::V6, 0)),
        _ => Err(Reason::NotIp),
    }
}

#[inline(always)]
const fn is_tag(ethertype: u16) -> bool {
    matches!(ethertype, ETH_VLAN | ETH_QINQ | ETH_QINQ_OLD)
}

/// The network protocol in a PPPoE session frame whose header is at `offset`.
#[inline(always)]
fn pppoe<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<(Network, usize), Reason> {
    let [version_type, code, _, _, _, _, high, low] = read::<F, PPPOE_LEN>(frame, offset)?;
    // Version 1, type 1, code 0 (session data): RFC 2516 §4.
    if version_type != 0x11 || code != 0 {
        return Err(Reason::NotIp);
    }
    match u16::from_be_bytes([high, low]) {
        PPP_IPV4 => Ok((Network::V4, offset + PPPOE_LEN)),
        PPP_IPV6 => Ok((Network::V6, offset + PPPOE_LEN)),
        _ => Err(Reason::NotIp),
    }
}
