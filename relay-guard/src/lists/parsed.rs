//! What reading a list yields.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use super::Format;

/// The most warnings kept with a list; [`Summary`] counts them all.
pub const MAX_WARNINGS_KEPT: usize = 20;

/// The most different A values that a list may have.
pub const MAX_VALUES: usize = 256;

/// A run of addresses, both ends included, and the line that names it.
///
/// `A` is `u32` for IPv4 and `u128` for IPv6, as integers in host byte order: `1.2.3.4` is `0x0102_0304`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<A> {
    /// The lowest address.
    pub first: A,
    /// The highest address, never below `first`.
    pub last: A,
    /// The line, counted from 1 and through all documents of the list; see [`DocumentLines::first_line`].
    pub line: u32,
}

impl<A: Ord + Copy> Span<A> {
    /// Whether `address` lies in the span.
    pub fn contains(&self, address: A) -> bool {
        self.first <= address && address <= self.last
    }
}

/// The entries of a list that have the same value, each family sorted by first and then by last address, without
/// duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The A record that rbldnsd would answer with; none in all other formats.
    pub value: Option<Ipv4Addr>,
    /// The IPv4 entries, IPv4-mapped IPv6 ones included.
    pub v4: Vec<Span<u32>>,
    /// The IPv6 entries.
    pub v6: Vec<Span<u128>>,
}

/// A document of a list, and where its lines are in the list's count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentLines {
    /// The name that the document was given: a file or a URL.
    pub name: String,
    /// The number of its first line; line *n* of the document is line `first_line + n - 1` of the list.
    pub first_line: u32,
}

/// The content of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedList {
    /// The format that was read; never [`Format::Auto`] after [`parse`](super::parse).
    pub format: Format,
    /// The entries: one group without value, or for rbldnsd one for each value, by value, at most [`MAX_VALUES`].
    pub groups: Vec<Group>,
    /// The documents that the list was read from, in order.
    pub documents: Vec<DocumentLines>,
    /// What was found, in figures.
    pub summary: Summary,
    /// The first [`MAX_WARNINGS_KEPT`] things that were read with a change or left out.
    pub warnings: Vec<Warning>,
    /// When the content says that it is of no use any more, seconds since the epoch (`$TIMESTAMP` of rbldnsd).
    pub expires: Option<u64>,
}

/// Where a list names an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin<'a> {
    /// The document's name.
    pub document: &'a str,
    /// The line of the document, counted from 1.
    pub line: u32,
    /// The same line, counted through all documents: what [`describe`](super::describe()) takes.
    pub global_line: u32,
    /// The value of the entry's group.
    pub value: Option<Ipv4Addr>,
}

impl ParsedList {
    /// The IPv4 entries of all groups, one group after the other.
    pub fn v4(&self) -> impl Iterator<Item = &Span<u32>> {
        self.groups.iter().flat_map(|group| &group.v4)
    }

    /// The IPv6 entries of all groups, one group after the other.
    pub fn v6(&self) -> impl Iterator<Item = &Span<u128>> {
        self.groups.iter().flat_map(|group| &group.v6)
    }

    /// How many different addresses the list holds, IPv4 and IPv6. All of IPv6 counts as one less than there are.
    ///
    /// Looks at every entry.
    #[must_use]
    pub fn addresses(&self) -> (u64, u128) {
        let v4 = distinct(self.groups.iter().map(|group| group.v4.as_slice()));
        let v6 = distinct(self.groups.iter().map(|group| group.v6.as_slice()));
        // IPv4 has no more than 2^32 addresses.
        (u64::try_from(v4).unwrap_or(u64::MAX), v6)
    }

    /// The narrowest entry of each group that holds `address`. IPv4-mapped IPv6 is looked up as IPv4.
    ///
    /// Looks at every entry: made for answering a question, not for every packet.
    #[must_use]
    pub fn origin(&self, address: IpAddr) -> Vec<Origin<'_>> {
        let address = address.to_canonical();
        let line = |group: &Group| match address {
            IpAddr::V4(v4) => narrowest(&group.v4, u32::from(v4), |first, last| last - first),
            IpAddr::V6(v6) => narrowest(&group.v6, u128::from(v6), |first, last| last - first),
        };
        let origin = |group| self.place(line(group)?, group.value);
        self.groups.iter().filter_map(origin).collect()
    }

    /// The document that a line belongs to.
    fn place(&self, global_line: u32, value: Option<Ipv4Addr>) -> Option<Origin<'_>> {
        let number = self.documents.partition_point(|document| document.first_line <= global_line);
        let document = self.documents.get(number.checked_sub(1)?)?;
        let line = global_line - document.first_line + 1;
        Some(Origin { document: &document.name, line, global_line, value })
    }
}

fn narrowest<A: Ord + Copy>(spans: &[Span<A>], address: A, size: impl Fn(A, A) -> A) -> Option<u32> {
    spans.iter().filter(|span| span.contains(address)).min_by_key(|s| size(s.first, s.last)).map(|s| s.line)
}

/// The number of addresses in runs that are each sorted and may overlap.
fn distinct<'a, A: Copy + Ord + Into<u128> + 'a>(runs: impl Iterator<Item = &'a [Span<A>]>) -> u128 {
    let runs: Vec<_> = runs.collect();
    let ends = |span: &Span<A>| (span.first.into(), span.last.into());
    if let [run] = runs[..] {
        return count(run.iter().map(ends));
    }
    let mut all: Vec<(u128, u128)> = runs.into_iter().flatten().map(ends).collect();
    all.sort_unstable();
    count(all.into_iter())
}

/// The number of addresses in runs sorted by their first one.
fn count(runs: impl Iterator<Item = (u128, u128)>) -> u128 {
    let mut total = 0_u128;
    let mut next = Some(0_u128);
    for (first, last) in runs {
        let Some(free) = next else { break };
        if last >= free {
            total = total.saturating_add((last - first.max(free)).saturating_add(1));
            next = last.checked_add(1);
        }
    }
    total
}

/// A list in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Lines of all documents.
    pub lines: usize,
    /// Entries read, duplicates included.
    pub entries: usize,
    /// IPv4 entries kept, in all groups.
    pub v4: usize,
    /// IPv6 entries kept, in all groups.
    pub v6: usize,
    /// Entries that repeat an earlier one exactly; they are not kept. In a zone with exclusions or several values,
    /// entries are cut into what they answer for, and this counts the pieces that are the same.
    pub duplicates: usize,
    /// Entries written as IPv4-mapped IPv6 (`::ffff:1.2.3.4`) and read as IPv4.
    pub mapped: usize,
    /// Entries with host bits, read as their network.
    pub masked_host_bits: usize,
    /// Entries that take addresses out of the list (`!` of rbldnsd).
    pub exclusions: usize,
    /// Lines with a comment.
    pub comments: usize,
    /// Lines with a note after their addresses.
    pub notes: usize,
    /// What was left out on purpose: cause (such as `names`) and how many.
    pub skipped: BTreeMap<&'static str, usize>,
}

/// Something that was read, but not as it is written, or left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The document's name.
    pub document: String,
    /// The line of the document, counted from 1.
    pub line: u32,
    /// What is written there.
    pub text: String,
    /// What was made of it, such as `bits are set beyond the prefix length; read as 10.0.0.0/24`.
    pub message: String,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: \"{}\": {}", self.document, self.line, self.text, self.message)
    }
}
