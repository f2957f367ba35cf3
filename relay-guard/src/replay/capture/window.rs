//! Reading ahead: a bounded window over bytes that come one after the other.

use std::{
    io::{self, ErrorKind, Read},
    ops::Range,
};

use super::{error::CaptureError, unpack::Unpacked};

/// The most bytes of a packet or block with what belongs to it. libpcap writes packets of at most 256 KiB.
pub const MAX_RECORD: u32 = 1 << 20;

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

/// A window over what is read.
#[derive(Debug)]
pub(super) struct Window<R: Read> {
    source: Unpacked<R>,
    /// Never longer than [`MAX_RECORD`] and one chunk; what was read is from `start` to `end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Of `start`, from the beginning of everything.
    offset: u64,
}

/// What there is less of than was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// How many bytes there are.
    pub(super) there: usize,
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: Unpacked<R>) -> Self {
        Self { source, buffer: vec![0; CHUNK], start: 0, end: 0, offset: 0 }
    }

    /// Where the next byte is that is not taken yet.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next bytes, at most [`MAX_RECORD`], which stay there.
    ///
    /// # Errors
    /// [`CaptureError`] of reading; `Ok(Err(_))` if there is less.
    pub(super) fn look(&mut self, bytes: usize) -> Result<Result<&[u8], Missing>, CaptureError> {
        debug_assert!(bytes <= MAX_RECORD as usize);
        while self.end - self.start < bytes {
            if self.fill(bytes)? == 0 {
                return Ok(Err(Missing { there: self.end - self.start }));
            }
        }
        Ok(Ok(&self.buffer[self.start..self.start + bytes]))
    }

    /// Takes bytes that [`look`](Self::look) has found, and says where they are until the next call.
    pub(super) fn take(&mut self, bytes: usize) -> Range<usize> {
        let taken = self.start..self.start + bytes.min(self.end - self.start);
        self.offset += taken.len() as u64;
        self.start = taken.end;
        taken
    }

    /// Bytes that were taken by the last call.
    pub(super) fn taken(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    /// Leaves out bytes; whether they were all there.
    pub(super) fn skip(&mut self, mut bytes: u64) -> Result<bool, CaptureError> {
        loop {
            let here = usize::try_from(bytes).unwrap_or(usize::MAX);
            bytes -= self.take(here).len() as u64;
            if bytes == 0 {
                return Ok(true);
            }
            if self.fill(1)? == 0 {
                return Ok(false);
            }
        }
    }

    /// Reads more, so that `wanted` bytes find room behind `start`; how much came.
    fn fill(&mut self, wanted: usize) -> Result<usize, CaptureError> {
        if self.start > 0 && self.buffer.len() - self.start < wanted.max(CHUNK / 2) {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            // A chunk more: what a length promises is not allocated before it has come.
            self.buffer.resize(self.buffer.len() + CHUNK, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(error)),
            }
        }
    }

    fn failure(&self, error: io::Error) -> CaptureError {
        let offset = self.offset + (self.end - self.start) as u64;
        match error.kind() {
            ErrorKind::UnexpectedEof if self.source.is_packed() => CaptureError::GzipCutOff { offset },
            ErrorKind::InvalidData | ErrorKind::InvalidInput if self.source.is_packed() => {
                CaptureError::Gzip { offset }
            }
            _ => CaptureError::Unreadable(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives as many bytes at once as it is told, round and round.
    struct Drops<'a> {
        bytes: &'a [u8],
        sizes: Vec<usize>,
        calls: usize,
    }

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let size = self.sizes[self.calls % self.sizes.len()];
            self.calls += 1;
            if size == 0 {
                return Err(ErrorKind::Interrupted.into());
            }
            let count = size.min(into.len()).min(self.bytes.len());
            into[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = &self.bytes[count..];
            Ok(count)
        }
    }

    #[test]
    fn bytes_come_as_they_are_however_they_are_read() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
        for sizes in [vec![usize::MAX], vec![1000, 0, 70_001], vec![4096, 300_000]] {
            let source = Drops { bytes: &bytes, sizes, calls: 0 };
            let mut window = Window::new(Unpacked::new(source).expect("it is read"));
            let mut at = 0;
            for step in [24_usize, 16, 1500, 300_000, 1 << 20, 7, 0, 600_000].into_iter().cycle() {
                let expected = &bytes[at..(at + step).min(bytes.len())];
                match window.look(step).expect("no error") {
                    Ok(seen) => assert_eq!(seen, expected),
                    Err(missing) => {
                        assert_eq!(missing.there, bytes.len() - at);
                        break;
                    }
                }
                let range = window.take(step);
                assert_eq!(window.taken(range), expected);
                at += step;
                assert!(window.skip(1000).expect("no error") || bytes.len() < at + 1000);
                at = (at + 1000).min(bytes.len());
                assert_eq!(window.offset(), at as u64);
            }
            assert!(window.buffer.len() <= MAX_RECORD as usize + CHUNK, "{}", window.buffer.len());
        }
    }

    #[test]
    fn the_end_is_told_with_what_is_there() {
        let mut window = Window::new(Unpacked::new(&b"abcdefgh"[..]).expect("it is read"));
        assert_eq!(window.look(9).expect("no error"), Err(Missing { there: 8 }));
        assert_eq!(window.look(8).expect("no error"), Ok(&b"abcdefgh"[..]));
        assert!(window.skip(8).expect("no error"));
        assert!(!window.skip(1).expect("no error"));
    }
}
