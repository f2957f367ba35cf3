//! gzip or not, by the first bytes; unpacked as it is read, so that no file is too large.

use std::io::{self, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::CaptureError;

/// The first bytes of a gzip member that is compressed with deflate (RFC 1952 §2.3.1).
const GZIP: &[u8] = b"\x1f\x8b\x08";

/// What other compression begins with, and the program that undoes it.
const OTHERS: [(&[u8], &str); 4] =
    [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zX", "xz"), (b"BZh", "bzip2"), (b"\x04\x22\x4d\x18", "lz4")];

/// Bytes that are looked at.
const HEAD: usize = 4;

/// What has been looked at, and the rest.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// The content of a file.
#[derive(Debug)]
pub(super) enum Unpacked<R> {
    Plain(Whole<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Whole<R>>>>),
}

impl<R: Read> Unpacked<R> {
    /// Looks at the first bytes.
    pub(super) fn new(mut source: R) -> Result<Self, CaptureError> {
        let head = head(&mut source)?;
        if head.is_empty() {
            return Err(CaptureError::Empty);
        }
        if let Some((_, program)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(CaptureError::Compressed(program));
        }
        let is_gzip = head.starts_with(GZIP);
        let whole = Cursor::new(head).chain(source);
        Ok(if is_gzip {
            Self::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(whole))))
        } else {
            Self::Plain(whole)
        })
    }

    pub(super) const fn is_packed(&self) -> bool {
        matches!(self, Self::Gzip(_))
    }
}

/// The first [`HEAD`] bytes, or fewer if there are no more.
fn head(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    while head.len() < HEAD {
        match source.by_ref().take((HEAD - head.len()) as u64).read_to_end(&mut head) {
            Ok(0) => break,
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(head)
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(plain) => plain.read(into),
            Self::Gzip(gzip) => gzip.read(into),
        }
    }
}
