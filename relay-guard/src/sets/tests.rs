use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::policy::MAX_LISTS;

fn set<A: Family>(ranges: &[(A, A)]) -> RangeSet<A> {
    ranges.iter().map(|(first, last)| Range { first: *first, last: *last }).collect()
}

fn pairs<A: Family>(set: &RangeSet<A>) -> Vec<(A, A)> {
    set.ranges().iter().map(|range| (range.first, range.last)).collect()
}

fn cidrs<A: Family>(ranges: &[(A, A)]) -> String {
    set(ranges).cidrs().map(|cidr| cidr.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn ranges_that_overlap_or_touch_become_one() {
    const MAX: u32 = u32::MAX;
    type Ranges<'a> = &'a [(u32, u32)];
    let cases: &[(&str, Ranges<'_>, Ranges<'_>)] = &[
        ("nothing", &[], &[]),
        ("touching", &[(1, 2), (3, 4)], &[(1, 4)]),
        ("a hole of one", &[(1, 2), (4, 5)], &[(1, 2), (4, 5)]),
        ("nested", &[(1, 9), (3, 4), (10, 10)], &[(1, 10)]),
        ("descending", &[(8, 9), (4, 5), (1, 2)], &[(1, 2), (4, 5), (8, 9)]),
        ("descending and nested", &[(8, 9), (1, 7), (1, 2)], &[(1, 9)]),
        ("both ends", &[(MAX, MAX), (0, 0)], &[(0, 0), (MAX, MAX)]),
        ("everything, and then some", &[(0, MAX), (MAX, MAX), (0, 0)], &[(0, MAX)]),
        ("the upper half, twice", &[(1 << 31, MAX), (1 << 31, MAX)], &[(1 << 31, MAX)]),
    ];
    for (description, given, expected) in cases {
        assert_eq!(pairs(&set(given)), *expected, "{description}");
    }
}

#[test]
fn cidrs_are_the_fewest() {
    const MAX: u32 = u32::MAX;
    assert_eq!(cidrs::<u32>(&[]), "");
    assert_eq!(cidrs(&[(0, MAX)]), "0.0.0.0/0");
    assert_eq!(cidrs(&[(0_u32, 0)]), "0.0.0.0");
    assert_eq!(cidrs(&[(MAX, MAX)]), "255.255.255.255");
    assert_eq!(cidrs(&[(MAX - 1, MAX)]), "255.255.255.254/31");
    assert_eq!(cidrs(&[(1 << 31, MAX)]), "128.0.0.0/1");
    assert_eq!(cidrs(&[(0x0a00_0001_u32, 0x0a00_0006)]), "10.0.0.1 10.0.0.2/31 10.0.0.4/31 10.0.0.6");
    assert_eq!(cidrs::<u128>(&[(0, u128::MAX)]), "::/0");
    assert_eq!(cidrs(&[(u128::MAX, u128::MAX)]), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_eq!(cidrs(&[(1 << 127, u128::MAX)]), "8000::/1");
    assert_eq!(set(&[(1, MAX - 1)]).cidrs().count(), 62, "the worst range there is");
    assert_eq!(set(&[(1, u128::MAX - 1)]).cidrs().count(), 254, "the worst range there is");
}

#[test]
fn counts_hold_all_of_ipv6() {
    assert_eq!(set(&[(0, u32::MAX)]).count(), Count::Of(1 << 32));
    assert_eq!(set(&[(0, u128::MAX)]).count(), Count::AllIpv6);
    assert_eq!(set(&[(1, u128::MAX)]).count(), Count::Of(u128::MAX));
    assert_eq!(set(&[(0, 1 << 127), (u128::MAX, u128::MAX)]).count(), Count::Of((1 << 127) + 2));
    assert_eq!(Count::AllIpv6.to_string(), "340282366920938463463374607431768211456");
    assert!(Count::Of(u128::MAX) < Count::AllIpv6);
    assert_eq!(Count::Of(1 << 127) + Count::Of(1 << 127), Count::AllIpv6);
    let json = |count: Count| serde_json::to_string(&count).expect("a count is JSON");
    assert_eq!(json(Count::Of((1 << 53) - 1)), "9007199254740991");
    assert_eq!(json(Count::Of(1 << 53)), "\"9007199254740992\"");
    assert_eq!(json(Count::AllIpv6), "\"340282366920938463463374607431768211456\"");
    assert_eq!(Count::Of(1).percent_of(Count::Of(8)).to_string(), "12.5");
    assert_eq!(Count::ZERO.percent_of(Count::ZERO).to_string(), "0");
}

#[test]
fn overlaps_of_whole_families_are_counted() {
    let (all, none) = (set(&[(0, u128::MAX)]), set(&[]));
    let overlaps = Overlaps::of(&[&all, &all, &none]).expect("few sets");
    assert_eq!(overlaps.shared(0, 1), Count::AllIpv6);
    assert_eq!(overlaps.shared(1, 1), Count::AllIpv6);
    assert_eq!(overlaps.shared(1, 2), Count::ZERO);
    assert_eq!(overlaps.alone(0), Count::ZERO);
    assert_eq!(Overlaps::of(&[&none, &all]).expect("few sets").alone(1), Count::AllIpv6);
    let many = vec![&none; MAX_LISTS + 1];
    assert!(Overlaps::of(&many[..MAX_LISTS]).is_ok());
    assert_eq!(Overlaps::of(&many), Err(OverlapError { sets: MAX_LISTS + 1 }));
}

/// Addresses of a small universe that touches both ends of the family.
fn universe<A: Family>() -> Vec<A> {
    let low = std::iter::successors(Some(A::MIN), |a| a.checked_succ()).take(40);
    let high = std::iter::successors(Some(A::MAX), |a| a.checked_pred()).take(40);
    let mut all: Vec<A> = low.chain(high).collect();
    all.sort_unstable();
    all
}

/// The same set twice: ours, and the addresses of the universe that it holds. Whatever lies between the two ends of
/// the universe is one more address, the middle.
fn built<A: Family>(runs: &[(usize, usize)]) -> (RangeSet<A>, BTreeSet<usize>) {
    let universe = universe::<A>();
    let ours = runs.iter().map(|(a, b)| Range { first: universe[*a.min(b)], last: universe[*a.max(b)] });
    (ours.collect(), runs.iter().flat_map(|(a, b)| *a.min(b)..=*a.max(b)).collect())
}

fn holds_exactly<A: Family>(ours: &RangeSet<A>, model: &BTreeSet<usize>) -> Result<(), TestCaseError> {
    for (number, address) in universe::<A>().into_iter().enumerate() {
        prop_assert_eq!(ours.contains(address), model.contains(&number), "{:?}", address);
    }
    for pair in ours.ranges().windows(2) {
        let gap = pair[0].last.checked_succ().filter(|end| *end < pair[1].first);
        prop_assert!(gap.is_some(), "{:?} and {:?} touch", pair[0], pair[1]);
    }
    prop_assert!(ours.ranges().iter().all(|range| range.first <= range.last));
    Ok(())
}

fn algebra_is_that_of_sets<A: Family>(
    a: &[(usize, usize)],
    b: &[(usize, usize)],
) -> Result<(), TestCaseError> {
    let ((a, of_a), (b, of_b)) = (built::<A>(a), built::<A>(b));
    holds_exactly(&a, &of_a)?;
    holds_exactly(&a.union(&b), &(&of_a | &of_b))?;
    holds_exactly(&a.intersect(&b), &(&of_a & &of_b))?;
    holds_exactly(&a.except(&b), &(&of_a - &of_b))?;
    holds_exactly(&a.symmetric_difference(&b), &(&of_a ^ &of_b))
}

fn cidrs_are_exact<A: Family>(runs: &[(usize, usize)]) -> Result<(), TestCaseError> {
    let (ours, _) = built::<A>(runs);
    for range in ours.ranges() {
        let mut at = Some(range.first);
        let mut cidrs: Vec<Range<A>> = Vec::new();
        for cidr in range.cidrs() {
            let block = cidr.range();
            prop_assert_eq!(Some(block.first), at, "without gap or overlap");
            prop_assert_eq!(
                A::widest_block(block.first, A::MAX).min(A::BITS - cidr.length),
                A::BITS - cidr.length
            );
            at = block.last.checked_succ();
            cidrs.push(block);
        }
        prop_assert_eq!(at, range.last.checked_succ());
        // No two neighbours of one length make a wider one; with that, there are no fewer.
        for pair in cidrs.windows(2) {
            let joined = Range { first: pair[0].first, last: pair[1].last };
            prop_assert!(joined.cidrs().count() == 2, "{:?} is one CIDR", joined);
        }
    }
    Ok(())
}

fn overlaps_are_counted<A: Family>(lists: &[Vec<(usize, usize)>]) -> Result<(), TestCaseError> {
    let (sets, models): (Vec<RangeSet<A>>, Vec<BTreeSet<usize>>) =
        lists.iter().map(|runs| built(runs)).unzip();
    let overlaps = Overlaps::of(&sets.iter().collect::<Vec<_>>()).expect("few sets");
    for (i, (one, of_one)) in sets.iter().zip(&models).enumerate() {
        for (j, (other, of_other)) in sets.iter().zip(&models).enumerate() {
            prop_assert_eq!(overlaps.shared(i, j), one.intersect(other).count());
            // What lies in the middle of the family is in none or both here.
            let middle = [39, 40].iter().all(|edge| of_one.contains(edge) && of_other.contains(edge));
            if !middle {
                prop_assert_eq!(overlaps.shared(i, j), Count::Of((of_one & of_other).len() as u128));
            }
        }
        let others = sets.iter().enumerate().filter(|(j, _)| *j != i);
        let rest = others.fold(one.clone(), |rest, (_, other)| rest.except(other));
        prop_assert_eq!(overlaps.alone(i), rest.count());
    }
    Ok(())
}

fn runs() -> impl Strategy<Value = Vec<(usize, usize)>> {
    let near = (0_usize..80, 0_usize..6).prop_map(|(at, length)| (at, (at + length).min(79)));
    prop::collection::vec(prop_oneof![4 => near, 1 => (0_usize..80, 0_usize..80)], 0..12)
}

proptest! {
    #[test]
    fn algebra_is_that_of_naive_sets(a in runs(), b in runs()) {
        algebra_is_that_of_sets::<u32>(&a, &b)?;
        algebra_is_that_of_sets::<u128>(&a, &b)?;
    }

    #[test]
    fn cidrs_hold_exactly_the_range(a in runs()) {
        cidrs_are_exact::<u32>(&a)?;
        cidrs_are_exact::<u128>(&a)?;
    }

    #[test]
    fn overlaps_are_those_of_naive_sets(lists in prop::collection::vec(runs(), 0..6)) {
        overlaps_are_counted::<u32>(&lists)?;
        overlaps_are_counted::<u128>(&lists)?;
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_does(v4: u32, v6: u128, length in 0_u8..=32) {
        let mut text = Vec::new();
        v4.push_text(&mut text);
        prop_assert_eq!(String::from_utf8(text).unwrap(), v4.ip().to_string());
        for cidr in [Cidr { first: v4, length }, Cidr { first: v4 & 0xff, length: 32 - length }] {
            let mut text = Vec::new();
            cidr.push_text(&mut text);
            prop_assert_eq!(String::from_utf8(text).unwrap(), cidr.to_string());
        }
        let mut text = Vec::new();
        Cidr { first: v6, length: 128 - length }.push_text(&mut text);
        prop_assert_eq!(String::from_utf8(text).unwrap(), Cidr { first: v6, length: 128 - length }.to_string());
    }
}
