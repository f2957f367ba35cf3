//! Last good copies of lists, so that a start needs no network and a broken feed no luck.
//!
//! One file for each list, `NAME.list`, replaced as a whole or not at all. Its first line says what it is and checks its
//! second, a header in JSON; then the documents follow as they were when they were taken. `NAME.checked` holds the time
//! of the last confirmation (a 304), so that confirming a hundred megabytes writes twenty bytes.
//!
//! A copy that is damaged is an error to report and to go on without. All of this blocks on the file system.

mod error;
mod header;

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tempfile::NamedTempFile;

pub use error::CacheError;
pub use header::{About, AboutDocument, MAX_HEADER_BYTES};

use super::shape::Figures;
use super::source::{Content, Document, Limit};

/// The longest name of a list that can be kept, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// How the names of files begin that are being written.
const UNFINISHED: &str = ".new-";

/// A directory with one copy for each list.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

/// What is kept with a list's content.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where the content is from ([`Source::id`](super::source::Source::id)); validators of another source are worth
    /// nothing.
    pub source: &'a str,
    /// When it was fetched, in seconds since the epoch.
    pub fetched_at: u64,
    /// Its shape, for judging what may replace it.
    pub figures: Figures,
}

impl Cache {
    /// The cache in `directory`, which is made, for its owner alone, if there is none. The rights of one that is there
    /// are the administrator's.
    ///
    /// # Errors
    /// [`CacheError`], when it cannot be made or is no directory.
    pub fn open(directory: &Path) -> Result<Self, CacheError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|cause| CacheError::writing(directory, cause))?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The cache in `directory`, which is not made: without it, there is no copy of anything.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps `content` as the last good copy of the list `name`. When this returns, it is on the disk; when it fails, the
    /// old copy is as it was.
    ///
    /// # Errors
    /// [`CacheError`]: no space, a file system that is read-only, or whatever else the system says.
    pub fn store(&self, name: &str, entry: &Entry<'_>, content: &Content) -> Result<(), CacheError> {
        let path = self.file(name, "list")?;
        let fail = |cause| CacheError::writing(&path, cause);
        let head = header::write(entry, content).map_err(fail)?;
        self.replace(&path, true, |file| {
            let mut file = BufWriter::new(file);
            file.write_all(&head)?;
            for document in &content.documents {
                file.write_all(&document.bytes)?;
            }
            file.flush()
        })
        .map_err(fail)
    }

    /// Notes that the copy of `name` is still what its source has. Without a copy, this does nothing.
    ///
    /// # Errors
    /// [`CacheError`], as [`Cache::store`], or when the copy cannot be read.
    pub fn touch(&self, name: &str, checked_at: u64) -> Result<(), CacheError> {
        let Some((_, head)) = self.open_copy(name)? else { return Ok(()) };
        let path = self.file(name, "checked")?;
        // Bound to this copy by its checksum. Losing it at a crash makes the copy look older than it is, no more; so
        // it need not be on the disk yet.
        let line = format!("{:08x} {checked_at}\n", head.checksum);
        let written = self.replace(&path, false, |file| file.write_all(line.as_bytes()));
        written.map_err(|cause| CacheError::writing(&path, cause))
    }

    /// What is kept of `name`, without reading its content; nothing if there is no copy.
    ///
    /// # Errors
    /// [`CacheError`], when there is one that cannot be read or is damaged.
    pub fn about(&self, name: &str) -> Result<Option<About>, CacheError> {
        Ok(self.open_copy(name)?.map(|(_, head)| head.about))
    }

    /// The copy of `name`, checked; nothing if there is none.
    ///
    /// # Errors
    /// [`CacheError`], when there is one that cannot be read, is damaged, or is larger than `limit`.
    pub fn load(&self, name: &str, limit: Limit) -> Result<Option<(About, Content)>, CacheError> {
        let Some((mut file, head)) = self.open_copy(name)? else { return Ok(None) };
        let path = self.file(name, "list")?;
        if head.about.bytes() > limit.bytes {
            return Err(CacheError::TooLarge { path, limit: limit.bytes, limit_name: limit.name });
        }
        let documents = head.about.documents.iter().map(|document| read(&mut file, document, &path));
        let documents = documents.collect::<Result<_, _>>()?;
        Ok(Some((head.about, Content { documents })))
    }

    /// One document of the copy of `name`, counted from 0, without reading the others; nothing if there is no such copy
    /// or document.
    ///
    /// # Errors
    /// [`CacheError`], as [`Cache::load`].
    pub fn read_document(&self, name: &str, index: usize) -> Result<Option<Document>, CacheError> {
        let Some((mut file, head)) = self.open_copy(name)? else { return Ok(None) };
        let Some(document) = head.about.documents.get(index) else { return Ok(None) };
        let path = self.file(name, "list")?;
        let before: u64 = head.about.documents[..index].iter().map(|document| document.length).sum();
        let offset = file.seek(SeekFrom::Start(head.bytes + before));
        offset.map_err(|cause| CacheError::reading(&path, cause))?;
        read(&mut file, document, &path).map(Some)
    }

    /// Removes the copy of `name`, if there is one.
    ///
    /// # Errors
    /// [`CacheError`], when the system refuses.
    pub fn remove(&self, name: &str) -> Result<(), CacheError> {
        for extension in ["checked", "list"] {
            remove(&self.file(name, extension)?)?;
        }
        Ok(())
    }

    /// Removes the copies of all lists but `names`, and what writers that were killed left behind. Gives the names of
    /// the lists removed, sorted. Other files are left alone. Nobody may be storing meanwhile.
    ///
    /// # Errors
    /// [`CacheError`], when the directory cannot be read or a file not removed.
    pub fn prune<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<String>, CacheError> {
        let fail = |cause| CacheError::reading(&self.directory, cause);
        let mut removed = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let Some(file) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if file.starts_with(UNFINISHED) {
                remove(&entry.path())?;
                continue;
            }
            let Some((name, "list" | "checked")) = file.rsplit_once('.') else { continue };
            if is_name(name) && !names.iter().any(|kept| kept.as_ref() == name) {
                remove(&entry.path())?;
                removed.push(name.to_owned());
            }
        }
        removed.sort_unstable();
        removed.dedup();
        Ok(removed)
    }

    fn file(&self, name: &str, extension: &str) -> Result<PathBuf, CacheError> {
        if !is_name(name) {
            return Err(CacheError::Name { name: name.chars().take(MAX_NAME_BYTES).collect() });
        }
        Ok(self.directory.join(format!("{name}.{extension}")))
    }

    /// Writes a new file beside `path` and renames it there. `durable` waits for the disk.
    fn replace(
        &self,
        path: &Path,
        durable: bool,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        // For its owner alone, with a name that nobody else can take; removed if anything fails.
        let mut file: NamedTempFile =
            tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.directory)?;
        write(file.as_file_mut())?;
        if durable {
            file.as_file().sync_all()?;
        }
        file.persist(path).map_err(|error| error.error)?;
        if durable { File::open(&self.directory)?.sync_all() } else { Ok(()) }
    }

    /// Opens the copy of `name` and reads its header; the file stands at the first document.
    fn open_copy(&self, name: &str) -> Result<Option<(File, header::Head)>, CacheError> {
        let path = self.file(name, "list")?;
        let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
        let mut file = match File::options().read(true).custom_flags(flags).open(&path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(CacheError::reading(&path, cause)),
        };
        let mut head = header::read(&mut file, &path)?;
        if let Some(checked_at) = self.checked_at(name, head.checksum)? {
            head.about.checked_at = head.about.checked_at.max(checked_at);
        }
        Ok(Some((file, head)))
    }

    /// When the copy with this checksum was last confirmed. A note that is missing, damaged or of another copy is none.
    fn checked_at(&self, name: &str, checksum: u32) -> Result<Option<u64>, CacheError> {
        let mut text = String::new();
        let read =
            File::open(self.file(name, "checked")?).and_then(|file| file.take(64).read_to_string(&mut text));
        let note = read.ok().and_then(|_| text.trim_end().split_once(' '));
        let note = note.filter(|(copy, _)| *copy == format!("{checksum:08x}"));
        Ok(note.and_then(|(_, time)| time.parse().ok()))
    }
}

/// Reads and checks the next document.
fn read(file: &mut File, about: &AboutDocument, path: &Path) -> Result<Document, CacheError> {
    let mut bytes = Vec::with_capacity(usize::try_from(about.length).unwrap_or(0));
    let taken = Read::by_ref(file).take(about.length).read_to_end(&mut bytes);
    taken.map_err(|cause| CacheError::reading(path, cause))?;
    if bytes.len() as u64 != about.length || crc32fast::hash(&bytes) != about.checksum {
        return Err(CacheError::damaged(path, "its content is not what was written"));
    }
    Ok(Document { validators: about.validators(), ..Document::new(about.name.clone(), bytes) })
}

fn remove(path: &Path) -> Result<(), CacheError> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(CacheError::writing(path, cause)),
        _ => Ok(()),
    }
}

/// Names that are file names of their own in every directory: letters, digits, `-`, `_` and, but not first, `.`.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

#[cfg(test)]
mod tests;
