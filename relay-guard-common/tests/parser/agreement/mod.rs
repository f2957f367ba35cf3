//! Whether the parser and etherparse agree on a frame. Shared with the fuzz target of the parser, so nothing here knows
//! where frames come from.
//!
//! [`mod@reference`] says what etherparse finds.

mod reference;

use std::net::IpAddr;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use reference::{Finding, Tcp};
use relay_guard_common::parse::{self, Layer, Segment};
use relay_guard_common::reason::Reason;

/// Limits that the parser documents.
mod parse_limits {
    pub const TAGS: usize = 4;
    pub const EXTENSIONS: usize = 8;
}

/// Where a frame led both to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    TcpV4,
    TcpV6,
    FirstFragment,
    TinyFragment,
    OtherFragment,
    NotTcp,
    Nothing,
    /// Where the reference has no firm opinion, or there is too much to follow.
    Elsewhere,
}

/// What the parser makes of a frame.
fn parse(frame: &[u8]) -> Result<Segment, Reason> {
    parse::transport(frame, Layer::Ethernet)?.segment(frame)
}

fn same(found: &Segment, expected: &Tcp) -> bool {
    let found = Tcp {
        source: found.source.into(),
        destination: found.destination.into(),
        source_port: found.source_port,
        destination_port: found.destination_port,
        sequence: found.sequence,
        acknowledgment: found.acknowledgment,
        flags: found.flags.0,
    };
    found == *expected
}

/// Both ways: the parser finds TCP exactly where etherparse's parts, put together in our order, find it.
///
/// # Errors
/// How they differ.
pub fn equals_reference(frame: &[u8]) -> Result<Reached, String> {
    let found = parse(frame);
    let expected = reference::find(frame);
    let (reached, agrees) = match &expected {
        Finding::Tcp(tcp) => {
            let reached = if tcp.source.is_ipv4() { Reached::TcpV4 } else { Reached::TcpV6 };
            (reached, found.is_ok_and(|segment| same(&segment, tcp)))
        }
        Finding::FirstFragment(tcp) => {
            (Reached::FirstFragment, found.is_ok_and(|segment| same(&segment, tcp)))
        }
        Finding::TinyFragment => (Reached::TinyFragment, found == Err(Reason::TinyFragment)),
        Finding::LaterFragment => (Reached::OtherFragment, found == Err(Reason::LaterFragment)),
        Finding::OverlappingFragment => (Reached::OtherFragment, found == Err(Reason::OverlappingFragment)),
        Finding::NotTcp => (Reached::NotTcp, found == Err(Reason::NotTcp)),
        Finding::TooDeep => (Reached::Elsewhere, found == Err(Reason::TooDeep)),
        Finding::PastTheEnd => (Reached::Elsewhere, found.is_err()),
        // What is not there must not be found, and above all not be dropped as a fragment.
        Finding::Nothing => (
            Reached::Nothing,
            found
                .is_err_and(|reason| reason != Reason::OverlappingFragment && reason != Reason::TinyFragment),
        ),
        // No opinion, but what is found must not come from nowhere.
        Finding::CutFragment => (Reached::Elsewhere, found != Err(Reason::OverlappingFragment)),
    };
    agrees.then_some(reached).ok_or_else(|| differ(&found, &expected, frame))
}

/// One way, and without any help: what etherparse's own way through a frame ends at, ours does. Tells whether it ended
/// at TCP at all.
///
/// # Errors
/// How they differ.
pub fn finds_all_that_etherparse_as_a_whole_finds(frame: &[u8]) -> Result<bool, String> {
    let Some(expected) = whole_by_etherparse(frame) else { return Ok(false) };
    let found = parse(frame);
    let agrees = found.is_ok_and(|segment| same(&segment, &expected));
    agrees.then_some(true).ok_or_else(|| differ(&found, &expected, frame))
}

fn differ(found: &Result<Segment, Reason>, expected: &dyn std::fmt::Debug, frame: &[u8]) -> String {
    format!("we: {found:?}, etherparse: {expected:?}, {frame:02x?}")
}

/// The TCP header that etherparse finds by itself, where it goes by the same rules as we do.
fn whole_by_etherparse(frame: &[u8]) -> Option<Tcp> {
    let packet = LaxSlicedPacket::from_ethernet(frame).ok()?;
    let (Some(TransportSlice::Tcp(tcp)), Some(net)) = (&packet.transport, &packet.net) else { return None };
    let (source, destination): (IpAddr, IpAddr) = match net {
        // It goes by the version alone, we want the ethertype to agree; it takes a total length below the header's
        // for none at all, we take it for a lie; AH over IPv4 is nothing that mail comes in.
        LaxNetSlice::Ipv4(ip)
            if ethertype_is(&packet, 0x0800)
                && (ip.header().total_len() == 0
                    || usize::from(ip.header().total_len()) >= ip.header().slice().len())
                && ip.extensions().is_empty() =>
        {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        // It follows any number of extension headers as far as they go; we 8, and not beyond 4 KiB.
        LaxNetSlice::Ipv6(ip)
            if ethertype_is(&packet, 0x86dd)
                && ip.extensions().clone().into_iter().count() <= parse_limits::EXTENSIONS
                && frame.len() <= parse::MAX_OFFSET =>
        {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        _ => return None,
    };
    Some(Tcp::of(tcp, source, destination))
}

/// Whether the ethertype that announced the network layer is this.
fn ethertype_is(packet: &LaxSlicedPacket<'_>, ethertype: u16) -> bool {
    packet.ether_payload().is_some_and(|payload| payload.ether_type.0 == ethertype)
}
