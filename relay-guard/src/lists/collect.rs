//! Gathers what a format's reader finds; the rules that hold for every format are applied here.

use super::address::{Prefix, mask_v4, mask_v6};
use super::document::Input;
use super::error::{LineCause, LineError, ListError, MAX_ERRORS_KEPT, shown};
use super::options::{HostBits, ParseOptions};
use super::parsed::{DocumentLines, Group, MAX_WARNINGS_KEPT, ParsedList, Span, Summary, Warning};
use super::{DocumentCause, Format};

/// A list in the making. Readers count lines from 1 in each document; what is kept counts through all of them.
pub(super) struct Collector<'a> {
    pub(super) options: &'a ParseOptions,
    pub(super) summary: Summary,
    documents: Vec<DocumentLines>,
    /// Lines of the documents before the current one.
    lines_before: u32,
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
            documents: Vec::new(),
            lines_before: 0,
            v4: Vec::new(),
            v6: Vec::new(),
            warnings: Vec::new(),
            errors: Vec::new(),
            more_errors: 0,
        }
    }

    /// Says that what comes next is of the document of this name.
    pub(super) fn begin(&mut self, name: &str) {
        self.lines_before = u32::try_from(self.summary.lines).unwrap_or(u32::MAX);
        let first_line = self.lines_before.saturating_add(1);
        self.documents.push(DocumentLines { name: name.to_owned(), first_line });
    }

    /// Whether more entries than allowed have come: reading on would only take memory.
    pub(super) fn is_over_full(&self) -> bool {
        self.summary.entries > self.options.max_entries
    }

    /// Takes an entry that `line` writes as `token`.
    pub(super) fn add(&mut self, line: u32, token: &[u8], prefix: Prefix) -> Result<(), LineCause> {
        self.check(line, token, prefix)?;
        self.summary.entries += 1;
        let line = self.lines_before.saturating_add(line);
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
        self.warn(line, token, || {
            format!("bits are set beyond the prefix length; read as {}", prefix.network())
        });
    }

    /// Keeps a warning, if there is still room.
    pub(super) fn warn(&mut self, line: u32, text: &[u8], message: impl FnOnce() -> String) {
        if self.warnings.len() < MAX_WARNINGS_KEPT {
            let document = self.document().to_owned();
            self.warnings.push(Warning { document, line, text: shown(text), message: message() });
        }
    }

    /// Notes that `line` cannot be read because of `text`.
    pub(super) fn error(&mut self, line: u32, text: &[u8], cause: LineCause) {
        if self.errors.len() < MAX_ERRORS_KEPT {
            let document = self.document().to_owned();
            self.errors.push(LineError { document, line, text: shown(text), cause });
        } else {
            self.more_errors += 1;
        }
    }

    /// The name of the current document.
    fn document(&self) -> &str {
        self.documents.last().map_or("", |document| document.name.as_str())
    }

    /// The list, or why there is none.
    pub(super) fn finish(mut self, format: Format) -> Result<ParsedList, ListError> {
        let mut errors = std::mem::take(&mut self.errors).into_iter();
        if let Some(first) = errors.next() {
            return Err(ListError::Lines { first, rest: errors.collect(), more: self.more_errors });
        }
        if self.is_over_full() {
            return Err(ListError::TooManyEntries { name: self.name(), limit: self.options.max_entries });
        }
        if self.summary.entries == 0 && !self.options.allow_empty {
            return Err(ListError::Empty { name: self.name() });
        }
        self.summary.duplicates = sort_and_dedup(&mut self.v4) + sort_and_dedup(&mut self.v6);
        self.summary.v4 = self.v4.len();
        self.summary.v6 = self.v6.len();
        Ok(ParsedList {
            format,
            groups: vec![Group { value: None, v4: self.v4, v6: self.v6 }],
            documents: self.documents,
            summary: self.summary,
            warnings: self.warnings,
            expires: None,
        })
    }

    /// The list's documents, in words.
    fn name(&self) -> String {
        match self.documents.as_slice() {
            [] => "(no document)".to_owned(),
            [one] => one.name.clone(),
            [first, rest @ ..] => format!("{} and {} more", first.name, rest.len()),
        }
    }
}

/// The fault of a whole document.
pub(super) fn refused(input: Input<'_>, cause: DocumentCause) -> ListError {
    ListError::Document { name: input.name.to_owned(), cause }
}

/// Sorts by first and last address, and keeps the earliest line of equal spans. Returns how many were dropped.
fn sort_and_dedup<A: Ord + Copy>(spans: &mut Vec<Span<A>>) -> usize {
    let before = spans.len();
    spans.sort_unstable_by_key(|span| (span.first, span.last, span.line));
    spans.dedup_by_key(|span| (span.first, span.last));
    before - spans.len()
}
