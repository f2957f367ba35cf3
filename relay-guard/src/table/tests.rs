//! The table against a naive set.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use relay_guard_common::{
    address::Address,
    table::{header, lookup},
};

use super::*;

fn v4(text: &str) -> u32 {
    text.parse::<Ipv4Addr>().expect(text).into()
}

pub(super) fn class_at(cells: &[Cell], text: &str) -> u32 {
    lookup(cells, Address::from(text.parse::<IpAddr>().expect(text)))
}

#[test]
fn an_empty_table_is_clean() {
    let cells = Plan::new(&[], &[]).expect("it fits").to_cells();
    assert!(header::is_valid(&cells[0]));
    assert_eq!(class_at(&cells, "192.0.2.1"), 0);
    assert_eq!(class_at(&cells, "2001:db8::1"), 0);
}

#[test]
fn v4_by_hand() {
    let range = |first: &str, last: &str, class| ClassRange { first: v4(first), last: v4(last), class };
    let ranges = [
        range("0.0.0.0", "0.255.255.255", 1),
        range("1.2.3.4", "1.2.3.4", 2),
        range("1.2.3.5", "1.2.3.9", 3),
        range("1.2.4.0", "1.2.5.255", 4),
        range("9.255.255.255", "10.1.0.0", 5),
        range("255.255.255.255", "255.255.255.255", 4095),
    ];
    let cells = Plan::new(&ranges, &[]).expect("it fits").to_cells();
    for (address, class) in [
        ("0.0.0.0", 1),
        ("0.255.255.255", 1),
        ("1.0.0.0", 0),
        ("1.2.3.3", 0),
        ("1.2.3.4", 2),
        ("1.2.3.5", 3),
        ("1.2.3.9", 3),
        ("1.2.3.10", 0),
        ("1.2.4.0", 4),
        ("1.2.5.255", 4),
        ("1.2.6.0", 0),
        ("9.255.255.254", 0),
        ("9.255.255.255", 5),
        ("10.0.77.1", 5),
        ("10.1.0.0", 5),
        ("10.1.0.1", 0),
        ("255.255.255.254", 0),
        ("255.255.255.255", 4095),
    ] {
        assert_eq!(class_at(&cells, address), class, "{address}");
    }
}

#[test]
fn one_class_may_hold_everything() {
    let (v4_all, v6_all) = (
        [ClassRange { first: 0, last: u32::MAX, class: 7 }],
        [ClassRange { first: 0, last: u128::MAX, class: 8 }],
    );
    let cells = Plan::new(&v4_all, &v6_all).expect("it fits").to_cells();
    for (address, class) in
        [("0.0.0.0", 7), ("255.255.255.255", 7), ("::", 8), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 8)]
    {
        assert_eq!(class_at(&cells, address), class, "{address}");
    }
}

/// Addresses of 10.0.0.0/16, each of its class.
fn singles(addresses: impl IntoIterator<Item = (u16, u32)>) -> Vec<ClassRange<u32>> {
    let range = |(low, class)| {
        let address = v4("10.0.0.0") | u32::from(low);
        ClassRange { first: address, last: address, class }
    };
    addresses.into_iter().map(range).collect()
}

/// Asserts the class of every address of 10.0.0.0/16, and returns how many cells there are more than in an empty table.
fn check_sixteen(ranges: &[ClassRange<u32>]) -> usize {
    let cells = Plan::new(ranges, &[]).expect("it fits").to_cells();
    for low in 0..=0xffff {
        let address = v4("10.0.0.0") | low;
        let class = lookup(&cells[..], Address::v4(address.to_be_bytes()));
        assert_eq!(class, naive(ranges, address), "{}", Ipv4Addr::from(address));
    }
    cells.len() - Plan::new(&[], &[]).expect("it fits").to_cells().len()
}

