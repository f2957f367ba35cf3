//! Commands of the program under test that need neither daemon nor kernel, in a directory of their own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::child::run_to_end;
use crate::guard::find_program;

/// How long one command may take, also on a busy machine with a debug build.
const LIMIT: Duration = Duration::from_secs(60);

/// A directory with files, which commands are run in. It is removed on drop.
#[derive(Debug)]
pub struct Offline {
    directory: TempDir,
    program: PathBuf,
}

impl Offline {
    /// An empty directory.
    ///
    /// # Errors
    /// When it cannot be made, or the program is not built.
    pub fn new() -> Result<Self> {
        Ok(Self { directory: tempfile::tempdir()?, program: find_program()? })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file, which commands know by its name alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        fs::write(self.path().join(name), content).with_context(|| format!("cannot write {name}"))
    }

    /// The text of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.path().join(name)).with_context(|| format!("cannot read {name}"))
    }

    /// `relay-guard list` with these arguments, ready to run.
    pub fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("list").args(arguments).current_dir(self.path()).env_remove("RELAY_GUARD_CONFIG");
        command
    }

    /// Runs `relay-guard list` with these arguments.
    ///
    /// # Errors
    /// When it cannot be started or does not end.
    pub fn list<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Result<Output> {
        run_to_end(self.command(arguments), LIMIT)
    }

    /// The same with a file as standard input.
    ///
    /// # Errors
    /// When it cannot be started or does not end, or there is no such file.
    pub fn list_from<I: IntoIterator<Item: AsRef<OsStr>>>(&self, file: &str, arguments: I) -> Result<Output> {
        let mut command = self.command(arguments);
        command.stdin(File::open(self.path().join(file))?);
        run_to_end(command, LIMIT)
    }

    /// Runs another program in the directory.
    ///
    /// # Errors
    /// When it cannot be started or does not end.
    pub fn other<I: IntoIterator<Item: AsRef<OsStr>>>(&self, program: &str, arguments: I) -> Result<Output> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path());
        run_to_end(command, LIMIT)
    }
}
