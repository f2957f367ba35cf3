//! Child processes that never outlive their guard.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::wait;

/// A long-running child process in a process group of its own. The group is killed and the child reaped on drop.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    name: String,
    log: PathBuf,
    status: Option<ExitStatus>,
}

impl Child {
    /// Starts `command` with standard output and error going to the file `log`, which is created or appended to.
    ///
    /// # Errors
    /// When the program cannot be started or the file not be opened.
    pub fn spawn(mut command: Command, log: &Path) -> Result<Self> {
        let name = program_name(&command);
        let file = File::options().create(true).append(true).open(log);
        let file = file.with_context(|| format!("cannot write {}", log.display()))?;
        command.stdout(file.try_clone()?).stderr(file).process_group(0);
        let process = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { process, name, log: log.to_path_buf(), status: None })
    }

    /// The process id, which is also that of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has written so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The exit status if it has ended, without waiting.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.process.try_wait()?;
        }
        Ok(self.status)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it still runs after `within`.
    pub fn wait_for_end(&mut self, within: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {} (pid {})", self.name, self.id());
        wait::until(&what, within, || self.ended())
    }

    /// Sends a signal to the process, not to its group. One that has ended takes no signals; that is no error.
    pub fn signal(&mut self, signal: Signal) {
        if matches!(self.ended(), Ok(None)) {
            // It has not been reaped, so the number still belongs to it.
            let _ = kill_process(self.pid(), signal);
        }
    }

    /// Closes its standard input, if that is a pipe.
    pub fn close_stdin(&mut self) {
        drop(self.process.stdin.take());
    }

    /// Kills the process and what it has left in its group, and reaps it.
    pub fn kill(&mut self) {
        if self.status.is_none() {
            let _ = kill_process_group(self.pid(), Signal::KILL);
            self.status = self.process.wait().ok();
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a short command to its end and returns what it wrote; it is killed when it takes longer than `within`.
///
/// # Errors
/// When it cannot be started or does not end in time.
pub fn run_to_end(mut command: Command, within: Duration) -> Result<Output> {
    let name = program_name(&command);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut process = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let stdout = process.stdout.take().map(drain);
    let stderr = process.stderr.take().map(drain);
    let mut child = Child { process, name, log: PathBuf::new(), status: None };
    let ended = child.wait_for_end(within);
    // After a timeout this closes the pipes, so that the readers end too.
    child.kill();
    let [stdout, stderr] =
        [stdout, stderr].map(|reader| reader.and_then(|reader| reader.join().ok()).unwrap_or_default());
    match ended {
        Ok(status) => Ok(Output { status, stdout, stderr }),
        Err(error) => {
            let said = [&stdout, &stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).join("\n");
            Err(error.context(format!("it wrote:\n{said}")))
        }
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn program_name(command: &Command) -> String {
    Path::new(command.get_program())
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
