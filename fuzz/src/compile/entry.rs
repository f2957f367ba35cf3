//! One entry of a list, from a few bytes: near the places where the table's layout changes, and near one another.

use arbitrary::Arbitrary;
use relay_guard::policy::MAX_LISTS;

/// An entry: which policies have it, in which list, where it begins and how far it goes.
#[derive(Debug, Arbitrary)]
pub(super) struct Entry {
    policies: u8,
    slot: u8,
    begin: Begin,
    reach: Reach,
}

/// Where an entry begins.
#[derive(Debug, Arbitrary)]
enum Begin {
    V4(u32),
    V6(u128),
    /// This far behind the address where the one before ended, or before it.
    Near(i8),
    /// This far below the highest address of the family of the one before.
    Top(u8),
    /// In one of the first /16s, or /64s: this far from where it begins.
    Block(u8, i8),
    /// In the other family than the one before, this far from its lowest address.
    Other(u8),
}

/// How far an entry goes.
#[derive(Debug, Arbitrary)]
enum Reach {
    Single,
    /// To the end of what shares this many bits with its beginning.
    Prefix(u8),
    /// This many more addresses.
    More(u16),
    /// This many more /24s, or /64s.
    Blocks(u8),
    /// To the family's highest address.
    All,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Family {
    #[default]
    V4,
    V6,
}

/// Addresses of one family, both ends included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub(super) family: Family,
    pub(super) first: u128,
    pub(super) last: u128,
}

impl Family {
    const fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    const fn highest(self) -> u128 {
        u128::MAX >> (128 - self.bits())
    }

    const fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

impl Entry {
    /// The number of its list.
    pub(super) fn slot(&self) -> u8 {
        self.slot % MAX_LISTS as u8
    }

    /// Whether it is in the first policy, and whether in the second; if in neither, its ends are only looked up.
    pub(super) const fn policies(&self) -> [bool; 2] {
        [self.policies & 1 == 0, self.policies & 2 == 0]
    }

    /// Its addresses, behind those of the entry `before`.
    pub(super) fn run(&self, before: Run) -> Run {
        let (family, first) = self.begin(before);
        let rest = family.highest() - first;
        let more = match self.reach {
            Reach::Single => 0,
            Reach::Prefix(length) => {
                let shared = u32::from(length) % (family.bits() + 1);
                let host = family.highest().checked_shr(shared).unwrap_or(0);
                host - (first & host)
            }
            Reach::More(count) => count.into(),
            Reach::Blocks(count) => u128::from(count) << if family == Family::V4 { 8 } else { 64 },
            Reach::All => rest,
        };
        Run { family, first, last: first + more.min(rest) }
    }

    fn begin(&self, before: Run) -> (Family, u128) {
        let family = before.family;
        let near =
            |family: Family, at: u128, by: i8| (family, at.wrapping_add_signed(by.into()) & family.highest());
        match self.begin {
            Begin::V4(address) => (Family::V4, address.into()),
            Begin::V6(address) => (Family::V6, address),
            Begin::Near(by) => near(family, before.last, by),
            Begin::Top(by) => (family, family.highest() - u128::from(by)),
            Begin::Block(block, by) => {
                near(family, u128::from(block) << if family == Family::V4 { 16 } else { 64 }, by)
            }
            Begin::Other(by) => (family.other(), by.into()),
        }
    }
}
