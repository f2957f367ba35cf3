//! Capture files: [`Capture`] against a walk over the lengths in memory.
//!
//! Invariant: as many packets are read as the walk finds before the first thing that cannot be; each is as long as it says at
//! most, none is larger than what may be kept in memory; the segments that are found in them, with what is skipped, are all of
//! them; and what is said of them names no recipient as refused that was not tried.

use std::path::Path;
use std::sync::LazyLock;

use relay_guard::config::{self, Config};
use relay_guard::replay::capture::{Capture, Link, MAX_INTERFACES, MAX_RECORD, MAX_TIME_NS};
use relay_guard::replay::lines::Line;
use relay_guard::replay::{Replay, Segments, Wanted};

/// What holds by default.
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    config::parse("interfaces.outside = [\"none\"]", Path::new("/guard.toml")).expect("it is good")
});

/// The ports of SMTP that are looked for.
const PORTS: [u16; 3] = [25, 465, 587];

/// Holds the invariant against one file.
///
/// # Panics
/// If it does not hold.
pub fn check(input: &[u8]) {
    let mut segments = Segments::new(PORTS);
    let mut found = 0;
    if let Ok(mut capture) = Capture::open(input) {
        let mut last = 0;
        while let Ok(Some(packet)) = capture.next_packet() {
            assert!(packet.data.len() <= packet.length as usize && packet.data.len() <= MAX_RECORD as usize);
            assert!(packet.time_ns.is_none_or(|time| time <= MAX_TIME_NS));
            if let Some(segment) = segments.segment(&packet) {
                assert!(segment.payload.len() <= segment.len as usize && segment.time_ns >= last);
                assert!(PORTS.contains(&segment.flow.server_port));
                last = segment.time_ns;
            }
            found += 1;
        }
        assert!(matches!(capture.next_packet(), Ok(None)), "nothing comes behind the end");
    }
    if !input.starts_with(b"\x1f\x8b\x08") {
        assert_eq!(found, walk(input), "packets");
    }
    let tally = segments.tally();
    assert_eq!(tally.packets, found);
    assert_eq!(tally.packets, tally.segments + tally.acknowledgments + tally.skipped());
    inspected(input, found);
}

/// The same through inspection.
fn inspected(input: &[u8], packets: u64) {
    let mut replay = Replay::new(Wanted { config: &CONFIG, ports: &[], listings: None, key: [0; 16] });
    let mut lines = Vec::new();
    if let Ok(mut capture) = Capture::open(input) {
        while let Ok(Some(packet)) = capture.next_packet() {
            replay.packet(&packet, &mut lines);
        }
    }
    replay.finish(&mut lines);
    assert_eq!(replay.tally().packets, packets);
    let mut sessions = 0;
    for line in &lines {
        match line {
            Line::Transaction(transaction) => {
                assert!(transaction.depth > 0);
                assert!(
                    transaction.rcpt_rejected.iter().all(|refused| transaction.rcpt_to.contains(refused))
                );
            }
            Line::Session(session) => {
                assert!(session.duration >= 0.0);
                sessions += 1;
            }
            Line::Host(host) => {
                assert!(host.at_end.score <= host.score || host.changes.is_empty());
            }
            Line::Verdict(_) | Line::File(_) => panic!("{line:?} was not asked for"),
        }
    }
    assert_eq!(replay.summary().sessions, sessions);
}

/// How many packets there are before the end, or the first thing that cannot be.
fn walk(file: &[u8]) -> u64 {
    match file {
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => blocks(file),
        [0xa1, 0xb2, 0xc3, 0xd4, ..] | [0xa1, 0xb2, 0x3c, 0x4d, ..] => packets(file, u32::from_be_bytes),
        [0xd4, 0xc3, 0xb2, 0xa1, ..] | [0x4d, 0x3c, 0xb2, 0xa1, ..] => packets(file, u32::from_le_bytes),
        _ => 0,
    }
}

/// How four octets are read.
type Read = fn([u8; 4]) -> u32;

fn number(file: &[u8], at: usize, read: Read) -> Option<u32> {
    file.get(at..)?.first_chunk().map(|octets| read(*octets))
}

/// A number of two octets.
fn half(file: &[u8], at: usize, read: Read) -> Option<u16> {
    let [a, b] = *file.get(at..)?.first_chunk()?;
    let is_big = read([0, 0, 0, 1]) == 1;
    Some(if is_big { u16::from_be_bytes([a, b]) } else { u16::from_le_bytes([a, b]) })
}

/// Of pcap.
fn packets(file: &[u8], read: Read) -> u64 {
    let is_known = number(file, 20, read).is_some_and(|link| Link::from_number(link as u16).is_some());
    if !is_known || half(file, 4, read) != Some(2) {
        return 0;
    }
    let (mut at, mut count) = (24, 0);
    while let Some(captured) = number(file, at + 8, read) {
        let end = at + 16 + captured as usize;
        if captured > MAX_RECORD - 16 || end > file.len() {
            break;
        }
        (at, count) = (end, count + 1);
    }
    count
}

/// Of pcapng.
fn blocks(file: &[u8]) -> u64 {
    let (mut at, mut count, mut interfaces) = (0, 0, 0_usize);
    let mut read: Read = u32::from_le_bytes;
    while let Some(block) = file.get(at..).filter(|block| block.len() >= 8) {
        let is_section = block.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]);
        if is_section {
            read = match block.get(8..12) {
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => u32::from_be_bytes,
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => u32::from_le_bytes,
                _ => break,
            };
            interfaces = 0;
        }
        let Some(length) = number(block, 4, read) else { break };
        let size = length as usize;
        let has_end = size >= 12 && number(block, size - 4, read) == Some(length);
        if !has_end || !size.is_multiple_of(4) {
            break;
        }
        let kind = if is_section { 0 } else { number(block, 0, read).unwrap_or(0) };
        let is_good = match kind {
            0 => !is_section || size >= 28 && half(block, 12, read) == Some(1),
            1 => {
                interfaces += 1;
                size >= 20 && length <= MAX_RECORD && interfaces <= MAX_INTERFACES
            }
            2 | 3 | 6 => {
                count += u64::from(is_packet(block, size, kind, interfaces, read));
                is_packet(block, size, kind, interfaces, read)
            }
            _ => true,
        };
        if !is_good {
            break;
        }
        at += size;
    }
    count
}

/// Whether a block can be a packet's.
fn is_packet(block: &[u8], size: usize, kind: u32, interfaces: usize, read: Read) -> bool {
    if size > MAX_RECORD as usize {
        return false;
    }
    if kind == 3 {
        return size >= 16 && interfaces > 0;
    }
    let interface = if kind == 2 { half(block, 8, read).map(u32::from) } else { number(block, 8, read) };
    let is_described = interface.is_some_and(|interface| (interface as usize) < interfaces);
    let fits = number(block, 20, read).is_some_and(|captured| captured as usize <= size.saturating_sub(32));
    size >= 32 && is_described && fits
}
