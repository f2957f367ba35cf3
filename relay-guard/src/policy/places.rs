//! Places of lists in the sets of lists.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{ListSlot, protected::FIRST_PROTECTED_SLOT};

/// The most lists and parts of lists that there can be.
pub const MAX_PLACES: usize = FIRST_PROTECTED_SLOT as usize;

/// There are more lists and parts than places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the lists have more than {MAX_PLACES} parts with an action of their own; use fewer lists or fewer actions"
)]
pub struct TooManyParts;

/// Places of lists, or parts of lists, by key, so that a set of lists means the same in the old table and the new one: a
/// part that stays keeps its place, a new one gets a place that neither of them uses, as long as there is one.
///
/// # Errors
/// [`TooManyParts`] if there are more than [`MAX_PLACES`].
pub fn place_lists<K: Ord + Clone>(
    before: &BTreeMap<K, ListSlot>,
    keys: impl Iterator<Item = K> + Clone,
) -> Result<BTreeMap<K, ListSlot>, TooManyParts> {
    let mut places: BTreeMap<K, ListSlot> =
        keys.clone().filter_map(|key| before.get(&key).map(|slot| (key, *slot))).collect();
    let mut used = [0_u8; MAX_PLACES];
    for slot in before.values() {
        mark(&mut used, *slot, USED_BEFORE);
    }
    for slot in places.values() {
        mark(&mut used, *slot, USED_NOW);
    }
    for key in keys {
        if places.contains_key(&key) {
            continue;
        }
        let fresh = used.iter().position(|marks| *marks == 0);
        let place = fresh.or_else(|| used.iter().position(|marks| marks & USED_NOW == 0));
        let slot = place.and_then(|place| ListSlot::new(place as u8)).ok_or(TooManyParts)?;
        mark(&mut used, slot, USED_NOW);
        places.insert(key, slot);
    }
    Ok(places)
}

const USED_BEFORE: u8 = 1;
const USED_NOW: u8 = 2;

fn mark(used: &mut [u8; MAX_PLACES], slot: ListSlot, mark: u8) {
    if let Some(marks) = used.get_mut(usize::from(slot.number())) {
        *marks |= mark;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept_and_not_reused_at_once() {
        let first = place_lists(&BTreeMap::new(), ["a", "b"].into_iter()).expect("room");
        let second = place_lists(&first, ["b", "c"].into_iter()).expect("room");
        assert_eq!(first["b"], second["b"]);
        assert_ne!(second["c"], first["a"], "the old table still has the place of a");
        let third = place_lists(&second, ["d", "b", "c"].into_iter()).expect("room");
        assert_eq!(third["c"], second["c"]);
        assert_eq!(third.len(), 3);
    }

    #[test]
    fn all_places_but_the_protected_ones_are_given() {
        let full = place_lists(&BTreeMap::new(), 0..MAX_PLACES).expect("room");
        let mut numbers: Vec<u8> = full.values().map(|slot| slot.number()).collect();
        numbers.sort_unstable();
        assert!(numbers.iter().enumerate().all(|(place, number)| place == usize::from(*number)));
        // Nothing is free but what a list that goes leaves.
        let next = place_lists(&full, 1..=MAX_PLACES).expect("room");
        assert_eq!(next[&MAX_PLACES], full[&0]);
        let error = place_lists(&full, 0..=MAX_PLACES).expect_err("one too many").to_string();
        assert!(error.contains("more than 120 parts"), "{error}");
    }
}
