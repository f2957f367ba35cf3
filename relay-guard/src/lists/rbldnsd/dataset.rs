//! The data sets of a zone: entries, defaults and variables; and what they answer together.

use super::sweep::{EXCLUDED, Item, PENDING, answers, octet_runs};
use super::value::{DEFAULT, Value, Variables};
use crate::lists::parsed::{MAX_VALUES, Span};

/// What a data set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ip4Set,
    Ip4Tset,
    Ip4Trie,
    Ip6Tset,
    Ip6Trie,
    /// Nothing that is an address: the words say what.
    Other(&'static str),
}

impl Kind {
    /// The kind of this name; none for `combined`, which cannot be nested, and for what rbldnsd does not know.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"ip4set" => Self::Ip4Set,
            b"ip4tset" => Self::Ip4Tset,
            b"ip4trie" => Self::Ip4Trie,
            b"ip6tset" => Self::Ip6Tset,
            b"ip6trie" => Self::Ip6Trie,
            b"dnset" => Self::Other("names"),
            b"generic" => Self::Other("generic records"),
            b"acl" => Self::Other("access rules"),
            _ => return None,
        })
    }

    /// Whether one value, the first default, holds for all entries.
    pub(super) fn is_trivial(self) -> bool {
        matches!(self, Self::Ip4Tset | Self::Ip6Tset)
    }
}

/// A data set.
pub(super) struct Dataset {
    pub(super) kind: Kind,
    /// Whether a query for the zone itself asks it.
    pub(super) in_base: bool,
    pub(super) v4: Vec<Item<u32>>,
    pub(super) v6: Vec<Item<u128>>,
    default: (u32, Vec<u8>),
    has_default: bool,
    pub(super) variables: Variables,
    /// Whether every IPv4 entry is a prefix; then the narrowest that holds an address is of its smallest rank.
    pub(super) all_prefixes: bool,
}

impl Dataset {
    pub(super) fn new(kind: Kind, in_base: bool) -> Self {
        Self {
            kind,
            in_base,
            v4: Vec::new(),
            v6: Vec::new(),
            default: (DEFAULT.address, DEFAULT.template.to_vec()),
            has_default: false,
            variables: Variables::default(),
            all_prefixes: true,
        }
    }

    /// The value of entries that give none.
    pub(super) fn default(&self) -> Value<'_> {
        Value { address: self.default.0, template: &self.default.1 }
    }

    /// Sets that value, as a line with a colon does. The trivial kinds keep the first one.
    pub(super) fn set_default(&mut self, value: Value<'_>) {
        if !(self.kind.is_trivial() && self.has_default) {
            self.default = (value.address, value.template.to_vec());
            self.has_default = true;
        }
    }

    /// Forgets the default at the beginning of another document, but for the trivial kinds.
    pub(super) fn begin(&mut self) {
        if !self.kind.is_trivial() {
            self.default = (DEFAULT.address, DEFAULT.template.to_vec());
        }
    }

    /// Gives the pending entries their value.
    pub(super) fn settle(&mut self, value: u16) {
        let v4 = self.v4.iter_mut().map(|item| &mut item.value);
        let v6 = self.v6.iter_mut().map(|item| &mut item.value);
        v4.chain(v6).filter(|pending| **pending == PENDING).for_each(|pending| *pending = value);
    }

    /// Adds the spans that the set answers with to those of each value. `None` if there are too many.
    pub(super) fn answer(self, out: &mut Answers) -> Option<()> {
        let max = out.max_entries;
        let count = out.v4.len();
        if self.all_prefixes && has_one_value(&self.v4) {
            self.v4.iter().for_each(|item| out.v4[usize::from(item.value)].push(span(item)));
        } else {
            let ranked = match self.kind {
                Kind::Ip4Trie | Kind::Ip6Trie => first_of_equal(self.v4),
                _ => self.v4.into_iter().flat_map(octet_runs).collect(),
            };
            extend(&mut out.v4, answers(ranked, count, max)?);
        }
        if has_one_value(&self.v6) {
            self.v6.iter().for_each(|item| out.v6[usize::from(item.value)].push(span(item)));
        } else {
            extend(&mut out.v6, answers(first_of_equal(self.v6), count, max)?);
        }
        Some(())
    }
}

/// Whether all entries have the same value, and nothing is excluded: then nesting changes no answer.
fn has_one_value<A>(items: &[Item<A>]) -> bool {
    let first = items.first().map_or(0, |item| item.value);
    first != EXCLUDED && items.iter().all(|item| item.value == first)
}

fn span<A: Copy>(item: &Item<A>) -> Span<A> {
    Span { first: item.first, last: item.last, line: item.line }
}

fn extend<A>(out: &mut [Vec<Span<A>>], more: Vec<Vec<Span<A>>>) {
    for (out, more) in out.iter_mut().zip(more) {
        out.extend(more);
    }
}

/// Keeps the first of equal prefixes, exclusions included.
fn first_of_equal<A: Ord + Copy>(mut items: Vec<Item<A>>) -> Vec<Item<A>> {
    items.sort_unstable_by_key(|item| (item.first, item.last, item.line));
    items.dedup_by_key(|item| (item.first, item.last));
    items
}

/// The A values of a zone, and the spans that are answered with each.
pub(super) struct Answers {
    pub(super) v4: Vec<Vec<Span<u32>>>,
    pub(super) v6: Vec<Vec<Span<u128>>>,
    pub(super) max_entries: usize,
}

/// The different A values of a zone, in the order in which they come.
#[derive(Default)]
pub(super) struct Values {
    pub(super) addresses: Vec<u32>,
}

impl Values {
    /// The index of a value; none if there are more than [`MAX_VALUES`].
    pub(super) fn index(&mut self, address: u32) -> Option<u16> {
        let index = match self.addresses.iter().rposition(|known| *known == address) {
            Some(index) => index,
            None if self.addresses.len() == MAX_VALUES => return None,
            None => {
                self.addresses.push(address);
                self.addresses.len() - 1
            }
        };
        u16::try_from(index).ok()
    }
}
