//! Which entries answer for an address, when entries are nested, excluded and have values.
//!
//! Entries have a rank: the smaller, the more specific. For an address, the entries of the smallest rank that hold it
//! decide alone. If one of them is an exclusion, the address is not listed; otherwise all their values are answered.
//! This is rbldnsd's rule for all its kinds of sets, with ranks as they need them:
//! - `ip4set`: 0 to 3 for blocks of 1, 256, 65,536 and 2^24 addresses. A range is cut into such blocks.
//! - `ip4trie`, `ip6trie`: by prefix length; the first of equal prefixes counts.
//! - `ip6tset`: exclusions are more specific than entries.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::lists::parsed::Span;

/// The value of an exclusion.
pub(super) const EXCLUDED: u16 = u16::MAX;

/// Pieces made for each entry that a list may have: nested entries and exclusions cut the others.
const PIECES_PER_ENTRY: usize = 4;

/// The value of an entry whose data set has not given one yet.
pub(super) const PENDING: u16 = u16::MAX - 1;

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<A> {
    pub(super) first: A,
    pub(super) last: A,
    pub(super) line: u32,
    /// An index of a value, or [`EXCLUDED`].
    pub(super) value: u16,
    pub(super) rank: u8,
}

/// What the sweep needs of an address.
pub(super) trait Number: Copy + Ord {
    fn successor(self) -> Option<Self>;
    fn predecessor(self) -> Option<Self>;
    fn distance(from: Self, to: Self) -> u128;
}

