//! Gathers what a format's reader finds; the rules that hold for every format are applied here.

use super::address::{Prefix, mask_v4, mask_v6};
use super::error::{LineCause, LineError, ListError, MAX_ERRORS_KEPT, shown};
use super::extent::Extent;
use super::options::{HostBits, ParseOptions};
use super::parsed::{DocumentLines, Group, MAX_WARNINGS_KEPT, ParsedList, Span, Summary, Warning};
use super::{Format, address::AddressError};

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
    /// The line whose note is wanted; then nothing but that note is kept.
    wanted: Option<u32>,
    note: Option<Vec<u8>>,
    /// Whether to read on behind the wanted line.
    reads_on: bool,
}

/// An entry as addresses, after the list's rules were applied to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    V4(u32, u32),
    V6(u128, u128),
}

impl Run {
    /// The addresses of a network, without host bits.
    pub(super) fn of(prefix: Prefix) -> Self {
        match prefix {
            Prefix::V4 { address, length, .. } => {
                let mask = mask_v4(length);
                Self::V4(address & mask, address | !mask)
            }
            Prefix::V6 { address, length } => {
                let mask = mask_v6(length);
                Self::V6(address & mask, address | !mask)
            }
        }
    }
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
            wanted: None,
            note: None,
            reads_on: false,
        }
    }

    /// One that keeps nothing but the note of the entry on `line`, counted through all documents.
    pub(super) fn for_note(options: &'a ParseOptions, line: u32) -> Self {
        Self { wanted: Some(line), ..Self::new(options) }
    }

    /// The same for a zone of rbldnsd, which is read to its end: what a line says may depend on later ones.
    pub(super) fn for_zone_note(options: &'a ParseOptions, line: u32) -> Self {
        Self { reads_on: true, ..Self::for_note(options, line) }
    }

    /// The note that [`Collector::for_note`] was made for.
    pub(super) fn into_note(self) -> Option<Vec<u8>> {
        self.note
    }

    /// The line whose note is wanted, and nothing else.
    pub(super) fn wanted(&self) -> Option<u32> {
        self.wanted
    }

    /// Says that what comes next is of the document of this name.
    pub(super) fn begin(&mut self, name: &str) {
        self.lines_before = u32::try_from(self.summary.lines).unwrap_or(u32::MAX);
        let first_line = self.lines_before.saturating_add(1);
        self.documents.push(DocumentLines { name: name.to_owned(), first_line });
    }

    /// A line of the current document as it is counted through all of them.
    pub(super) fn global(&self, line: u32) -> u32 {
        self.lines_before.saturating_add(line)
    }

    /// Whether reading on is of no use: more entries than allowed have come, or the wanted line is behind.
    pub(super) fn is_done(&self) -> bool {
        let behind = |line| self.summary.lines >= line as usize;
        self.is_over_full() || (!self.reads_on && self.wanted.is_some_and(behind))
    }

    /// Whether more entries than allowed have come, exclusions counted too.
    pub(super) fn is_over_full(&self) -> bool {
        self.summary.entries + self.summary.exclusions > self.options.max_entries
    }

    /// Takes an entry that `line` writes as `token`.
    pub(super) fn add(&mut self, line: u32, token: &[u8], prefix: Prefix) -> Result<(), LineCause> {
        let run = self.network(line, token, prefix)?;
        self.keep(line, run);
        Ok(())
    }

    /// Takes an entry that may be a range.
    pub(super) fn add_extent(&mut self, line: u32, token: &[u8], extent: Extent) -> Result<(), LineCause> {
        let run = self.run(line, token, extent)?;
        self.keep(line, run);
        Ok(())
    }

    /// Takes an entry that is a whole field, blanks allowed.
    pub(super) fn add_field(&mut self, line: u32, field: &[u8]) -> Result<(), LineCause> {
        let extent = Extent::parse_field(field).map_err(|cause: AddressError| LineCause::from(cause))?;
        self.add_extent(line, field, extent)
    }

    fn keep(&mut self, line: u32, run: Run) {
        self.summary.entries += 1;
        if self.wanted.is_some() {
            return;
        }
        let line = self.global(line);
        match run {
            Run::V4(first, last) => self.v4.push(Span { first, last, line }),
            Run::V6(first, last) => self.v6.push(Span { first, last, line }),
        }
    }

    /// Applies the list's rules to an entry: how wide it may be, and what becomes of host bits.
    pub(super) fn run(&mut self, line: u32, token: &[u8], extent: Extent) -> Result<Run, LineCause> {
        let run = match extent {
            Extent::Network(prefix) => return self.network(line, token, prefix),
            Extent::V4 { first, last } => Run::V4(first, last),
            Extent::V6 { first, last } => Run::V6(first, last),
        };
        self.check_width(run)?;
        Ok(run)
    }

    fn network(&mut self, line: u32, token: &[u8], prefix: Prefix) -> Result<Run, LineCause> {
        let run = Run::of(prefix);
        self.summary.mapped += usize::from(matches!(prefix, Prefix::V4 { mapped: true, .. }));
        self.check_width(run)?;
        if prefix.has_host_bits() {
            match self.options.host_bits {
                HostBits::Reject => return Err(LineCause::HostBits),
                HostBits::Mask => self.warn_masked(line, token, prefix),
            }
        }
        Ok(run)
    }

    fn check_width(&self, run: Run) -> Result<(), LineCause> {
        let (widest_v4, widest_v6) = (self.options.widest_v4, self.options.widest_v6);
        match run {
            Run::V4(first, last) if last - first > !mask_v4(widest_v4) => {
                Err(LineCause::TooWide { widest: widest_v4, key: "widest_v4" })
            }
            Run::V6(first, last) if last - first > !mask_v6(widest_v6) => {
                Err(LineCause::TooWide { widest: widest_v6, key: "widest_v6" })
            }
            _ => Ok(()),
        }
    }

    fn warn_masked(&mut self, line: u32, token: &[u8], prefix: Prefix) {
        self.summary.masked_host_bits += 1;
        self.warn(line, token, || {
            format!("bits are set beyond the prefix length; read as {}", prefix.network())
        });
    }

    /// Keeps the note of the entry on `line`, if it is the wanted one. A line's first note counts.
    pub(super) fn note(&mut self, line: u32, note: &[u8]) {
        if self.wanted == Some(self.global(line)) && !note.is_empty() && self.note.is_none() {
            self.note = Some(note.to_owned());
        }
    }

    /// Counts something that is left out on purpose; the first of a kind is a warning too.
    pub(super) fn skip(&mut self, line: u32, text: &[u8], cause: &'static str) {
        let count = self.summary.skipped.entry(cause).or_default();
        *count += 1;
        if *count == 1 {
            self.warn(line, text, || format!("left out, as all such lines: {cause}"));
        }
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

    /// Whether a line could not be read.
    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// The name of the current document.
    fn document(&self) -> &str {
        self.documents.last().map_or("", |document| document.name.as_str())
    }

    /// The list of what was added, in one group without value, or why there is none.
    pub(super) fn finish(mut self, format: Format) -> Result<ParsedList, ListError> {
        let group = Group { value: None, v4: std::mem::take(&mut self.v4), v6: std::mem::take(&mut self.v6) };
        self.finish_groups(format, vec![group])
    }

    /// The list of groups that the reader made itself, or why there is none.
    pub(super) fn finish_groups(
        mut self,
        format: Format,
        mut groups: Vec<Group>,
    ) -> Result<ParsedList, ListError> {
        let mut errors = std::mem::take(&mut self.errors).into_iter();
        if let Some(first) = errors.next() {
            return Err(ListError::Lines { first, rest: errors.collect(), more: self.more_errors });
        }
        if self.is_over_full() {
            return Err(ListError::TooManyEntries { name: self.name(), limit: self.options.max_entries });
        }
        if groups.iter().all(|group| group.v4.is_empty() && group.v6.is_empty()) && !self.options.allow_empty
        {
            return Err(ListError::Empty { name: self.name(), skipped: self.summary.skipped });
        }
        for group in &mut groups {
            self.summary.duplicates += sort_and_dedup(&mut group.v4) + sort_and_dedup(&mut group.v6);
            self.summary.v4 += group.v4.len();
            self.summary.v6 += group.v6.len();
        }
        let (documents, summary, warnings) = (self.documents, self.summary, self.warnings);
        Ok(ParsedList { format, groups, documents, summary, warnings, expires: None })
    }

    /// The list's documents, in words.
    pub(super) fn name(&self) -> String {
        match self.documents.as_slice() {
            [] => "(no document)".to_owned(),
            [one] => one.name.clone(),
            [first, rest @ ..] => format!("{} and {} more", first.name, rest.len()),
        }
    }
}

/// Sorts by first and last address, and keeps the earliest line of equal spans. Returns how many were dropped.
fn sort_and_dedup<A: Ord + Copy>(spans: &mut Vec<Span<A>>) -> usize {
    let before = spans.len();
    spans.sort_unstable_by_key(|span| (span.first, span.last, span.line));
    spans.dedup_by_key(|span| (span.first, span.last));
    before - spans.len()
}
