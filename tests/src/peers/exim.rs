//! A whole Exim that sends one message and ends: own configuration, spool and log in the lab.
//!
//! Debian's package cannot be installed beside Postfix, so `cargo xtask setup` only unpacks it.

use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::users::{self, WITH_USERS};
use super::{input, program, unpacked};
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
        let exim = unpacked("exim4/usr/sbin/exim4").or_else(|_| program("exim4"))?;
        self.write_home(&home, &exim)?;
        let mut command = namespace.command("unshare");
        command.args(["--mount", "sh", "-c", &format!("{WITH_USERS} && exec \"$@\"")]).arg(&home).arg(exim);
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
        users::write(home, &[(USER, USER_ID)])?;
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

fn texts(dir: &Path) -> Result<Vec<String>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?
            .map(|entry| Ok(String::from_utf8_lossy(&fs::read(entry?.path())?).into_owned()))
            .collect(),
    }
}
