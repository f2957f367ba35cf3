//! Sets of addresses of one family as sorted, disjoint ranges, and the algebra on them.

use super::{Cidr, Cidrs, Count, Family};

/// A run of addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range<A> {
    /// The lowest address.
    pub first: A,
    /// The highest address, never below `first`.
    pub last: A,
}

impl<A: Family> Range<A> {
    /// How many addresses it holds.
    pub fn count(&self) -> Count {
        A::count(self.first, self.last)
    }

    /// The fewest CIDRs that hold exactly its addresses, ascending.
    pub fn cidrs(&self) -> Cidrs<A> {
        Cidrs::new(*self)
    }
}

/// A set of addresses. Its ranges are ascending, and between two of them there is at least one address that is in
/// neither: two sets with the same addresses are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeSet<A> {
    ranges: Vec<Range<A>>,
}

impl<A> Default for RangeSet<A> {
    fn default() -> Self {
        Self { ranges: Vec::new() }
    }
}

impl<A: Family> RangeSet<A> {
    /// The ranges, ascending.
    pub fn ranges(&self) -> &[Range<A>] {
        &self.ranges
    }

    /// Whether it holds no address.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many addresses it holds.
    pub fn count(&self) -> Count {
        self.ranges.iter().map(Range::count).sum()
    }

    /// The fewest CIDRs that hold exactly its addresses, ascending. Nothing is allocated.
    pub fn cidrs(&self) -> impl Iterator<Item = Cidr<A>> {
        self.ranges.iter().flat_map(Range::cidrs)
    }

    /// Whether it holds `address`.
    pub fn contains(&self, address: A) -> bool {
        let behind = self.ranges.partition_point(|range| range.first <= address);
        behind.checked_sub(1).is_some_and(|at| self.ranges[at].last >= address)
    }

    /// The addresses in any of the sets. Each is only copied once, however many there are.
    #[must_use]
    pub fn union_of(mut sets: Vec<Self>) -> Self {
        match sets.len() {
            0 | 1 => sets.pop().unwrap_or_default(),
            _ => sets.into_iter().flat_map(|set| set.ranges).collect(),
        }
    }

    /// The addresses in this set, in `other`, or in both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, |here, there| here || there)
    }

    /// The addresses in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        self.combine(other, |here, there| here && there)
    }

    /// The addresses in this set that are not in `other`.
    #[must_use]
    pub fn except(&self, other: &Self) -> Self {
        self.combine(other, |here, there| here && !there)
    }

    /// The addresses in one of the sets, but not in both.
    #[must_use]
    pub fn symmetric_difference(&self, other: &Self) -> Self {
        self.combine(other, |here, there| here != there)
    }

    /// Walks the ends of both sets' ranges together, and keeps what `keep` says of an address that is in this set, in
    /// the other. `keep(false, false)` is false.
    fn combine(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Self {
        let (mut here, mut there) = (Walk::new(&self.ranges), Walk::new(&other.ranges));
        let mut ranges = Vec::new();
        let mut open: Option<A> = None;
        while let Some(at) = earlier(here.next_edge(), there.next_edge()) {
            here.pass(at);
            there.pass(at);
            match (open, keep(here.inside, there.inside)) {
                (None, true) => open = Some(at),
                (Some(first), false) => {
                    // It was opened at a lower address, so there is one before this.
                    ranges.extend(at.checked_pred().map(|last| Range { first, last }));
                    open = None;
                }
                (None, false) | (Some(_), true) => {}
            }
        }
        ranges.extend(open.map(|first| Range { first, last: A::MAX }));
        Self { ranges }
    }
}

/// Ranges in any order, overlapping in any way. What comes in ascending order takes no more memory than the set.
impl<A: Family> FromIterator<Range<A>> for RangeSet<A> {
    fn from_iter<I: IntoIterator<Item = Range<A>>>(ranges: I) -> Self {
        let ranges = ranges.into_iter();
        let mut kept: Vec<Range<A>> = Vec::with_capacity(ranges.size_hint().0);
        let mut ascending = true;
        for range in ranges {
            let in_order = kept.last().is_none_or(|last| last.first <= range.first);
            let absorbed = in_order && kept.last_mut().is_some_and(|last| absorb(last, &range));
            if !absorbed {
                ascending &= in_order;
                kept.push(range);
            }
        }
        if !ascending {
            // Of a few sorted lists behind each other the stable sort finds the runs and merges them.
            kept.sort();
            kept.dedup_by(|next, last| absorb(last, next));
        }
        Self { ranges: kept }
    }
}

/// Takes `next`, which starts no lower, into `last` if the two overlap or touch; says whether they did.
fn absorb<A: Family>(last: &mut Range<A>, next: &Range<A>) -> bool {
    let apart = last.last.checked_succ().is_some_and(|end| next.first > end);
    if !apart {
        last.last = last.last.max(next.last);
    }
    !apart
}

/// A walk over the addresses at which a set begins or stops to hold addresses.
struct Walk<'a, A> {
    ranges: &'a [Range<A>],
    /// Whether the walk is inside the first of the ranges left.
    inside: bool,
}

impl<'a, A: Family> Walk<'a, A> {
    fn new(ranges: &'a [Range<A>]) -> Self {
        Self { ranges, inside: false }
    }

    /// The next address where it changes; none behind the last, nor where a range goes on to the highest address.
    fn next_edge(&self) -> Option<A> {
        let range = self.ranges.first()?;
        if self.inside { range.last.checked_succ() } else { Some(range.first) }
    }

    /// Goes on to `at`, which is not behind the next edge.
    fn pass(&mut self, at: A) {
        if self.next_edge() == Some(at) {
            if self.inside {
                self.ranges = &self.ranges[1..];
            }
            self.inside = !self.inside;
        }
    }
}

fn earlier<A: Ord>(a: Option<A>, b: Option<A>) -> Option<A> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
