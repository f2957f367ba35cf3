//! Files in the state directory.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// Gives a file this content, or leaves it as it is: written beside it (`….new`), for nobody else to read, then put in its place.
///
/// # Errors
/// Those of the file system.
pub(super) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    let beside = file.with_added_extension("new");
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    // One that was left behind keeps its own mode.
    new.set_permissions(Permissions::from_mode(0o600))?;
    new.write_all(content)?;
    new.sync_all()?;
    fs::rename(beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, beside) = (directory.path().join("a.json"), directory.path().join("a.json.new"));
        // Left behind by a daemon that was killed.
        fs::write(&beside, "much longer than what is written now").expect("written");
        replace(&file, b"first").expect("written");
        assert_eq!(fs::read(&file).expect("it is there"), b"first");
        assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);
        assert!(!beside.exists());
        fs::create_dir(&beside).expect("made");
        replace(&file, b"second").expect_err("there is no room beside it");
        assert_eq!(fs::read(&file).expect("it is there"), b"first");
    }
}
