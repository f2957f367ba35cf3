//! A /16 with few addresses, as sparse cells.

use relay_guard_common::table::{
    Cell,
    v4::{MIXED, SPARSE, SPARSE_ENTRIES, SPARSE_MAX_BITS, SPARSE_SHIFT, SPARSE_WORD, sparse_cell},
};

/// More addresses than fit all sparse cells of a /16.
const TOO_MANY: usize = SPARSE_ENTRIES << SPARSE_MAX_BITS;

/// An address by its lower 16 bits, and its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    low: u16,
    class: u16,
}

/// The addresses of a /16, where sparse cells suit them.
#[derive(Debug, Default)]
pub(super) struct Sparse {
    entries: Vec<Entry>,
    bits: u32,
    /// Cells that hold the classes of others.
    mixed: u32,
}

impl Sparse {
    /// Takes the addresses of these ranges `(first, last, class)` of one /16 in place of those it had. `false` if sparse
    /// cells do not suit them: they are too many, too close together, or leaves would take no more cells.
    pub(super) fn hold(&mut self, ranges: impl Iterator<Item = (u32, u32, u32)> + Clone) -> bool {
        self.entries.clear();
        let count: u64 = ranges.clone().map(|(first, last, _)| u64::from(last - first) + 1).sum();
        if count > TOO_MANY as u64 {
            return false;
        }
        for (first, last, class) in ranges {
            let low = |address| Entry { low: address as u16, class: class as u16 };
            self.entries.extend((first..=last).map(low));
        }
        let Some(bits) = (0..=SPARSE_MAX_BITS).find(|&bits| self.fits(bits)) else { return false };
        self.bits = bits;
        self.mixed = self.parts(bits).filter(|part| is_mixed(part)).count() as u32;
        let leaves = self.entries.chunk_by(|a, b| a.low >> 8 == b.low >> 8).count() as u32;
        self.cells() <= 1 + leaves
    }

    /// The entries of each sparse cell that has any.
    fn parts(&self, bits: u32) -> impl Iterator<Item = &[Entry]> {
        self.entries.chunk_by(move |a, b| sparse_cell(bits, a.low) == sparse_cell(bits, b.low))
    }

    fn fits(&self, bits: u32) -> bool {
        self.parts(bits).all(|part| part.len() <= SPARSE_ENTRIES)
    }

    /// How many cells it takes.
    pub(super) const fn cells(&self) -> u32 {
        (1 << self.bits) + self.mixed
    }

    /// Writes the cells from `at` on; the root entry.
    pub(super) fn write(&self, cells: &mut [Cell], at: usize) -> u32 {
        let mut next_classes = at + (1 << self.bits);
        for part in self.parts(self.bits) {
            let cell = at + sparse_cell(self.bits, part[0].low) as usize;
            fill(&mut cells[cell], part, |entry| entry.low);
            let class = if is_mixed(part) {
                fill(&mut cells[next_classes], part, |entry| entry.class);
                next_classes += 1;
                (next_classes - 1) as u32 | MIXED
            } else {
                u32::from(part[0].class)
            };
            cells[cell].set_word(SPARSE_WORD, class);
        }
        SPARSE | self.bits << SPARSE_SHIFT | at as u32
    }
}

fn is_mixed(part: &[Entry]) -> bool {
    part.iter().any(|entry| entry.class != part[0].class)
}

/// Writes a half-word of each entry, the first one's again where there are no more.
fn fill(cell: &mut Cell, part: &[Entry], half: impl Fn(&Entry) -> u16) {
    for place in 0..SPARSE_ENTRIES {
        cell.set_half(place, half(part.get(place).unwrap_or(&part[0])));
    }
}
