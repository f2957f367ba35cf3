//! From lists and host declarations to what the datapath holds: classed ranges and the meaning of each class.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use relay_guard_common::{action::Action, class::Class, reason::Reason};

use super::{ClassError, ClassInterner, ClassedRange, ListSlot, disjoint};
use crate::{
    config::{Hosts, ListAction},
    lists::{ParsedList, Span},
    table::ClassRange,
};

/// Slots of a set of lists that stand for host declarations: the last three.
const OWN_SERVERS: u8 = 61;
const MAIL_SERVERS: u8 = 62;
const EXCEPTED: u8 = 63;
const PROTECTED: u64 = 1 << OWN_SERVERS | 1 << MAIL_SERVERS | 1 << EXCEPTED;

/// A list with its place in the sets of lists.
#[derive(Clone, Copy, Debug)]
pub struct PlacedList<'a> {
    /// Its bit.
    pub slot: ListSlot,
    /// What it does.
    pub action: ListAction,
    /// What it holds.
    pub content: &'a ParsedList,
}

/// What the datapath is to hold.
#[derive(Debug, Default)]
pub struct Compiled {
    /// IPv4 ranges.
    pub v4: Vec<ClassRange<u32>>,
    /// IPv6 ranges.
    pub v6: Vec<ClassRange<u128>>,
    /// Each class that a range has, and what it means.
    pub classes: Vec<(u32, Class)>,
}

/// Compiles lists and declared hosts.
///
/// # Errors
/// [`ClassError`] if there are more different sets of lists than classes.
pub fn compile(
    lists: &[PlacedList<'_>],
    hosts: &Hosts,
    interner: &mut ClassInterner,
) -> Result<Compiled, ClassError> {
    let declared = DeclaredHosts::new(hosts);
    let v4 = disjoint(&with_declared(lists, &declared.v4, |list| {
        list.content.groups.iter().map(|group| group.v4.as_slice()).collect()
    }));
    let v6 = disjoint(&with_declared(lists, &declared.v6, |list| {
        list.content.groups.iter().map(|group| group.v6.as_slice()).collect()
    }));
    let v4 = classed(&v4, interner)?;
    let v6 = classed(&v6, interner)?;
    let classes = interner.iter().map(|(class, set)| (class, meaning(set, lists))).collect();
    Ok(Compiled { v4, v6, classes })
}

/// What a set of lists means: declared hosts are protected, an allow list wins over the others, of those the strongest
/// action holds.
fn meaning(set: u64, lists: &[PlacedList<'_>]) -> Class {
    if set & PROTECTED != 0 {
        return Class::new(set, Action::Pass, Reason::Protected);
    }
    let action =
        lists.iter().filter(|list| set & list.slot.bit() != 0).map(|list| list.action).max_by_key(rank);
    match action {
        Some(ListAction::Allow) => Class::new(set, Action::Pass, Reason::AllowList),
        Some(ListAction::Drop) => Class::new(set, Action::Drop, Reason::Listed),
        // A set without any known list cannot stop anything.
        Some(ListAction::Observe) | None => Class::new(set, Action::Observe, Reason::Listed),
    }
}

const fn rank(action: &ListAction) -> u8 {
    match action {
        ListAction::Observe => 0,
        ListAction::Drop => 1,
        ListAction::Allow => 2,
    }
}

fn classed<A: Copy>(
    ranges: &[ClassedRange<A>],
    interner: &mut ClassInterner,
) -> Result<Vec<ClassRange<A>>, ClassError> {
    let classed = |range: &ClassedRange<A>| {
        let class = interner.intern(range.lists)?;
        Ok(ClassRange { first: range.first, last: range.last, class })
    };
    ranges.iter().map(classed).collect()
}

fn with_declared<'a, A>(
    lists: &'a [PlacedList<'a>],
    declared: &'a [(ListSlot, Vec<Span<A>>)],
    spans: impl Fn(&'a PlacedList<'a>) -> Vec<&'a [Span<A>]>,
) -> Vec<(ListSlot, &'a [Span<A>])> {
    let of_lists = lists.iter().flat_map(|list| spans(list).into_iter().map(|spans| (list.slot, spans)));
    of_lists.chain(declared.iter().map(|(slot, spans)| (*slot, spans.as_slice()))).collect()
}

/// Declared hosts as spans, each kind in its slot.
struct DeclaredHosts {
    v4: Vec<(ListSlot, Vec<Span<u32>>)>,
    v6: Vec<(ListSlot, Vec<Span<u128>>)>,
}

impl DeclaredHosts {
    fn new(hosts: &Hosts) -> Self {
        let mut declared = Self { v4: Vec::new(), v6: Vec::new() };
        let kinds = [
            (OWN_SERVERS, &hosts.own_servers),
            (MAIL_SERVERS, &hosts.mail_servers),
            (EXCEPTED, &hosts.excepted),
        ];
        for (number, nets) in kinds {
            let Some(slot) = ListSlot::new(number) else { continue };
            let (mut v4, mut v6) = (Vec::new(), Vec::new());
            for net in nets {
                match net {
                    IpNet::V4(net) => v4.push(span(net.network().into(), net.broadcast().into())),
                    IpNet::V6(net) => v6.push(span(net.network().into(), net.broadcast().into())),
                }
            }
            declared.v4.push((slot, v4));
            declared.v6.push((slot, v6));
        }
        declared
    }
}

