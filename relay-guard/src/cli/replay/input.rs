//! The files that are named on the command line.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use anyhow::anyhow;

use crate::{cli::progress::Progress, lists::source::os_words};

/// A file that is being read, and tells how far.
pub(super) struct Input<'p> {
    source: Box<dyn Read>,
    progress: &'p Progress,
}

impl Read for Input<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

/// Opens a file, or standard input if it is called `-`.
pub(super) fn open<'p>(path: &Path, progress: &'p Progress) -> io::Result<Input<'p>> {
    let source: Box<dyn Read> =
        if is_stdin(path) { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    Ok(Input { source, progress })
}

/// Whether all files are there, and none is a directory; the bytes that are to be read, as far as that is known.
pub(super) fn examine<'a>(files: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<u64> {
    let mut bytes = 0_u64;
    for path in files {
        if is_stdin(path) {
            continue;
        }
        let meta = std::fs::metadata(path).map_err(|cause| unreadable(path, &cause))?;
        if meta.is_dir() {
            let name = path.display();
            return Err(anyhow!("cannot read {name}: it is a directory; name its files, such as {name}/*"));
        }
        bytes = bytes.saturating_add(if meta.is_file() { meta.len() } else { 0 });
    }
    Ok(bytes)
}

/// The error of a file that the system does not give.
pub(super) fn unreadable(path: &Path, cause: &io::Error) -> anyhow::Error {
    anyhow!("cannot read {}: {}", name(path), os_words(cause))
}

/// What messages call a file.
pub(super) fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
