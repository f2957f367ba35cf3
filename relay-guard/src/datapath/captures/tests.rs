use proptest::prelude::*;
use relay_guard_common::address::Address;
use relay_guard_common::flow::FlowKey;

use super::*;

const FLOW: FlowKey =
    FlowKey::new((Address::v4([10, 0, 1, 7]), 40000), (Address::v4([198, 51, 100, 25]), 25));

fn header() -> CaptureHeader {
    CaptureHeader {
        time_ns: 1,
        flow: FLOW,
        sequence: 2,
        acknowledgment: 3,
        opening_client: 4,
        opening_server: 5,
        len: 6,
        captured: 4,
        flags: Flags::ACK | Flags::FIN,
        from: Party::Server as u8,
        direction: Direction::Outbound as u8,
        marks: CaptureHeader::OPENED | CaptureHeader::SKIPPED_OTHER,
        reserved: [0; 6],
    }
}

/// A record as the kernel writes it: whatever was there before stands behind its payload.
fn record(header: &CaptureHeader, payload: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    record.extend(header.time_ns.to_ne_bytes());
    let FlowKey { client, server, client_port, server_port, .. } = header.flow;
    record.extend(client.octets());
    record.extend(server.octets());
    record.extend(client_port.to_ne_bytes());
    record.extend(server_port.to_ne_bytes());
    record.extend([0; 4]);
    for number in
        [header.sequence, header.acknowledgment, header.opening_client, header.opening_server, header.len]
    {
        record.extend(number.to_ne_bytes());
    }
    record.extend(header.captured.to_ne_bytes());
    record.extend([header.flags, header.from, header.direction, header.marks]);
    record.extend([0; 6]);
    record.extend(payload);
    record
}

#[test]
fn a_record_is_a_segment() {
    let octets = record(&header(), b"250 behind");
    let read = CaptureRecord::read(&octets).expect("a record");
    assert_eq!((read.header(), read.direction(), read.is_ended()), (&header(), Direction::Outbound, false));
    let segment = read.segment();
    assert_eq!((segment.time_ns, segment.flow, segment.from), (1, FLOW, Party::Server));
    assert_eq!((segment.sequence, segment.acknowledgment), (2, Some(3)));
    assert_eq!((segment.flags.0, segment.len, segment.payload), (Flags::ACK | Flags::FIN, 6, &b"250 "[..]));
    assert_eq!(segment.opening, Some(Opening { client: 4, server: 5 }));
    assert_eq!((segment.skipped_own, segment.skipped_other), (false, true));
}

#[test]
fn each_mark_says_one_thing() {
    for (marks, expected) in [
        (0, [false; 4]),
        (CaptureHeader::OPENED, [true, false, false, false]),
        (CaptureHeader::SKIPPED_OWN, [false, true, false, false]),
        (CaptureHeader::SKIPPED_OTHER, [false, false, true, false]),
        (CaptureHeader::ENDED, [false, false, false, true]),
    ] {
        let octets = record(&CaptureHeader { marks, flags: Flags::RST, ..header() }, b"250 ");
        let read = CaptureRecord::read(&octets).expect("a record");
        let segment = read.segment();
        let said = [segment.opening.is_some(), segment.skipped_own, segment.skipped_other, read.is_ended()];
        assert_eq!((said, segment.acknowledgment), (expected, None), "{marks}");
    }
}

#[test]
fn what_contradicts_itself_is_no_record() {
    let whole = record(&header(), b"250 ");
    assert!(CaptureRecord::read(&whole).is_some());
    for len in 0..whole.len() {
        assert!(CaptureRecord::read(&whole[..len]).is_none(), "{len} octets");
    }
    for broken in [
        CaptureHeader { captured: 7, ..header() },
        CaptureHeader { from: 2, ..header() },
        CaptureHeader { direction: 3, ..header() },
        CaptureHeader { captured: 11, len: 11, ..header() },
    ] {
        assert!(CaptureRecord::read(&record(&broken, b"250 behind")).is_none(), "{broken:?}");
    }
}

proptest! {
    #[test]
    fn no_octets_are_too_odd(octets: Vec<u8>) {
        if let Some(read) = CaptureRecord::read(&octets) {
            prop_assert!(read.segment().payload.len() <= read.segment().len as usize);
        }
    }
}
