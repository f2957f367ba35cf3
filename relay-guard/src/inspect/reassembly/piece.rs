//! What a stream is made of.

/// A piece of what a party said, directly behind the piece before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Octets, at least one.
    Data(&'a [u8]),
    /// Octets that the party sent, but that were not captured.
    Gap {
        /// How many, at least one.
        octets: u64,
        /// They were left out on purpose: content of a message, or what was beyond a budget. Otherwise they were lost.
        skipped: bool,
    },
}

impl Piece<'_> {
    /// Octets on the wire that it stands for.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        match self {
            Self::Data(data) => data.len() as u64,
            Self::Gap { octets, .. } => *octets,
        }
    }
}

/// Octets of a segment, or a part of them: the last ones may not have been captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    /// Position in the stream.
    pub from: u64,
    /// Octets on the wire.
    pub len: u64,
    /// Those that were captured, from the first on.
    pub data: &'a [u8],
}

impl<'a> Span<'a> {
    /// The position behind it.
    pub const fn end(&self) -> u64 {
        self.from + self.len
    }

    /// What is before a position, and what is not; either may be empty.
    pub fn split(self, position: u64) -> (Self, Self) {
        let len = position.saturating_sub(self.from).min(self.len);
        let captured = usize::try_from(len).unwrap_or(usize::MAX).min(self.data.len());
        let (before, behind): (&'a [u8], &'a [u8]) = self.data.split_at(captured);
        let left = Self { len, data: before, ..self };
        (left, Self { from: self.from + len, len: self.len - len, data: behind })
    }
}
