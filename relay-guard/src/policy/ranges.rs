//! From lists, which may overlap in every way, to disjoint ranges with the set of lists that hold each.
//!
//! Each list is merged into runs that do not touch; the ends of all runs, sorted, are then walked once, toggling a
//! list's bit at each of its ends.

pub use relay_guard_common::class::{Lists, MAX_LISTS};

use crate::lists::Span;

mod sealed {
    /// Keeps [`Address`](super::Address) to the two families that there are.
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for u128 {}
}

/// An address as an integer in host byte order: `u32` for IPv4, `u128` for IPv6.
pub trait Address: Copy + Ord + std::fmt::Debug + sealed::Sealed {
    /// The lowest address of the family.
    const MIN: Self;
    /// The highest address of the family.
    const MAX: Self;
    /// The address after this one; none after the highest.
    fn checked_succ(self) -> Option<Self>;
    /// The address before this one; none before the lowest.
    fn checked_pred(self) -> Option<Self>;
}

macro_rules! address {
    ($($family:ty),*) => {$(
        impl Address for $family {
            const MIN: Self = <$family>::MIN;
            const MAX: Self = <$family>::MAX;
            fn checked_succ(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn checked_pred(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )*};
}
address!(u32, u128);

/// The place of a list in a set of lists, 0 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListSlot(u8);

impl ListSlot {
    /// The slot with this number, if it is below [`MAX_LISTS`].
    pub const fn new(number: u8) -> Option<Self> {
        if (number as usize) < MAX_LISTS { Some(Self(number)) } else { None }
    }

    /// The slot's number, 0 to 127.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The set that holds this slot alone.
    pub const fn bit(self) -> Lists {
        1 << self.0
    }

    /// The slots in a set, lowest first.
    pub fn in_set(set: Lists) -> impl Iterator<Item = Self> {
        (0..MAX_LISTS as u8).map(Self).filter(move |slot| set & slot.bit() != 0)
    }
}

/// A run of addresses, both ends included, that the same lists hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassedRange<A> {
    /// The lowest address.
    pub first: A,
    /// The highest address.
    pub last: A,
    /// The lists that hold it, bit *n* for slot *n*; never empty.
    pub lists: Lists,
}

/// Where a list begins or stops to hold addresses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Edge<A> {
    at: A,
    slot: ListSlot,
}

/// The disjoint ranges that `lists` make, sorted by address; ranges that touch differ in their lists.
///
/// A slot may be given several times; its spans are taken together. Sorted spans are faster, but no order is needed.
/// A span whose `last` is below its `first` holds nothing.
pub fn disjoint<A: Address>(lists: &[(ListSlot, &[Span<A>])]) -> Vec<ClassedRange<A>> {
    let mut edges = Vec::with_capacity(2 * lists.iter().map(|(_, spans)| spans.len()).sum::<usize>());
    for number in 0..MAX_LISTS as u8 {
        let slot = ListSlot(number);
        let spans = lists.iter().filter(|(of, _)| *of == slot).flat_map(|(_, spans)| spans.iter());
        push_edges(slot, spans, &mut edges);
    }
    // Each list's edges are one ascending run, which the stable sort finds and merges.
    edges.sort();
    sweep(&edges)
}

/// Appends the edges of one list: strictly ascending, a begin and an end in turn. The end of a run that reaches the
/// highest address has no place and is left out.
fn push_edges<'a, A: Address + 'a>(
    slot: ListSlot,
    spans: impl Iterator<Item = &'a Span<A>>,
    edges: &mut Vec<Edge<A>>,
) {
    let mut runs: Vec<(A, A)> = spans.filter(|s| s.first <= s.last).map(|s| (s.first, s.last)).collect();
    if !runs.is_sorted() {
        runs.sort_unstable();
    }
    let mut runs = runs.into_iter();
    let Some((mut first, mut last)) = runs.next() else { return };
    for (next_first, next_last) in runs {
        match last.checked_succ() {
            Some(end) if next_first > end => {
                edges.extend([Edge { at: first, slot }, Edge { at: end, slot }]);
                (first, last) = (next_first, next_last);
            }
            _ => last = last.max(next_last),
        }
    }
    edges.push(Edge { at: first, slot });
    edges.extend(last.checked_succ().map(|at| Edge { at, slot }));
}

/// Walks sorted edges. A list has at most one edge at an address, so the set changes at every address that has any.
fn sweep<A: Address>(edges: &[Edge<A>]) -> Vec<ClassedRange<A>> {
    let mut ranges = Vec::with_capacity(edges.len());
    let (mut first, mut lists) = (A::MIN, 0);
    for edge in edges {
        if edge.at != first {
            // An edge behind `first` is above the lowest address and has one before it.
            if let Some(last) = edge.at.checked_pred().filter(|_| lists != 0) {
                ranges.push(ClassedRange { first, last, lists });
            }
            first = edge.at;
        }
        lists ^= edge.slot.bit();
    }
    if lists != 0 {
        ranges.push(ClassedRange { first, last: A::MAX, lists });
    }
    ranges
}

#[cfg(test)]
mod tests;
