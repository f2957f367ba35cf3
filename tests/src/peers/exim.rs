//! A whole Exim that sends one message and ends: own configuration, spool and log in the lab.
//!
//! Debian's package cannot be installed beside Postfix, so `cargo xtask setup` only unpacks it.

use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{input, program};
use crate::child::run_to_end;
use crate::lab::Lab;
use crate::namespace::Namespace;

/// The user that Debian's Exim wants, whether or not the machine has it; both numbers are nobody's.
const USER: &str = "Debian-exim";
const USER_ID: u32 = 64_123;
/// The domain whose mail it keeps: its own bounces.
const OWN_DOMAIN: &str = "sender.example";
/// How long sending may take.
const SEND_LIMIT: Duration = Duration::from_secs(60);

/// A message by Exim.
#[derive(Debug, Clone)]
pub struct Exim {
    /// The source address to bind to.
    pub source: IpAddr,
    /// The server for all recipients.
    pub server: SocketAddr,
    /// The envelope recipients.
    pub to: Vec<String>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct EximRun {
    /// Exim's main log: `**` is a recipient that has failed for good, `==` one that is tried again later.
    pub log: String,
    /// What was delivered to the sender: bounces.
    pub bounces: Vec<String>,
    /// How many messages are still in the queue.
    pub queued: usize,
}

impl Exim {
    /// A short message from `source` to one recipient.
    #[must_use]
    pub fn new(source: IpAddr, server: SocketAddr) -> Self {
        Self { source, server, to: vec![format!("user@{}", super::RECEIVED_DOMAIN)] }
    }

    /// Sends from within `namespace`, which must be of `lab`, and waits for the end of the first try.
    ///
    /// # Errors
    /// When it is not unpacked, or does not end well.
    pub fn run_in(&self, lab: &Lab, namespace: &Namespace) -> Result<EximRun> {
        let home = lab.fresh_path("exim");
        let exim = unpacked()?;
        self.write_home(&home, &exim)?;
        let mut command = namespace.command("unshare");
        command.args(["--mount", "sh", "-c", WITH_USER]).arg(&home).arg(exim);
        command.arg("-C").arg(home.join("exim.conf")).args(["-odf", "-f"]);
        command
            .arg(format!("someone@{OWN_DOMAIN}"))
            .args(&self.to)
            .stdin(input("Subject: hello\n\nA line.\n")?);
        let output = run_to_end(command, SEND_LIMIT)?;
        let log = fs::read_to_string(home.join("spool/log-main")).unwrap_or_default();
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "exim: {}: {complaint}\n{log}", output.status);
        let queue = texts(&home.join("spool/input"))?;
        // A message is two files there, -H and -D.
        Ok(EximRun { log, bounces: texts(&home.join("mail"))?, queued: queue.len() / 2 })
    }

    fn write_home(&self, home: &Path, exim: &Path) -> Result<()> {
        for (dir, owner) in [("", None), ("spool", Some(USER_ID)), ("mail", Some(USER_ID))] {
            let dir = home.join(dir);
            fs::create_dir(&dir)?;
            fs::set_permissions(&dir, Permissions::from_mode(0o755))?;
            chown(&dir, owner, owner)?;
        }
        for (name, line) in [
            ("passwd", format!("{USER}:x:{USER_ID}:{USER_ID}::/nonexistent:/usr/sbin/nologin\n")),
            ("group", format!("{USER}:x:{USER_ID}:\n")),
        ] {
            let machine = fs::read_to_string(Path::new("/etc").join(name))?;
            let others: String = machine
                .lines()
                .filter(|line| !line.starts_with(USER))
                .map(|line| format!("{line}\n"))
                .collect();
            fs::write(home.join(name), others + &line)?;
        }
        fs::write(home.join("exim.conf"), self.configuration(home, exim))?;
        Ok(())
    }

    fn configuration(&self, home: &Path, exim: &Path) -> String {
        let (home, exim) = (home.display(), exim.display());
        let (source, server, port) = (self.source, self.server.ip(), self.server.port());
        format!(
            "exim_path = {exim}
spool_directory = {home}/spool
log_file_path = {home}/spool/log-%s
primary_hostname = exim.{OWN_DOMAIN}
keep_environment =
domainlist own = {OWN_DOMAIN}
disable_ipv6 = false

begin routers
remote:
  driver = manualroute
  domains = ! +own
  transport = smtp
  route_data = <+{server}
own:
  driver = accept
  transport = file

begin transports
smtp:
  driver = smtp
  port = {port}
  interface = <+ {source}
  connect_timeout = 5s
  command_timeout = 5s
file:
  driver = appendfile
  directory = {home}/mail
  user = {USER}

begin retry
* * F,5d,1h
"
        )
    }
}

/// Runs the rest in a mount namespace where the machine's users are those of `$0`.
const WITH_USER: &str =
    r#"mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/group" /etc/group && exec "$@""#;

/// Where setup has unpacked it: `peers/exim4` in the target directory, which is some levels above the running test. A machine
/// may have it of its own instead.
fn unpacked() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let mut places = test.ancestors().skip(1).map(|dir| dir.join("peers/exim4/usr/sbin/exim4"));
    let found = places.find(|path| path.is_file());
    found.or_else(|| program("exim4").ok()).context("exim4 is not there (`cargo xtask setup` unpacks it)")
}

fn texts(dir: &Path) -> Result<Vec<String>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?
            .map(|entry| Ok(String::from_utf8_lossy(&fs::read(entry?.path())?).into_owned()))
            .collect(),
    }
}
