//! The program under test, as an administrator meets it: a binary, a configuration file, a command line.
//!
//! It runs in the gateway's namespaces of a lab, with all its directories inside the lab's.

mod config;
mod control;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use crate::child::{Child, run_to_end};
use crate::lab::Lab;
use crate::wait;

pub use config::{
    Answers, Daemon, GuardConfig, Hosts, Interfaces, Limits, List, Ports, Protected, SignalRule, Step,
    Threshold, Zone,
};
pub use control::Answer;

/// How long the daemon may take until `status` answers, also on a busy machine with a debug build.
pub const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long one command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// Where the program looks for proxies. The lab has none, whatever the machine has.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// One installation of the program in a lab's gateway: a configuration, and the daemon while it runs. The daemon is
/// killed on drop; what it pinned goes with the lab.
#[derive(Debug)]
pub struct Guard<'lab> {
    lab: &'lab Lab,
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    daemon: Option<Child>,
    quiet: bool,
}

impl<'lab> Guard<'lab> {
    /// Writes the configuration; nothing runs yet.
    ///
    /// # Errors
    /// When the program is not built, or the file not writable.
    pub fn new(lab: &'lab Lab, config: &GuardConfig) -> Result<Self> {
        Self::with_config_text(lab, &config.to_toml()?)
    }

    /// The same with a configuration as text, for those that no [`GuardConfig`] can express.
    ///
    /// # Errors
    /// See [`Guard::new`].
    pub fn with_config_text(lab: &'lab Lab, config: &str) -> Result<Self> {
        Self::with_program(lab, find_program()?, config)
    }

    /// The same with a program of choice, such as another version.
    ///
    /// # Errors
    /// When the file is not writable.
    pub fn with_program(lab: &'lab Lab, program: PathBuf, config: &str) -> Result<Self> {
        Ok(Self {
            lab,
            program,
            config: lab.write_file("relay-guard.toml", config)?,
            log: lab.fresh_path("relay-guard.log"),
            daemon: None,
            quiet: false,
        })
    }

    /// Writes the configuration, starts the daemon, and waits until it is ready.
    ///
    /// # Errors
    /// See [`Guard::new`] and [`Guard::wait_ready`].
    pub fn start(lab: &'lab Lab, config: &GuardConfig) -> Result<Self> {
        let mut guard = Self::new(lab, config)?;
        guard.run()?;
        guard.wait_ready()?;
        Ok(guard)
    }

    /// Keeps the daemon's log to itself on drop. Otherwise it is printed, which the test harness shows for a test
    /// that fails and for no other.
    pub fn quiet(&mut self) {
        self.quiet = true;
    }

    /// Starts the daemon, without waiting for anything. Call it from the test's own thread: the daemon dies with the
    /// thread.
    ///
    /// # Errors
    /// When it runs already, or cannot be started.
    pub fn run(&mut self) -> Result<()> {
        ensure!(self.daemon.is_none(), "the daemon runs already");
        self.daemon = Some(Child::spawn(self.command(["run"]), &self.log)?);
        Ok(())
    }

    /// Waits until the daemon is ready, and returns what `status --json` printed.
    ///
    /// # Errors
    /// When the daemon ends, or is not ready in time; with its log.
    pub fn wait_ready(&mut self) -> Result<Value> {
        let ready = wait::until("relay-guard to be ready", READY_LIMIT, || self.ready());
        ready.with_context(|| format!("relay-guard wrote:\n{}", self.log_text()))
    }

    /// What `status --json` prints, if the daemon is ready: if that command ends with 0.
    ///
    /// # Errors
    /// When the daemon has ended or never ran.
    pub fn ready(&mut self) -> Result<Option<Value>> {
        let ended = self.daemon.as_mut().context("the daemon does not run")?.ended()?;
        ensure!(ended.is_none(), "relay-guard has ended: {ended:?}");
        let output = self.cli(["status", "--json"])?;
        if !output.status.success() {
            return Ok(None);
        }
        serde_json::from_slice(&output.stdout)
            .map(Some)
            .with_context(|| format!("no JSON: {}", describe(&output)))
    }

    /// A command of the program with this configuration, in the gateway: `guard.command(["explain", "192.0.2.1"])`.
    #[must_use]
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.lab.gateway.command(&self.program);
        for name in PROXIES {
            command.env_remove(name);
        }
        command.arg("--config").arg(&self.config).args(arguments);
        command
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end; not when it ends with another code than 0.
    pub fn cli<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Output> {
        run_to_end(self.command(arguments), COMMAND_LIMIT)
    }

    /// Runs a command to its end as an ordinary user. `kept` are the capabilities that this one has all the same, as
    /// setpriv(1) takes them: `+net_admin,+bpf`.
    ///
    /// # Errors
    /// See [`Guard::cli`].
    pub fn cli_as_nobody(&self, arguments: &[&str], kept: Option<&str>) -> Result<Output> {
        // The directory of the program may be closed to others; the lab's is not. By another process, because a
        // program that any of our own has open for writing cannot be run, and forks are under way.
        let program = self.lab.fresh_path("relay-guard");
        let installed =
            Command::new("install").args(["-m", "755"]).arg(&self.program).arg(&program).status()?;
        ensure!(installed.success(), "cannot copy {}", self.program.display());
        let mut command = self.lab.gateway.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        if let Some(kept) = kept {
            command.arg(format!("--inh-caps={kept}")).arg(format!("--ambient-caps={kept}"));
        }
        command.arg("--").arg(program).arg("--config").arg(&self.config).args(arguments);
        run_to_end(command, COMMAND_LIMIT)
    }

