//! The IPv6 part against a naive set.

use std::net::Ipv6Addr;

use proptest::prelude::*;
use relay_guard_common::{
    address::Address,
    table::{header, lookup, v6 as layout},
};

use super::Range;
use crate::{
    lists::Span,
    policy::{ListSlot, ranges},
    table::{
        Cell, ClassRange, Plan,
        tests::{class_at, disjoint, naive},
    },
};

fn v6(text: &str) -> u128 {
    text.parse::<Ipv6Addr>().expect(text).into()
}

fn table(ranges: &[Range]) -> Vec<Cell> {
    Plan::new(&[], ranges).expect("it fits").to_cells()
}

/// How many cells the ranges take.
fn size(ranges: &[Range]) -> usize {
    table(ranges).len() - table(&[]).len()
}

fn class_of(cells: &[Cell], address: u128) -> u32 {
    let (upper, lower) = ((address >> 64) as u64, address as u64);
    layout::lookup(cells, upper, lower).expect("the table is whole")
}

/// A prefix.
fn prefix(address: u128, length: u32, class: u32) -> Range {
    let host = u128::MAX.checked_shr(length).unwrap_or(0);
    ClassRange { first: address & !host, last: address | host, class }
}

/// The class by binary search, for many ranges.
fn searched(ranges: &[Range], address: u128) -> u32 {
    let before = ranges.partition_point(|range| range.first <= address);
    ranges[..before].last().filter(|range| range.last >= address).map_or(0, |range| range.class)
}

/// Asserts the classes at both ends of every range, beside them, and at addresses that differ in one bit, which is where
/// a lookup that skips too much would go wrong.
fn check(ranges: &[Range]) {
    let cells = table(ranges);
    let ends = ranges.iter().flat_map(|range| [range.first, range.last]);
    for end in ends.chain([0, u128::MAX]) {
        let flipped = (0..128).map(|bit| end ^ 1 << bit);
        for address in [end, end.wrapping_sub(1), end.wrapping_add(1)].into_iter().chain(flipped) {
            assert_eq!(class_of(&cells, address), searched(ranges, address), "{}", Ipv6Addr::from(address));
        }
    }
}

/// Numbers without any order, always the same.
fn scattered(count: u64) -> impl Iterator<Item = u128> {
    let mix = |n: u64| {
        let mixed = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb)
    };
    (1..=count).map(move |n| u128::from(mix(n * 0x9e37_79b9)) << 64 | u128::from(mix(!n)))
}

fn sorted(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable_by_key(|range| range.first);
    ranges.dedup_by(|next, range| next.first <= range.last);
    ranges
}

#[test]
fn v6_by_hand() {
    let range = |first: &str, last: &str, class| ClassRange { first: v6(first), last: v6(last), class };
    let ranges = [
        range("::", "::5", 1),
        range("2001:db8::", "2001:db8:0:ffff:ffff:ffff:ffff:ffff", 2),
        range("2001:db8:1::1", "2001:db8:1::1", 3),
        range("2001:db8:1::3", "2001:db8:1:0:8000::", 4),
        range("2001:db8:1:1::7", "2001:db8:1:4::9", 5),
        range("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6),
    ];
    let cells = Plan::new(&[], &ranges).expect("it fits").to_cells();
    for (address, class) in [
        ("::", 1),
        ("::5", 1),
        ("::6", 0),
        ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", 0),
        ("2001:db8::", 2),
        ("2001:db8:0:ffff::1", 2),
        ("2001:db8:1::", 0),
        ("2001:db8:1::1", 3),
        ("2001:db8:1::2", 0),
        ("2001:db8:1::3", 4),
        ("2001:db8:1:0:8000::", 4),
        ("2001:db8:1:0:8000::1", 0),
        ("2001:db8:1:1::6", 0),
        ("2001:db8:1:1::7", 5),
        ("2001:db8:1:3::", 5),
        ("2001:db8:1:4::9", 5),
        ("2001:db8:1:4::a", 0),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 0),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6),
    ] {
        assert_eq!(class_at(&cells, address), class, "{address}");
    }
}

