//! The IPv6 part of the table: search trees over the boundaries at which the class changes.

use relay_guard_common::table::{
    Cell,
    v6::{BRANCH_KEYS, CHILD_WORD, KIND_WORD, LEAF, LEAF_KEYS, LEAF_VALUES, LOWER},
};

use super::ClassRange;

const CHILDREN: usize = BRANCH_KEYS + 1;

/// From `key` on, `value` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Boundary {
    key: u64,
    value: u32,
}

/// One tree's boundaries: keys ascend from 0, and neighbours differ in value.
#[derive(Debug)]
struct Boundaries(Vec<Boundary>);

impl Boundaries {
    fn new() -> Self {
        Self(vec![Boundary { key: 0, value: 0 }])
    }

    /// `value` holds for `first..=last`, clean from there on. Ranges come in ascending order.
    fn push(&mut self, first: u64, last: u64, value: u32) {
        self.change(first, value);
        if let Some(after) = last.checked_add(1) {
            self.change(after, 0);
        }
    }

    fn change(&mut self, key: u64, value: u32) {
        if self.0.last().is_some_and(|boundary| boundary.key == key) {
            self.0.pop();
        }
        if self.0.last().is_none_or(|boundary| boundary.value != value) {
            self.0.push(Boundary { key, value });
        }
    }

    fn cells(&self) -> u64 {
        let mut level = self.0.len().div_ceil(LEAF_KEYS);
        let mut cells = level;
        while level > 1 {
            level = level.div_ceil(CHILDREN);
            cells += level;
        }
        cells as u64
    }

    /// Writes the tree's cells from `at` on, leaves first; the index of its root, which is the last of them.
    fn write(&self, cells: &mut [Cell], at: usize, resolve: impl Fn(u32) -> u32) -> usize {
        let mut next = at;
        let mut level: Vec<(u64, usize)> = Vec::with_capacity(self.0.len().div_ceil(LEAF_KEYS));
        for boundaries in self.0.chunks(LEAF_KEYS) {
            write_leaf(&mut cells[next], boundaries, &resolve);
            level.push((boundaries[0].key, next));
            next += 1;
        }
        while level.len() > 1 {
            let parents = level.chunks(CHILDREN).map(|children| {
                write_branch(&mut cells[next], children);
                next += 1;
                (children[0].0, next - 1)
            });
            level = parents.collect();
        }
        next - 1
    }
}

fn write_leaf(cell: &mut Cell, boundaries: &[Boundary], resolve: impl Fn(u32) -> u32) {
    for index in 0..LEAF_KEYS {
        cell.0[index] = boundaries.get(index).map_or(u64::MAX, |boundary| boundary.key);
    }
    for (index, boundary) in boundaries.iter().enumerate() {
        cell.set_word(LEAF_VALUES + index, resolve(boundary.value));
    }
    cell.set_word(KIND_WORD, LEAF | boundaries.len() as u32);
}

/// A branch over children given by their first keys and indices, which follow one another.
fn write_branch(cell: &mut Cell, children: &[(u64, usize)]) {
    for index in 0..BRANCH_KEYS {
        cell.0[index] = children.get(index + 1).map_or(u64::MAX, |child| child.0);
    }
    cell.set_word(CHILD_WORD, children[0].1 as u32);
    cell.set_word(KIND_WORD, children.len() as u32 - 1);
}

/// The upper tree and the lower trees of all /64s in which the class changes.
#[derive(Debug)]
pub(super) struct Forest {
    upper: Boundaries,
    /// Values of the upper tree with [`LOWER`] are indices into this until the trees have their places.
    lower: Vec<Boundaries>,
}

impl Forest {
    pub(super) fn new(ranges: &[ClassRange<u128>]) -> Self {
        let mut forest = Self { upper: Boundaries::new(), lower: Vec::new() };
        let mut open: Option<u64> = None;
        for range in ranges {
            forest.add(range, &mut open);
        }
        forest
    }

    /// Adds a range: whole /64s to the upper tree, parts of a /64 to that one's lower tree, `open` if it is the last.
    fn add(&mut self, range: &ClassRange<u128>, open: &mut Option<u64>) {
        let (mut first, last) = (range.first, range.last);
        let part_end = first | u128::from(u64::MAX);
        if first as u64 != 0 || part_end > last {
            let end = part_end.min(last);
            self.add_part((first >> 64) as u64, first as u64, end as u64, range.class, open);
            if end == last {
                return;
            }
            first = end + 1;
        }
        let tail = last as u64 != u64::MAX;
        let (upper_first, upper_last) = ((first >> 64) as u64, (last >> 64) as u64);
        if !tail {
            self.upper.push(upper_first, upper_last, range.class);
            return;
        }
        if upper_last > upper_first {
            self.upper.push(upper_first, upper_last - 1, range.class);
        }
        self.add_part(upper_last, 0, last as u64, range.class, open);
    }

    fn add_part(&mut self, upper: u64, first: u64, last: u64, class: u32, open: &mut Option<u64>) {
        if *open != Some(upper) {
            *open = Some(upper);
            self.upper.push(upper, upper, self.lower.len() as u32 | LOWER);
            self.lower.push(Boundaries::new());
        }
        if let Some(lower) = self.lower.last_mut() {
            lower.push(first, last, class);
        }
    }

    pub(super) fn cells(&self) -> u64 {
        // One boundary may also mean that one class holds all there is.
        if let [Boundary { value: 0, .. }] = self.upper.0[..] {
            return 0;
        }
        self.upper.cells() + self.lower.iter().map(Boundaries::cells).sum::<u64>()
    }

    /// Writes all trees from `at` on; the index of the upper one's root, 0 if there is none.
    pub(super) fn write(&self, cells: &mut [Cell], at: u64) -> u32 {
        if self.cells() == 0 {
            return 0;
        }
        let mut next = at as usize;
        let mut roots = Vec::with_capacity(self.lower.len());
        for lower in &self.lower {
            let root = lower.write(cells, next, |value| value);
            roots.push(root as u32);
            next = root + 1;
        }
        let resolve = |value: u32| match value & LOWER {
            0 => value,
            _ => roots[(value & !LOWER) as usize] | LOWER,
        };
        self.upper.write(cells, next, resolve) as u32
    }
}
