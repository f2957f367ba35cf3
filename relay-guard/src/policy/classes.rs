//! Small numbers for sets of lists: the classes of the table.
//!
//! While the kernel still looks up the previous table, a number must keep the meaning that it has there. So numbers
//! are given out for a new table with [`ClassInterner::intern`], and those that only the previous one used are given
//! back with [`ClassInterner::retire`], which is called when the new table has been swapped in.

use std::collections::{BTreeSet, HashMap};

pub use relay_guard_common::class::{Lists, MAX_CLASSES};
use thiserror::Error;

/// Why a set of lists got no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClassError {
    /// All numbers are taken.
    #[error(
        "the lists overlap in more than {} different ways, counting those of the table in use; use fewer lists, or \
         lists that overlap less",
        MAX_CLASSES - 1
    )]
    TooMany,
    /// The empty set, which needs no class.
    #[error("an address that no list holds has no class")]
    EmptySet,
}

/// Who uses a class.
#[derive(Clone, Copy, Debug)]
struct Class {
    id: u32,
    /// Used by the table that is swapped in.
    current: bool,
    /// Used by the table that is being built.
    next: bool,
}

/// Classes that were asked for last, in places that follow from their sets: most of a table's ranges have one of few sets,
/// and the map's own hash costs more than all else that is done for a range.
#[derive(Clone, Debug)]
struct Recent([(Lists, u32); Self::PLACES]);

impl Recent {
    const PLACES: usize = 64;

    fn get(&self, lists: Lists) -> Option<u32> {
        let (known, id) = self.0[Self::place(lists)];
        (known == lists).then_some(id)
    }

    fn put(&mut self, lists: Lists, id: u32) {
        self.0[Self::place(lists)] = (lists, id);
    }

    /// Fibonacci hashing: sets differ mostly in single bits, which a multiplication spreads over the upper ones.
    fn place(lists: Lists) -> usize {
        let folded = lists as u64 ^ ((lists >> 64) as u64).rotate_left(32);
        (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize
    }
}

impl Default for Recent {
    /// The empty set is in no place: it has no class, and nobody asks for it.
    fn default() -> Self {
        Self([(0, 0); Self::PLACES])
    }
}

/// Maps sets of lists to class numbers. The same set keeps its number for as long as any table uses it.
#[derive(Clone, Debug)]
pub struct ClassInterner {
    classes: HashMap<Lists, Class>,
    /// Sets that the table being built has lately asked for: it asks for few sets, millions of times.
    recent: Recent,
    /// Numbers used by the table in use for sets that are not known here.
    reserved: BTreeSet<u32>,
    /// Numbers that nobody uses.
    free: BTreeSet<u32>,
}

impl Default for ClassInterner {
    fn default() -> Self {
        Self::new()
    }
}

impl ClassInterner {
    /// No class is taken.
    pub fn new() -> Self {
        Self::with_reserved([])
    }

    /// The numbers in `taken` are used by a table that another process left in the kernel, for sets that are not
    /// known here. They are free after the first [`ClassInterner::retire`]. Numbers that are no class are ignored.
    pub fn with_reserved(taken: impl IntoIterator<Item = u32>) -> Self {
        let mut free: BTreeSet<u32> = (1..MAX_CLASSES).collect();
        let reserved = taken.into_iter().filter(|id| free.remove(id)).collect();
        Self { classes: HashMap::new(), recent: Recent::default(), reserved, free }
    }

    /// The class of a set of lists (bit *n* for slot *n*), for the table that is being built: 1 to
    /// [`MAX_CLASSES`] − 1.
    ///
    /// # Errors
    /// [`ClassError`]: the set is empty, or all numbers are taken by the table in use and the one being built. After
    /// an error call [`ClassInterner::abandon`].
    pub fn intern(&mut self, lists: Lists) -> Result<u32, ClassError> {
        if lists == 0 {
            return Err(ClassError::EmptySet);
        }
        if let Some(id) = self.recent.get(lists) {
            return Ok(id);
        }
        let id = match self.classes.get_mut(&lists) {
            Some(class) => {
                class.next = true;
                class.id
            }
            None => {
                let id = self.free.pop_first().ok_or(ClassError::TooMany)?;
                self.classes.insert(lists, Class { id, current: false, next: true });
                id
            }
        };
        self.recent.put(lists, id);
        Ok(id)
    }

    /// The table that was being built is now the one in use: gives back what only the previous one used.
    pub fn retire(&mut self) {
        self.free.append(&mut self.reserved);
        self.keep(|class| Class { current: class.next, next: false, ..class });
    }

    /// The table that was being built will not be used: gives back what was only for it.
    pub fn abandon(&mut self) {
        self.keep(|class| Class { next: false, ..class });
    }

    /// The class of a set of lists, if any table uses it.
    pub fn class_of(&self, lists: Lists) -> Option<u32> {
        self.classes.get(&lists).map(|class| class.id)
    }

    /// The set of lists that a class stands for, if it is known here.
    pub fn lists_of(&self, class: u32) -> Option<Lists> {
        self.classes.iter().find(|(_, known)| known.id == class).map(|(lists, _)| *lists)
    }

    /// All known classes with their sets of lists, by class number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Lists)> {
        let mut all: Vec<(u32, Lists)> =
            self.classes.iter().map(|(lists, class)| (class.id, *lists)).collect();
        all.sort_unstable();
        all.into_iter()
    }

    /// Ends the building of a table: changes every class, and gives back those that the table in use has not.
    fn keep(&mut self, change: impl Fn(Class) -> Class) {
        self.recent = Recent::default();
        let free = &mut self.free;
        self.classes.retain(|_, class| {
            *class = change(*class);
            if !class.current {
                free.insert(class.id);
            }
            class.current
        });
    }
}

#[cfg(test)]
mod tests;
