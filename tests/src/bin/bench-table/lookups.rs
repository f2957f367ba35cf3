//! Lookups: of which addresses in which lists, and what they may cost.

use anyhow::Result;
use relay_guard::table::ClassRange;
use relay_guard_tests::bench::Random;
use relay_guard_tests::bench::lists::{Sources, clustered_v4, clustered_v6, list_v4, list_v6};

use super::report::{Cost, Goals, Lookup};
use super::rig::{LookupKey, Rig, Subject, halves};
use super::{Plan, Scale};

/// The class of listed addresses.
const LISTED: u32 = 1;
/// The smallest lists; each next one is ten times as large.
const SMALLEST: usize = 10_000;
const MIB: u64 = 1 << 20;

/// How a list's entries lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    Random,
    Clustered,
}

impl Spread {
    const ALL: [Self; 2] = [Self::Random, Self::Clustered];

    const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Clustered => "clustered",
        }
    }
}

/// Measures all.
pub(crate) fn measure(plan: Plan<'_>) -> Result<Vec<Lookup>> {
    let (scale, mut all) = (plan.scale, Vec::new());
    for spread in Spread::ALL {
        for count in sizes(scale.v4) {
            if plan.takes(&format!("lookups, IPv4 {}, {count} addresses", spread.name())) {
                all.push(v4(spread, count, scale)?);
            }
        }
    }
    for spread in Spread::ALL {
        for count in sizes(scale.v6) {
            if plan.takes(&format!("lookups, IPv6 {}, {count} prefixes", spread.name())) {
                all.push(v6(spread, count, scale)?);
            }
        }
    }
    Ok(all)
}

fn sizes(largest: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(SMALLEST), |size| Some(size * 10)).take_while(move |size| *size <= largest)
}

fn v4(spread: Spread, count: usize, scale: Scale) -> Result<Lookup> {
    let list = match spread {
        Spread::Random => list_v4(count, LISTED),
        Spread::Clustered => clustered_v4(count, LISTED),
    };
    let list = &list[..];
    let goals = match (spread, count) {
        (Spread::Random, 1_000_000) => Goals {
            hit_ns: Some(120.0),
            miss_ns: Some(25.0),
            hit_ratio: Some(10.0),
            miss_ratio: Some(40.0),
            bytes: Some(70 * MIB),
        },
        (Spread::Clustered, 1_000_000) => Goals { bytes: Some(12 * MIB), ..Goals::default() },
        (Spread::Random, 10_000_000) => Goals { hit_ns: Some(200.0), ..Goals::default() },
        _ => Goals::default(),
    };
    let with_peers = count <= scale.peers;
    let mut rig = Rig::new(if with_peers { count } else { 1 }, scale.rounds)?;
    let bytes = rig.publish(list, &[])?;
    if with_peers {
        rig.fill_v4(list)?;
    }
    let subjects = [Subject::TableV4, Subject::TrieV4, Subject::HashV4];
    let subjects = if with_peers { &subjects[..] } else { &subjects[..1] };
    let key = |address| [0, u64::from(u32::from(address))];
    let listed = |random: &mut Random| key(list.listed(random));
    let clean = |random: &mut Random| match spread {
        Spread::Random => key(list.clean(random)),
        Spread::Clustered => key(list.clean_near(random)),
    };
    let [hit, miss] = costs(&mut rig, subjects, listed, clean)?;
    Ok(Lookup::new("IPv4", spread.name(), count, bytes, [hit, miss], &goals))
}

fn v6(spread: Spread, count: usize, scale: Scale) -> Result<Lookup> {
    let list: Vec<ClassRange<u128>> = match spread {
        Spread::Random => list_v6(count, LISTED),
        Spread::Clustered => clustered_v6(count, LISTED),
    };
    let list = &list[..];
    let hit_ratio = match count {
        100_000 => Some(5.0),
        1_000_000 => Some(6.0),
        _ => None,
    };
    let mut rig = Rig::new(list.len(), scale.rounds)?;
    let bytes = rig.publish(&[], list)?;
    rig.fill_v6(list)?;
    let key = |address| halves(u128::from(address));
    let listed = |random: &mut Random| key(list.listed(random));
    let clean = |random: &mut Random| match spread {
        Spread::Random => key(list.clean(random)),
        Spread::Clustered => key(list.clean_near(random)),
    };
    let [hit, miss] = costs(&mut rig, &[Subject::TableV6, Subject::TrieV6], listed, clean)?;
    let goals = Goals { hit_ratio, ..Goals::default() };
    Ok(Lookup::new("IPv6", spread.name(), list.len(), bytes, [hit, miss], &goals))
}

/// What lookups of listed and of clean addresses cost in each subject: the table, the trie, the hash map.
fn costs(
    rig: &mut Rig,
    subjects: &[Subject],
    mut listed: impl FnMut(&mut Random) -> LookupKey,
    mut clean: impl FnMut(&mut Random) -> LookupKey,
) -> Result<[Cost; 2]> {
    let mut random = Random::new(25);
    rig.prepare(|| listed(&mut random))?;
    let hit = rig.time(subjects, true)?;
    rig.prepare(|| clean(&mut random))?;
    let miss = rig.time(subjects, false)?;
    Ok([hit, miss].map(|times| {
        let base = times[0].fastest();
        let mut costs = times[1..].iter().map(|times| (times.fastest() as f64 - base as f64) / 1000.0);
        Cost { table_ns: costs.next().unwrap_or_default(), trie_ns: costs.next(), hash_ns: costs.next() }
    }))
}
