//! Random addresses, on a list and not. Always the same ones: runs can be compared.

use std::net::{Ipv4Addr, Ipv6Addr};

use relay_guard::table::ClassRange;

/// splitmix64.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; that large limits are not hit quite evenly does not matter here.
    pub(crate) const fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// A unicast IPv4 address, as an integer.
    pub(crate) const fn v4(&mut self) -> u32 {
        loop {
            let address = self.next() as u32;
            if matches!(address >> 24, 1..=126 | 128..=223) {
                return address;
            }
        }
    }

    /// A global IPv6 address (2000::/3), as an integer.
    pub(crate) const fn v6(&mut self) -> u128 {
        let bits = (self.next() as u128) << 64 | self.next() as u128;
        bits >> 3 | 1 << 125
    }
}

/// `count` single IPv4 addresses, ascending.
pub(crate) fn list_v4(count: usize, class: u32) -> Vec<ClassRange<u32>> {
    let mut random = Random::new(4);
    let mut addresses = Vec::new();
    while addresses.len() < count {
        addresses.extend((addresses.len()..count).map(|_| random.v4()));
        addresses.sort_unstable();
        addresses.dedup();
    }
    addresses.into_iter().map(|address| ClassRange { first: address, last: address, class }).collect()
}

/// About `count` IPv6 prefixes of the lengths that lists hold, ascending; those that would overlap are left out.
pub(crate) fn list_v6(count: usize, class: u32) -> Vec<ClassRange<u128>> {
    const LENGTHS: [u32; 10] = [32, 48, 48, 56, 64, 64, 64, 64, 128, 128];
    let mut random = Random::new(6);
    let prefix = |_| {
        let host = u128::MAX.checked_shr(LENGTHS[random.below(LENGTHS.len())]).unwrap_or(0);
        let first = random.v6() & !host;
        ClassRange { first, last: first | host, class }
    };
    let mut ranges: Vec<_> = (0..count).map(prefix).collect();
    ranges.sort_unstable_by_key(|range| range.first);
    let mut end = None;
    ranges.retain(|range| {
        let apart = end.is_none_or(|end| range.first > end);
        if apart {
            end = Some(range.last);
        }
        apart
    });
    ranges
}

/// A random source of a kind.
pub(crate) trait Sources {
    type Ip;
    /// An address that the list holds.
    fn listed(&self, random: &mut Random) -> Self::Ip;
    /// An address that it does not hold.
    fn clean(&self, random: &mut Random) -> Self::Ip;
}

impl Sources for [ClassRange<u32>] {
    type Ip = Ipv4Addr;

    fn listed(&self, random: &mut Random) -> Ipv4Addr {
        self[random.below(self.len())].first.into()
    }

    fn clean(&self, random: &mut Random) -> Ipv4Addr {
        loop {
            let address = random.v4();
            if self.binary_search_by_key(&address, |range| range.first).is_err() {
                return address.into();
            }
        }
    }
}

impl Sources for [ClassRange<u128>] {
    type Ip = Ipv6Addr;

    fn listed(&self, random: &mut Random) -> Ipv6Addr {
        let ClassRange { first, last, .. } = self[random.below(self.len())];
        (first | (random.v6() & (last - first))).into()
    }

    fn clean(&self, random: &mut Random) -> Ipv6Addr {
        loop {
            let address = random.v6();
            let before = self.partition_point(|range| range.first <= address);
            if before == 0 || self[before - 1].last < address {
                return address.into();
            }
        }
    }
}
