//! Network layer: IPv4 with options, IPv6 with extension headers, the fragment rules.

use super::{Frame, MAX_OFFSET, Network, Transport, read, tcp};
use crate::reason::Reason;

/// IPv6 extension headers followed in one packet.
pub const MAX_EXTENSIONS: usize = 8;

const TCP: u8 = 6;

const V4_MIN_LEN: usize = 20;
const V4_PROTOCOL_OFFSET: usize = 9;
/// Fragment offset (13 bits, units of 8 bytes) of the word at offset 6; RFC 791 §3.1.
const V4_FRAGMENT_OFFSET: u16 = 0x1fff;
const V4_MORE_FRAGMENTS: u16 = 0x2000;

const V6_LEN: usize = 40;
const V6_HOP_BY_HOP: u8 = 0;
const V6_ROUTING: u8 = 43;
const V6_FRAGMENT: u8 = 44;
const V6_AUTHENTICATION: u8 = 51;
const V6_DESTINATION: u8 = 60;
const V6_MOBILITY: u8 = 135;
const V6_HOST_IDENTITY: u8 = 139;
const V6_SHIM6: u8 = 140;

/// Where a packet stands in a fragmented datagram.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fragment {
    /// Not fragmented.
    Whole,
    /// The fragment at offset 0 of several.
    First,
}

/// Finds the TCP header of the IPv4 packet at `offset`.
#[inline(always)]
pub(super) fn v4<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Transport, Reason> {
    let header: [u8; 10] = read(frame, offset)?;
    let version_ihl = header[0];
    if version_ihl >> 4 != 4 {
        return Err(Reason::Malformed);
    }
    if header[V4_PROTOCOL_OFFSET] != TCP {
        return Err(Reason::NotTcp);
    }
    let header_len = (version_ihl & 0x0f) as usize * 4;
    if header_len < V4_MIN_LEN {
        return Err(Reason::Malformed);
    }
    let fragment = fragment_of(
        u16::from_be_bytes([header[6], header[7]]) & V4_FRAGMENT_OFFSET,
        u16::from_be_bytes([header[6], header[7]]) & V4_MORE_FRAGMENTS != 0,
    )?;
    let total_len = u16::from_be_bytes([header[2], header[3]]) as usize;
    // 0 is what segmentation offload leaves in packets over 64 KiB (Linux 6.3, BIG TCP): as long as the frame.
    let payload_len = match total_len {
        0 => tcp::AS_LONG_AS_FRAME,
        len => len.checked_sub(header_len).ok_or(Reason::Malformed)?,
    };
    tcp::find(frame, Network::V4, offset, offset + header_len, payload_len, fragment)
}

/// Finds the TCP header of the IPv6 packet at `offset`.
#[inline(always)]
pub(super) fn v6<F: Frame + ?Sized>(frame: &F, offset: usize) -> Result<Transport, Reason> {
    let header: [u8; 8] = read(frame, offset)?;
    if header[0] >> 4 != 6 {
        return Err(Reason::Malformed);
    }
    let payload_len = u16::from_be_bytes([header[4], header[5]]) as usize;
    let mut next = header[6];
    let mut position = offset + V6_LEN;
    let mut fragment = Fragment::Whole;
    // The common case first: no extension, no loop.
    if next != TCP {
        (next, position, fragment) = extensions(frame, next, position)?;
        if position > MAX_OFFSET {
            return Err(Reason::TooDeep);
        }
        position = frame.forget(position);
    }
    if next != TCP {
        return Err(Reason::NotTcp);
    }
    // 0 announces a jumbogram (RFC 2675): as long as the frame.
    let payload_len = match payload_len {
        0 => tcp::AS_LONG_AS_FRAME,
        len => (offset + V6_LEN + len).checked_sub(position).ok_or(Reason::Truncated)?,
    };
    tcp::find(frame, Network::V6, offset, position, payload_len, fragment)
}

/// Follows extension headers (RFC 8200 §4) to the first header that is none: its type and offset.
#[inline(always)]
fn extensions<F: Frame + ?Sized>(
    frame: &F,
    mut next: u8,
    mut position: usize,
) -> Result<(u8, usize, Fragment), Reason> {
    let mut fragment = Fragment::Whole;
    for _ in 0..MAX_EXTENSIONS {
        if !is_extension(next) {
            return Ok((next, position, fragment));
        }
        if position > MAX_OFFSET {
            return Err(Reason::TooDeep);
        }
        position = frame.forget(position);
        let [following, length, high, low] = read(frame, position)?;
        let len = match next {
            V6_FRAGMENT => {
                let word = u16::from_be_bytes([high, low]);
                if following != TCP && word >> 3 == 1 {
                    // Offset 8 of something whose first header is an extension: no TCP flags lie there.
                    return Err(Reason::LaterFragment);
                }
                // A second fragment header that says "whole" makes the datagram no less a first fragment.
                if let Fragment::First = fragment_of(word >> 3, word & 1 != 0)? {
                    fragment = Fragment::First;
                }
                8
            }
            V6_AUTHENTICATION => (length as usize + 2) * 4,
            _ => (length as usize + 1) * 8,
        };
        next = following;
        position += len;
    }
    if is_extension(next) { Err(Reason::TooDeep) } else { Ok((next, position, fragment)) }
}

#[inline(always)]
const fn is_extension(next: u8) -> bool {
    matches!(
        next,
        V6_HOP_BY_HOP
            | V6_ROUTING
            | V6_FRAGMENT
            | V6_AUTHENTICATION
            | V6_DESTINATION
            | V6_MOBILITY
            | V6_HOST_IDENTITY
            | V6_SHIM6
    )
}

/// What a fragment's offset (units of 8 bytes) and more-fragments flag mean for us.
#[inline(always)]
const fn fragment_of(offset: u16, more: bool) -> Result<Fragment, Reason> {
    match (offset, more) {
        (0, false) => Ok(Fragment::Whole),
        (0, true) => Ok(Fragment::First),
        // It would overwrite the flags of a TCP header that was judged (RFC 3128).
        (1, _) => Err(Reason::OverlappingFragment),
        _ => Err(Reason::LaterFragment),
    }
}
