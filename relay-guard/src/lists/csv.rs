//! Comma-separated values: the address in a column that the configuration names.
//!
//! The column is given by its name in the header row, without regard to case, or by its number from 1. The header is
//! the first line that has that name, a comment line (`# first_seen,dst_ip`) too; with a number, a first row whose field
//! is no address is taken for the header. The separator is the one of `,` `;` tab and `|` that makes the column appear, and most columns with it.
//! Fields may be in double quotes, with `""` for a quote; a quote that is open at the end of its line is a fault, since
//! it would hide the rows behind it. Lines that begin with `#` are comments. Rows with an empty address are left out
//! and counted.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::Format;
use super::collect::Collector;
use super::error::{DocumentCause, LineCause, shown};
use super::extent::Extent;
use super::lines::{self, Fault, trim};

/// Separators, in the order in which they are tried.
const SEPARATORS: [u8; 4] = *b",;\t|";

/// The most columns of a row.
const MAX_COLUMNS: usize = 256;

/// Where the address and the note are.
struct Layout {
    separator: u8,
    /// Columns, from 0.
    address: usize,
    note: Option<usize>,
    /// The line of the header, if there is one.
    header: Option<u32>,
}

/// Reads all rows of a document.
pub(super) fn parse(text: &[u8], out: &mut Collector<'_>) -> Result<(), DocumentCause> {
    let layout = layout(text, out)?;
    let mut row = Row::new(layout.separator);
    lines::each_trimmed(text, out, |line, number, out| {
        if layout.header == Some(number) || line.starts_with(b"#") {
            out.summary.comments += 1;
            return Ok(());
        }
        if !row.read(line) {
            return Err((line, LineCause::BadCsv));
        }
        take(line, number, &row, &layout, out)
    });
    Ok(())
}

fn take<'t>(
    line: &'t [u8],
    number: u32,
    row: &Row,
    layout: &Layout,
    out: &mut Collector<'_>,
) -> Result<(), Fault<'t>> {
    let Some(field) = row.field(layout.address) else {
        return Err((line, LineCause::NoColumn { column: layout.address + 1 }));
    };
    if field.is_empty() {
        out.skip(number, line, "rows without an address");
        return Ok(());
    }
    out.add_field(number, field).map_err(|cause| (line, cause))?;
    if let Some(note) = layout.note.and_then(|column| row.field(column)).filter(|note| !note.is_empty()) {
        out.summary.notes += 1;
        out.note(number, note);
    }
    Ok(())
}

/// Finds the columns.
fn layout(text: &[u8], out: &Collector<'_>) -> Result<Layout, DocumentCause> {
    let Some(field) = out.options.address_field.as_deref() else {
        return Err(DocumentCause::NeedsField { format: Format::Csv, example: "\"ip\" or \"1\"" });
    };
    let column = field.parse::<usize>().ok().and_then(|column| column.checked_sub(1));
    let mut found = "there is no row".to_owned();
    for (number, line) in (1..).zip(text.split(|b| *b == b'\n')) {
        let line = trim(line);
        if line.is_empty() || line.len() > out.options.max_line_bytes {
            continue;
        }
        let comment = line.starts_with(b"#");
        if !(comment && column.is_some())
            && let Some((row, address)) = split(line, column, field)
        {
            let is_header = column.is_none() || row.field(address).is_none_or(is_no_address);
            let note = note(&row, out)?;
            return Ok(Layout {
                separator: row.separator,
                address,
                note,
                header: is_header.then_some(number),
            });
        }
        if !comment {
            found = format!("the first row is \"{}\"", shown(line));
            break;
        }
    }
    Err(DocumentCause::NoSuchField { field: field.to_owned(), found })
}

/// Splits a line, which may be a header in a comment, by the separator that makes the column appear; by the one that
/// makes the most columns, if there are several.
fn split(line: &[u8], column: Option<usize>, name: &str) -> Option<(Row, usize)> {
    let line = trim(line.strip_prefix(b"#").unwrap_or(line));
    let read = |separator: u8| {
        let mut row = Row::new(separator);
        let whole = row.read(line);
        let address = match column {
            Some(column) => row.field(column).map(|_| column),
            None => row.position(name),
        };
        address.filter(|_| whole).map(|address| (row, address))
    };
    // Of equal ones the first: `max_by_key` would take the last.
    SEPARATORS.into_iter().rev().filter_map(read).max_by_key(|(row, _)| row.count)
}

fn is_no_address(field: &[u8]) -> bool {
    Extent::parse_field(field).is_err()
}

/// The column of the note.
fn note(row: &Row, out: &Collector<'_>) -> Result<Option<usize>, DocumentCause> {
    let Some(field) = out.options.note_field.as_deref() else { return Ok(None) };
    let by_number = field.parse::<usize>().ok().and_then(|column| column.checked_sub(1));
    let found = by_number.filter(|column| row.field(*column).is_some()).or_else(|| row.position(field));
    found.map(Some).ok_or_else(|| DocumentCause::NoSuchField {
        field: field.to_owned(),
        found: format!("there are {} columns", row.count),
    })
}

/// One row, unquoted.
struct Row {
    separator: u8,
    reader: Reader,
    input: Vec<u8>,
    fields: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Row {
    fn new(separator: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(separator).build();
        Self {
            separator,
            reader,
            input: Vec::new(),
            fields: Vec::new(),
            ends: vec![0; MAX_COLUMNS],
            count: 0,
        }
    }

    /// Reads a line; whether it is a whole row.
    fn read(&mut self, line: &[u8]) -> bool {
        self.reader.reset();
        self.input.clear();
        self.input.extend_from_slice(line);
        self.input.push(b'\n');
        self.fields.resize(self.input.len(), 0);
        let (result, _, _, count) = self.reader.read_record(&self.input, &mut self.fields, &mut self.ends);
        self.count = count;
        matches!(result, ReadRecordResult::Record)
    }

    fn field(&self, column: usize) -> Option<&[u8]> {
        let end = *self.ends[..self.count].get(column)?;
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(trim(&self.fields[start..end]))
    }

    /// The column of this name.
    fn position(&self, name: &str) -> Option<usize> {
        let is = |column: &usize| {
            self.field(*column).is_some_and(|field| field.eq_ignore_ascii_case(name.trim().as_bytes()))
        };
        (0..self.count).find(is)
    }
}
