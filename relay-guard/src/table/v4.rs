//! The IPv4 part of the table: root, nodes, sparse cells, leaves, dense leaves.

use relay_guard_common::table::{
    Cell,
    v4::{DENSE, DENSE_CELLS, LINK_WORD, RANK_BYTE, ROOT, ROOT_CELLS, WHOLE, dense_slot, root_slot},
};

use super::{ClassRange, sparse::Sparse};

/// Where a walk over the ranges tells what it meets, in ascending order.
trait Sink {
    /// `count` whole /16s from `sixteen` on are of one class.
    fn whole(&mut self, sixteen: u32, count: u32, class: u32);
    /// A /16 holds only these addresses.
    fn sparse(&mut self, sixteen: u32, addresses: &Sparse);
    /// The addresses `first..=last` (last octets) of a /24 are of one class.
    fn span(&mut self, slash24: u32, first: u8, last: u8, class: u32);
}

fn walk(ranges: &[ClassRange<u32>], sink: &mut impl Sink) {
    let mut rest = ranges;
    let mut sparse = Sparse::default();
    // Everything before this is done.
    let mut at = 0;
    while let Some(range) = rest.first() {
        let (first, last) = (at.max(u64::from(range.first)), u64::from(range.last));
        if first & 0xffff == 0 && first + 0xffff <= last {
            let count = (last + 1 - first) >> 16;
            sink.whole((first >> 16) as u32, count as u32, range.class);
            at = first + (count << 16);
        } else {
            let end = first | 0xffff;
            let touching = rest.partition_point(|range| u64::from(range.first) <= end);
            walk_sixteen((first >> 16) as u32, &rest[..touching], &mut sparse, sink);
            rest = &rest[touching - 1..];
            at = end + 1;
        }
        if rest.first().is_some_and(|range| u64::from(range.last) < at) {
            rest = &rest[1..];
        }
    }
}

/// One /16 and the ranges that touch it.
fn walk_sixteen(sixteen: u32, ranges: &[ClassRange<u32>], sparse: &mut Sparse, sink: &mut impl Sink) {
    let (low, high) = (sixteen << 16, sixteen << 16 | 0xffff);
    let pieces = ranges.iter().map(|range| (range.first.max(low), range.last.min(high), range.class));
    if sparse.hold(pieces.clone()) {
        return sink.sparse(sixteen, sparse);
    }
    for (mut at, last, class) in pieces {
        loop {
            let end = last.min(at | 0xff);
            sink.span(at >> 8, at as u8, end as u8, class);
            if end == last {
                break;
            }
            at = end + 1;
        }
    }
}

/// The /24 that a walk is in, and whether its classes mix.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    slash24: Option<u32>,
    class: u32,
    dense: bool,
}

/// What a span means at a place.
enum Step {
    NewNode,
    NewLeaf,
    Densify,
    Same,
}

impl Place {
    fn step(&mut self, slash24: u32, class: u32) -> Step {
        if self.slash24 != Some(slash24) {
            let new_node = self.slash24.map(|known| known >> 8) != Some(slash24 >> 8);
            *self = Self { slash24: Some(slash24), class, dense: false };
            return if new_node { Step::NewNode } else { Step::NewLeaf };
        }
        if self.class != class && !self.dense {
            self.dense = true;
            return Step::Densify;
        }
        Step::Same
    }
}

/// How many cells of each kind there will be.
#[derive(Debug, Default)]
struct Counts {
    place: Place,
    nodes: u64,
    sparse: u64,
    leaves: u64,
    dense: u64,
}

impl Sink for Counts {
    fn whole(&mut self, _sixteen: u32, _count: u32, _class: u32) {}

    fn sparse(&mut self, _sixteen: u32, addresses: &Sparse) {
        self.sparse += u64::from(addresses.cells());
    }

    fn span(&mut self, slash24: u32, _first: u8, _last: u8, class: u32) {
        match self.place.step(slash24, class) {
            Step::NewNode => {
                self.nodes += 1;
                self.leaves += 1;
            }
            Step::NewLeaf => self.leaves += 1,
            Step::Densify => self.dense += 1,
            Step::Same => {}
        }
    }
}

/// The IPv4 part with its size.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    ranges: &'a [ClassRange<u32>],
    counts: Counts,
}

impl<'a> Plan<'a> {
    pub(super) fn new(ranges: &'a [ClassRange<u32>]) -> Self {
        let mut counts = Counts::default();
        walk(ranges, &mut counts);
        Self { ranges, counts }
    }

