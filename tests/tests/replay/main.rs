//! `relay-guard replay` from end to end: what it prints of capture files, as text and as JSON lines, and its exit codes.
//! Needs neither root nor the network.

mod compared;
mod dialogue;
mod files;
mod lists;
mod sessions;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::child::run_to_end;
use relay_guard_tests::guard::find_program;
use serde_json::Value;
use tempfile::TempDir;

/// How long one command may take, also on a busy machine with a debug build.
const LIMIT: Duration = Duration::from_secs(60);

/// Columns of a terminal that everything must fit.
const COLUMNS: usize = 80;

/// The beginning of all captures, since the epoch.
const START: Duration = Duration::from_secs(1_700_000_000);

/// A directory with captures, which the program is run in.
struct Captures {
    directory: TempDir,
    program: PathBuf,
}

impl Captures {
    fn new() -> Result<Self> {
        Ok(Self { directory: tempfile::tempdir()?, program: find_program()? })
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        std::fs::write(self.directory.path().join(name), content)
            .with_context(|| format!("cannot write {name}"))
    }

    /// `relay-guard replay` with these arguments, ready to run.
    fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("replay").args(arguments).current_dir(&self.directory).env_remove("RELAY_GUARD_CONFIG");
        command
    }

    fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Result<Output> {
        run_to_end(self.command(arguments), LIMIT)
    }

    /// The JSON lines about files that are read without an error.
    fn lines<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Result<Vec<Value>> {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
        let output = self.run(arguments.chain(["--json".into()]))?;
        ensure!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        lines(&output)
    }

    /// Those of one type.
    fn lines_of<I: IntoIterator<Item: AsRef<OsStr>>>(&self, kind: &str, arguments: I) -> Result<Vec<Value>> {
        Ok(of(kind, self.lines(arguments)?))
    }
}

/// Standard output as JSON, line by line.
fn lines(output: &Output) -> Result<Vec<Value>> {
    let text = std::str::from_utf8(&output.stdout)?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))).collect()
}

fn of(kind: &str, lines: Vec<Value>) -> Vec<Value> {
    lines.into_iter().filter(|line| line["type"] == kind).collect()
}

/// Checks that no line is wider than a terminal.
fn assert_fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "{} characters: {line}", line.chars().count());
    }
}
