//! Address lists: from the bytes of a file to sorted spans of addresses, or to errors that name the line.
//!
//! A list is taken whole or not at all: one bad line refuses it, and the caller keeps the last good content. A token
//! that is not exactly an address or a CIDR is never resolved, guessed at or widened.
//!
//! This module does not know what a list is for (actions, classes) nor when to read it again; [`source`] is its only
//! part that touches files.

mod address;
mod collect;
mod error;
mod options;
mod parsed;
mod plain;
pub mod source;

pub use address::{AddressError, Prefix};
pub use error::{LineCause, LineError, ListError, MAX_ERRORS_KEPT};
pub use options::{DEFAULT_MAX_ENTRIES, DEFAULT_MAX_LINE_BYTES, Format, HostBits, ParseOptions};
pub use parsed::{MAX_WARNINGS_KEPT, ParsedList, Span, Summary, Warning};

use std::path::Path;

use collect::Collector;

/// The UTF-8 byte order mark that some editors and feeds put before the first line.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Reads the list that `bytes` holds.
///
/// `file` only names the list in errors; nothing is opened.
///
/// # Errors
/// [`ListError`], always one line: the content is binary, a line is bad, there is no entry although
/// [`ParseOptions::allow_empty`] is off, or there are more than [`ParseOptions::max_entries`].
pub fn parse(file: &Path, bytes: &[u8], options: &ParseOptions) -> Result<ParsedList, ListError> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    if let Some(what) = binary(bytes) {
        return Err(ListError::Binary { file: file.to_owned(), what });
    }
    let mut collector = Collector::new(options);
    match options.format {
        Format::Plain => plain::parse(bytes, &mut collector),
    }
    collector.finish(file)
}

/// What makes `bytes` something else than text, if anything does.
fn binary(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x1f\x8b") {
        return Some("it is compressed with gzip");
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Some("it is UTF-16 text");
    }
    if bytes.contains(&0) {
        return Some("it holds a zero byte");
    }
    std::str::from_utf8(bytes).is_err().then_some("it is not UTF-8 text")
}

#[cfg(test)]
mod tests;
