//! Times of several rounds.

/// Times of all rounds, ascending, in whatever unit they are added.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<u64>);

impl Times {
    /// No round yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The fastest: what is left when nothing else ran on the machine.
    #[must_use]
    pub fn fastest(&self) -> u64 {
        self.0.first().copied().unwrap_or_default()
    }

    /// The one in the middle: far above the fastest, the machine was busy.
    #[must_use]
    pub fn median(&self) -> u64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// Adds a round's time.
    pub fn add(&mut self, time: u64) {
        self.0.insert(self.0.partition_point(|&known| known <= time), time);
    }
}
