//! Reading a file that an administrator names: bounded, never blocking on a pipe, with one-line errors.
//!
//! The only part of the list code that touches files.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use thiserror::Error;

/// What tells one state of a file from another without reading it.
///
/// Two equal fingerprints mean the same content for every purpose but a deliberate forgery: the change time cannot be
/// set back by programs that only keep the modification time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The device that the file is on.
    pub device: u64,
    /// The inode: another one after a rename over the file.
    pub inode: u64,
    /// The size in bytes.
    pub size: u64,
    /// The last modification, as seconds and nanoseconds since the epoch.
    pub modified: (i64, i64),
    /// The last change of content or metadata, as seconds and nanoseconds since the epoch.
    pub changed: (i64, i64),
}

impl Fingerprint {
    /// The fingerprint of the file at `path`; symbolic links are followed.
    ///
    /// # Errors
    /// [`SourceError::Unreadable`] when there is no such file or its directory is closed to us.
    pub fn of(path: &Path) -> Result<Self, SourceError> {
        std::fs::metadata(path).map(|meta| Self::from(&meta)).map_err(|cause| unreadable(path, cause))
    }
}

impl From<&Metadata> for Fingerprint {
    fn from(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// A file's content, and the state of the file that it is the content of.
#[derive(Clone, Debug)]
pub struct Source {
    /// The content.
    pub bytes: Vec<u8>,
    /// The state of the file before and after it was read.
    pub fingerprint: Fingerprint,
}

/// Why a file was not read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The system refused.
    #[error("cannot read {}: {}", file.display(), os_words(cause))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A directory, pipe, socket or device.
    #[error("cannot read {}: it is {what}; give a regular file", file.display())]
    NotAFile {
        /// The file.
        file: PathBuf,
        /// What it is, with an article.
        what: &'static str,
    },
    /// More bytes than the limit.
    #[error("cannot read {}: larger than {limit} bytes ({limit_name}); raise the limit or shorten the file", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The limit, in bytes.
        limit: u64,
        /// What the limit is called where it can be changed.
        limit_name: &'static str,
    },
    /// Somebody writes to it: what was read may be half of it.
    #[error("cannot read {}: it changed while it was read; write it elsewhere and rename it into place", file.display())]
    Changing {
        /// The file.
        file: PathBuf,
    },
}

/// Reads the file at `path`, if it has no more than `limit` bytes. `limit_name` is what errors call that limit.
///
/// # Errors
/// [`SourceError`]: unreadable, no regular file, too large, or changed while it was read.
pub fn read(path: &Path, limit: u64, limit_name: &'static str) -> Result<Source, SourceError> {
    let fail = |cause| unreadable(path, cause);
    let file = open(path).map_err(fail)?;
    let before = file.metadata().map_err(fail)?;
    if let Some(what) = not_a_file(&before) {
        return Err(SourceError::NotAFile { file: path.to_owned(), what });
    }
    let too_large = || SourceError::TooLarge { file: path.to_owned(), limit, limit_name };
    if before.size() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.size()).unwrap_or(0));
    // Files of /proc and the like say that they are empty; the limit holds for what really comes.
    (&file).take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    let fingerprint = Fingerprint::from(&before);
    if Fingerprint::from(&file.metadata().map_err(fail)?) != fingerprint {
        return Err(SourceError::Changing { file: path.to_owned() });
    }
    Ok(Source { bytes, fingerprint })
}

/// Opens without waiting for a writer, should it be a pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn not_a_file(meta: &Metadata) -> Option<&'static str> {
    let kind = meta.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else {
        Some("a pipe, socket or device")
    }
}

fn unreadable(path: &Path, cause: io::Error) -> SourceError {
    SourceError::Unreadable { file: path.to_owned(), cause }
}

/// The system's words for an error, without the number that Rust puts behind them.
pub(crate) fn os_words(error: &io::Error) -> String {
    let words = error.to_string();
    words.rfind(" (os error ").map_or_else(|| words.clone(), |end| words[..end].to_owned())
}

#[cfg(test)]
mod tests;
