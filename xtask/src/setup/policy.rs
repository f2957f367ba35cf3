//! Keeps Debian's packages from starting their services while we install them: the lab wants Postfix's
//! and unbound's programs, the host does not want another mail server or resolver.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};

use crate::privilege::Access;

/// Where Debian's tools ask whether a service may be started (see invoke-rc.d(8)).
pub(crate) const POLICY_FILE: &str = "/usr/sbin/policy-rc.d";
/// Tells our file from an administrator's, should an earlier run have been killed before it tidied up.
const MARK: &str = "# temporary, by relay-guard's cargo xtask setup";

/// While it lives, no service is started; it leaves an administrator's own policy alone.
#[derive(Debug)]
pub(crate) struct NoServices {
    written: Option<PathBuf>,
    access: Access,
}

impl NoServices {
    /// Forbids services to start, unless `file` is somebody else's policy.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn forbid(file: &Path, access: Access) -> anyhow::Result<Self> {
        if file.exists() && !is_ours(file) {
            return Ok(Self { written: None, access });
        }
        let mut install = access.command(Path::new("install"));
        install.args(["-m", "0755", "/dev/stdin"]).arg(file).stdin(Stdio::piped());
        // Made before it is written, so that a half-written one is removed as well.
        let guard = Self { written: Some(file.to_owned()), access };
        let what = || format!("{}: cannot write", file.display());
        let mut child = install.spawn().with_context(what)?;
        if let Some(mut input) = child.stdin.take() {
            std::io::Write::write_all(&mut input, script().as_bytes()).with_context(what)?;
        }
        let status = child.wait().with_context(what)?;
        ensure!(status.success(), "{}: install {status}", what());
        Ok(guard)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        let Some(file) = &self.written else { return };
        let status = self.access.command(Path::new("rm")).arg("-f").arg(file).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("xtask: setup: {} could not be removed; remove it by hand", file.display());
        }
    }
}

fn script() -> String {
    format!("#!/bin/sh\n{MARK}\nexit 101\n")
}

fn is_ours(file: &Path) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.contains(MARK))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn services_are_forbidden_only_while_the_guard_lives() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy-rc.d");
        let guard = NoServices::forbid(&file, Access::Root).unwrap();
        let status = std::process::Command::new(&file).status().unwrap();
        assert_eq!(status.code(), Some(101));
        drop(guard);
        assert!(!file.exists());
    }

    #[test]
    fn an_administrators_policy_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy-rc.d");
        fs::write(&file, "#!/bin/sh\nexit 0\n").unwrap();
        drop(NoServices::forbid(&file, Access::Root).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "#!/bin/sh\nexit 0\n");
    }

    #[test]
    fn what_a_killed_run_left_behind_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy-rc.d");
        fs::write(&file, script()).unwrap();
        drop(NoServices::forbid(&file, Access::Root).unwrap());
        assert!(!file.exists());
    }

    #[test]
    fn a_policy_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("no-such-folder/policy-rc.d");
        assert!(NoServices::forbid(&file, Access::Root).is_err());
    }
}
