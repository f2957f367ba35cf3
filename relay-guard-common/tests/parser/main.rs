//! The parser against etherparse, on frames that are well-formed, and on the same after bits were turned, bytes put in
//! and ends cut off.
//!
//! [`frame`] makes the frames, [`reference`] says what etherparse finds in them.

mod frame;
mod reference;

use std::cell::Cell;
use std::net::IpAddr;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use reference::{Finding, Tcp};
use relay_guard_common::parse::{self, Layer, Segment};
use relay_guard_common::reason::Reason;

const CASES: u32 = 20_000;

/// How many frames ended where; what is asserted of it keeps the test from testing nothing.
#[derive(Default)]
struct Reached {
    v4: Cell<u32>,
    v6: Cell<u32>,
    first_fragment: Cell<u32>,
    tiny: Cell<u32>,
    other_fragment: Cell<u32>,
    not_tcp: Cell<u32>,
    nothing: Cell<u32>,
    whole_by_etherparse: Cell<u32>,
}

fn count(counter: &Cell<u32>) {
    counter.set(counter.get() + 1);
}

#[test]
fn finds_what_etherparse_finds() {
    let reached = Reached::default();
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(frame::frames(), frame::mutations()), |(frame, mutations)| {
        let frame = frame::mutate(frame, &mutations);
        equals_reference(&frame, &reached)?;
        finds_all_that_etherparse_as_a_whole_finds(&frame, &reached)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    for (name, counter, least) in [
        ("TCP over IPv4", &reached.v4, 3000),
        ("TCP over IPv6", &reached.v6, 2500),
        ("a first fragment with TCP's header", &reached.first_fragment, 300),
        ("a first fragment without it", &reached.tiny, 100),
        ("another fragment", &reached.other_fragment, 300),
        ("what is not TCP", &reached.not_tcp, 1000),
        ("nothing", &reached.nothing, 1000),
        ("TCP, by etherparse alone", &reached.whole_by_etherparse, 4000),
    ] {
        assert!(counter.get() >= least, "{name} was reached {} times of {CASES}", counter.get());
    }
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
fn equals_reference(frame: &[u8], reached: &Reached) -> Result<(), TestCaseError> {
    let found = parse(frame);
    let expected = reference::find(frame);
    let agrees = match &expected {
        Finding::Tcp(tcp) => {
            count(if tcp.source.is_ipv4() { &reached.v4 } else { &reached.v6 });
            found.is_ok_and(|segment| same(&segment, tcp))
        }
        Finding::FirstFragment(tcp) => {
            count(&reached.first_fragment);
            found.is_ok_and(|segment| same(&segment, tcp))
        }
        Finding::TinyFragment => {
            count(&reached.tiny);
            found == Err(Reason::TinyFragment)
        }
        Finding::LaterFragment | Finding::OverlappingFragment => {
            count(&reached.other_fragment);
            let overlapping = expected == Finding::OverlappingFragment;
            found == Err(if overlapping { Reason::OverlappingFragment } else { Reason::LaterFragment })
        }
        Finding::NotTcp => {
            count(&reached.not_tcp);
            found == Err(Reason::NotTcp)
        }
        Finding::TooDeep => found == Err(Reason::TooDeep),
        Finding::PastTheEnd => found.is_err(),
        Finding::Nothing => {
            count(&reached.nothing);
            // What is not there must not be found, and above all not be dropped as a fragment.
            found.is_err_and(|reason| reason != Reason::OverlappingFragment && reason != Reason::TinyFragment)
        }
        // No opinion, but what is found must not come from nowhere.
        Finding::CutFragment => {
            found.is_err_and(|reason| reason != Reason::OverlappingFragment) || found.is_ok()
        }
    };
    prop_assert!(agrees, "we: {found:?}, etherparse: {expected:?}, {frame:02x?}");
    Ok(())
}

/// One way, and without any help: what etherparse's own way through a frame ends at, ours does.
fn finds_all_that_etherparse_as_a_whole_finds(frame: &[u8], reached: &Reached) -> Result<(), TestCaseError> {
    let Ok(packet) = LaxSlicedPacket::from_ethernet(frame) else { return Ok(()) };
    let (Some(TransportSlice::Tcp(tcp)), Some(net)) = (&packet.transport, &packet.net) else { return Ok(()) };
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
        _ => return Ok(()),
    };
    count(&reached.whole_by_etherparse);
    let expected = Tcp::of(tcp, source, destination);
    let found = parse(frame);
    prop_assert!(
        found.is_ok_and(|segment| same(&segment, &expected)),
        "we: {found:?}, etherparse: {expected:?}, {frame:02x?}"
    );
    Ok(())
}

/// Limits that the parser documents.
mod parse_limits {
    pub const TAGS: usize = 4;
    pub const EXTENSIONS: usize = 8;
}

/// Whether the ethertype that announced the network layer is this.
fn ethertype_is(packet: &LaxSlicedPacket<'_>, ethertype: u16) -> bool {
    packet.ether_payload().is_some_and(|payload| payload.ether_type.0 == ethertype)
}
