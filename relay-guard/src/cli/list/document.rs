//! The bytes of a file that is named on the command line: regular file, pipe or standard input, gzip or not, bounded.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;
use thiserror::Error;

use crate::intake::LocalError;

/// What a gzip file starts with (RFC 1952 §2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

/// A file's content, decompressed, and the name that messages give it.
pub(super) struct Document {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The most bytes of a file, before and after decompression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) bytes: u64,
    /// What it is called where it can be changed.
    pub(super) name: &'static str,
}

/// Why a file was not read.
#[derive(Debug, Error)]
pub(super) enum DocumentError {
    /// The system refused.
    #[error("cannot read {name}: {}", words(cause))]
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
    /// Compressed, but damaged.
    #[error("cannot decompress {name}: {}; is the file complete?", words(cause))]
    Damaged { name: String, cause: io::Error },
    /// More bytes than the limit.
    #[error("cannot read {name}: more than {} bytes{how}; raise {} if that is meant", limit.bytes, limit.name)]
    TooLarge { name: String, limit: Limit, how: &'static str },
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
    let too_large = |how| DocumentError::TooLarge { name: name.clone(), limit, how };
    let bytes = bytes.map_err(unreadable)?.ok_or_else(|| too_large(""))?;
    if !bytes.starts_with(GZIP) {
        return Ok(Document { name, bytes });
    }
    let plain = bounded(MultiGzDecoder::new(bytes.as_slice()), 0, limit.bytes);
    let damaged = |cause| DocumentError::Damaged { name: name.clone(), cause };
    let bytes = plain.map_err(damaged)?.ok_or_else(|| too_large(" when decompressed"))?;
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

/// The system's words for an error, without the number that Rust puts behind them.
fn words(error: &io::Error) -> String {
    let words = error.to_string();
    words.rfind(" (os error ").map_or(words.clone(), |end| words[..end].to_owned())
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
            (&bomb, (1 << 20) - 1, Some("more than 1048575 bytes when decompressed; raise --max-bytes")),
            (&bomb, 4, Some("more than 4 bytes; raise --max-bytes")),
            (&bomb[..bomb.len() - 9], 1 << 20, Some("cannot decompress")),
            (&[&bomb[..], b"rest"].concat(), 1 << 20, Some("cannot decompress")),
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
