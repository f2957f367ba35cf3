//! Gathers what a format's reader finds; the rules that hold for every format are applied here.

use std::path::Path;

use super::address::{Prefix, mask_v4, mask_v6};
use super::error::{LineCause, LineError, ListError, MAX_ERRORS_KEPT, shown};
use super::options::{HostBits, ParseOptions};
use super::parsed::{MAX_WARNINGS_KEPT, ParsedList, Span, Summary, Warning};

/// A list in the making.
pub(super) struct Collector<'a> {
    pub(super) options: &'a ParseOptions,
    pub(super) summary: Summary,
    v4: Vec<Span<u32>>,
    v6: Vec<Span<u128>>,
    warnings: Vec<Warning>,
    errors: Vec<LineError>,
    more_errors: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(options: &'a ParseOptions) -> Self {
        Self {
            options,
            summary: Summary::default(),
            v4: Vec::new(),
            v6: Vec::new(),
            warnings: Vec::new(),
            errors: Vec::new(),
            more_errors: 0,
        }
    }

    /// Whether more entries than allowed have come: reading on would only take memory.
    pub(super) fn is_over_full(&self) -> bool {
        self.summary.entries > self.options.max_entries
    }

    /// Takes an entry that `line` writes as `token`.
    pub(super) fn add(&mut self, line: u32, token: &[u8], prefix: Prefix) -> Result<(), LineCause> {
        self.check(line, token, prefix)?;
        self.summary.entries += 1;
        match prefix {
            Prefix::V4 { address, length, mapped } => {
                let mask = mask_v4(length);
                self.summary.mapped += usize::from(mapped);
                self.v4.push(Span { first: address & mask, last: address | !mask, line });
            }
            Prefix::V6 { address, length } => {
                let mask = mask_v6(length);
                self.v6.push(Span { first: address & mask, last: address | !mask, line });
            }
        }
        Ok(())
    }

    /// Applies the list's rules to an entry.
    fn check(&mut self, line: u32, token: &[u8], prefix: Prefix) -> Result<(), LineCause> {
        let (length, widest, key) = match prefix {
            Prefix::V4 { length, .. } => (length, self.options.widest_v4, "widest_v4"),
            Prefix::V6 { length, .. } => (length, self.options.widest_v6, "widest_v6"),
        };
        if length < widest {
            return Err(LineCause::TooWide { widest, key });
        }
        if prefix.has_host_bits() {
            match self.options.host_bits {
                HostBits::Reject => return Err(LineCause::HostBits),
                HostBits::Mask => self.warn_masked(line, token, prefix),
            }
        }
        Ok(())
    }

    fn warn_masked(&mut self, line: u32, token: &[u8], prefix: Prefix) {
        self.summary.masked_host_bits += 1;
        if self.warnings.len() < MAX_WARNINGS_KEPT {
            let message = format!("bits are set beyond the prefix length; read as {}", prefix.network());
            self.warnings.push(Warning { line, text: shown(token), message });
        }
    }

    /// Notes that `line` cannot be read because of `text`.
    pub(super) fn error(&mut self, line: u32, text: &[u8], cause: LineCause) {
        if self.errors.len() < MAX_ERRORS_KEPT {
            self.errors.push(LineError::new(line, text, cause));
        } else {
            self.more_errors += 1;
        }
    }

    /// The list, or why there is none.
    pub(super) fn finish(mut self, file: &Path) -> Result<ParsedList, ListError> {
        let mut errors = std::mem::take(&mut self.errors).into_iter();
        if let Some(first) = errors.next() {
            let (file, rest, more) = (file.to_owned(), errors.collect(), self.more_errors);
            return Err(ListError::Lines { file, first, rest, more });
        }
        if self.is_over_full() {
            return Err(ListError::TooManyEntries { file: file.to_owned(), limit: self.options.max_entries });
        }
        if self.summary.entries == 0 && !self.options.allow_empty {
            return Err(ListError::Empty { file: file.to_owned() });
        }
        self.summary.duplicates = sort_and_dedup(&mut self.v4) + sort_and_dedup(&mut self.v6);
        self.summary.v4 = self.v4.len();
        self.summary.v6 = self.v6.len();
        Ok(ParsedList { v4: self.v4, v6: self.v6, summary: self.summary, warnings: self.warnings })
    }
}

/// Sorts by first and last address, and keeps the earliest line of equal spans. Returns how many were dropped.
fn sort_and_dedup<A: Ord + Copy>(spans: &mut Vec<Span<A>>) -> usize {
    let before = spans.len();
    spans.sort_unstable_by_key(|span| (span.first, span.last, span.line));
    spans.dedup_by_key(|span| (span.first, span.last));
    before - spans.len()
}
