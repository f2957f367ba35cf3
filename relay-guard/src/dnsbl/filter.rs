//! Which answers of a zone count: `127.0.0.[2..11;14]`, as Postfix writes it.

use std::net::Ipv4Addr;

/// A set of answers: for each octet the values that it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerFilter {
    /// Inclusive ranges of each octet's values, sorted and apart.
    octets: [Vec<(u8, u8)>; 4],
}

impl Default for AnswerFilter {
    /// Every answer in 127/8.
    fn default() -> Self {
        let any = || vec![(0, 255)];
        Self { octets: [vec![(127, 127)], any(), any(), any()] }
    }
}

impl AnswerFilter {
    /// Whether an answer counts.
    #[must_use]
    pub fn matches(&self, answer: Ipv4Addr) -> bool {
        let within = |(ranges, octet): (&Vec<(u8, u8)>, u8)| {
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&octet))
        };
        self.octets.iter().zip(answer.octets()).all(within)
    }
}
