//! A list's way in: source → content → entries → judged → kept.
//!
//! Puts together what `feeds` (bytes) and `lists` (entries) do apart. Whether and when a list is taken in, and what
//! becomes of the entries, is the caller's.

mod copy;
mod local;
mod task;

pub use copy::{CopyError, LastGood, about, describe_line, last_good};
pub use local::{Local, LocalError, local, local_content};
pub use task::{Failure, Kept, Taken, Task, run};

use crate::feeds::shape::Figures;
use crate::feeds::source::{Content, Limit};
use crate::lists::{Input, ListError, ParseOptions, ParsedList, parse};

/// What bounds the content of a list, by the name of its key.
#[must_use]
pub const fn limit(bytes: u64) -> Limit {
    Limit { bytes, name: "limits.list_bytes" }
}

/// Reads the entries of fetched content.
///
/// # Errors
/// [`ListError`].
pub fn entries(content: &Content, options: &ParseOptions) -> Result<ParsedList, ListError> {
    parse(&inputs(content), options)
}

/// The documents of fetched content, as they are read.
#[must_use]
pub fn inputs(content: &Content) -> Vec<Input<'_>> {
    content.documents.iter().map(|document| Input { name: &document.name, bytes: &document.bytes }).collect()
}

/// A list in the two figures by which one version of it is compared with the next.
#[must_use]
pub fn figures(list: &ParsedList) -> Figures {
    let kept = list.summary.v4 + list.summary.v6;
    Figures { entries: kept as u64, addresses: list.addresses().0 }
}
