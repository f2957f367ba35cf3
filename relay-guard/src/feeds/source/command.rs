//! Lists that a command writes: run without a shell, bounded in time and bytes, killed with all that it started.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time;

use super::content::Budget;
use super::error::quoted;
use super::{CommandSource, FetchError};
use crate::lists::source::os_words;

/// What a command sees of our environment: where programs are, the language, and the way out.
const ENVIRONMENT: [&str; 9] = [
    "PATH",
    "LANG",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// Bytes of standard error that are kept to find its last line in.
const STDERR_KEPT: usize = 4096;

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// What messages call the command: its program without the directory, and no arguments.
pub(super) fn name(command: &CommandSource) -> String {
    let program = command.argv.first().map_or("", String::as_str);
    let name = Path::new(program).file_name().map_or(program.into(), std::ffi::OsStr::to_string_lossy);
    quoted(&name)
}

/// Runs the command and gives all that it wrote.
pub(super) async fn run(command: &CommandSource, budget: &Budget) -> Result<Vec<u8>, FetchError> {
    let what = format!("command {}", name(command));
    let mut running = start(command, &what)?;
    match time::timeout(command.timeout, running.output(&what, budget)).await {
        Ok(output) => output,
        Err(_) => Err(FetchError::Timeout { what, stage: "the command did not end", limit: command.timeout }),
    }
}

/// A command that ends with all that it started when this is dropped.
struct Running {
    child: Child,
    /// Its process group; nothing once it is reaped, because the number may be somebody else's from then on.
    group: Option<Pid>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn start(command: &CommandSource, what: &str) -> Result<Running, FetchError> {
    let refuse = |cause: &str| FetchError::Command { what: what.to_owned(), cause: cause.to_owned() };
    let [program, arguments @ ..] = command.argv.as_slice() else {
        return Err(FetchError::Command {
            what: "a command".to_owned(),
            cause: "no program is given".to_owned(),
        });
    };
    let kept = ENVIRONMENT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(kept)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|cause| refuse(&os_words(&cause)))?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    Ok(Running { child, group })
}

impl Running {
    async fn output(&mut self, what: &str, budget: &Budget) -> Result<Vec<u8>, FetchError> {
        let lost =
            |cause: std::io::Error| FetchError::Command { what: what.to_owned(), cause: os_words(&cause) };
        let stdout = self.child.stdout.take().expect("piped above");
        let stderr = self.child.stderr.take().expect("piped above");
        let content = async {
            let content = read_bounded(stdout, budget.left()).await.map_err(lost)?;
            content.ok_or_else(|| budget.too_large(what))
        };
        let last_words = async { read_end(stderr).await.map_err(lost) };
        let (content, last_words) = tokio::try_join!(content, last_words)?;
        let status = self.child.wait().await.map_err(lost)?;
        self.group = None;
        if status.success() {
            return Ok(content);
        }
        let said_last = last_line(&last_words);
        Err(FetchError::CommandFailed { what: what.to_owned(), status: words(status), said_last })
    }
}

/// All of `from`; nothing if it is more than `limit` bytes.
async fn read_bounded(mut from: impl AsyncRead + Unpin, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    loop {
        content.reserve(CHUNK);
        if from.read_buf(&mut content).await? == 0 {
            return Ok(Some(content));
        }
        if content.len() as u64 > limit {
            return Ok(None);
        }
    }
}

/// The last bytes of `from`; the rest is read and forgotten, so that the command never waits for us.
async fn read_end(mut from: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let mut end = Vec::new();
    loop {
        end.reserve(STDERR_KEPT);
        if from.read_buf(&mut end).await? == 0 {
            return Ok(end);
        }
        end.drain(..end.len().saturating_sub(STDERR_KEPT));
    }
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    quoted(last.unwrap_or_default())
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}
