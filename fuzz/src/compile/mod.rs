//! From lists to the table: `disjoint` → classes → cells → `lookup`.
//!
//! Invariant: at every boundary of every span, beside it, and at random addresses, the class that the table gives stands
//! for exactly the lists that a naive search finds. It holds for the table in use while the next one is built with the
//! same classes, for the new one when it has replaced it, and after one that was given up.
//!
//! The input is a series of entries, as bytes: each goes to the first policy, the second or both.

mod entry;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use arbitrary::{Arbitrary as _, Unstructured};
use relay_guard::lists::Span;
use relay_guard::policy::{Address, ClassInterner, ClassedRange, ListSlot, disjoint};
use relay_guard::table::{ClassRange, Plan};
use relay_guard_common::address::Address as Key;
use relay_guard_common::class::CLEAN;
use relay_guard_common::table::{Cell, lookup};

use entry::{Entry, Family, Run};

/// The most entries taken from an input: the naive search looks at all of them for each address.
const MAX_ENTRIES: usize = 64;

/// A set of lists as the naive search makes it, bit *n* for slot *n*.
type Naive = u128;

/// Spans of one family, each with the number of its list.
type Placed<A> = Vec<(u8, Span<A>)>;

/// What a table is built from.
#[derive(Debug, Default)]
struct Policy {
    v4: Placed<u32>,
    v6: Placed<u128>,
}

impl Policy {
    fn add(&mut self, slot: u8, run: Run) {
        let Run { family, first, last } = run;
        match family {
            // IPv4 has 32 bits.
            Family::V4 => self.v4.push((slot, Span { first: first as u32, last: last as u32, line: 0 })),
            Family::V6 => self.v6.push((slot, Span { first, last, line: 0 })),
        }
    }
}

/// Holds the invariant against two policies that follow each other.
///
/// # Panics
/// If it does not hold.
pub fn check(input: &[u8]) {
    let mut bytes = Unstructured::new(input);
    let (mut policies, mut all) = ([Policy::default(), Policy::default()], Policy::default());
    let mut run = Run::default();
    for _ in 0..MAX_ENTRIES {
        if bytes.is_empty() {
            break;
        }
        let Ok(entry) = Entry::arbitrary(&mut bytes) else { break };
        run = entry.run(run);
        all.add(entry.slot(), run);
        for (policy, has_it) in policies.iter_mut().zip(entry.policies()) {
            if has_it {
                policy.add(entry.slot(), run);
            }
        }
    }
    follow_each_other(&policies, &all);
}

/// Builds the second table while the first is in use, gives it up, builds it again, and swaps it in. Wherever one of
/// `all` the entries begins or ends, both are looked up.
fn follow_each_other([first, second]: &[Policy; 2], all: &Policy) {
    let mut interner = ClassInterner::new();
    let old = answers(first, all, &build(first, &mut interner));
    means(&old, &interner);
    interner.retire();
    means(&old, &interner);
    build(second, &mut interner);
    interner.abandon();
    means(&old, &interner);
    let new = answers(second, all, &build(second, &mut interner));
    means(&old, &interner);
    means(&new, &interner);
    interner.retire();
    means(&new, &interner);
}

fn build(policy: &Policy, interner: &mut ClassInterner) -> Vec<Cell> {
    let (v4, v6) = (classed(&policy.v4, interner), classed(&policy.v6, interner));
    // There are fewer spans than classes and cells, so neither can run out.
    Plan::new(&v4, &v6).unwrap_or_else(|error| panic!("{error}")).to_cells()
}

fn classed<A: Address>(placed: &Placed<A>, interner: &mut ClassInterner) -> Vec<ClassRange<A>> {
    let lists: Vec<(ListSlot, &[Span<A>])> =
        placed.iter().map(|(number, span)| (slot(*number), std::slice::from_ref(span))).collect();
    let ranges = disjoint(&lists);
    are_minimal(&ranges);
    let class =
        |range: &ClassedRange<A>| interner.intern(range.lists).unwrap_or_else(|error| panic!("{error}"));
    let classed = ranges.iter().map(class).zip(&ranges).map(|(class, range)| ClassRange {
        first: range.first,
        last: range.last,
        class,
    });
    classed.collect()
}

fn slot(number: u8) -> ListSlot {
    ListSlot::new(number).unwrap_or_else(|| panic!("there is no slot {number}"))
}

/// Ranges ascend, hold something, and touch only where their lists differ.
fn are_minimal<A: Address>(ranges: &[ClassedRange<A>]) {
    for range in ranges {
        assert!(range.first <= range.last && range.lists != 0, "{range:?}");
    }
    for pair in ranges.windows(2) {
        let touch = pair[0].last.checked_succ() == Some(pair[1].first);
        assert!(pair[0].last < pair[1].first && !(touch && pair[0].lists == pair[1].lists), "{pair:?}");
    }
}

/// The lists that each class stands for, by the naive search, wherever one of `all` the entries begins or ends.
fn answers(policy: &Policy, all: &Policy, cells: &[Cell]) -> BTreeMap<u32, Naive> {
    let mut answers = BTreeMap::from([(CLEAN, 0)]);
    let mut answer = |class: u32, lists: Naive, address: Ipv6Addr| {
        let before = *answers.entry(class).or_insert(lists);
        assert_eq!(before, lists, "class {class} stands for other lists at {address}");
    };
    for address in probes(&all.v4) {
        let class = lookup(cells, Key::v4(address.to_be_bytes()));
        answer(class, naive(&policy.v4, address), Ipv4Addr::from(address).to_ipv6_mapped());
    }
    for address in probes(&all.v6) {
        let class = lookup(cells, Key::v6(address.to_be_bytes()));
        let address = Ipv6Addr::from(address);
        // IPv4 in IPv6 is IPv4.
        let lists = match address.to_ipv4_mapped() {
            Some(v4) => naive(&policy.v4, v4.into()),
            None => naive(&policy.v6, address.into()),
        };
        answer(class, lists, address);
    }
    answers
}

/// The classes that a table answers with stand for those lists now.
fn means(answers: &BTreeMap<u32, Naive>, interner: &ClassInterner) {
    for (class, expected) in answers.iter().filter(|(class, _)| **class != CLEAN) {
        let lists = interner.lists_of(*class).map(naive_of);
        assert_eq!(lists, Some(*expected), "what class {class} stands for");
    }
}

/// The set of lists in the naive search's terms.
fn naive_of(lists: relay_guard::policy::Lists) -> Naive {
    ListSlot::in_set(lists).fold(0, |set, slot| set | 1 << slot.number())
}

/// The lists that hold an address, by looking at all spans.
fn naive<A: Address>(placed: &Placed<A>, address: A) -> Naive {
    placed.iter().filter(|(_, span)| span.contains(address)).fold(0, |set, (number, _)| set | 1 << number)
}

/// The ends of the family, of all spans, and their neighbours.
fn probes<A: Address>(placed: &Placed<A>) -> impl Iterator<Item = A> {
    let around = |at: A| [at.checked_pred(), Some(at), at.checked_succ()].into_iter().flatten();
    let ends = placed.iter().flat_map(|(_, span)| [span.first, span.last]);
    ends.chain([A::MIN, A::MAX]).flat_map(around)
}
