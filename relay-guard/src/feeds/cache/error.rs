//! Why a copy was not kept or not found good. Each error is one line.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::lists::source::os_words;

/// Why a copy was not kept, or cannot be used.
#[derive(Debug, Error)]
pub enum CacheError {
    /// A list whose name cannot be a file's.
    #[error("cannot keep a copy of the list {name:?}: use letters, digits, - and _ in its name")]
    Name {
        /// The name.
        name: String,
    },
    /// The disk is full, or a quota used up.
    #[error("cannot write {}: no space left; free some, or move the cache directory", path.display())]
    NoSpace {
        /// The file.
        path: PathBuf,
    },
    /// The file system takes no writes.
    #[error("cannot write {}: the file system is read-only; move the cache directory to one that is not", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The system refused to write.
    #[error("cannot write {}: {}", path.display(), os_words(cause))]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The system refused to read.
    #[error("cannot read {}: {}", path.display(), os_words(cause))]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Not what was written.
    #[error("{} is damaged: {what}; it is not used, the next fetch replaces it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What gives it away.
        what: &'static str,
    },
    /// Written by another version.
    #[error("{} is of another version; it is not used, the next fetch replaces it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
    },
    /// More bytes than the limit, which has been lowered since.
    #[error("{} holds more than {limit} bytes ({limit_name}); raise the limit if that is meant", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
        /// What the limit is called where it can be changed.
        limit_name: &'static str,
    },
}

impl CacheError {
    pub(super) fn writing(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::NoSpace { path },
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            _ => Self::Unwritable { path, cause },
        }
    }

    pub(super) fn reading(path: &Path, cause: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), cause }
    }

    pub(super) fn damaged(path: &Path, what: &'static str) -> Self {
        Self::Damaged { path: path.to_owned(), what }
    }

    /// A short word for the cause; stable, for metrics and tables.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Name { .. } => "name",
            Self::NoSpace { .. } => "no-space",
            Self::ReadOnly { .. } => "read-only",
            Self::Unwritable { .. } => "unwritable",
            Self::Unreadable { .. } => "unreadable",
            Self::Damaged { .. } => "damaged",
            Self::Version { .. } => "version",
            Self::TooLarge { .. } => "too-large",
        }
    }
}