macro_rules! number {
    ($($family:ty),*) => {$(
        impl Number for $family {
            fn successor(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn predecessor(self) -> Option<Self> {
                self.checked_sub(1)
            }
            fn distance(from: Self, to: Self) -> u128 {
                (to - from).into()
            }
        }
    )*};
}
number!(u32, u128);

/// The spans of each value, by index; those of one value do not overlap. None if there would be more than
/// four times `max_entries` of them.
pub(super) fn answers<A: Number>(
    mut items: Vec<Item<A>>,
    values: usize,
    max_entries: usize,
) -> Option<Vec<Vec<Span<A>>>> {
    items.sort_unstable_by_key(|item| (item.first, item.line));
    let mut begins: Vec<A> = items.iter().map(|item| item.first).collect();
    begins.extend(items.iter().filter_map(|item| item.last.successor()));
    begins.sort_unstable();
    begins.dedup();

    let mut answers: Vec<Vec<Span<A>>> = vec![Vec::new(); values];
    let (mut pieces, limit) = (0_usize, max_entries.saturating_mul(PIECES_PER_ENTRY));
    let mut active = Active { ranks: BTreeMap::new() };
    let mut coming = items.into_iter().peekable();
    for (index, begin) in begins.iter().enumerate() {
        while let Some(item) = coming.next_if(|item| item.first == *begin) {
            active.add(item);
        }
        // Behind the last begin nothing is active, unless it reaches the highest address.
        let end = begins.get(index + 1).and_then(|next| next.predecessor());
        let Some(decides) = active.decides(*begin) else { continue };
        for (value, heap) in &mut decides.values {
            let Some(Reverse((_, line, last))) = heap.peek() else { continue };
            let piece = Span { first: *begin, last: end.unwrap_or(*last), line: *line };
            pieces += usize::from(push(&mut answers[usize::from(*value)], piece));
        }
        if pieces > limit {
            return None;
        }
    }
    Some(answers)
}

/// Appends a piece, to the one before it if they belong together; whether it is a new one.
fn push<A: Number>(spans: &mut Vec<Span<A>>, piece: Span<A>) -> bool {
    match spans.last_mut() {
        Some(before) if before.line == piece.line && before.last.successor() == Some(piece.first) => {
            before.last = piece.last;
            false
        }
        _ => {
            spans.push(piece);
            true
        }
    }
}

/// The entries that hold the current address, by rank. Those that have ended are taken out when they come up.
struct Active<A> {
    ranks: BTreeMap<u8, Rank<A>>,
}

/// Entries as (size, line, last), the narrowest and then the earliest on top.
type Narrowest<A> = BinaryHeap<Reverse<(u128, u32, A)>>;

struct Rank<A> {
    /// The ends of exclusions, the highest on top.
    exclusions: BinaryHeap<A>,
    values: BTreeMap<u16, Narrowest<A>>,
}

impl<A: Number> Active<A> {
    fn add(&mut self, item: Item<A>) {
        let new = || Rank { exclusions: BinaryHeap::new(), values: BTreeMap::new() };
        let rank = self.ranks.entry(item.rank).or_insert_with(new);
        if item.value == EXCLUDED {
            rank.exclusions.push(item.last);
        } else {
            let size = A::distance(item.first, item.last);
            rank.values.entry(item.value).or_default().push(Reverse((size, item.line, item.last)));
        }
    }

    /// The rank that decides on `address`, if it is listed.
    fn decides(&mut self, address: A) -> Option<&mut Rank<A>> {
        while let Some(mut rank) = self.ranks.first_entry() {
            rank.get_mut().forget_before(address);
            if !rank.get().is_empty() {
                break;
            }
            rank.remove();
        }
        // A rank further down may be empty as well, but not the first one.
        let rank = self.ranks.first_entry()?.into_mut();
        if rank.exclusions.is_empty() { Some(rank) } else { None }
    }
}

impl<A: Number> Rank<A> {
    fn is_empty(&self) -> bool {
        self.exclusions.is_empty() && self.values.is_empty()
    }

    fn forget_before(&mut self, address: A) {
        while self.exclusions.peek().is_some_and(|last| *last < address) {
            self.exclusions.pop();
        }
        self.values.retain(|_, heap| {
            while heap.peek().is_some_and(|Reverse((_, _, last))| *last < address) {
                heap.pop();
            }
            !heap.is_empty()
        });
    }
}

/// Cuts a range into the runs of equal rank that `ip4set` keeps: single addresses at its ends, whole /24, /16 and /8
/// inside.
pub(super) fn octet_runs(item: Item<u32>) -> impl Iterator<Item = Item<u32>> {
    let (mut from, mut end) = (u64::from(item.first), u64::from(item.last) + 1);
    let mut runs = Vec::new();
    for rank in 0..3_u8 {
        // What is within one unit, or in two halves of neighbours, holds no whole one.
        let unit = 256_u64 << (8 * rank);
        let (up, down) = (from.next_multiple_of(unit), end / unit * unit);
        if up >= down {
            runs.push((from, end, rank));
            (from, end) = (0, 0);
            break;
        }
        runs.push((from, up, rank));
        runs.push((down, end, rank));
        (from, end) = (up, down);
    }
    runs.push((from, end, 3));
    runs.into_iter().filter(|(from, end, _)| from < end).map(move |(from, end, rank)| {
        // Both are addresses, taken from `item`.
        Item { first: from as u32, last: (end - 1) as u32, rank, ..item }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(first: u32, last: u32) -> Item<u32> {
        Item { first, last, line: 7, value: 3, rank: 0 }
    }

    fn runs(first: u32, last: u32) -> Vec<(u32, u32, u8)> {
        let mut runs: Vec<_> =
            octet_runs(item(first, last)).map(|run| (run.first, run.last, run.rank)).collect();
        runs.sort_unstable();
        runs
    }

    #[test]
    fn ranges_are_cut_at_octets() {
        for (first, last, expected) in [
            (5, 5, &[(5, 5, 0)][..]),
            (0, 255, &[(0, 255, 1)]),
            (0x80, 0x17f, &[(0x80, 0x17f, 0)]),
            (0x80, 0x27f, &[(0x80, 0xff, 0), (0x100, 0x1ff, 1), (0x200, 0x27f, 0)]),
            (0, 0xffff, &[(0, 0xffff, 2)]),
            (0x0a00_0000, 0x0aff_ffff, &[(0x0a00_0000, 0x0aff_ffff, 3)]),
            (0, u32::MAX, &[(0, u32::MAX, 3)]),
            (u32::MAX, u32::MAX, &[(u32::MAX, u32::MAX, 0)]),
            (
                0x0000_00ff,
                0x0200_0000,
                &[
                    (0xff, 0xff, 0),
                    (0x100, 0xffff, 1),
                    (0x1_0000, 0xff_ffff, 2),
                    (0x0100_0000, 0x01ff_ffff, 3),
                    (0x0200_0000, 0x0200_0000, 0),
                ],
            ),
        ] {
            assert_eq!(runs(first, last), expected, "{first:x}-{last:x}");
        }
    }

    proptest! {
        #[test]
        fn runs_make_up_the_range_at_its_largest_blocks(one: u32, other: u32, shift in 0_u32..31, at: u32) {
            let (first, last) = ((one >> shift).min(other >> shift), (one >> shift).max(other >> shift));
            let runs = runs(first, last);
            prop_assert_eq!((runs[0].0, runs[runs.len() - 1].1), (first, last));
            prop_assert!(runs.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{:x?}", runs);
            let address = first + ((u64::from(at) * u64::from(last - first)) >> 32) as u32;
            let rank = runs.iter().find(|run| (run.0..=run.1).contains(&address)).map(|run| run.2);
            let fits = |rank: &u8| {
                let low = (1_u32 << (8 * rank)) - 1;
                first <= address & !low && address | low <= last
            };
            prop_assert_eq!(rank, (0..4).rev().find(fits));
        }
    }
}
