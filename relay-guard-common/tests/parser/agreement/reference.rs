//! What etherparse finds in a frame.
//!
//! Its parts are put together here in our order, because its own way differs by design from ours:
//! - it follows 3 tags, we 4; it knows no PPPoE;
//! - it goes by the IP version alone, we want the ethertype to agree;
//! - it takes a total length below the header's for none, we for malformed; both take 0 for "as long as the frame";
//! - it follows AH over IPv4, we do not;
//! - of IPv6's extension headers it wants hop-by-hop to be first, AH to be 12 bytes at least, and does not follow
//!   mobility, HIP and shim6; it sets no limit to their number;
//! - it wants TCP's options whole, we the fixed header: all that is judged is there.
//!
//! What a fragment means to us is no question of parsing, so the rules of RFC 1858 and RFC 3128 stand here again.

use std::net::IpAddr;

use etherparse::err::ipv4::HeaderSliceError;
use etherparse::{
    EtherType, Ethernet2Slice, IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice,
    Ipv6Header, Ipv6RawExtHeaderSlice, LaxIpv4Slice, LaxIpv6Slice, SingleVlanSlice, TcpSlice, ether_type,
    ip_number,
};
use relay_guard_common::parse::MAX_OFFSET;

use super::parse_limits;

/// A TCP header and the addresses before it.
#[derive(Debug, PartialEq, Eq)]
pub struct Tcp {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
}

impl Tcp {
    pub fn of(tcp: &TcpSlice<'_>, source: IpAddr, destination: IpAddr) -> Self {
        let bits = [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg(), tcp.ece(), tcp.cwr()];
        Self {
            source: source.to_canonical(),
            destination: destination.to_canonical(),
            source_port: tcp.source_port(),
            destination_port: tcp.destination_port(),
            sequence: tcp.sequence_number(),
            acknowledgment: tcp.acknowledgment_number(),
            flags: (0..).zip(bits).map(|(bit, set)| u8::from(set) << bit).sum(),
        }
    }
}

/// What there is in a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// A TCP header in a packet that is whole.
    Tcp(Tcp),
    /// A whole TCP header, options included, in a first fragment.
    FirstFragment(Tcp),
    /// A first fragment that is too short for its TCP header.
    TinyFragment,
    /// A fragment of TCP at offset 8.
    OverlappingFragment,
    /// Any other later fragment of TCP, or one of IPv6 whatever it holds.
    LaterFragment,
    /// A first fragment of TCP that its frame ends before.
    CutFragment,
    /// Another protocol over IP.
    NotTcp,
    /// More than is followed.
    TooDeep,
    /// A header that IP's own length, or the frame, ends in. What lies there must not be found, but may look like a
    /// fragment that is dropped: nobody's stack would have taken the packet.
    PastTheEnd,
    /// No IP, or nothing that makes sense of it.
    Nothing,
}

/// Goes through the frame.
pub fn find(frame: &[u8]) -> Finding {
    network(frame).unwrap_or(Finding::Nothing)
}

fn network(frame: &[u8]) -> Option<Finding> {
    let ethernet = Ethernet2Slice::from_slice_without_fcs(frame).ok()?;
    let (mut ethertype, mut payload) = (ethernet.ether_type(), ethernet.payload_slice());
    let mut tags = 0;
    while is_tag(ethertype) {
        if tags == parse_limits::TAGS {
            return Some(Finding::TooDeep);
        }
        let tag = SingleVlanSlice::from_slice(payload).ok()?;
        (ethertype, payload) = (tag.ether_type(), tag.payload_slice());
        tags += 1;
    }
    if ethertype == EtherType(0x8864) {
        (ethertype, payload) = pppoe_session(payload)?;
    }
    match ethertype {
        ether_type::IPV4 => v4(payload),
        ether_type::IPV6 => v6(payload, frame.len() - payload.len()),
        _ => None,
    }
}

fn is_tag(ethertype: EtherType) -> bool {
    use ether_type::{PROVIDER_BRIDGING, VLAN_DOUBLE_TAGGED_FRAME, VLAN_TAGGED_FRAME};
    [VLAN_TAGGED_FRAME, PROVIDER_BRIDGING, VLAN_DOUBLE_TAGGED_FRAME].contains(&ethertype)
}

/// The ethertype of what a PPPoE session carries (RFC 2516, 4), and it.
fn pppoe_session(bytes: &[u8]) -> Option<(EtherType, &[u8])> {
    let (header, payload) = bytes.split_first_chunk::<8>()?;
    match header {
        [0x11, 0, _, _, _, _, 0x00, 0x21] => Some((ether_type::IPV4, payload)),
        [0x11, 0, _, _, _, _, 0x00, 0x57] => Some((ether_type::IPV6, payload)),
        _ => None,
    }
}

