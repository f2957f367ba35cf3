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
