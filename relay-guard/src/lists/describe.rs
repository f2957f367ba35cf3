//! What a line of a list says, for people: its text, and the note that belongs to its entry.

use std::net::IpAddr;

use super::document::{self, Input};
use super::error::shown_up_to;
use super::options::ParseOptions;

/// The most characters of a line or note that are shown.
const MAX_SHOWN_CHARS: usize = 255;

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// The document's name.
    pub document: String,
    /// The line of the document, counted from 1.
    pub line: u32,
    /// The line, without blanks at its ends, control characters escaped, cut to 255 characters.
    pub text: String,
    /// What the list says of the entry, in the same way: `SBL256894`, a trailing reason or comment, a P2P name, the TXT
    /// record of rbldnsd for the address.
    pub note: Option<String>,
}

/// The line `line`, counted through all documents as in [`Span::line`](super::Span::line), and its note.
///
/// `address` is the one that is asked for: rbldnsd writes it into its notes. Reads all documents up to that line again,
/// so that notes take no memory while nobody asks.
#[must_use]
pub fn describe(
    inputs: &[Input<'_>],
    _options: &ParseOptions,
    line: u32,
    _address: Option<IpAddr>,
) -> Option<Entry> {
    let mut before = 0;
    for input in inputs {
        let bytes = document::text(input.bytes).ok()?;
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let local = line.checked_sub(before)?;
        if let Some(text) = bytes.split(|b| *b == b'\n').nth(local.checked_sub(1)? as usize) {
            let text = shown_up_to(text.trim_ascii(), MAX_SHOWN_CHARS);
            return Some(Entry { document: input.name.to_owned(), line: local, text, note: None });
        }
        before += u32::try_from(bytes.split(|b| *b == b'\n').count()).ok()?;
    }
    None
}
