//! Address lists: from the bytes of documents to sorted spans of addresses, or to errors that name the line.
//!
//! A list is taken whole or not at all: one bad line refuses it, and the caller keeps the last good content. A token
//! that is not exactly an address, a CIDR, an address with a netmask or a range is never resolved, guessed at or
//! widened.
//!
//! This module does not know what a list is for (actions, classes) nor when to read it again; [`source`] is its only
//! part that touches files.

mod address;
mod collect;
mod csv;
mod describe;
mod document;
mod drop_json;
mod drop_text;
mod dshield;
mod error;
mod extent;
mod format;
mod hosts_deny;
mod ip_reputation;
mod json;
mod lines;
mod options;
mod p2p;
mod parsed;
mod plain;
mod rbldnsd;
mod recognise;
pub mod source;
pub mod spamd_conf;

pub use address::{AddressError, Prefix};
pub use describe::{Entry, describe};
pub use document::Input;
pub use error::{DocumentCause, LineCause, LineError, ListError, MAX_ERRORS_KEPT};
pub use format::{Format, UnknownFormat};
pub use options::{DEFAULT_MAX_ENTRIES, DEFAULT_MAX_LINE_BYTES, HostBits, ParseOptions};
pub use parsed::{
    DocumentLines, Group, MAX_VALUES, MAX_WARNINGS_KEPT, Origin, ParsedList, Span, Summary, Warning,
};
pub use rbldnsd::ZoneCause;

use collect::Collector;

/// Reads the list that `inputs` hold together: one document, or several as from a directory.
///
/// With [`Format::Auto`] each document's format is recognised by itself; [`ParsedList::format`] is that of the first.
///
/// # Errors
/// [`ListError`], always one line: a document is no list, a line is bad, there is no entry although
/// [`ParseOptions::allow_empty`] is off, or there are more than [`ParseOptions::max_entries`].
pub fn parse(inputs: &[Input<'_>], options: &ParseOptions) -> Result<ParsedList, ListError> {
    let mut collector = Collector::new(options);
    let mut zone = rbldnsd::Reader::new();
    let mut first = None;
    for input in inputs {
        let refused = |cause| ListError::Document { name: input.name.to_owned(), cause };
        let text = document::text(input.bytes).map_err(refused)?;
        let format = format_of(text, options);
        let is_zone = format == Format::Rbldnsd;
        if first.is_some_and(|first| (first == Format::Rbldnsd) != is_zone) {
            return Err(refused(DocumentCause::MixedKinds { is_zone }));
        }
        first = first.or(Some(format));
        collector.begin(input.name);
        read(format, text, &mut collector, &mut zone).map_err(refused)?;
        if collector.is_done() {
            break;
        }
    }
    match first {
        Some(Format::Rbldnsd) => zone.finish(collector),
        format => collector.finish(format.unwrap_or(Format::Plain)),
    }
}

/// The format that a document is read as.
fn format_of(text: &[u8], options: &ParseOptions) -> Format {
    match options.format {
        Format::Auto => recognise::recognise(text, options),
        format => format,
    }
}

/// Reads a document.
fn read(
    format: Format,
    text: &[u8],
    out: &mut Collector<'_>,
    zone: &mut rbldnsd::Reader,
) -> Result<(), DocumentCause> {
    match format {
        Format::Auto | Format::Plain => plain::parse(text, out),
        Format::DropText => drop_text::parse(text, out),
        Format::Dshield => dshield::parse(text, out),
        Format::P2p => p2p::parse(text, out),
        Format::IpReputation => ip_reputation::parse(text, out),
        Format::HostsDeny => hosts_deny::parse(text, out),
        Format::SpamdConf => {
            return Err(DocumentCause::SourceDescription { sources: spamd_conf::in_words(text) });
        }
        Format::DropJson => return drop_json::parse(text, out),
        Format::Csv => return csv::parse(text, out),
        Format::Json => return json::parse(text, out),
        Format::Rbldnsd => return zone.parse(text, out),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
