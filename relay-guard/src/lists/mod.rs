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
mod describe;
mod document;
mod error;
mod format;
mod options;
mod parsed;
mod plain;
pub mod source;

pub use address::{AddressError, Prefix};
pub use describe::{Entry, describe};
pub use document::Input;
pub use error::{DocumentCause, LineCause, LineError, ListError, MAX_ERRORS_KEPT};
pub use format::{Format, UnknownFormat};
pub use options::{DEFAULT_MAX_ENTRIES, DEFAULT_MAX_LINE_BYTES, HostBits, ParseOptions};
pub use parsed::{
    DocumentLines, Group, MAX_VALUES, MAX_WARNINGS_KEPT, Origin, ParsedList, Span, Summary, Warning,
};

use collect::{Collector, refused};

/// Reads the list that `inputs` hold together: one document, or several as from a directory.
///
/// # Errors
/// [`ListError`], always one line: a document is no list, a line is bad, there is no entry although
/// [`ParseOptions::allow_empty`] is off, or there are more than [`ParseOptions::max_entries`].
pub fn parse(inputs: &[Input<'_>], options: &ParseOptions) -> Result<ParsedList, ListError> {
    let mut collector = Collector::new(options);
    for input in inputs {
        let bytes = document::text(input.bytes).map_err(|cause| refused(*input, cause))?;
        collector.begin(input.name);
        match options.format {
            Format::Auto | Format::Plain => plain::parse(bytes, &mut collector),
            format => return Err(refused(*input, DocumentCause::NotYet { format })),
        }
    }
    collector.finish(Format::Plain)
}

#[cfg(test)]
mod tests;
