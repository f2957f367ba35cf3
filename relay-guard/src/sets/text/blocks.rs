//! Text on its way to a writer, in blocks: one system call for some thousand lines.

use std::io::{self, Write};

/// Bytes gathered before they are written.
const BLOCK: usize = 64 << 10;

/// Gathers text. What was gathered last is only written by [`Blocks::finish`].
pub(super) struct Blocks<'a> {
    out: &'a mut dyn Write,
    gathered: Vec<u8>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        // A line more than a block never makes it grow.
        Self { out, gathered: Vec::with_capacity(BLOCK + 1024) }
    }

    /// Where the next line, or a part of it, is to be appended.
    pub(super) fn room(&mut self) -> io::Result<&mut Vec<u8>> {
        if self.gathered.len() >= BLOCK {
            self.out.write_all(&self.gathered)?;
            self.gathered.clear();
        }
        Ok(&mut self.gathered)
    }

    /// Ends a line.
    pub(super) fn end_line(&mut self) {
        self.gathered.push(b'\n');
    }

    /// Appends text.
    pub(super) fn push(&mut self, text: &[u8]) -> io::Result<()> {
        self.room()?.extend_from_slice(text);
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> io::Result<()> {
        self.out.write_all(&self.gathered)?;
        self.out.flush()
    }
}
