use proptest::prelude::*;

use super::*;

fn span<A>(first: A, last: A) -> Span<A> {
    Span { first, last, line: 1 }
}

fn slot(number: u8) -> ListSlot {
    ListSlot::new(number).unwrap()
}

/// `disjoint` as `(first, last, lists)`.
fn ranges<A: Address>(lists: &[(u8, &[(A, A)])]) -> Vec<(A, A, Lists)> {
    let spans: Vec<(ListSlot, Vec<Span<A>>)> =
        lists.iter().map(|(n, runs)| (slot(*n), runs.iter().map(|(a, b)| span(*a, *b)).collect())).collect();
    let borrowed: Vec<(ListSlot, &[Span<A>])> = spans.iter().map(|(slot, s)| (*slot, s.as_slice())).collect();
    disjoint(&borrowed).into_iter().map(|r| (r.first, r.last, r.lists)).collect()
}

#[test]
fn overlaps_become_disjoint() {
    const MAX: u32 = u32::MAX;
    type Runs<'a> = &'a [(u8, &'a [(u32, u32)])];
    type Case<'a> = (&'a str, Runs<'a>, &'a [(u32, u32, Lists)]);
    let cases: &[Case<'_>] = &[
        ("nothing", &[], &[]),
        ("an empty list", &[(0, &[])], &[]),
        ("everything", &[(0, &[(0, MAX)])], &[(0, MAX, 1)]),
        ("adjacent of one list merge", &[(0, &[(1, 2), (3, 4)])], &[(1, 4, 1)]),
        ("adjacent of two lists do not", &[(0, &[(1, 2)]), (1, &[(3, 4)])], &[(1, 2, 1), (3, 4, 2)]),
        ("duplicates", &[(0, &[(1, 2), (1, 2), (2, 2)])], &[(1, 2, 1)]),
        ("a hole", &[(0, &[(1, 2), (4, 5)])], &[(1, 2, 1), (4, 5, 1)]),
        ("nested", &[(0, &[(0, 9)]), (127, &[(3, 4)])], &[(0, 2, 1), (3, 4, 1 | 1 << 127), (5, 9, 1)]),
        ("same ends", &[(0, &[(3, 4)]), (1, &[(3, 4)])], &[(3, 4, 3)]),
        ("a change of lists", &[(0, &[(0, 4)]), (1, &[(5, 9)]), (2, &[(0, 9)])], &[(0, 4, 5), (5, 9, 6)]),
        ("the last address", &[(0, &[(MAX, MAX)]), (1, &[(9, MAX)])], &[(9, MAX - 1, 2), (MAX, MAX, 3)]),
        ("the first address", &[(0, &[(0, 0)]), (1, &[(0, MAX)])], &[(0, 0, 3), (1, MAX, 2)]),
        ("unsorted", &[(0, &[(8, 9), (0, MAX), (1, 2)])], &[(0, MAX, 1)]),
        ("a slot twice", &[(0, &[(0, 4)]), (0, &[(2, 9)])], &[(0, 9, 1)]),
        ("reversed", &[(0, &[(4, 2)])], &[]),
    ];
    for (description, lists, expected) in cases {
        assert_eq!(ranges(lists), *expected, "{description}");
    }
}

#[test]
fn ipv6_reaches_its_last_address() {
    const MAX: u128 = u128::MAX;
    assert_eq!(ranges(&[(0, &[(0, MAX)]), (1, &[(MAX, MAX)])]), [(0, MAX - 1, 1), (MAX, MAX, 3)]);
}

#[test]
fn slots_are_bits() {
    assert_eq!(ListSlot::new(128), None);
    assert_eq!(slot(127).bit(), 1 << 127);
    let numbers: Vec<u8> =
        ListSlot::in_set(1 | 1 << 5 | 1 << 63 | 1 << 64 | 1 << 127).map(ListSlot::number).collect();
    assert_eq!(numbers, [0, 5, 63, 64, 127]);
}

/// Addresses of a small universe that touches both ends of the family.
fn universe<A: Address>() -> Vec<A> {
    let low = std::iter::successors(Some(A::MIN), |a| a.checked_succ()).take(24);
    let high = std::iter::successors(Some(A::MAX), |a| a.checked_pred()).take(24);
    let mut all: Vec<A> = low.chain(high).collect();
    all.sort_unstable();
    all
}

fn check_against_naive<A: Address>(runs: &[(u8, usize, usize)]) -> Result<(), TestCaseError> {
    let universe = universe::<A>();
    let lists: Vec<(ListSlot, Vec<Span<A>>)> = runs
        .iter()
        .map(|(n, a, b)| (slot(*n), vec![span(universe[*a.min(b)], universe[*a.max(b)])]))
        .collect();
    let borrowed: Vec<(ListSlot, &[Span<A>])> = lists.iter().map(|(slot, s)| (*slot, s.as_slice())).collect();
    let ranges = disjoint(&borrowed);
    for address in universe {
        let naive =
            lists.iter().filter(|(_, s)| s[0].contains(address)).fold(0, |set, (slot, _)| set | slot.bit());
        let found = ranges.iter().filter(|r| r.first <= address && address <= r.last).map(|r| r.lists);
        let expected = Some(naive).filter(|set| *set != 0);
        prop_assert!(found.eq(expected), "{:?} in {:?}", address, ranges);
    }
    for pair in ranges.windows(2) {
        let touches = pair[0].last.checked_succ() == Some(pair[1].first);
        prop_assert!(pair[0].last < pair[1].first && !(touches && pair[0].lists == pair[1].lists));
    }
    prop_assert!(ranges.iter().all(|r| r.first <= r.last && r.lists != 0));
    Ok(())
}

proptest! {
    #[test]
    fn every_address_has_the_lists_that_hold_it(
        runs in prop::collection::vec((prop::sample::select(vec![0_u8, 1, 2, 63, 64, 127]), 0_usize..48, 0_usize..48), 0..24),
    ) {
        check_against_naive::<u32>(&runs)?;
        check_against_naive::<u128>(&runs)?;
    }
}
