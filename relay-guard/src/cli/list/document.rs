//! The bytes of a file that is named on the command line: regular file, pipe or standard input, gzip or not, bounded.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use thiserror::Error;

use crate::{
    feeds::source::{FetchError, Limit, unpacked},
    intake::LocalError,
    lists::source::os_words,
};

/// A file's content, decompressed, and the name that messages give it.
pub(super) struct Document {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// Why a file was not read.
#[derive(Debug, Error)]
pub(super) enum DocumentError {
    /// The system refused.
    #[error("cannot read {name}: {}", os_words(cause))]
    Unreadable { name: String, cause: io::Error },
    /// A directory.
    #[error("cannot read {name}: it is a directory; name its files, such as {name}/*")]
    Directory { name: String },
    /// A list of the configuration.
    #[error("list {name}: {cause}")]
    Configured { name: String, cause: Box<LocalError> },
    /// A list of the configuration of which there is no copy.
    #[error("list {name}: never fetched yet; `relay-guard list refresh {name}` does it")]
    NeverFetched { name: String },
    /// Compressed, and damaged or too large; or a page for people.
    #[error(transparent)]
    Content(Box<FetchError>),
    /// More bytes than the limit.
    #[error("cannot read {name}: more than {} bytes; raise {} if that is meant", limit.bytes, limit.name)]
    TooLarge { name: String, limit: Limit },
}

/// Reads a file, or standard input if it is called `-`.
pub(super) fn read(path: &Path, limit: Limit) -> Result<Document, DocumentError> {
    let name = name(path);
    let unreadable = |cause| DocumentError::Unreadable { name: name.clone(), cause };
    let bytes = if path == Path::new("-") {
        bounded(io::stdin().lock(), 0, limit.bytes)
    } else {
        let file = File::open(path).map_err(unreadable)?;
        let meta = file.metadata().map_err(unreadable)?;
        if meta.is_dir() {
            return Err(DocumentError::Directory { name });
        }
        bounded(file, meta.len(), limit.bytes)
    };
    let too_large = || DocumentError::TooLarge { name: name.clone(), limit };
    let bytes = bytes.map_err(unreadable)?.ok_or_else(too_large)?;
    let bytes = unpacked(&name, bytes, limit).map_err(|error| DocumentError::Content(Box::new(error)))?;
    Ok(Document { name, bytes })
}

/// What messages call a file.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// The size that a progress bar may count on; nothing of what has no size.
pub(super) fn expected_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| if meta.is_file() { meta.len() } else { 0 })
}

/// Everything that comes, or nothing if that is more than `limit`. `expected` bytes are allocated at once.
fn bounded(from: impl Read, expected: u64, limit: u64) -> io::Result<Option<Vec<u8>>> {
    // One more, so that the end is seen without growing.
    let room = expected.min(limit).saturating_add(1);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, path::PathBuf};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory takes all");
        encoder.finish().expect("memory takes all")
    }

    fn limit(bytes: u64) -> Limit {
        Limit { bytes, name: "--max-bytes" }
    }

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("list");
        std::fs::write(&path, bytes).expect("written");
        (directory, path)
    }

    #[test]
    fn gzip_is_known_by_its_magic_and_may_have_several_members() {
        let members = [gzip(b"192.0.2.1\n"), gzip(b"192.0.2.2\n")].concat();
        for (content, expected) in [
            (&b"192.0.2.1\n"[..], &b"192.0.2.1\n"[..]),
            (&members, b"192.0.2.1\n192.0.2.2\n"),
            (b"", b""),
            (b"\x1f", b"\x1f"),
        ] {
            let (_directory, path) = file(content);
            assert_eq!(read(&path, limit(100)).expect("it is read").bytes, expected);
        }
    }

    #[test]
    fn limits_hold_before_and_after_decompression() {
        let bomb = gzip(&vec![b'\n'; 1 << 20]);
        for (content, most, words) in [
            (&b"0123456789"[..], 10, None),
            (b"0123456789", 9, Some("more than 9 bytes; raise --max-bytes")),
            (&bomb, 1 << 20, None),
            (&bomb, (1 << 20) - 1, Some("make more than 1048575 (--max-bytes)")),
            (&bomb, 4, Some("more than 4 bytes; raise --max-bytes")),
            (&bomb[..bomb.len() - 9], 1 << 20, Some("cannot unpack")),
            (&[&bomb[..], b"rest"].concat(), 1 << 20, Some("cannot unpack")),
        ] {
            let (_directory, path) = file(content);
            match (read(&path, limit(most)), words) {
                (Ok(_), None) => {}
                (Err(error), Some(words)) => assert!(error.to_string().contains(words), "{error}"),
                (Ok(document), Some(words)) => panic!("{} bytes read, not {words}", document.bytes.len()),
                (Err(error), None) => panic!("{error}"),
            }
        }
    }
}
