//! Nodes whose children are all leaves, since they choose by the bits that spread their ranges best.
//!
//! Networks are numbered from 0: the bits right behind a provider's prefix are mostly 0, and of a node that chooses by them
//! most ranges would be in one part. As leaves name whole prefixes, any other bits do as well, if no range needs more than
//! one part by them.

use relay_guard_common::table::{Cell, v6::node};

use super::{Inner, Range, Region, leaf::Leaf};

/// More than so many hardly ever fit.
const MOST_RANGES: usize = 3 * node::PARTS;
/// How far apart the bits are that are tried: addresses are given out in half octets.
const STEP: usize = 4;

/// Such a node, which is still to be closed, and its leaves; none if there is none.
pub(super) fn node(Inner { region, otherwise }: Inner, ranges: &[Range]) -> Option<(Cell, Vec<Cell>)> {
    if otherwise != 0 || ranges.len() > MOST_RANGES {
        return None;
    }
    // Each range has so many bits in common; one that goes on outside of the region too few.
    let whole = ranges.iter().map(|range| (range.first ^ range.last).leading_zeros()).min()?;
    let end_of_half = if region.length() < 64 { 64 } else { 128 };
    let last_position = whole.min(end_of_half).checked_sub(node::BITS)?;
    (region.length()..=last_position).step_by(STEP).find_map(|position| node_at(region, position, ranges))
}

/// The node that chooses by the bits from this one on, if all of its parts fit leaves.
fn node_at(region: Region, position: u32, ranges: &[Range]) -> Option<(Cell, Vec<Cell>)> {
    let part = |range: &Range| (range.first << position >> (128 - node::BITS)) as usize;
    let mut sorted = ranges.to_vec();
    // In each part they still ascend.
    sorted.sort_by_key(part);
    let mut node = node::new(region.first(), region.length(), position, 0);
    node.set_bit(0);
    let (mut leaves, mut open) = (Vec::new(), Leaf::new(0));
    for ranges in sorted.chunk_by(|a, b| part(a) == part(b)) {
        if open.add(region, ranges) {
            continue;
        }
        leaves.push(open.into_cell());
        open = Leaf::new(0);
        node.set_bit(part(&ranges[0]));
        if !open.add(region, ranges) {
            return None;
        }
    }
    leaves.push(open.into_cell());
    Some((node, leaves))
}
