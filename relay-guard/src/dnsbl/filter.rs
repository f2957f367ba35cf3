//! Which answers of a zone count: `127.0.0.[2..11;14]`, as Postfix writes it.

use std::fmt;
use std::net::Ipv4Addr;

use thiserror::Error;

/// The longest filter that is read, in octets.
pub const MAX_FILTER_LEN: usize = 256;

/// The first octet of whatever a DNSBL answers (RFC 5782 §2.1).
const LOOPBACK: u8 = 127;

/// Answers that say something else than that a source is listed: 127.0.0.1 is nobody's listing, the others tell of a mistyped
/// zone, a public resolver and a spent quota.
pub const NO_LISTINGS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 0, 0, 1),
    Ipv4Addr::new(127, 255, 255, 252),
    Ipv4Addr::new(127, 255, 255, 254),
    Ipv4Addr::new(127, 255, 255, 255),
];

/// A set of answers: for each octet the values that it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerFilter {
    /// Inclusive ranges of each octet's values, sorted and apart.
    octets: [Vec<(u8, u8)>; 4],
}

/// Why a text is no filter, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("character {place}: {cause}")]
pub struct FilterError {
    /// The first character that is wrong, counted from 1; one behind the end if something is missing there.
    pub place: usize,
    /// What is wrong.
    pub cause: FilterFault,
}

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FilterFault {
    /// Longer than any that makes sense.
    #[error("too long; a filter has {MAX_FILTER_LEN} characters at most")]
    TooLong,
    /// Something else stands there, or nothing.
    #[error("{} is missing here", .0)]
    Missing(&'static str),
    /// More than four octets.
    #[error("nothing may follow the fourth octet")]
    Beyond,
    /// More than 255.
    #[error("{0} is no octet; write 0 to 255")]
    TooLarge(String),
    /// Some would read it as octal.
    #[error("{0} begins with a zero; write it without")]
    LeadingZero(String),
    /// A range that ends before it begins.
    #[error("{0}..{1} is empty; write {1}..{0}")]
    Reversed(u8, u8),
    /// Brackets without anything in them.
    #[error("nothing is in the brackets; write values such as [2..11;14]")]
    NoValues,
    /// No answer of a DNSBL begins with it.
    #[error("a DNSBL answers from 127.0.0.0/8 alone; write 127")]
    NotLoopback,
    /// Only answers that say something else.
    #[error(
        "it matches no listing: 127.0.0.1 is none, and 127.255.255.252, .254 and .255 are faults of the zone"
    )]
    NoListing,
}

impl Default for AnswerFilter {
    /// Every answer in 127/8.
    fn default() -> Self {
        let any = || vec![(0, 255)];
        Self { octets: [vec![(LOOPBACK, LOOPBACK)], any(), any(), any()] }
    }
}

impl AnswerFilter {
    /// Reads four octets with dots between, each a number or `[` numbers and ranges `]`, with `;` between.
    ///
    /// # Errors
    /// [`FilterError`]: it is none of that, or can match no listing.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > MAX_FILTER_LEN {
            return Err(FilterError { place: MAX_FILTER_LEN + 1, cause: FilterFault::TooLong });
        }
        let mut reader = Reader { text, at: 0 };
        let mut octets: [Vec<(u8, u8)>; 4] = Default::default();
        for (index, octet) in octets.iter_mut().enumerate() {
            if index > 0 {
                reader.expect(".", "a dot before the next of four octets")?;
            }
            *octet = reader.octet()?;
        }
        if reader.at < text.len() {
            return Err(reader.fault(FilterFault::Beyond));
        }
        let filter = Self { octets };
        let beginning = |cause| Err(FilterError { place: 1, cause });
        if !holds(&filter.octets[0], LOOPBACK) {
            return beginning(FilterFault::NotLoopback);
        }
        if filter.listings() == 0 {
            return beginning(FilterFault::NoListing);
        }
        Ok(filter)
    }

    /// Whether an answer counts.
    #[must_use]
    pub fn matches(&self, answer: Ipv4Addr) -> bool {
        self.octets.iter().zip(answer.octets()).all(|(ranges, octet)| holds(ranges, octet))
    }

    /// How many listings it matches.
    fn listings(&self) -> usize {
        let size = |ranges: &Vec<(u8, u8)>| -> usize {
            ranges.iter().map(|(first, last)| usize::from(last - first) + 1).sum()
        };
        let all: usize = self.octets[1..].iter().map(size).product();
        all - NO_LISTINGS.into_iter().filter(|answer| self.matches(*answer)).count()
    }
}

fn holds(ranges: &[(u8, u8)], octet: u8) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&octet))
}

impl fmt::Display for AnswerFilter {
    /// As [`AnswerFilter::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ranges) in self.octets.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            match ranges.as_slice() {
                [(first, last)] if first == last => write!(f, "{first}")?,
                ranges => bracketed(f, ranges)?,
            }
        }
        Ok(())
    }
}

fn bracketed(f: &mut fmt::Formatter<'_>, ranges: &[(u8, u8)]) -> fmt::Result {
    for (index, (first, last)) in ranges.iter().enumerate() {
        f.write_str(if index == 0 { "[" } else { ";" })?;
        match first == last {
            true => write!(f, "{first}")?,
            false => write!(f, "{first}..{last}")?,
        }
    }
    f.write_str("]")
}

/// A filter on the way of being read.
struct Reader<'t> {
    text: &'t str,
    /// In octets; always where a character begins.
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn fault(&self, cause: FilterFault) -> FilterError {
        self.fault_at(self.at, cause)
    }

    fn fault_at(&self, at: usize, cause: FilterFault) -> FilterError {
        FilterError { place: self.text[..at].chars().count() + 1, cause }
    }

    /// Whether `word` comes next; it is taken then.
    fn take(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn expect(&mut self, word: &str, what: &'static str) -> Result<(), FilterError> {
        if self.take(word) { Ok(()) } else { Err(self.fault(FilterFault::Missing(what))) }
    }

    /// A number, or ranges in brackets: sorted and apart.
    fn octet(&mut self) -> Result<Vec<(u8, u8)>, FilterError> {
        if !self.take("[") {
            return self.number().map(|value| vec![(value, value)]);
        }
        if self.rest().starts_with(']') {
            return Err(self.fault(FilterFault::NoValues));
        }
        let mut ranges = Vec::new();
        loop {
            ranges.push(self.range()?);
            if self.take("]") {
                return Ok(joined(ranges));
            }
            self.expect(";", "';' or ']'")?;
        }
    }

    fn range(&mut self) -> Result<(u8, u8), FilterError> {
        let begin = self.at;
        let first = self.number()?;
        if !self.take("..") {
            return Ok((first, first));
        }
        let last = self.number()?;
        if last < first {
            return Err(self.fault_at(begin, FilterFault::Reversed(first, last)));
        }
        Ok((first, last))
    }

    fn number(&mut self) -> Result<u8, FilterError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let digits = &rest[..end];
        if digits.is_empty() {
            return Err(self.fault(FilterFault::Missing("a number")));
        }
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(self.fault(FilterFault::LeadingZero(digits.to_owned())));
        }
        let value = digits.parse().map_err(|_| self.fault(FilterFault::TooLarge(digits.to_owned())))?;
        self.at += end;
        Ok(value)
    }
}

/// Sorted, and joined where they touch.
fn joined(mut ranges: Vec<(u8, u8)>) -> Vec<(u8, u8)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u8, u8)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if u16::from(first) <= u16::from(*end) + 1 => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}

#[cfg(test)]
mod tests;
