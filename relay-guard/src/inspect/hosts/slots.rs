//! A bounded table of things by number, which knows which was used longest ago.

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Slot<T> {
    /// None: free; then `newer` is the next free one.
    value: Option<T>,
    older: u32,
    newer: u32,
}

/// Things in slots, and the order in which they were used last.
#[derive(Debug)]
pub struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: u32,
    oldest: u32,
    newest: u32,
    len: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: NONE, oldest: NONE, newest: NONE, len: 0 }
    }
}

impl<T> Slots<T> {
    /// Octets of a slot, beside what its thing has elsewhere.
    pub const SLOT_BYTES: usize = size_of::<Slot<T>>();

    /// How many things there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Octets of the table itself.
    pub const fn memory(&self) -> usize {
        self.slots.capacity() * Self::SLOT_BYTES
    }

    /// Takes a thing in, as the one used last. Its number, which is free again when it is removed.
    pub fn insert(&mut self, value: T) -> u32 {
        let number = if self.free == NONE {
            self.slots.push(Slot { value: Some(value), older: NONE, newer: NONE });
            self.slots.len() as u32 - 1
        } else {
            let number = self.free;
            let slot = &mut self.slots[number as usize];
            self.free = slot.newer;
            slot.value = Some(value);
            number
        };
        self.len += 1;
        self.append(number);
        number
    }

    pub fn remove(&mut self, number: u32) -> Option<T> {
        let value = self.slots.get_mut(number as usize)?.value.take()?;
        self.unlink(number);
        self.slots[number as usize].newer = self.free;
        self.free = number;
        self.len -= 1;
        Some(value)
    }

    pub fn get(&self, number: u32) -> Option<&T> {
        self.slots.get(number as usize)?.value.as_ref()
    }

    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.slots.get_mut(number as usize)?.value.as_mut()
    }

    /// Makes it the one used last.
    pub fn touch(&mut self, number: u32) {
        if self.newest != number && self.get(number).is_some() {
            self.unlink(number);
            self.append(number);
        }
    }

    /// All of them, the one used longest ago first.
    pub fn oldest_first(&self) -> impl Iterator<Item = (u32, &T)> {
        let mut at = self.oldest;
        std::iter::from_fn(move || {
            let number = at;
            let slot = self.slots.get(number as usize)?;
            at = slot.newer;
            slot.value.as_ref().map(|value| (number, value))
        })
    }

    fn append(&mut self, number: u32) {
        let newest = std::mem::replace(&mut self.newest, number);
        let slot = &mut self.slots[number as usize];
        (slot.older, slot.newer) = (newest, NONE);
        match self.slots.get_mut(newest as usize) {
            Some(slot) => slot.newer = number,
            None => self.oldest = number,
        }
    }

    fn unlink(&mut self, number: u32) {
        let Slot { older, newer, .. } = self.slots[number as usize];
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list in order of use.
        #[test]
        fn the_order_of_use_is_kept(steps in proptest::collection::vec((0_u8..4, 0_usize..20), 1..200)) {
            let mut slots = Slots::default();
            let mut model: Vec<(u32, u32)> = Vec::new();
            for (time, (what, which)) in steps.into_iter().enumerate() {
                match (what, model.is_empty()) {
                    (0 | 1, _) | (_, true) => {
                        let number = slots.insert(time as u32);
                        prop_assert!(model.iter().all(|(known, _)| *known != number));
                        model.push((number, time as u32));
                    }
                    (2, _) => {
                        let entry = model.remove(which % model.len());
                        slots.touch(entry.0);
                        model.push(entry);
                    }
                    _ => {
                        let (number, value) = model.remove(which % model.len());
                        prop_assert_eq!(slots.remove(number), Some(value));
                        prop_assert_eq!(slots.remove(number), None);
                        slots.touch(number);
                    }
                }
                prop_assert_eq!(slots.len(), model.len());
                let order: Vec<_> = slots.oldest_first().map(|(number, value)| (number, *value)).collect();
                prop_assert_eq!(&order, &model);
            }
        }
    }
}
