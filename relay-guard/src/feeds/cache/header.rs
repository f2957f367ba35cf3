//! The head of a copy: a line that says what it is and checks the next, and that next line, a header in JSON.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{CacheError, Entry};
use crate::feeds::shape::Figures;
use crate::feeds::source::{Content, Validators};

/// The most bytes of a header: that of the fullest directory has a quarter of it.
pub const MAX_HEADER_BYTES: u64 = 4 << 20;

/// How the first line begins; the last word is the version of what follows.
const MAGIC: &str = "relay-guard-list 1 ";

/// What the magic is without its version.
const ANY_VERSION: &str = "relay-guard-list ";

/// The magic, eight digits of the header's checksum, a space, eight of its length, a line end; all in hexadecimal.
const FIRST_LINE: usize = MAGIC.len() + 8 + 1 + 8 + 1;

/// What is known of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Where the content is from ([`Source::id`](crate::feeds::source::Source::id)).
    pub source: String,
    /// When it was fetched, in seconds since the epoch.
    pub fetched_at: u64,
    /// When it was last known to be what the source has: when it was fetched, or confirmed since.
    #[serde(skip)]
    pub checked_at: u64,
    /// Its shape.
    pub figures: Figures,
    /// Its documents, in order.
    pub documents: Vec<AboutDocument>,
}

/// What is known of a document of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutDocument {
    /// What messages call it.
    pub name: String,
    /// Its length, in bytes.
    pub length: u64,
    /// The CRC-32 of its content.
    pub checksum: u32,
    /// Its entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When the server last modified it, in the server's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

impl About {
    /// The bytes of all documents together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.documents.iter().fold(0, |sum, document| sum.saturating_add(document.length))
    }

    /// What to ask `source` with: the validators of the documents if they are from there, nothing otherwise.
    #[must_use]
    pub fn validators_for(&self, source: &str) -> Vec<Validators> {
        let same = self.source == source;
        self.documents.iter().filter(|_| same).map(AboutDocument::validators).collect()
    }
}

impl AboutDocument {
    pub(super) fn validators(&self) -> Validators {
        Validators { etag: self.etag.clone(), last_modified: self.last_modified.clone() }
    }
}

/// The head of a copy, and where it ends.
pub(super) struct Head {
    pub(super) about: About,
    /// The header's checksum: another one for other content.
    pub(super) checksum: u32,
    /// Bytes before the first document.
    pub(super) bytes: u64,
}

/// The head for `content`, ready to be written before it.
pub(super) fn write(entry: &Entry<'_>, content: &Content) -> io::Result<Vec<u8>> {
    let documents = content.documents.iter().map(|document| AboutDocument {
        name: document.name.clone(),
        length: document.bytes.len() as u64,
        checksum: crc32fast::hash(&document.bytes),
        etag: document.validators.etag.clone(),
        last_modified: document.validators.last_modified.clone(),
    });
    let about = About {
        source: entry.source.to_owned(),
        fetched_at: entry.fetched_at,
        checked_at: entry.fetched_at,
        figures: entry.figures,
        documents: documents.collect(),
    };
    let mut header = serde_json::to_vec(&about)?;
    header.push(b'\n');
    if header.len() as u64 > MAX_HEADER_BYTES {
        return Err(io::Error::other("too many documents with too long names"));
    }
    let length = u32::try_from(header.len()).map_err(io::Error::other)?;
    Ok([written(crc32fast::hash(&header), length).into_bytes(), header].concat())
}

/// The first line.
fn written(checksum: u32, length: u32) -> String {
    format!("{MAGIC}{checksum:08x} {length:08x}\n")
}

/// Reads the head of the copy that `file` is, up to its first document, and checks that the file is as long as it says.
pub(super) fn read(file: &mut File, path: &Path) -> Result<Head, CacheError> {
    let fail = |cause| CacheError::reading(path, cause);
    let state = file.metadata().map_err(fail)?;
    if !state.is_file() {
        return Err(CacheError::damaged(path, "it is not a regular file"));
    }
    let first = take(file, FIRST_LINE as u64).map_err(fail)?;
    let (checksum, length) = first_line(&first, path)?;
    let length = u64::from(length);
    let header = take(file, length).map_err(fail)?;
    if header.len() as u64 != length || crc32fast::hash(&header) != checksum {
        return Err(CacheError::damaged(path, "its header is not what was written"));
    }
    let about = serde_json::from_slice(&header);
    let about: About = about.map_err(|_| CacheError::damaged(path, "its header cannot be read"))?;
    let about = About { checked_at: about.fetched_at, ..about };
    let bytes = FIRST_LINE as u64 + length;
    if bytes.checked_add(about.bytes()) != Some(state.len()) {
        return Err(CacheError::damaged(path, "its length is not what was written"));
    }
    Ok(Head { about, checksum, bytes })
}

/// The header's checksum and length. They are written in one way only; what else reads as the same numbers is damaged.
fn first_line(line: &[u8], path: &Path) -> Result<(u32, u32), CacheError> {
    let line = std::str::from_utf8(line).unwrap_or_default();
    let Some(numbers) = line.strip_prefix(MAGIC) else {
        let other = line.len() == FIRST_LINE && line.starts_with(ANY_VERSION);
        return Err(if other {
            CacheError::Version { path: path.to_owned() }
        } else {
            CacheError::damaged(path, "it is no copy of a list")
        });
    };
    let hexadecimal = |digits: &str| u32::from_str_radix(digits, 16).ok();
    let numbers = numbers.trim_end().split_once(' ');
    numbers
        .and_then(|(checksum, length)| Some((hexadecimal(checksum)?, hexadecimal(length)?)))
        .filter(|(checksum, length)| written(*checksum, *length) == line)
        .filter(|(_, length)| u64::from(*length) <= MAX_HEADER_BYTES)
        .ok_or_else(|| CacheError::damaged(path, "its first line cannot be read"))
}

fn take(file: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    let mut taken = Vec::new();
    file.take(bytes).read_to_end(&mut taken)?;
    Ok(taken)
}
