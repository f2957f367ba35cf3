//! What reading a list yields.

use std::net::IpAddr;

use serde::Serialize;

/// The most warnings kept with a list; [`Summary`] counts them all.
pub const MAX_WARNINGS_KEPT: usize = 20;

/// A run of addresses, both ends included, and the line that names it.
///
/// `A` is `u32` for IPv4 and `u128` for IPv6, as integers in host byte order: `1.2.3.4` is `0x0102_0304`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<A> {
    /// The lowest address.
    pub first: A,
    /// The highest address, never below `first`.
    pub last: A,
    /// The line of the file, counted from 1.
    pub line: u32,
}

impl<A: Ord + Copy> Span<A> {
    /// Whether `address` lies in the span.
    pub fn contains(&self, address: A) -> bool {
        self.first <= address && address <= self.last
    }
}

/// The entries of a list, each family sorted by first and then by last address, without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedList {
    /// The IPv4 entries, IPv4-mapped IPv6 ones included.
    pub v4: Vec<Span<u32>>,
    /// The IPv6 entries.
    pub v6: Vec<Span<u128>>,
    /// What was found, in figures.
    pub summary: Summary,
    /// The first [`MAX_WARNINGS_KEPT`] entries that were read with a change.
    pub warnings: Vec<Warning>,
}

impl ParsedList {
    /// The line of the narrowest entry that holds `address`, counted from 1.
    ///
    /// Looks at every entry: made for answering a question, not for every packet.
    pub fn line_of(&self, address: IpAddr) -> Option<u32> {
        match address.to_canonical() {
            IpAddr::V4(v4) => narrowest(&self.v4, u32::from(v4), |first, last| last - first),
            IpAddr::V6(v6) => narrowest(&self.v6, u128::from(v6), |first, last| last - first),
        }
    }
}

fn narrowest<A: Ord + Copy>(spans: &[Span<A>], address: A, size: impl Fn(A, A) -> A) -> Option<u32> {
    spans.iter().filter(|span| span.contains(address)).min_by_key(|s| size(s.first, s.last)).map(|s| s.line)
}

/// A list in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Lines of the file.
    pub lines: usize,
    /// Entries read, duplicates included.
    pub entries: usize,
    /// IPv4 entries kept.
    pub v4: usize,
    /// IPv6 entries kept.
    pub v6: usize,
    /// Entries that repeat an earlier one exactly; they are not kept.
    pub duplicates: usize,
    /// Entries written as IPv4-mapped IPv6 (`::ffff:1.2.3.4`) and read as IPv4.
    pub mapped: usize,
    /// Entries with host bits, read as their network.
    pub masked_host_bits: usize,
    /// Lines with a comment.
    pub comments: usize,
    /// Lines with a note after their addresses.
    pub notes: usize,
}

/// An entry that was read, but not as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The line of the file, counted from 1.
    pub line: u32,
    /// What is written there.
    pub text: String,
    /// What it was read as, such as `host bits set, read as 10.0.0.0/24`.
    pub message: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: \"{}\": {}", self.line, self.text, self.message)
    }
}