fn v4(bytes: &[u8]) -> Option<Finding> {
    let header = match Ipv4HeaderSlice::from_slice(bytes) {
        Ok(header) => header,
        Err(HeaderSliceError::Len(_)) => return Some(Finding::PastTheEnd),
        Err(HeaderSliceError::Content(_)) => return None,
    };
    if header.protocol() != ip_number::TCP {
        return Some(Finding::NotTcp);
    }
    let (ip, _) = LaxIpv4Slice::from_slice(bytes).ok()?;
    match u16::from(header.fragments_offset()) {
        0 => {}
        1 => return Some(Finding::OverlappingFragment),
        _ => return Some(Finding::LaterFragment),
    }
    if header.total_len() != 0 && usize::from(header.total_len()) < header.slice().len() {
        return None;
    }
    let addresses = (header.source_addr().into(), header.destination_addr().into());
    let payload = ip.payload();
    let cut = payload.incomplete || header.total_len() == 0;
    tcp(payload.payload, addresses, payload.fragmented, cut)
}

fn v6(bytes: &[u8], offset: usize) -> Option<Finding> {
    let (ip, _) = LaxIpv6Slice::from_slice(bytes).ok()?;
    let header = ip.header();
    let addresses = (header.source_addr().into(), header.destination_addr().into());
    let mut next = header.next_header();
    // All that IPv6 says is there, extension headers included.
    let mut rest = ip.extensions().slice().len() + ip.payload().payload.len();
    let all = &bytes[..Ipv6Header::LEN + rest];
    let (mut fragmented, mut followed) = (false, 0);
    while is_extension(next) {
        let here = &all[all.len() - rest..];
        if followed == parse_limits::EXTENSIONS || offset + all.len() - rest > MAX_OFFSET {
            return Some(Finding::TooDeep);
        }
        let len;
        (next, len) = match extension(next, here, &mut fragmented) {
            Ok(followed_by) => followed_by,
            Err(finding) => return Some(finding),
        };
        rest -= len;
        followed += 1;
    }
    if offset + all.len() - rest > MAX_OFFSET {
        return Some(Finding::TooDeep);
    }
    if next != ip_number::TCP {
        return Some(Finding::NotTcp);
    }
    let cut = ip.payload().incomplete || header.payload_length() == 0;
    tcp(&all[all.len() - rest..], addresses, fragmented, cut)
}

fn is_extension(next: IpNumber) -> bool {
    // Hop-by-hop, routing, fragment, AH, destination options, mobility, HIP, shim6.
    [0, 43, 44, 51, 60, 135, 139, 140].contains(&next.0)
}

/// What follows the extension header `kind` at the beginning of `bytes`, and how long it is.
fn extension(kind: IpNumber, bytes: &[u8], fragmented: &mut bool) -> Result<(IpNumber, usize), Finding> {
    let past_the_end = |_| Finding::PastTheEnd;
    match kind {
        ip_number::IPV6_FRAG => {
            let header = Ipv6FragmentHeaderSlice::from_slice(bytes).map_err(past_the_end)?;
            match header.fragment_offset().value() {
                0 => *fragmented |= header.more_fragments(),
                1 if header.next_header() == ip_number::TCP => return Err(Finding::OverlappingFragment),
                _ => return Err(Finding::LaterFragment),
            }
            Ok((header.next_header(), header.slice().len()))
        }
        // AH without any content, which etherparse refuses.
        ip_number::AUTH if matches!(bytes, [_, 0, _, _, _, _, _, _, ..]) => Ok((IpNumber(bytes[0]), 8)),
        ip_number::AUTH => {
            let header = IpAuthHeaderSlice::from_slice(bytes).map_err(|_| Finding::PastTheEnd)?;
            Ok((header.next_header(), header.slice().len()))
        }
        _ => {
            let header = Ipv6RawExtHeaderSlice::from_slice(bytes).map_err(past_the_end)?;
            Ok((header.next_header(), header.slice().len()))
        }
    }
}

/// What TCP's header, said to be at the beginning of `bytes`, is. `cut` says that the frame may end before the packet.
fn tcp(
    bytes: &[u8],
    (source, destination): (IpAddr, IpAddr),
    fragmented: bool,
    cut: bool,
) -> Option<Finding> {
    if !fragmented {
        let mut fixed: [u8; 20] = *bytes.first_chunk()?;
        // No options: a header of 5 words.
        fixed[12] = fixed[12] & 0x0f | 0x50;
        let header = TcpSlice::from_slice(&fixed).ok()?;
        return Some(Finding::Tcp(Tcp::of(&header, source, destination)));
    }
    if cut {
        return Some(Finding::CutFragment);
    }
    let header = TcpSlice::from_slice(bytes);
    Some(header.map_or(Finding::TinyFragment, |header| {
        Finding::FirstFragment(Tcp::of(&header, source, destination))
    }))
}
