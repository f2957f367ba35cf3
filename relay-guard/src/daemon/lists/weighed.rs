//! What the lists hold and do at one moment: what compiling needs, apart from the lists as they live on.

use std::sync::Arc;

use super::{ListSet, LoadedList, Part};
use crate::{
    lists::{Group, ParsedList},
    policy::{ListRule, ListSlot, PlacedList, PortChoice},
};

/// All parts of all lists, in the order of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Weighed(Vec<WeighedPart>);

#[derive(Clone, Debug)]
struct WeighedPart {
    slot: ListSlot,
    rule: ListRule,
    content: Arc<ParsedList>,
    /// Which groups of the content belong to the part.
    groups: Vec<usize>,
}

impl Weighed {
    /// As the compiler takes them.
    #[must_use]
    pub fn placed(&self) -> Vec<PlacedList<'_>> {
        self.0.iter().flat_map(WeighedPart::placed).collect()
    }

    /// Whether both hold the same in the same places: then what they do is all that can differ.
    #[must_use]
    pub fn holds_what(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.holds_what(b))
    }

    /// Whether both do the same, if they hold the same.
    #[must_use]
    pub fn does_what(&self, other: &Self) -> bool {
        self.0.iter().map(|part| &part.rule).eq(other.0.iter().map(|part| &part.rule))
    }
}

impl WeighedPart {
    fn of(list: &LoadedList, part: &Part, weighs: bool) -> Self {
        let mut rule = part.rule.clone();
        if !weighs {
            // It stays in the table, for when it is refreshed, and has no say anywhere.
            rule.ports = PortChoice::Only(Vec::new());
        }
        let belongs = |group: &Group| list.part_of(group.value).is_some_and(|of| of.slot == part.slot);
        let groups = list.content.groups.iter().enumerate().filter(|(_, group)| belongs(group));
        let groups = groups.map(|(index, _)| index).collect();
        Self { slot: part.slot, rule, content: Arc::clone(&list.content), groups }
    }

    /// A place may be taken several times; a part without entries takes its own too, because its rule counts.
    fn placed(&self) -> impl Iterator<Item = PlacedList<'_>> {
        let place = |v4, v6| PlacedList { slot: self.slot, rule: &self.rule, v4, v6 };
        let groups = self.groups.iter().filter_map(|index| self.content.groups.get(*index));
        let empty = self.groups.is_empty().then(|| place(&[][..], &[][..]));
        groups.map(move |group| place(&group.v4, &group.v6)).chain(empty)
    }

    fn holds_what(&self, other: &Self) -> bool {
        self.slot == other.slot && Arc::ptr_eq(&self.content, &other.content) && self.groups == other.groups
    }
}

impl ListSet {
    /// What the lists hold and do now (seconds since the epoch).
    #[must_use]
    pub fn weighed(&self, now: u64) -> Weighed {
        let parts = |list| {
            let list: &LoadedList = list;
            let weighs = list.weighs(now);
            list.parts.iter().map(move |part| WeighedPart::of(list, part, weighs))
        };
        Weighed(self.iter().flat_map(parts).collect())
    }
}
