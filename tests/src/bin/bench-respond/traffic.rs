//! SYNs, as the feeding program wants them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use anyhow::Result;
use relay_guard::table::ClassRange;
use relay_guard_tests::bench::Random;
use relay_guard_tests::bench::feeder::{Batch, FRAME_COUNT};
use relay_guard_tests::bench::lists::{Sources, list_v4, list_v6};
use relay_guard_tests::bench::wire::{CLIENT_MAC, DIALOGUES, SERVER_MAC, SERVER_V4};
use relay_guard_tests::frames::{Frame, flags};

use super::policy::LISTED;

/// Entries of the lists.
const ENTRIES_V4: usize = 10_000;
const ENTRIES_V6: usize = 10_000;

const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 25);
const SMTP: u16 = 25;

/// What Linux sends today: MSS, SACK, timestamps, window scale.
const OPTIONS: [u8; 20] = [2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7];
/// What the client of dialogues sends: MSS.
const DIALOGUE_OPTIONS: [u8; 4] = [2, 4, 5, 0xb4];
/// Its first sequence number; the kernel program has the same.
const DIALOGUE_ISN: u32 = 1_000_000_000;

/// The families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) const ALL: [Self; 2] = [Self::V4, Self::V6];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::V4 => "SYNs, IPv4",
            Self::V6 => "SYNs, IPv6",
        }
    }
}

/// What the guard has on its list.
pub(crate) struct Listed {
    pub(crate) v4: Vec<ClassRange<u32>>,
    pub(crate) v6: Vec<ClassRange<u128>>,
}

impl Listed {
    /// Random addresses, and all those that dialogues come from.
    pub(crate) fn new() -> Self {
        let block = ClassRange {
            first: DIALOGUES.network().to_bits(),
            last: DIALOGUES.broadcast().to_bits(),
            class: LISTED,
        };
        let mut v4 = list_v4(ENTRIES_V4, LISTED);
        v4.retain(|range| !(block.first..=block.last).contains(&range.first));
        v4.insert(v4.partition_point(|range| range.first < block.first), block);
        Self { v4, v6: list_v6(ENTRIES_V6, LISTED) }
    }

    /// SYNs of sources on the list, each with a source of its own.
    pub(crate) fn syns(&self, family: Family) -> Result<Batch> {
        let mut random = Random::new(25);
        let frames = (0..FRAME_COUNT).map(|_| {
            let (source, server): (IpAddr, IpAddr) = match family {
                Family::V4 => (self.v4.listed(&mut random).into(), SERVER_V4.into()),
                Family::V6 => (self.v6.listed(&mut random).into(), SERVER_V6.into()),
            };
            let port = 32_768 + random.below(28_000) as u16;
            syn(source, port, server, random.next() as u32, &OPTIONS)
        });
        Batch::new(frames)
    }
}

/// The first SYNs of dialogues, each from an address and this port.
pub(crate) fn dialogues(count: u32, port: u16) -> Result<Batch> {
    let first = DIALOGUES.network().to_bits();
    let frames = (0..count).map(|number| {
        // Neither the first nor the last address of a network.
        let source = (first + 256 * (1 + number / 250) + 1 + number % 250).into();
        syn(IpAddr::V4(source), port, SERVER_V4.into(), DIALOGUE_ISN, &DIALOGUE_OPTIONS)
    });
    Batch::new(frames)
}

fn syn(source: IpAddr, port: u16, server: IpAddr, sequence: u32, options: &[u8]) -> Vec<u8> {
    Frame::tcp(SocketAddr::new(source, port), SocketAddr::new(server, SMTP))
        .ethernet_addresses(SERVER_MAC, CLIENT_MAC)
        .flags(flags::SYN)
        .numbers(sequence, 0)
        .tcp_options(options)
        .build()
}
