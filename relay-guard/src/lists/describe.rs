//! What a line of a list says, for people: its text, and the note that belongs to its entry.

use std::net::IpAddr;

use super::collect::Collector;
use super::document::{self, Input};
use super::error::readable;
use super::lines::{self, trim};
use super::options::ParseOptions;
use super::{Format, format_of, rbldnsd, read};

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
    options: &ParseOptions,
    line: u32,
    address: Option<IpAddr>,
) -> Option<Entry> {
    let texts: Vec<&[u8]> =
        inputs.iter().map(|input| document::text(input.bytes).ok()).collect::<Option<_>>()?;
    let (number, local) = place(&texts, line)?;
    let (input, text) = (inputs.get(number)?, *texts.get(number)?);
    let written = text.split(|b| *b == b'\n').nth(local.checked_sub(1)? as usize)?;
    let format = format_of(text, options);
    let note = if format == Format::Rbldnsd {
        zone_note(&texts, options, line, address)
    } else {
        let mut collector = Collector::for_note(options, local);
        // What makes it no list any more was an error when it was read; the note may be there all the same.
        let _ = read(format, text, &mut collector, &mut rbldnsd::Reader::new());
        collector.into_note()
    };
    Some(Entry {
        document: input.name.to_owned(),
        line: local,
        text: readable(trim(written), MAX_SHOWN_CHARS),
        note: note.map(|note| readable(&note, MAX_SHOWN_CHARS)),
    })
}

/// The document that a line is in, and its number there.
fn place(texts: &[&[u8]], line: u32) -> Option<(usize, u32)> {
    let mut local = line;
    for (number, text) in texts.iter().enumerate() {
        let count = u32::try_from(lines::count(text)).unwrap_or(u32::MAX);
        if local <= count {
            return Some((number, local));
        }
        local -= count;
    }
    None
}

/// The TXT record that a line of a zone gives. Variables may come behind the line, and in another document.
fn zone_note(texts: &[&[u8]], options: &ParseOptions, line: u32, address: Option<IpAddr>) -> Option<Vec<u8>> {
    let mut zone = rbldnsd::Reader::new();
    let mut collector = Collector::for_zone_note(options, line);
    for text in texts {
        collector.begin("");
        zone.parse(text, &mut collector).ok()?;
    }
    zone.note(address)
}