/// A span that stands in no file.
const fn span<A>(first: A, last: A) -> Span<A> {
    Span { first, last, line: 0 }
}

/// What the configuration says of a host, if it says anything; the first that applies.
#[must_use]
pub fn declaration(hosts: &Hosts, address: IpAddr) -> Option<Declaration> {
    let holds = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&address));
    if holds(&hosts.mail_servers) {
        Some(Declaration::MailServer)
    } else if holds(&hosts.excepted) {
        Some(Declaration::Excepted)
    } else if holds(&hosts.own_servers) {
        Some(Declaration::OwnServer)
    } else {
        None
    }
}

/// What the configuration says of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// A declared mail server: may send.
    MailServer,
    /// An excepted host.
    Excepted,
    /// A server that receives mail for us.
    OwnServer,
}

/// Places of lists by name, so that a set of lists means the same in the old table and the new one: a list that stays
/// keeps its place, a new one gets a place that neither of them uses, as long as there is one.
///
/// # Panics
/// Never: the configuration names at most [`MAX_CONFIGURED_LISTS`](crate::config::MAX_CONFIGURED_LISTS) lists.
#[must_use]
pub fn place_lists<'n>(
    before: &BTreeMap<String, ListSlot>,
    names: impl Iterator<Item = &'n str> + Clone,
) -> BTreeMap<String, ListSlot> {
    let mut places: BTreeMap<String, ListSlot> =
        names.clone().filter_map(|name| Some((name.to_owned(), *before.get(name)?))).collect();
    for name in names {
        if places.contains_key(name) {
            continue;
        }
        let free =
            |slot: &ListSlot, places: &BTreeMap<String, ListSlot>| !places.values().any(|used| used == slot);
        let candidates: Vec<_> =
            (0..OWN_SERVERS).filter_map(ListSlot::new).filter(|slot| free(slot, &places)).collect();
        let slot = candidates.iter().find(|slot| free(slot, before)).or_else(|| candidates.first());
        if let Some(slot) = slot {
            places.insert(name.to_owned(), *slot);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::{self, Input, ParseOptions};

    fn parsed(text: &str) -> ParsedList {
        lists::parse(&[Input { name: "test", bytes: text.as_bytes() }], &ParseOptions::default()).expect(text)
    }

    fn hosts(own: &[&str], excepted: &[&str]) -> Hosts {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a CIDR")).collect();
        Hosts { own_servers: nets(own), mail_servers: Vec::new(), excepted: nets(excepted) }
    }

    fn meaning_at(compiled: &Compiled, address: &str) -> Option<(Action, Reason)> {
        let address = u32::from(address.parse::<std::net::Ipv4Addr>().expect("an address"));
        let range = compiled.v4.iter().find(|range| (range.first..=range.last).contains(&address))?;
        let class = compiled.classes.iter().find(|(class, _)| *class == range.class)?.1;
        Some((Action::from_u8(class.action)?, Reason::from_u8(class.reason)?))
    }

    #[test]
    fn the_strongest_wins() {
        let (drop, observe, allow) =
            (parsed("192.0.2.0/24"), parsed("192.0.2.0/25\n198.51.100.1"), parsed("192.0.2.7"));
        let slot = |number| ListSlot::new(number).expect("a slot");
        let lists = [
            PlacedList { slot: slot(0), action: ListAction::Drop, content: &drop },
            PlacedList { slot: slot(1), action: ListAction::Observe, content: &observe },
            PlacedList { slot: slot(2), action: ListAction::Allow, content: &allow },
        ];
        let hosts = hosts(&["192.0.2.25/32"], &["192.0.2.7/32"]);
        let compiled = compile(&lists, &hosts, &mut ClassInterner::new()).expect("few classes");
        for (address, expected) in [
            ("192.0.2.1", Some((Action::Drop, Reason::Listed))),
            ("192.0.2.200", Some((Action::Drop, Reason::Listed))),
            ("198.51.100.1", Some((Action::Observe, Reason::Listed))),
            ("192.0.2.25", Some((Action::Pass, Reason::Protected))),
            ("192.0.2.7", Some((Action::Pass, Reason::Protected))),
            ("192.0.3.0", None),
        ] {
            assert_eq!(meaning_at(&compiled, address), expected, "{address}");
        }
        let compiled =
            compile(&lists, &self::hosts(&[], &[]), &mut ClassInterner::new()).expect("few classes");
        assert_eq!(meaning_at(&compiled, "192.0.2.7"), Some((Action::Pass, Reason::AllowList)));
    }

    #[test]
    fn places_are_kept_and_not_reused_at_once() {
        let first = place_lists(&BTreeMap::new(), ["a", "b"].into_iter());
        let second = place_lists(&first, ["b", "c"].into_iter());
        assert_eq!(first["b"], second["b"]);
        assert_ne!(second["c"], first["a"], "the old table still has the place of a");
        let third = place_lists(&second, ["d", "b", "c"].into_iter());
        assert_eq!(third["c"], second["c"]);
        assert_eq!(third.len(), 3);
    }
}
