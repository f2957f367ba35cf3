//! Small numbers for sets of lists: the classes of the table.
//!
//! While the kernel still looks up the previous table, a number must keep the meaning that it has there. So numbers
//! are given out for a new table with [`ClassInterner::intern`], and those that only the previous one used are given
//! back with [`ClassInterner::retire`], which is called when the new table has been swapped in.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasherDefault, Hasher},
};

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

/// Hashes a set by multiplying its halves, each mixed with a number of its own, to 128 bits and folding those: a few
/// instructions, where the map's own hash costs more than all else that is done for a range. Nobody chooses sets to make
/// them collide, and there are at most [`MAX_CLASSES`].
#[derive(Clone, Copy, Debug, Default)]
struct SetHasher(u64);

impl Hasher for SetHasher {
    fn write_u128(&mut self, set: u128) {
        let lower = set as u64 ^ 0x9e37_79b9_7f4a_7c15;
        let upper = (set >> 64) as u64 ^ 0xbf58_476d_1ce4_e5b9;
        let product = u128::from(lower) * u128::from(upper);
        self.0 ^= (product >> 64) as u64 ^ product as u64;
    }

    /// Sets are hashed as one number; this is for completeness.
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u128(u128::from(self.0) << 8 | u128::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Maps sets of lists to class numbers. The same set keeps its number for as long as any table uses it.
#[derive(Clone, Debug)]
pub struct ClassInterner {
    classes: HashMap<Lists, Class, BuildHasherDefault<SetHasher>>,
    /// The set that the table being built asked for last, with its class: neighbours often are on the same lists. The
    /// empty set, for which nobody asks, if it has not asked.
    last: (Lists, u32),
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
        Self { classes: HashMap::default(), last: (0, 0), reserved, free }
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
        if self.last.0 == lists {
            return Ok(self.last.1);
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
        self.last = (lists, id);
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
        self.last = (0, 0);
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
