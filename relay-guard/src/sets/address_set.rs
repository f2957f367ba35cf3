//! Sets of addresses of both families.

use serde::Serialize;

use super::{Count, Family, Range, RangeSet};
use crate::lists::{Group, ParsedList, Span};

/// A set of addresses. IPv4-mapped IPv6 (`::ffff:0:0/96`) is kept as IPv4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSet {
    /// Its IPv4 addresses.
    pub v4: RangeSet<u32>,
    /// Its IPv6 addresses.
    pub v6: RangeSet<u128>,
}

/// A set in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// The fewest CIDRs, of both families, that hold exactly its addresses.
    pub entries: u64,
    /// IPv4 addresses.
    pub ipv4_addresses: Count,
    /// IPv6 addresses.
    pub ipv6_addresses: Count,
}

impl AddressSet {
    /// Whether it holds no address.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The set in figures.
    pub fn size(&self) -> Size {
        Size {
            entries: self.v4.cidrs().count() as u64 + self.v6.cidrs().count() as u64,
            ipv4_addresses: self.v4.count(),
            ipv6_addresses: self.v6.count(),
        }
    }

    /// The addresses in any of the sets. Each is only copied once, however many there are.
    #[must_use]
    pub fn union_of(sets: Vec<Self>) -> Self {
        let (v4, v6) = sets.into_iter().map(|set| (set.v4, set.v6)).unzip();
        Self { v4: RangeSet::union_of(v4), v6: RangeSet::union_of(v6) }
    }

    /// The addresses in this set, in `other`, or in both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// The addresses in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersect(&other.v4), v6: self.v6.intersect(&other.v6) }
    }

    /// The addresses in this set that are not in `other`.
    #[must_use]
    pub fn except(&self, other: &Self) -> Self {
        Self { v4: self.v4.except(&other.v4), v6: self.v6.except(&other.v6) }
    }

    /// The addresses in one of the sets, but not in both.
    #[must_use]
    pub fn symmetric_difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.symmetric_difference(&other.v4), v6: self.v6.symmetric_difference(&other.v6) }
    }
}

/// The addresses of a list, whatever their value.
impl From<ParsedList> for AddressSet {
    fn from(list: ParsedList) -> Self {
        let group = |group: Group| Self { v4: ranges(&group.v4), v6: ranges(&group.v6) };
        Self::union_of(list.groups.into_iter().map(group).collect())
    }
}

fn ranges<A: Family>(spans: &[Span<A>]) -> RangeSet<A> {
    spans.iter().map(|span| Range { first: span.first, last: span.last }).collect()
}