    /// Runs a command that prints JSON (give `--json` yourself) and must end with 0.
    ///
    /// # Errors
    /// When it ends otherwise, with what it wrote, or prints no JSON.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Value> {
        let output = self.cli(arguments)?;
        ensure!(output.status.success(), "{}", describe(&output));
        serde_json::from_slice(&output.stdout).with_context(|| format!("no JSON: {}", describe(&output)))
    }

    /// What the running daemon says of itself, without the detour of a command.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<Value> {
        self.request("GET", "/v1/status", None)?.json()
    }

    /// Waits until the daemon's status is as wanted, and returns it.
    ///
    /// # Errors
    /// When it is not so within [`READY_LIMIT`], with the last one; or the daemon does not answer.
    pub fn wait_for_status(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.wait_for("/v1/status", what, wanted)
    }

    /// Waits until what the daemon answers to a GET is as wanted, and the table that it tells of is in force, and returns it.
    ///
    /// # Errors
    /// See [`Guard::wait_for_status`].
    pub fn wait_for(&self, target: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut last = Value::Null;
        let found = wait::until(what, READY_LIMIT, || {
            last = self.request("GET", target, None)?.json()?;
            let in_force = last["table"]["pending"] != true;
            Ok((in_force && wanted(&last)).then(|| last.clone()))
        });
        found.with_context(|| format!("the last answer of {target}: {last:#}"))
    }

    /// Sends a request to the daemon's control socket, where [`GuardConfig::for_lab`] puts it.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn request(&self, method: &str, target: &str, body: Option<&str>) -> Result<Answer> {
        control::request(&self.run_dir().join("control.sock"), method, target, body)
    }

    /// The run directory that [`GuardConfig::for_lab`] gives the daemon.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.lab.dir().join(config::RUN_DIR)
    }

    /// Replaces the configuration file; the daemon does not notice before [`Guard::reload`] or a restart.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_config(&self, config: &str) -> Result<()> {
        fs::write(&self.config, config).with_context(|| format!("cannot write {}", self.config.display()))
    }

    /// Sends SIGHUP.
    pub fn reload(&mut self) {
        self.signal(Signal::HUP);
    }

    /// Sends a signal to the daemon.
    pub fn signal(&mut self, signal: Signal) {
        if let Some(daemon) = &mut self.daemon {
            daemon.signal(signal);
        }
    }

    /// Kills the daemon with SIGKILL and reaps it. What it pinned stays.
    pub fn kill9(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill();
        }
    }

    /// Stops the daemon with SIGTERM and returns how it ended.
    ///
    /// # Errors
    /// When it does not run, or does not stop; then it is killed.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let mut daemon = self.daemon.take().context("the daemon does not run")?;
        daemon.signal(Signal::TERM);
        daemon.wait_for_end(STOP_LIMIT).with_context(|| format!("relay-guard wrote:\n{}", self.log_text()))
    }

    /// Waits for the daemon to end by itself, as one does that cannot start.
    ///
    /// # Errors
    /// When it does not run, or goes on running.
    pub fn wait_for_end(&mut self) -> Result<ExitStatus> {
        let mut daemon = self.daemon.take().context("the daemon does not run")?;
        daemon.wait_for_end(STOP_LIMIT).with_context(|| format!("relay-guard wrote:\n{}", self.log_text()))
    }

    /// The process id of the daemon while it runs.
    #[must_use]
    pub fn daemon_id(&self) -> Option<u32> {
        self.daemon.as_ref().map(Child::id)
    }

    /// The path of the configuration file.
    #[must_use]
    pub fn config_path(&self) -> &Path {
        &self.config
    }

    /// What all runs of the daemon wrote so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.kill9();
        if !self.quiet {
            eprintln!("relay-guard's log:\n{}", self.log_text());
        }
    }
}

/// `RELAY_GUARD_BIN`, or the program beside the running test (in a target directory, two levels up from `deps`).
///
/// # Errors
/// When it is not built.
pub fn find_program() -> Result<PathBuf> {
    if let Some(path) = env::var_os("RELAY_GUARD_BIN") {
        return fs::canonicalize(&path).with_context(|| format!("RELAY_GUARD_BIN={}", path.display()));
    }
    let test = env::current_exe()?;
    let beside =
        test.ancestors().skip(1).take(2).map(|dir| dir.join("relay-guard")).find(|path| path.is_file());
    beside.context("relay-guard is not built: `cargo build -p relay-guard`, or set RELAY_GUARD_BIN")
}

/// What a command wrote that could not run, which must be as documented: exit code 2, nothing on standard output, one
/// line on standard error. The line, without the program's name.
///
/// # Errors
/// When it is not so.
pub fn refusal(output: &Output) -> Result<String> {
    let error = String::from_utf8(output.stderr.clone())?;
    ensure!(output.status.code() == Some(2), "{}", describe(output));
    ensure!(output.stdout.is_empty() && error.lines().count() == 1, "not one line: {}", describe(output));
    let line = error.trim_end().strip_prefix("relay-guard: ");
    line.map(str::to_owned).with_context(|| format!("whose line is this? {}", describe(output)))
}

fn describe(output: &Output) -> String {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{stdout}{stderr}", output.status)
}
