//! Lists, compiled as the daemon compiles them: disjoint ranges, a class for each set of lists, a table.

use ipnet::IpNet;
use relay_guard::lists::Span;
use relay_guard::policy::{ClassInterner, ClassedRange, ListSlot, disjoint};
use relay_guard::table::{ClassRange, Plan};
use relay_guard_common::action::Action;
use relay_guard_common::class::{Class, Lists, Rule};
use relay_guard_common::reason::Reason;

/// A list: what it does, and what it holds.
#[derive(Clone, Debug)]
pub struct List {
    /// What is said of its addresses; which lists hold them is not looked at.
    pub meaning: Class,
    pub nets: Vec<IpNet>,
}

impl List {
    /// A list that judges sources at all ports. What protects sources spares contained hosts, too.
    pub fn inbound(action: Action, reason: Reason, nets: Vec<IpNet>) -> Self {
        let rule = Rule::new(action, reason);
        let mut meaning = Class::new(0).inbound(rule);
        if rule.protects() {
            meaning.spared = rule;
        }
        if reason == Reason::Protected {
            meaning.flags = Class::OWN;
        }
        Self { meaning, nets }
    }
}

/// What the kernel is to hold.
#[derive(Debug)]
pub struct Compiled {
    pub v4: Vec<ClassRange<u32>>,
    pub v6: Vec<ClassRange<u128>>,
    pub classes: Vec<(u32, Class)>,
}

impl Compiled {
    /// The table.
    pub fn plan(&self) -> Plan<'_> {
        Plan::new(&self.v4, &self.v6).expect("the table fits")
    }
}

/// Compiles lists. Where several hold an address, the first in order says what happens. Sets of lists that `interner`
/// knows keep their class.
pub fn compile(lists: &[List], interner: &mut ClassInterner) -> Compiled {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for (number, list) in (0..).zip(lists) {
        let slot = ListSlot::new(number).expect("at most 128 lists");
        let (spans4, spans6) = spans(&list.nets);
        v4.push((slot, spans4));
        v6.push((slot, spans6));
    }
    let v4 = disjoint(&v4.iter().map(|(slot, spans)| (*slot, &spans[..])).collect::<Vec<_>>());
    let v6 = disjoint(&v6.iter().map(|(slot, spans)| (*slot, &spans[..])).collect::<Vec<_>>());
    let v4 = classed(&v4, interner);
    let v6 = classed(&v6, interner);
    let classes = interner.iter().map(|(class, set)| (class, meaning(set, lists))).collect();
    Compiled { v4, v6, classes }
}

/// CIDRs as spans of either family.
pub fn spans(nets: &[IpNet]) -> (Vec<Span<u32>>, Vec<Span<u128>>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for net in nets {
        match net {
            IpNet::V4(net) => v4.push(span(net.network().into(), net.broadcast().into())),
            IpNet::V6(net) => v6.push(span(net.network().into(), net.broadcast().into())),
        }
    }
    (v4, v6)
}

fn span<A>(first: A, last: A) -> Span<A> {
    Span { first, last, line: 0 }
}

fn classed<A: Copy>(ranges: &[ClassedRange<A>], interner: &mut ClassInterner) -> Vec<ClassRange<A>> {
    let mut class = |lists| interner.intern(lists).expect("few sets of lists");
    ranges
        .iter()
        .map(|range| ClassRange { first: range.first, last: range.last, class: class(range.lists) })
        .collect()
}

fn meaning(set: Lists, lists: &[List]) -> Class {
    let first = &lists[set.trailing_zeros() as usize];
    Class { lists: Class::new(set).lists, ..first.meaning }
}
