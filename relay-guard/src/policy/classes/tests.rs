use proptest::prelude::*;

use super::*;

#[test]
fn a_set_keeps_its_class_over_rebuilds() {
    let mut classes = ClassInterner::new();
    assert_eq!((classes.intern(1), classes.intern(2), classes.intern(1)), (Ok(1), Ok(2), Ok(1)));
    classes.retire();
    assert_eq!((classes.intern(2), classes.intern(3)), (Ok(2), Ok(3)), "1 is in use until the swap");
    classes.retire();
    assert_eq!((classes.intern(4), classes.intern(2)), (Ok(1), Ok(2)), "1 is free after it");
    assert_eq!(classes.iter().collect::<Vec<_>>(), [(1, 4), (2, 2), (3, 3)]);
    assert_eq!((classes.lists_of(3), classes.class_of(3)), (Some(3), Some(3)));
    assert_eq!((classes.lists_of(4), classes.class_of(1)), (None, None));
}

#[test]
fn an_abandoned_table_leaves_nothing() {
    let mut classes = ClassInterner::new();
    classes.intern(1).unwrap();
    classes.retire();
    assert_eq!((classes.intern(1), classes.intern(2)), (Ok(1), Ok(2)));
    classes.abandon();
    assert_eq!(classes.iter().collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!(classes.intern(3), Ok(2));
}

#[test]
fn reserved_classes_are_left_alone_until_the_first_swap() {
    let mut classes = ClassInterner::with_reserved([0, 1, 3, MAX_CLASSES, u32::MAX]);
    assert_eq!((classes.intern(1), classes.intern(2)), (Ok(2), Ok(4)));
    classes.retire();
    assert_eq!((classes.intern(4), classes.intern(8), classes.intern(16)), (Ok(1), Ok(3), Ok(5)));
}

#[test]
fn the_limit_is_named() {
    let mut classes = ClassInterner::new();
    for set in 1..Lists::from(MAX_CLASSES) {
        classes.intern(set).unwrap();
    }
    assert_eq!(classes.intern(1), Ok(1));
    let error = classes.intern(Lists::MAX).unwrap_err();
    assert_eq!(error, ClassError::TooMany);
    assert!(error.to_string().contains("4095"), "{error}");
    classes.abandon();
    assert_eq!(classes.intern(Lists::MAX), Ok(1));
    assert_eq!(classes.intern(0), Err(ClassError::EmptySet));
}

/// Few sets, so that they come again, and some in all bits.
fn set() -> impl Strategy<Value = Lists> {
    prop_oneof![1_u128..12, (0_u32..128).prop_map(|bit| 1 << bit), (0_u32..120).prop_map(|bit| 0x81 << bit)]
}

proptest! {
    /// A class that the table in use knows never changes its meaning before the swap.
    #[test]
    fn no_class_changes_its_meaning_under_a_table(
        reserved in prop::collection::vec(1_u32..8, 0..4),
        builds in prop::collection::vec((prop::collection::vec(set(), 0..30), any::<bool>()), 1..12),
    ) {
        let mut classes = ClassInterner::with_reserved(reserved.iter().copied());
        let mut in_use: HashMap<u32, Option<Lists>> = reserved.iter().map(|id| (*id, None)).collect();
        for (sets, swapped) in builds {
            let mut table = HashMap::new();
            for set in sets {
                let id = classes.intern(set).unwrap();
                prop_assert!(in_use.get(&id).is_none_or(|known| *known == Some(set)));
                prop_assert!(table.insert(id, Some(set)).is_none_or(|known| known == Some(set)));
            }
            if swapped {
                classes.retire();
                in_use = table;
            } else {
                classes.abandon();
            }
        }
    }
}
