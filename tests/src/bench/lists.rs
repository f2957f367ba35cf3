//! Lists as large as one likes, random and clustered, and random addresses on them and beside them.

use std::net::{Ipv4Addr, Ipv6Addr};

use relay_guard::table::ClassRange;

use super::Random;

/// `count` single IPv4 addresses, ascending, anywhere.
#[must_use]
pub fn list_v4(count: usize, class: u32) -> Vec<ClassRange<u32>> {
    let mut random = Random::new(4);
    singles(count, class, |wanted, addresses| addresses.extend((0..wanted).map(|_| random.v4())))
}

/// `count` single IPv4 addresses, ascending, 8 to a /24: as the customers of a provider that looks away.
#[must_use]
pub fn clustered_v4(count: usize, class: u32) -> Vec<ClassRange<u32>> {
    const TOGETHER: usize = 8;
    let mut random = Random::new(44);
    singles(count, class, |wanted, addresses| {
        for _ in 0..wanted.div_ceil(TOGETHER) {
            let network = random.v4() & !0xff;
            addresses.extend((0..TOGETHER).map(|_| network | random.next() as u32 & 0xff));
        }
    })
}

/// Lets `more` add about as many addresses as are missing, until there are `count` different ones.
fn singles(count: usize, class: u32, mut more: impl FnMut(usize, &mut Vec<u32>)) -> Vec<ClassRange<u32>> {
    let mut addresses = Vec::new();
    while addresses.len() < count {
        more(count - addresses.len(), &mut addresses);
        addresses.sort_unstable();
        addresses.dedup();
    }
    addresses.truncate(count);
    addresses.into_iter().map(|address| ClassRange { first: address, last: address, class }).collect()
}

/// Prefix lengths as lists hold them.
const LENGTHS: [u32; 10] = [32, 48, 48, 56, 64, 64, 64, 64, 128, 128];

/// About `count` IPv6 prefixes of the lengths that lists hold, ascending, anywhere in 2000::/3; those that would overlap
/// are left out.
#[must_use]
pub fn list_v6(count: usize, class: u32) -> Vec<ClassRange<u128>> {
    let mut random = Random::new(6);
    prefixes(count, class, || (random.v6(), LENGTHS[random.below(LENGTHS.len())]))
}

/// The same as addresses are really given out: some providers have most, and number their customers from 0.
#[must_use]
pub fn clustered_v6(count: usize, class: u32) -> Vec<ClassRange<u128>> {
    /// What regional registries give out /32s of: first 16 bits, and how many of the next bits vary.
    const BLOCKS: [(u32, u32); 6] =
        [(0x2001, 16), (0x2400, 28), (0x2600, 28), (0x2804, 16), (0x2a00, 28), (0x2c0f, 16)];
    let mut random = Random::new(66);
    let providers: Vec<u32> = (0..count.div_ceil(40))
        .map(|_| {
            let (block, bits) = BLOCKS[random.below(BLOCKS.len())];
            (block << 16) ^ (random.next() as u32 >> (32 - bits.min(20)))
        })
        .collect();
    prefixes(count, class, || {
        // The lower of two: the first providers have more.
        let provider = random.below(providers.len()).min(random.below(providers.len()));
        let site = if random.below(2) == 0 { random.below(64) } else { random.below(1 << 16) };
        let network = if random.below(2) == 0 { random.below(16) } else { random.below(1 << 16) };
        let host = if random.below(2) == 0 { random.below(1 << 16) as u64 } else { random.next() };
        let upper = u64::from(providers[provider]) << 32 | (site as u64) << 16 | network as u64;
        // Whole providers are listed too, but not those that others here are customers of.
        match LENGTHS[random.below(LENGTHS.len())] {
            32 => (random.v6(), 32),
            length => (u128::from(upper) << 64 | u128::from(host), length),
        }
    })
}

fn prefixes(count: usize, class: u32, mut next: impl FnMut() -> (u128, u32)) -> Vec<ClassRange<u128>> {
    let prefix = |_| {
        let (address, length) = next();
        let host = u128::MAX.checked_shr(length).unwrap_or(0);
        ClassRange { first: address & !host, last: address | host, class }
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
pub trait Sources {
    /// An address of the family.
    type Ip;
    /// An address that the list holds.
    fn listed(&self, random: &mut Random) -> Self::Ip;
    /// An address that it does not hold.
    fn clean(&self, random: &mut Random) -> Self::Ip;
    /// An address that it does not hold, of the same network as one that it holds, at a random distance.
    fn clean_near(&self, random: &mut Random) -> Self::Ip;
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

    fn clean_near(&self, random: &mut Random) -> Ipv4Addr {
        loop {
            let listed = self[random.below(self.len())].first;
            let address = listed ^ (random.next() as u32 & 0xffff) >> random.below(16);
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
            if !holds(self, address) {
                return address.into();
            }
        }
    }

    fn clean_near(&self, random: &mut Random) -> Ipv6Addr {
        loop {
            let listed = self[random.below(self.len())].first;
            // The first 32 bits are the same.
            let address = listed ^ (random.v6() & u128::MAX >> 32) >> random.below(96);
            if !holds(self, address) {
                return address.into();
            }
        }
    }
}

fn holds(list: &[ClassRange<u128>], address: u128) -> bool {
    let before = list.partition_point(|range| range.first <= address);
    before > 0 && list[before - 1].last >= address
}
