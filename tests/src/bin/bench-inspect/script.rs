//! What is said: sessions as segments, ready to be told of any two hosts.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use relay_guard::config;
use relay_guard::inspect::hosts::Rules;
use relay_guard::inspect::segment::Segment;
use relay_guard_common::address::Address;
use relay_guard_common::flow::{FlowKey, Party};
use relay_guard_common::parse::Flags;
use relay_guard_tests::bench::Random;
use relay_guard_tests::bot::{self, End, Visit};

/// The most octets of a segment.
const SEGMENT: usize = 1400;
/// How many different sessions there are.
const SCRIPTS: u32 = 512;

/// A segment, with numbers from the connection's first on.
#[derive(Debug)]
struct Line {
    from: Party,
    flags: u8,
    sequence: u32,
    acknowledgment: u32,
    payload: Vec<u8>,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Script {
    lines: Vec<Line>,
}

impl Script {
    /// Sessions of bots and of people, one letter each: from the SYN to the last FIN.
    pub(crate) fn all() -> Vec<Self> {
        let source = Ipv4Addr::new(10, 0, 1, 66).into();
        let second = Duration::from_secs(1);
        let bots = bot::low_and_slow(source, SCRIPTS / 2, second);
        let people = bot::correspondence(source, "host.guarded.example", 50, SCRIPTS / 2, second);
        bots.iter().chain(&people).map(Self::of).collect()
    }

    fn of(visit: &Visit) -> Self {
        let mut script = Self { lines: Vec::new() };
        let mut next = [0; 2];
        script.add(&mut next, Party::Client, Flags::SYN, &[]);
        script.add(&mut next, Party::Server, Flags::SYN | Flags::ACK, &[]);
        for (end, text) in bot::dialogue(visit, &bot::server_options()) {
            let from = if end == End::Client { Party::Client } else { Party::Server };
            for piece in text.as_bytes().chunks(SEGMENT) {
                script.add(&mut next, from, Flags::ACK | Flags::PSH, piece);
            }
        }
        script.add(&mut next, Party::Client, Flags::ACK | Flags::FIN, &[]);
        script.add(&mut next, Party::Server, Flags::ACK | Flags::FIN, &[]);
        script
    }

    fn add(&mut self, next: &mut [u32; 2], from: Party, flags: u8, payload: &[u8]) {
        let (sequence, acknowledgment) = (next[from as usize], next[from.other() as usize]);
        let control = u32::from(flags & Flags::SYN != 0) + u32::from(flags & Flags::FIN != 0);
        next[from as usize] += payload.len() as u32 + control;
        self.lines.push(Line { from, flags, sequence, acknowledgment, payload: payload.to_vec() });
    }

    /// How many segments it has.
    pub(crate) const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Octets of payload.
    pub(crate) fn octets(&self) -> usize {
        self.lines.iter().map(|line| line.payload.len()).sum()
    }
}

/// A session under way.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    script: &'a Script,
    flow: FlowKey,
    first: [u32; 2],
    next: usize,
}

impl<'a> Told<'a> {
    /// A session of this host with a server.
    pub(crate) fn new(script: &'a Script, client: Address, random: &mut Random) -> Self {
        let server = Ipv4Addr::from_bits(0xcb00_0000 | random.next() as u32 & 0x3ffff);
        let port = 1024 + random.below(64_000) as u16;
        let first = [random.next() as u32, random.next() as u32];
        Self { script, flow: FlowKey::new((client, port), (IpAddr::V4(server).into(), 25)), first, next: 0 }
    }

    /// Its next segment.
    #[inline]
    pub(crate) fn next(&mut self, time_ns: u64) -> Option<Segment<'a>> {
        let line = self.script.lines.get(self.next)?;
        self.next += 1;
        let [own, other] = match line.from {
            Party::Client => self.first,
            Party::Server => [self.first[1], self.first[0]],
        };
        let acknowledged = line.flags & Flags::ACK != 0;
        Some(Segment {
            time_ns,
            flow: self.flow,
            from: line.from,
            sequence: own.wrapping_add(line.sequence),
            acknowledgment: acknowledged.then(|| other.wrapping_add(line.acknowledgment)),
            flags: Flags(line.flags),
            len: line.payload.len() as u32,
            payload: &line.payload,
            opening: None,
            skipped_own: false,
            skipped_other: false,
        })
    }
}

/// The `n`th inside host.
pub(crate) fn host(n: u32) -> Address {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n)).into()
}

/// How hosts are judged without a configuration, with room for so many.
pub(crate) fn rules(hosts: u32) -> Result<Rules> {
    let text = format!("interfaces.inside = [\"bench1\"]\n[limits]\ntracked_hosts = {hosts}\n");
    let config = config::parse(&text, Path::new("/bench.toml"))?;
    Ok(Rules::of(&config, [7; 16], Vec::new()))
}
