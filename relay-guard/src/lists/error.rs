//! Why a list is refused. Each error is one line.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use super::Format;
use super::address::AddressError;
use super::parsed::MAX_VALUES;
use super::rbldnsd::ZoneCause;

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
    #[error(
        "{name}: no entry in it{}; set allow_empty = true for this list if that is meant",
        left_out(skipped)
    )]
    Empty {
        /// The list's documents, in words.
        name: String,
        /// What was left out on purpose: cause and how many.
        skipped: BTreeMap<&'static str, usize>,
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
            Self::Document { name, .. } | Self::Empty { name, .. } | Self::TooManyEntries { name, .. } => {
                name
            }
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

fn left_out(skipped: &BTreeMap<&'static str, usize>) -> String {
    let words: Vec<_> = skipped.iter().map(|(cause, count)| format!("{cause}: {count}")).collect();
    if words.is_empty() { String::new() } else { format!(" (left out: {})", words.join(", ")) }
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
    /// A web page, such as an error page, a login form or the page about the list.
    #[error("a web page (HTML), not a list; see what its address gives in a browser")]
    WebPage,
    /// A list whose end is missing, or that changed while it was fetched.
    #[error("truncated: {what}; fetch it again")]
    Truncated {
        /// What shows it.
        what: String,
    },
    /// Fields without a word on which of them is the address.
    #[error("the format \"{format}\" needs the field of the address: set address_field, such as {example}")]
    NeedsField {
        /// The format.
        format: Format,
        /// An example for this content.
        example: &'static str,
    },
    /// A field that is not there.
    #[error("no field \"{field}\" in it; {found}")]
    NoSuchField {
        /// What was looked for.
        field: String,
        /// What is there instead.
        found: String,
    },
    /// A field that cannot be in any document.
    #[error("address_field or note_field \"{field}\" is no JSON pointer: write \"/\" before each name")]
    BadPointer {
        /// What was given.
        field: String,
    },
    /// A document that is not JSON.
    #[error("not JSON: {what}")]
    NotJson {
        /// What is wrong, and where.
        what: String,
    },
    /// A description of sources: `spamd.conf`.
    #[error("describes sources, and is no list itself; configure a list for each of them: {sources}")]
    SourceDescription {
        /// The sources, in words.
        sources: String,
    },
    /// An rbldnsd zone among documents that are none, or the other way round.
    #[error("{} among documents that are {}; give each kind its own list", zone(*is_zone), zone(!*is_zone))]
    MixedKinds {
        /// Whether it is the zone.
        is_zone: bool,
    },
    /// More different A values than a list may have.
    #[error("more than {MAX_VALUES} different A values")]
    TooManyValues,
}

fn zone(is_zone: bool) -> &'static str {
    if is_zone { "rbldnsd zone" } else { "no rbldnsd zone" }
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
    /// The columns of a DShield list in a plain one.
    #[error(
        "first and last address and prefix length of a network: a DShield list; set format = \"dshield\""
    )]
    DshieldAsPlain,
    /// Too few columns for DShield's list.
    #[error("no row of a DShield list: first address, last address and prefix length, separated by tabs")]
    DshieldColumns,
    /// The columns of a DShield list contradict each other.
    #[error("the second column is not the last address of the network that the first and third name")]
    DshieldEnd,
    /// No colon in a line of a P2P list.
    #[error("no line of a P2P list: a name, a colon and a range")]
    P2pColon,
    /// Not three columns.
    #[error("no row of an IP reputation list: address, category and score, separated by commas")]
    ReputationColumns,
    /// A number out of range.
    #[error("not a number from 0 to {max}")]
    NumberRange {
        /// The largest number.
        max: u8,
    },
    /// A line that goes on in the next one.
    #[error("a continued line; write it as one line")]
    ContinuedLine,
    /// No colon in a line of `hosts.deny`.
    #[error("no line of hosts.deny: services, a colon and clients")]
    HostsDenyColon,
    /// `EXCEPT` in `hosts.deny`.
    #[error("EXCEPT is not read; write the networks without the exceptions, or use an allow list")]
    HostsDenyExcept,
    /// A line of `hosts.deny` that allows.
    #[error("the option \"allow\" turns the line's meaning around; use an allow list")]
    HostsDenyAllow,
    /// `ALL` as a client.
    #[error("\"ALL\" as a client denies everybody; that is no list")]
    HostsDenyEverybody,
    /// No JSON on the line, or none of the expected form.
    #[error("not a JSON object with the expected fields")]
    NotJson,
    /// A JSON value that is no string.
    #[error("not a string; an address is one")]
    NotAString,
    /// Something behind the metadata line of a DROP list.
    #[error("behind the metadata line, which must be the last")]
    AfterMetadata,
    /// A CSV row without the column.
    #[error("no column {column} in this row")]
    NoColumn {
        /// The column, from 1.
        column: usize,
    },
    /// Text behind the closing quote of a CSV field, or the like.
    #[error("not a row of CSV")]
    BadCsv,
    /// A line of an rbldnsd zone.
    #[error(transparent)]
    Zone(#[from] ZoneCause),
    /// A carriage return that is not part of a line end: what follows it could be taken for a note.
    #[error("a carriage return inside the line; convert the file to LF or CRLF line ends")]
    CarriageReturn,
}

/// `text` as a message may show it: one line, no control characters, not too long.
pub(super) fn shown(text: &[u8]) -> String {
    escaped(text, MAX_TEXT_CHARS, |_| false)
}

/// `text` by itself, not in quotes: as [`shown`] with another limit, and with quotes and backslashes as they are.
pub(super) fn readable(text: &[u8], limit: usize) -> String {
    escaped(text, limit, |c| matches!(c, '"' | '\'' | '\\'))
}

fn escaped(text: &[u8], limit: usize, as_is: impl Fn(char) -> bool) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * (limit + 1))]);
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == limit {
            out.push('…');
            break;
        }
        if as_is(c) { out.push(c) } else { out.extend(c.escape_debug()) }
    }
    out
}