    /// Index after the last cell of this part.
    pub(super) fn end(&self) -> u64 {
        self.first_dense() + self.counts.dense * u64::from(DENSE_CELLS)
    }

    fn first_sparse(&self) -> u64 {
        u64::from(ROOT + ROOT_CELLS) + self.counts.nodes
    }

    fn first_leaf(&self) -> u64 {
        self.first_sparse() + self.counts.sparse
    }

    fn first_dense(&self) -> u64 {
        self.first_leaf() + self.counts.leaves
    }

    pub(super) fn write(&self, cells: &mut [Cell]) {
        let mut writer = Writer {
            cells,
            place: Place::default(),
            next_node: (ROOT + ROOT_CELLS) as usize,
            next_sparse: self.first_sparse() as usize,
            next_leaf: self.first_leaf() as usize,
            next_dense: self.first_dense() as usize,
        };
        walk(self.ranges, &mut writer);
        writer.close_node();
    }
}

struct Writer<'a> {
    cells: &'a mut [Cell],
    place: Place,
    next_node: usize,
    next_sparse: usize,
    next_leaf: usize,
    next_dense: usize,
}

impl Writer<'_> {
    fn set_root(&mut self, sixteen: u32, entry: u32) {
        let (cell, word) = root_slot(sixteen);
        self.cells[cell as usize].set_word(word, entry);
    }

    fn open_node(&mut self, sixteen: u32) {
        self.close_node();
        self.set_root(sixteen, self.next_node as u32);
        self.cells[self.next_node].set_word(LINK_WORD, self.next_leaf as u32);
        self.next_node += 1;
    }

    /// Counts the bits before each word of the node that is open, once all are set.
    fn close_node(&mut self) {
        if self.place.slash24.is_none() {
            return;
        }
        let node = &mut self.cells[self.next_node - 1];
        let mut before = 0;
        for word in 0..8 {
            node.set_byte(RANK_BYTE + word, before);
            // Seven words hold at most 224 bits: the count fits a byte.
            before = before.wrapping_add(node.word(word).count_ones() as u8);
        }
    }

    fn open_leaf(&mut self, slash24: u32, class: u32) {
        self.cells[self.next_node - 1].set_bit((slash24 & 0xff) as usize);
        self.cells[self.next_leaf].set_word(LINK_WORD, class);
        self.next_leaf += 1;
    }

    /// Gives each address of the open leaf a class of its own.
    fn densify(&mut self) {
        let dense = self.next_dense;
        self.next_dense += DENSE_CELLS as usize;
        let leaf = self.cells[self.next_leaf - 1];
        let class = leaf.word(LINK_WORD) as u16;
        for octet in (0..256).filter(|&octet| leaf.bit(octet)) {
            self.set_dense(dense, octet as u32, class);
        }
        self.cells[self.next_leaf - 1].set_word(LINK_WORD, dense as u32 | DENSE);
    }

    fn set_dense(&mut self, dense: usize, octet: u32, class: u16) {
        let (cell, half) = dense_slot(octet);
        self.cells[dense + cell as usize].set_half(half, class);
    }
}

impl Sink for Writer<'_> {
    fn whole(&mut self, sixteen: u32, count: u32, class: u32) {
        for sixteen in sixteen..sixteen + count {
            self.set_root(sixteen, class | WHOLE);
        }
    }

    fn sparse(&mut self, sixteen: u32, addresses: &Sparse) {
        let entry = addresses.write(self.cells, self.next_sparse);
        self.set_root(sixteen, entry);
        self.next_sparse += addresses.cells() as usize;
    }

    fn span(&mut self, slash24: u32, first: u8, last: u8, class: u32) {
        let before = self.place;
        match self.place.step(slash24, class) {
            Step::NewNode => {
                let after = std::mem::replace(&mut self.place, before);
                self.open_node(slash24 >> 8);
                self.place = after;
                self.open_leaf(slash24, class);
            }
            Step::NewLeaf => self.open_leaf(slash24, class),
            Step::Densify => self.densify(),
            Step::Same => {}
        }
        let leaf = self.next_leaf - 1;
        for octet in first..=last {
            self.cells[leaf].set_bit(octet.into());
        }
        if self.place.dense {
            let dense = self.next_dense - DENSE_CELLS as usize;
            for octet in first..=last {
                self.set_dense(dense, octet.into(), class as u16);
            }
        }
    }
}
