//! Lists in files and directories. All of it blocks; callers on an executor use a thread of their own.

use std::fs;
use std::path::{Path, PathBuf};

use super::content::{Budget, Content, Document};
use super::{FetchError, Limit, Source, unpack};
use crate::lists::source::{self, Fingerprint, SourceError, os_words};

/// The most files of a directory that make one list.
pub const MAX_FILES: usize = 1024;

/// Ends of names that editors and package managers give to what is not meant to be read.
const BACKUPS: [&str; 8] = ["~", ".bak", ".dpkg-dist", ".dpkg-new", ".dpkg-old", ".swo", ".swp", ".tmp"];

impl Source {
    /// The state of each file without reading it, in the order of the documents; nothing for other kinds of source.
    /// Blocks on the file system.
    ///
    /// # Errors
    /// [`FetchError`], when a file is not there or the directory cannot be listed.
    pub fn fingerprints(&self) -> Result<Option<Vec<(PathBuf, Fingerprint)>>, FetchError> {
        let with_fingerprint = |path: PathBuf| Ok(Fingerprint::of(&path).map(|state| (path, state))?);
        match self {
            Self::File(path) => Ok(Some(vec![with_fingerprint(path.clone())?])),
            Self::Directory(path) => {
                files_of(path)?.into_iter().map(with_fingerprint).collect::<Result<_, _>>().map(Some)
            }
            Self::Http(_) | Self::Command(_) => Ok(None),
        }
    }
}

pub(super) fn read_file(path: &Path, limit: Limit) -> Result<Content, FetchError> {
    Ok(Content { documents: vec![read(path, &Budget::new(limit))?] })
}

pub(super) fn read_directory(directory: &Path, limit: Limit) -> Result<Content, FetchError> {
    let mut budget = Budget::new(limit);
    let mut documents = Vec::new();
    for path in files_of(directory)? {
        let document = read(&path, &budget).map_err(|error| match error {
            // The limit is for all files together; name it as it is set, not what was left of it.
            FetchError::File(SourceError::TooLarge { .. }) => {
                budget.too_large(&format!("all of {}", directory.display()))
            }
            other => other,
        })?;
        budget.spend(document.bytes.len());
        documents.push(document);
    }
    Ok(Content { documents })
}

fn read(path: &Path, budget: &Budget) -> Result<Document, FetchError> {
    let read = source::read(path, budget.left(), budget.limit().name)?;
    let name = path.display().to_string();
    let bytes = unpack::content(&name, read.bytes, budget)?;
    Ok(Document { fingerprint: Some(read.fingerprint), ..Document::new(name, bytes) })
}

/// The files of `directory` that are meant to be read, in the order of their names. Symbolic links are followed.
fn files_of(directory: &Path) -> Result<Vec<PathBuf>, FetchError> {
    let fail =
        |cause: &std::io::Error| FetchError::Directory { path: directory.to_owned(), cause: os_words(cause) };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(|cause| fail(&cause))? {
        let entry = entry.map_err(|cause| fail(&cause))?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(b".") || BACKUPS.iter().any(|end| name.ends_with(end.as_bytes())) {
            continue;
        }
        let path = entry.path();
        let state = fs::metadata(&path)
            .map_err(|cause| FetchError::File(SourceError::Unreadable { file: path.clone(), cause }))?;
        if !state.is_file() {
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(FetchError::TooManyFiles { path: directory.to_owned(), limit: MAX_FILES });
        }
        files.push(path);
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const LIMIT: Limit = Limit { bytes: 100, name: "limits.list_bytes" };

    fn directory(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        directory
    }

    fn names(content: &Content, directory: &Path) -> Vec<String> {
        let names = content.documents.iter().map(|document| Path::new(&document.name));
        names.map(|name| name.strip_prefix(directory).unwrap().display().to_string()).collect()
    }

    #[test]
    fn files_of_a_directory_in_the_order_of_their_names_without_backups() {
        let directory = directory(&[
            ("b.txt", b"2"),
            ("a", b"1"),
            ("10", b"0"),
            (".hidden", b"x"),
            ("a~", b"x"),
            (".a.swp", b"x"),
            ("a.swp", b"x"),
            ("a.dpkg-old", b"x"),
            ("a.bak", b"x"),
        ]);
        let path = directory.path();
        fs::create_dir(path.join("c")).unwrap();
        symlink(path.join(".hidden"), path.join("link")).unwrap();
        let content = read_directory(path, LIMIT).unwrap();
        assert_eq!(names(&content, path), ["10", "a", "b.txt", "link"]);
        let bytes: Vec<u8> = content.documents.iter().flat_map(|document| document.bytes.clone()).collect();
        assert_eq!(bytes, b"012x");
        let states = Source::Directory(path.to_owned()).fingerprints().unwrap().unwrap();
        let expected: Vec<_> =
            content.documents.iter().map(|document| document.fingerprint.unwrap()).collect();
        assert_eq!(states.iter().map(|(_, state)| *state).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_empty_directory_is_empty_content() {
        assert_eq!(read_directory(directory(&[]).path(), LIMIT).unwrap(), Content::default());
    }

    #[test]
    fn a_link_to_nothing_is_an_error_not_a_shorter_list() {
        let directory = directory(&[("a", b"1")]);
        symlink("/nonexistent/list", directory.path().join("b")).unwrap();
        assert_eq!(read_directory(directory.path(), LIMIT).unwrap_err().kind(), "file");
        assert!(Source::Directory(directory.path().to_owned()).fingerprints().is_err());
    }

    #[test]
    fn the_limit_is_for_all_files_together() {
        let directory = directory(&[("a", &[b'1'; 60]), ("b", &[b'1'; 40])]);
        assert_eq!(read_directory(directory.path(), LIMIT).unwrap().bytes(), 100);
        fs::write(directory.path().join("c"), b"1").unwrap();
        let error = read_directory(directory.path(), LIMIT).unwrap_err();
        assert_eq!(error.kind(), "too-large");
        let expected = format!(
            "cannot fetch all of {}: larger than 100 bytes (limits.list_bytes); raise the limit if that is meant",
            directory.path().display()
        );
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn too_many_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..MAX_FILES {
            fs::write(directory.path().join(number.to_string()), b"").unwrap();
        }
        assert_eq!(read_directory(directory.path(), LIMIT).unwrap().documents.len(), MAX_FILES);
        fs::write(directory.path().join("one-more"), b"").unwrap();
        assert_eq!(read_directory(directory.path(), LIMIT).unwrap_err().kind(), "too-many-files");
    }

    #[test]
    fn no_directory_no_content() {
        let error = read_directory(Path::new("/nonexistent"), LIMIT).unwrap_err();
        assert_eq!(error.to_string(), "cannot list /nonexistent: No such file or directory");
    }
}
