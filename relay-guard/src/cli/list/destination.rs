//! Where output goes: standard output, or a file that is replaced as a whole or not at all.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use anyhow::Context as _;

/// The mode of a new file, before the user's mask.
const NEW_FILE: u32 = 0o666;

/// Lets `write` write to the file, or to standard output if there is none or it is called `-`.
///
/// A reader of standard output that has gone away (`| head`) is no error.
///
/// # Errors
/// One line with the file's name. The file is then as it was.
pub(super) fn deliver(
    file: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    match file.filter(|file| *file != Path::new("-")) {
        None => match write(&mut io::stdout().lock()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.context("cannot write to standard output"),
        },
        Some(file) => replace(file, write).with_context(|| format!("cannot write {}", file.display())),
    }
}

fn replace(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let old = fs::metadata(file).ok();
    // Devices and pipes are written to, a link is followed.
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return Ok(write(&mut File::options().write(true).open(file)?)?);
    }
    let target = if old.is_some() { fs::canonicalize(file)? } else { file.to_owned() };
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new()
        .prefix(".relay-guard-")
        .permissions(Permissions::from_mode(NEW_FILE))
        .tempfile_in(directory)?;
    if let Some(old) = old {
        beside.as_file().set_permissions(old.permissions())?;
    }
    write(beside.as_file_mut())?;
    beside.as_file().sync_all()?;
    beside.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn names(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).expect("a directory");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_keeps_its_mode() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("list");
        deliver(Some(&file), |out| out.write_all(b"one\n")).expect("written");
        assert_eq!(fs::read(&file).expect("read"), b"one\n");
        fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("changed");
        deliver(Some(&file), |out| out.write_all(b"two\n")).expect("written");
        assert_eq!(fs::read(&file).expect("read"), b"two\n");
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o640);
        assert_eq!(names(directory.path()), [file]);
    }

    #[test]
    fn a_failure_leaves_the_file_as_it_was_and_nothing_beside_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("list");
        fs::write(&file, "old\n").expect("written");
        let error = deliver(Some(&file), |out| {
            out.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(format!("{:#}", error.expect_err("it failed")).contains("list: "));
        assert_eq!(fs::read(&file).expect("read"), b"old\n");
        assert_eq!(names(directory.path()), std::slice::from_ref(&file));
        assert!(deliver(Some(&directory.path().join("no/list")), |_| Ok(())).is_err());
        assert!(deliver(Some(directory.path()), |_| Ok(())).is_err(), "a directory");
    }

    #[test]
    fn links_are_followed_and_devices_written_to() {
        let directory = tempfile::tempdir().expect("a directory");
        let [file, link] = ["list", "link"].map(|name| directory.path().join(name));
        fs::write(&file, "old\n").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        deliver(Some(&link), |out| out.write_all(b"new\n")).expect("written");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read(&file).expect("read"), b"new\n");
        deliver(Some(Path::new("/dev/null")), |out| out.write_all(b"gone")).expect("written");
        assert!(!fs::metadata("/dev/null").expect("there").is_file());
    }
}