#[test]
fn the_ends_of_words_and_of_everything() {
    const MAX: u128 = u128::MAX;
    const WORD: u128 = u64::MAX as u128;
    let range = |first, last, class| ClassRange { first, last, class };
    let cases: &[(&str, &[Range])] = &[
        ("nothing", &[]),
        ("everything", &[range(0, MAX, 1)]),
        ("the lower half", &[range(0, MAX >> 1, 1)]),
        ("the upper half", &[range(MAX / 2 + 1, MAX, 4095)]),
        ("both halves", &[range(0, MAX >> 1, 1), range(MAX / 2 + 1, MAX, 2)]),
        ("all but the ends", &[range(1, MAX - 1, 1)]),
        ("all but one", &[range(0, WORD - 1, 1), range(WORD + 1, MAX, 1)]),
        ("the first", &[range(0, 0, 1)]),
        ("the last", &[range(MAX, MAX, 1)]),
        ("the first and the last", &[range(0, 0, 1), range(MAX, MAX, 2)]),
        ("the last of a /64 and the first of the next", &[range(WORD, WORD + 1, 1)]),
        ("the same of two classes", &[range(WORD, WORD, 1), range(WORD + 1, WORD + 1, 2)]),
        ("a /64 and its neighbour's first", &[range(WORD + 1, 2 * WORD + 2, 1)]),
        ("touching ranges of a class", &[range(5, 9, 3), range(10, 12, 3)]),
    ];
    for (description, ranges) in cases {
        println!("{description}");
        check(ranges);
    }
}

#[test]
fn a_prefix_of_every_length() {
    let address = v6("2001:db8:a5a5:5a5a:c3c3:3c3c:9999:6666");
    for length in 1..=128 {
        check(&[prefix(address, length, 9)]);
    }
    // Beside one another, each half as large as the last one: the deepest that a trie can be.
    let chain = (1..=128).map(|length| prefix(address ^ 1 << (128 - length), length, 1 + length % 3));
    let chain = sorted(chain.collect());
    assert_eq!(chain.len(), 128);
    check(&chain);
}

#[test]
fn many_prefixes_spread_evenly() {
    for length in [32, 48, 64, 128] {
        let global = scattered(20_000).map(|bits| prefix(bits >> 3 | 1 << 125, length, 1));
        let ranges = sorted(global.collect());
        check(&ranges[..4000]);
        let cells = table(&ranges);
        for range in &ranges {
            assert_eq!(class_of(&cells, range.first), 1);
            // The root skips 2000::/3, so what is not in there has to be told apart.
            assert_eq!(class_of(&cells, range.first ^ 1 << 127), 0);
        }
    }
}

#[test]
fn a_network_with_many_hosts_and_one_with_many_holes() {
    let network = v6("2001:db8:0:42::");
    let hosts: Vec<Range> = (0..300).map(|n| prefix(network | (n * 7), 128, 1 + (n % 4) as u32)).collect();
    check(&hosts);
    assert!(size(&hosts) <= 150, "three to a leaf: {}", size(&hosts));
    let holes = sorted(scattered(3000).map(|bits| prefix(bits, 64, 1)).collect());
    let (mut all, mut next) = (Vec::new(), 0);
    for hole in &holes {
        all.push(ClassRange { first: next, last: hole.first - 1, class: 1 });
        next = hole.last + 1;
    }
    all.push(ClassRange { first: next, last: u128::MAX, class: 1 });
    check(&all);
    assert!(size(&all) <= 2 * size(&holes), "{} cells; the holes take {}", size(&all), size(&holes));
}

#[test]
fn networks_that_are_numbered_from_zero_take_one_node() {
    for (sites, lengths) in [(64, [48, 56]), (16, [64, 128]), (4, [112, 128])] {
        let network = scattered(80).map(|bits| {
            let (site, host) = (bits % sites, bits >> 64 & 0xffff);
            let length = lengths[(bits >> 80) as usize % 2];
            prefix(v6("2001:db8::") | site << 80 | host << 64 | host << 8, length, 1 + (bits % 3) as u32)
        });
        let ranges = sorted(network.collect());
        check(&ranges);
        // The root's cell is that node; a leaf holds three at least, but not always more than two.
        assert!(size(&ranges) <= ranges.len() / 2, "{} cells for {}", size(&ranges), ranges.len());
        // What is listed around them is another matter.
        let (first, last) = (ranges[0].first, ranges[ranges.len() - 1].last);
        let before = ClassRange { first: 0, last: first - 1, class: 4 };
        let behind = ClassRange { first: last + 1, last: u128::MAX, class: 4 };
        check(&[&[before], &ranges[..], &[behind]].concat());
        check(&[&ranges[..], &[behind]].concat());
    }
}

#[test]
fn what_is_spread_evenly_takes_little() {
    let ranges = sorted(scattered(50_000).map(|bits| prefix(bits, 64, 1)).collect());
    // Leaves hold 6, and are mostly full; nodes are few.
    assert!(size(&ranges) < 50_000 / 4, "{} cells", size(&ranges));
}

