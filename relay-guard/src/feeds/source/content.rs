//! What a fetch gives, and what bounds it.

use super::FetchError;
use crate::lists::source::Fingerprint;

/// How much content a fetch may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The most bytes of all documents together; for compressed ones as they come, and again unpacked.
    pub bytes: u64,
    /// What errors call this limit: where it can be changed.
    pub name: &'static str,
}

/// What a server said for telling whether a document has changed since (RFC 9110, section 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The entity tag, quotes and all.
    pub etag: Option<String>,
    /// The date of the last modification, in the server's own writing.
    pub last_modified: Option<String>,
}

impl Validators {
    /// Whether there is nothing to ask with.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }
}

/// One piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What messages call it: the file's path, the URL without what may be secret, or the command.
    pub name: String,
    /// The content, unpacked.
    pub bytes: Vec<u8>,
    /// What to ask with the next time; empty for anything but web servers.
    pub validators: Validators,
    /// The state of the file that this is the content of.
    pub fingerprint: Option<Fingerprint>,
}

impl Document {
    /// A document without anything to recognise it by.
    #[must_use]
    pub fn new(name: String, bytes: Vec<u8>) -> Self {
        Self { name, bytes, validators: Validators::default(), fingerprint: None }
    }
}

/// All content of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// One for a file or a command, one for each URL, one for each file of a directory (perhaps none).
    pub documents: Vec<Document>,
}

impl Content {
    /// The bytes of all documents together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.documents.iter().map(|document| document.bytes.len() as u64).sum()
    }

    /// What to ask with the next time, in the order of the documents.
    #[must_use]
    pub fn validators(&self) -> Vec<Validators> {
        self.documents.iter().map(|document| document.validators.clone()).collect()
    }
}

/// How a fetch that did not fail ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The content, all of it.
    Content(Content),
    /// All documents are as they were when the validators were given.
    NotModified,
}

/// What is left of a [`Limit`] while the documents come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    limit: Limit,
    left: u64,
}

impl Budget {
    pub(super) const fn new(limit: Limit) -> Self {
        Self { limit, left: limit.bytes }
    }

    pub(super) const fn limit(&self) -> Limit {
        self.limit
    }

    /// The most bytes that the next document may have.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// Takes note of a document that was kept.
    pub(super) const fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as u64);
    }

    pub(super) fn too_large(&self, what: &str) -> FetchError {
        FetchError::TooLarge { what: what.to_owned(), limit: self.limit.bytes, limit_name: self.limit.name }
    }
}
