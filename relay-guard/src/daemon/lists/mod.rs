//! The lists in force: last good contents, and what is done to keep them up to date.
//!
//! The loop asks [`ListSet::due`] what is to be taken in, has that done elsewhere, and gives [`ListSet::done`] what came
//! of it. Only the loop changes the set.

mod list;
mod load;
mod refresh;
mod watch;
mod weighed;

use std::net::Ipv4Addr;

pub use list::{LoadedList, Part};
pub use load::LoadListError;
pub use refresh::Waiting;
pub use weighed::Weighed;

use super::clock::Tick;
use crate::{
    datapath::Tally,
    feeds::cache::Cache,
    intake::{Failure, Taken, Task},
    policy::{ListSlot, Lists},
};

/// Lists that are taken in at once.
pub const AT_ONCE: usize = 4;

/// What holds for the taking in of every list.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// The most bytes of a list.
    pub list_bytes: u64,
    /// Where last good copies are kept.
    pub cache: Cache,
}

/// All lists, in the order of the configuration.
#[derive(Debug)]
pub struct ListSet {
    lists: Vec<LoadedList>,
    bounds: Bounds,
    next_number: u64,
}

impl ListSet {
    /// No lists.
    #[must_use]
    pub const fn empty(bounds: Bounds) -> Self {
        Self { lists: Vec::new(), bounds, next_number: 0 }
    }

    /// All lists; none are left.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let empty = Self { lists: Vec::new(), bounds: self.bounds.clone(), next_number: self.next_number };
        std::mem::replace(self, empty)
    }

    /// The list of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&LoadedList> {
        self.lists.iter().find(|list| list.config.name == name)
    }

    /// The list that has a place in sets of lists.
    #[must_use]
    pub fn at(&self, slot: ListSlot) -> Option<&LoadedList> {
        self.lists.iter().find(|list| list.parts.iter().any(|part| part.slot == slot))
    }

    /// All lists.
    pub fn iter(&self) -> impl Iterator<Item = &LoadedList> {
        self.lists.iter()
    }

    /// How the lists are taken in.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Adds what a class counted, before the class goes, to the lists in its set.
    pub fn fold(&mut self, set: Lists, counted: Tally) {
        for list in self.lists.iter_mut().filter(|list| list.set() & set != 0) {
            list.counted = list.counted.plus(counted);
        }
    }

    /// What is to be taken in now, if there is room for as many; these lists are busy from then on.
    pub fn due(&mut self, now: Tick) -> Vec<(u64, Task)> {
        let mut room = AT_ONCE.saturating_sub(self.lists.iter().filter(|list| list.busy).count());
        let mut tasks = Vec::new();
        for list in &mut self.lists {
            if room > 0 && list.is_due(now) {
                tasks.push((list.number, list.task(false, &self.bounds, now)));
                room -= 1;
            }
        }
        tasks
    }

    /// Numbers of the lists that are being taken in.
    pub fn busy(&self) -> impl Iterator<Item = u64> {
        self.lists.iter().filter(|list| list.busy).map(|list| list.number)
    }

    /// Notes what came of a task. Whether anything is to be compiled anew; nothing if the list is gone meanwhile.
    pub fn done(&mut self, number: u64, result: Result<Taken, Failure>, now: Tick) -> Option<bool> {
        let list = self.lists.iter_mut().find(|list| list.number == number)?;
        Some(list.done(result, now))
    }
}

impl LoadedList {
    /// The bits of all its parts in sets of lists.
    #[must_use]
    pub fn set(&self) -> Lists {
        self.parts.iter().fold(0, |set, part| set | part.slot.bit())
    }

    /// The part that entries with a value belong to.
    #[must_use]
    pub fn part_of(&self, value: Option<Ipv4Addr>) -> Option<&Part> {
        self.parts.get(self.config.part_of(value))
    }
}

#[cfg(test)]
mod tests;
