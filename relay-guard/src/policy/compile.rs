//! From lists and protected networks to what the datapath holds: classed ranges and the meaning of each class.

use std::net::IpAddr;

use ipnet::IpNet;
use relay_guard_common::class::Class;
use thiserror::Error;

use super::{
    AnswerPlaces, ClassError, ClassInterner, ClassedRange, ListSlot, disjoint,
    meaning::Meanings,
    ports::{Judged, PortPlan, TooManyPortGroups},
    protected::Protected,
    ranges::Address,
    rules::PlacedList,
};
use crate::{config::Hosts, lists::Span, table::ClassRange};

/// Why lists cannot be put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CompileError {
    /// More different sets of lists than classes.
    #[error(transparent)]
    Classes(#[from] ClassError),
    /// More different groups of ports than a class has rules for.
    #[error(transparent)]
    Ports(#[from] TooManyPortGroups),
}

/// What the datapath is to hold.
#[derive(Debug)]
pub struct Compiled {
    /// IPv4 ranges.
    pub v4: Vec<ClassRange<u32>>,
    /// IPv6 ranges.
    pub v6: Vec<ClassRange<u128>>,
    /// What the classes mean.
    pub rules: CompiledRules,
}

/// What the lists' rules come to. Changes of rules alone change this and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompiledRules {
    /// Each class that the interner knows, and what it means.
    pub classes: Vec<(u32, Class)>,
    /// Which group of a class's rules holds at which port.
    pub ports: PortPlan,
}

/// Compiles lists and protected networks. Rules name no answers yet.
///
/// # Errors
/// [`CompileError`]. After an error call [`ClassInterner::abandon`].
pub fn compile(
    lists: &[PlacedList<'_>],
    protected: &Protected,
    judged: Judged<'_>,
    interner: &mut ClassInterner,
) -> Result<Compiled, CompileError> {
    let (protected_v4, protected_v6) = protected.spans();
    let v4 = classed(lists.iter().map(|list| (list.slot, list.v4)), &protected_v4, interner)?;
    let v6 = classed(lists.iter().map(|list| (list.slot, list.v6)), &protected_v6, interner)?;
    Ok(Compiled { v4, v6, rules: classes_only(interner, lists, judged, AnswerPlaces::default())? })
}

/// Compiles only what the classes mean, for a table that stays: lists may have other actions, directions and ports, but
/// their places and what they hold are the same. Their answers are at these places. Takes no longer for long lists than
/// for short ones.
///
/// # Errors
/// [`TooManyPortGroups`].
pub fn classes_only(
    interner: &ClassInterner,
    lists: &[PlacedList<'_>],
    judged: Judged<'_>,
    answers: AnswerPlaces,
) -> Result<CompiledRules, TooManyPortGroups> {
    let meanings = Meanings::new(lists, PortPlan::new(lists, judged)?, answers);
    let classes = interner.iter().map(|(class, set)| (class, meanings.of(set))).collect();
    Ok(CompiledRules { classes, ports: meanings.plan().clone() })
}

/// Spans of all lists and all kinds of protected networks as ranges with their classes.
fn classed<'a, A: Address + 'a>(
    lists: impl Iterator<Item = (ListSlot, &'a [Span<A>])>,
    protected: &'a [(ListSlot, Vec<Span<A>>)],
    interner: &mut ClassInterner,
) -> Result<Vec<ClassRange<A>>, ClassError> {
    let protected = protected.iter().map(|(slot, spans)| (*slot, spans.as_slice()));
    let ranges = disjoint(&lists.chain(protected).collect::<Vec<_>>());
    let classed = |range: &ClassedRange<A>| {
        let class = interner.intern(range.lists)?;
        Ok(ClassRange { first: range.first, last: range.last, class })
    };
    ranges.iter().map(classed).collect()
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

#[cfg(test)]
mod tests;