#[test]
fn a_table_that_contradicts_itself_is_clean() {
    let mut cells = table(&sorted(scattered(5000).map(|bits| prefix(bits, 64, 1)).collect()));
    let root = header::v6_root(&cells[0]).first as usize;
    // Each node is its own child.
    for cell in &mut cells[root..] {
        *cell = layout::node::new(0, 0, 0, 0);
        cell.set_bit(0);
        layout::node::close(cell, root as u32);
    }
    for address in scattered(100) {
        assert_eq!(lookup(&cells[..], Address::v6(address.to_be_bytes())), 0);
    }
}

fn v6_points() -> impl Strategy<Value = Vec<u128>> {
    let point = prop_oneof![
        any::<u128>(),
        any::<u64>().prop_map(|upper| u128::from(upper) << 64),
        (0u128..6, 0u128..6).prop_map(|(upper, lower)| upper << 64 | lower),
        (0u128..6, 0u128..6).prop_map(|(upper, lower)| (upper << 64).wrapping_sub(lower)),
        (0u128..6).prop_map(|low| u128::MAX - low),
    ];
    prop::collection::vec(point, 0..120)
}

/// CIDRs near one another, at all lengths, in up to four lists: nested, overlapping, punched.
fn cidrs() -> impl Strategy<Value = Vec<Vec<(u128, u32)>>> {
    let seeds = prop::collection::vec(any::<u128>(), 1..4);
    seeds.prop_flat_map(|seeds| {
        let near = (prop::sample::select(seeds), 0_u32..129, any::<u128>())
            .prop_map(|(seed, keep, noise)| seed ^ noise.checked_shr(keep).unwrap_or(0));
        let length = prop_oneof![0_u32..129, 28_u32..65, Just(64_u32), Just(128_u32)];
        let list = prop::collection::vec((near, length), 0..60);
        prop::collection::vec(list, 1..5)
    })
}

/// The ranges of such lists. A class stands for a set of lists.
fn ranges(lists: &[Vec<(u128, u32)>]) -> Vec<Range> {
    let spans = |list: &Vec<(u128, u32)>| -> Vec<Span<u128>> {
        let span = |&(address, length): &(u128, u32)| {
            let Range { first, last, .. } = prefix(address, length, 0);
            Span { first, last, line: 0 }
        };
        list.iter().map(span).collect()
    };
    let lists: Vec<_> = lists.iter().map(spans).collect();
    let slots = (0..).map(|number| ListSlot::new(number).expect("few"));
    let placed: Vec<_> = slots.zip(&lists).map(|(slot, spans)| (slot, &spans[..])).collect();
    let range = |range: &ranges::ClassedRange<u128>| ClassRange {
        first: range.first,
        last: range.last,
        class: range.lists as u32,
    };
    ranges::disjoint(&placed).iter().map(range).collect()
}

proptest! {
    #[test]
    fn cidrs_equal_naive(lists in cidrs(), probes in prop::collection::vec((any::<u8>(), 0_u32..128), 100)) {
        let ranges = ranges(&lists);
        let cells = table(&ranges);
        let all: Vec<_> = lists.iter().flatten().collect();
        let flipped = probes.iter().filter_map(|(which, bit)| {
            Some(all.get(usize::from(*which) % all.len().max(1))?.0 ^ 1 << bit)
        });
        let edges = ranges.iter().flat_map(|range| {
            [range.first.wrapping_sub(1), range.first, range.last, range.last.wrapping_add(1)]
        });
        for address in edges.chain(flipped) {
            let holds = |list: &Vec<(u128, u32)>| {
                list.iter().any(|(of, length)| (of ^ address).leading_zeros() >= *length)
            };
            let expected = (0..).zip(&lists).map(|(slot, list)| u32::from(holds(list)) << slot).sum::<u32>();
            prop_assert_eq!(class_of(&cells, address), expected, "{}", Ipv6Addr::from(address));
        }
    }

    #[test]
    fn v6_equals_naive(
        points in v6_points(),
        classes in prop::collection::vec(1u32..5, 1..4),
        probes in prop::collection::vec(any::<u128>(), 20),
    ) {
        let ranges = disjoint(points, &classes);
        let cells = table(&ranges);
        let edges = ranges.iter().flat_map(|range| {
            [range.first.wrapping_sub(1), range.first, range.last, range.last.wrapping_add(1)]
        });
        for address in edges.chain(probes) {
            prop_assert_eq!(lookup(&cells[..], Address::v6(address.to_be_bytes())), naive(&ranges, address));
        }
    }
}
