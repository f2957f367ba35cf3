//! The run directory and the lock in it: one daemon at a time.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

/// Why the run directory could not be taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("already running (pid {pid}); stop it first, or use its commands (`relay-guard status`)")]
    Taken {
        /// Who, as written in the lock.
        pid: String,
    },
    /// It cannot be made or opened.
    #[error("{}: {error}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The held lock; gone with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Makes the run directory (0700, so that others are kept out of the socket too) and takes the lock in it.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(run_dir: &Path) -> Result<Self, LockError> {
        make_private(run_dir).map_err(|error| LockError::Io { path: run_dir.to_owned(), error })?;
        let path = run_dir.join("lock");
        let failed = |error| LockError::Io { path: path.clone(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            return Err(LockError::Taken { pid: pid.trim().to_owned() });
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// The process that holds the lock of a run directory, if one does.
    #[must_use]
    pub fn holder(run_dir: &Path) -> Option<String> {
        let mut file = File::open(run_dir.join("lock")).ok()?;
        if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
            return None;
        }
        let mut pid = String::new();
        file.read_to_string(&mut pid).ok()?;
        Some(pid.trim().to_owned())
    }
}

/// Makes a directory (with its parents) that only its owner may enter; one that is there is narrowed to that.
pub(super) fn make_private(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let metadata = std::fs::metadata(directory)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let run_dir = directory.path().join("run");
        let lock = Lock::take(&run_dir).expect("free");
        assert!(
            matches!(Lock::take(&run_dir), Err(LockError::Taken { pid }) if pid == std::process::id().to_string())
        );
        assert_eq!(Lock::holder(&run_dir), Some(std::process::id().to_string()));
        drop(lock);
        assert_eq!(Lock::holder(&run_dir), None);
        Lock::take(&run_dir).expect("free again");
        let mode = std::fs::metadata(&run_dir).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
