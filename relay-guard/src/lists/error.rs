//! Why a list is refused. Each error is one line.

use std::fmt;

use thiserror::Error;

use super::Format;
use super::address::AddressError;

/// The most bad lines kept with a refused list; the rest is counted.
pub const MAX_ERRORS_KEPT: usize = 20;

/// The most characters of a bad line that a message repeats.
const MAX_TEXT_CHARS: usize = 64;

/// Why the content of a list's documents is no list.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListError {
    /// A document as a whole is not what it should be.
    #[error("{name}: {cause}")]
    Document {
        /// The document's name.
        name: String,
        /// What is wrong with it.
        cause: DocumentCause,
    },
    /// There is no entry, and nobody said that this is fine.
    #[error("{name}: no entry in it; set allow_empty = true for this list if that is meant")]
    Empty {
        /// The list's documents, in words.
        name: String,
    },
    /// More entries than the limit.
    #[error("{name}: more than {limit} entries; split the list")]
    TooManyEntries {
        /// The list's documents, in words.
        name: String,
        /// The limit, in entries.
        limit: usize,
    },
    /// Lines that cannot be read. Displays the first one; [`ListError::bad_lines`] gives all that were kept.
    #[error("{first}{}", others(*more + rest.len()))]
    Lines {
        /// The first bad line.
        first: LineError,
        /// The bad lines after it, at most [`MAX_ERRORS_KEPT`] − 1.
        rest: Vec<LineError>,
        /// How many bad lines there are beyond those kept.
        more: usize,
    },
}

impl ListError {
    /// The document that was refused, or the list's documents in words.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Document { name, .. } | Self::Empty { name } | Self::TooManyEntries { name, .. } => name,
            Self::Lines { first, .. } => &first.document,
        }
    }

    /// The bad lines that were kept, in order; none when the fault is a document as a whole.
    pub fn bad_lines(&self) -> impl Iterator<Item = &LineError> {
        let (first, rest) = match self {
            Self::Lines { first, rest, .. } => (Some(first), rest.as_slice()),
            Self::Document { .. } | Self::Empty { .. } | Self::TooManyEntries { .. } => (None, &[][..]),
        };
        first.into_iter().chain(rest)
    }
}

fn others(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " (and 1 more bad line)".to_owned(),
        _ => format!(" (and {count} more bad lines)"),
    }
}

/// What can be wrong with a document as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DocumentCause {
    /// It holds no text.
    #[error("not a text file ({what}); give a plain text list")]
    Binary {
        /// What gives it away.
        what: &'static str,
    },
    /// A format without a reader.
    #[error("lists in the format \"{format}\" are not read yet")]
    NotYet {
        /// The format.
        format: Format,
    },
}

/// A line that cannot be read. Displays as `DOCUMENT:LINE: "TEXT": CAUSE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// The document's name.
    pub document: String,
    /// The line of the document, counted from 1.
    pub line: u32,
    /// The offending text, escaped and cut to a length fit for a message.
    pub text: String,
    /// What is wrong with it.
    pub cause: LineCause,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: \"{}\": {}", self.document, self.line, self.text, self.cause)
    }
}

impl std::error::Error for LineError {}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LineCause {
    /// A token that is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A prefix or range that covers more than the list may.
    #[error("wider than /{widest}; set {key} for this list if it is meant")]
    TooWide {
        /// The widest prefix accepted, as a prefix length.
        widest: u8,
        /// The configuration key that says so.
        key: &'static str,
    },
    /// Host bits, where they are refused.
    #[error("bits are set beyond the prefix length; correct it or set host_bits = \"mask\" for this list")]
    HostBits,
    /// A line without an end in sight.
    #[error("longer than {limit} bytes; this is no list of one or a few addresses per line")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A carriage return that is not part of a line end: what follows it could be taken for a note.
    #[error("a carriage return inside the line; convert the file to LF or CRLF line ends")]
    CarriageReturn,
}

/// `text` as a message may show it: one line, no control characters, not too long.
pub(super) fn shown(text: &[u8]) -> String {
    shown_up_to(text, MAX_TEXT_CHARS)
}

/// As [`shown`], with another limit in characters.
pub(super) fn shown_up_to(text: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * (limit + 1))]);
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == limit {
            out.push('…');
            break;
        }
        out.extend(c.escape_debug());
    }
    out
}
