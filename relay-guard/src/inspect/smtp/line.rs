//! Lines from pieces: one that lies whole in a piece is read where it is, only one that is cut is kept.

use memchr::memchr;

use super::MAX_LINE;

/// A line's beginning that has come so far.
#[derive(Default)]
pub(super) struct Line {
    /// Room, taken whole when it is first needed: growing would leave copies of secrets behind.
    room: Vec<u8>,
    /// Octets of it that are in use; all others are zero.
    filled: usize,
}

/// What was found.
pub(super) enum Read<'a> {
    /// A line, without its LF.
    Whole(&'a [u8]),
    /// The first [`MAX_LINE`] octets of a longer one. What comes next is the rest of it.
    Long(&'a [u8]),
    /// Nothing yet: all was kept.
    Part,
}

impl Line {
    /// Whether nothing is kept.
    pub(super) const fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Reads from `octets`, and gives what comes behind. After a line [`Line::wipe`] must follow.
    pub(super) fn read<'l, 'a: 'l>(&'l mut self, octets: &'a [u8]) -> (Read<'l>, &'a [u8]) {
        let wanted = MAX_LINE - self.filled;
        let end = memchr(b'\n', &octets[..octets.len().min(wanted + 1)]);
        let (taken, rest) = match end {
            Some(at) => (&octets[..at], &octets[at + 1..]),
            None => octets.split_at(octets.len().min(wanted)),
        };
        let is_long = end.is_none() && octets.len() > wanted;
        if end.is_none() && !is_long {
            self.keep(taken);
            return (Read::Part, rest);
        }
        let line = if self.is_empty() {
            taken
        } else {
            self.keep(taken);
            &self.room[..self.filled]
        };
        (if is_long { Read::Long(line) } else { Read::Whole(line) }, rest)
    }

    fn keep(&mut self, octets: &[u8]) {
        if self.room.is_empty() && !octets.is_empty() {
            self.room = vec![0; MAX_LINE];
        }
        self.room[self.filled..self.filled + octets.len()].copy_from_slice(octets);
        self.filled += octets.len();
    }

    /// Forgets what was kept, and leaves nothing of it in memory.
    pub(super) fn wipe(&mut self) {
        if self.filled > 0 {
            self.room[..self.filled].fill(0);
            self.filled = 0;
        }
    }

    /// Octets on the heap.
    pub(super) const fn memory(&self) -> usize {
        self.room.capacity()
    }

    /// All of the room, used or not.
    #[cfg(test)]
    pub(super) fn room(&self) -> &[u8] {
        &self.room
    }
}

/// A line without the CR at its end, and whether there was one.
pub(super) fn without_cr(line: &[u8]) -> (&[u8], bool) {
    match line.strip_suffix(b"\r") {
        Some(line) => (line, true),
        None => (line, false),
    }
}