#[test]
fn few_addresses_take_few_cells() {
    // Both ends, neighbours, and the values that a comparison of several at once could confuse.
    let lows = [0, 1, 0x00ff, 0x0100, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff];
    assert_eq!(check_sixteen(&singles(lows.map(|low| (low, 7)))), 1);
    assert_eq!(check_sixteen(&singles(lows.map(|low| (low, 1 + u32::from(low) % 3)))), 2, "one for classes");
    assert_eq!(check_sixteen(&singles((0..28).map(|n| (n << 9, 7)))), 1, "as many as a cell holds");
    assert_eq!(check_sixteen(&singles((0..29).map(|n| (n * 2000, 7)))), 2);
    assert_eq!(check_sixteen(&singles((0..1024).map(|n| (n << 6, 7)))), 64);
    assert_eq!(check_sixteen(&singles((0..1024).map(|n| (n << 6, 1 + u32::from(n) % 5)))), 128);
}

#[test]
fn close_addresses_take_leaves() {
    assert_eq!(check_sixteen(&singles((0..29).map(|low| (low, 7)))), 2, "a node and a leaf");
    assert_eq!(check_sixteen(&singles((0..200).map(|low| (low, 7)))), 2);
    let dense = check_sixteen(&singles((0..200).map(|low| (low, 1 + u32::from(low) % 3))));
    assert_eq!(dense, 10, "a node, a leaf, and dense cells");
}

/// Sorted disjoint ranges from arbitrary boundaries: every second gap is listed.
pub(super) fn disjoint<A: Copy + Ord>(mut points: Vec<A>, classes: &[u32]) -> Vec<ClassRange<A>> {
    points.sort_unstable();
    points.dedup();
    let pairs = points.chunks_exact(2).zip(classes.iter().cycle());
    pairs.map(|(pair, &class)| ClassRange { first: pair[0], last: pair[1], class }).collect()
}

pub(super) fn naive<A: Copy + Ord>(ranges: &[ClassRange<A>], address: A) -> u32 {
    ranges.iter().find(|range| (range.first..=range.last).contains(&address)).map_or(0, |range| range.class)
}

/// Points near one another and near the places where the layout changes, and points anywhere.
fn v4_points() -> impl Strategy<Value = Vec<u32>> {
    let point = prop_oneof![
        any::<u32>(),
        (0u32..4, 0u32..4).prop_map(|(high, low)| high << 16 | low << 8),
        (0u32..4, 0u32..600).prop_map(|(high, low)| (high << 16 | 0xff00).wrapping_add(low)),
        (0u32..40).prop_map(|low| u32::MAX - low),
        0u32..40,
    ];
    prop::collection::vec(point, 0..60)
}

proptest! {
    #[test]
    fn v4_equals_naive(
        points in v4_points(),
        classes in prop::collection::vec(1u32..5, 1..4),
        probes in prop::collection::vec(any::<u32>(), 20),
    ) {
        let ranges = disjoint(points, &classes);
        let cells = Plan::new(&ranges, &[]).expect("it fits").to_cells();
        let edges = ranges.iter().flat_map(|range| {
            [range.first.wrapping_sub(1), range.first, range.last, range.last.wrapping_add(1)]
        });
        for address in edges.chain(probes) {
            prop_assert_eq!(lookup(&cells[..], Address::v4(address.to_be_bytes())), naive(&ranges, address));
        }
    }

    #[test]
    fn v4_singles_equal_naive(
        mut addresses in prop::collection::vec((0u32..3, any::<u16>()), 0..200),
        classes in prop::collection::vec(1u32..5, 1..4),
    ) {
        addresses.sort_unstable();
        addresses.dedup();
        let addresses = addresses.iter().map(|&(high, low)| high << 16 | u32::from(low));
        let ranges: Vec<_> = addresses
            .zip(classes.into_iter().cycle())
            .map(|(address, class)| ClassRange { first: address, last: address, class })
            .collect();
        let cells = Plan::new(&ranges, &[]).expect("it fits").to_cells();
        for address in ranges.iter().flat_map(|range| [range.first.wrapping_sub(1), range.first, range.first + 1]) {
            prop_assert_eq!(lookup(&cells[..], Address::v4(address.to_be_bytes())), naive(&ranges, address));
        }
    }
}
