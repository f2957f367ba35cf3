//! A whole Postfix, separate from any that the machine runs: own configuration, queue, data and log in the lab.

mod role;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use rcgen::CertifiedKey;

use super::{program, wait_until_listening};
use crate::child::{Child, run_to_end};
use crate::lab::Lab;
use crate::namespace::Namespace;

use role::Role;
pub use role::{RECEIVED_DOMAIN, Relay};

/// Whose name the certificate of [`Postfix::start_with_tls`] has.
pub const TLS_NAME: &str = "mail.guarded.example";

/// How long `postfix check`, which makes the queue's directories, may take.
pub(super) const CHECK_LIMIT: Duration = Duration::from_secs(20);
/// How long all its processes may take to end.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(3);

/// A running Postfix. It takes mail for [`RECEIVED_DOMAIN`] from everyone and keeps it in a maildir; what the inside
/// networks hand it for elsewhere it sends on. There is no DNS: remote recipients are given as `user@[203.0.113.7]`.
/// Stopped on drop.
#[derive(Debug)]
pub struct Postfix {
    master: Child,
    home: PathBuf,
}

impl Postfix {
    /// Starts it in `namespace`, which must be of `lab`, on port 25 of all addresses; it listens when this returns.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(lab: &Lab, namespace: &Namespace) -> Result<Self> {
        Self::start_as(lab, namespace, &Role::Receiver)
    }

    /// The same with STARTTLS, and a certificate for [`TLS_NAME`] that nobody trusts.
    ///
    /// # Errors
    /// See [`Postfix::start`].
    pub fn start_with_tls(lab: &Lab, namespace: &Namespace) -> Result<Self> {
        Self::start_as(lab, namespace, &Role::TlsReceiver)
    }

    /// Starts one that only sends, with its queue and its bounces: it takes mail on [`Relay::PORT`] of the loopback device
    /// of `namespace`, sends it on as `relay` says, and keeps what comes back for [`Relay::OWN_DOMAIN`] in its maildir.
    ///
    /// # Errors
    /// See [`Postfix::start`].
    pub fn start_sender(lab: &Lab, namespace: &Namespace, relay: Relay) -> Result<Self> {
        Self::start_as(lab, namespace, &Role::Sender(relay))
    }

    fn start_as(lab: &Lab, namespace: &Namespace, role: &Role) -> Result<Self> {
        let home = lab.fresh_path("postfix");
        write_home(&home, role)?;
        let mut check = namespace.command(program("postfix")?);
        check.arg("-c").arg(home.join("etc")).arg("check");
        let check = run_to_end(check, CHECK_LIMIT)?;
        ensure!(check.status.success(), "postfix check: {}", String::from_utf8_lossy(&check.stderr));
        let mut master = Child::spawn(contained_master(namespace, &home)?, &home.join("master.out"))?;
        let listening = wait_until_listening(&mut master, "postfix", namespace, role.port());
        let postfix = Self { master, home };
        listening.with_context(|| format!("its log:\n{}", postfix.log_text()))?;
        Ok(postfix)
    }

    /// The messages it has delivered to its maildir.
    ///
    /// # Errors
    /// When the maildir cannot be read.
    pub fn messages(&self) -> Result<Vec<String>> {
        let maildir = self.home.join("mail/new");
        let entries = match fs::read_dir(&maildir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        entries.map(|entry| Ok(String::from_utf8_lossy(&fs::read(entry?.path())?).into_owned())).collect()
    }

    /// The mail log so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.home.join("maillog")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.master.close_stdin();
        // When this ends, all of it has ended, and nobody writes into the lab's directory any more.
        let _ = self.master.wait_for_end(STOP_LIMIT);
        // The test harness shows this for a test that fails, and for no other.
        eprintln!("postfix's log:\n{}", self.log_text());
    }
}

/// Postfix's master in a process namespace of its own, where its death is certain. It cannot be the child itself:
/// it changes its user ids to and fro, by which the kernel forgets the signal that is to end it with the test. So the
/// first process of the namespace is a shell, which keeps that signal, and with which the kernel ends all the others.
/// The shell's standard input is a pipe from the test: its end ends master too.
///
/// No command of Postfix's that reads `master.pid` must be run outside: the number in it means another process there.
pub(super) fn contained_master(namespace: &Namespace, home: &Path) -> Result<Command> {
    const SHELL: &str = r#"exec 3<&0; (read -r _ <&3; kill -KILL -1) & "$0" -c "$1" -s </dev/null"#;
    let mut command = namespace.command(program("unshare")?);
    command.args(["--pid", "--fork", "--kill-child=KILL", "--", "sh", "-c", SHELL]);
    command.arg(daemon_directory()?.join("master")).arg(home.join("etc")).stdin(Stdio::piped());
    Ok(command)
}

fn daemon_directory() -> Result<PathBuf> {
    let mut command = Command::new(program("postconf")?);
    command.args(["-d", "-h", "daemon_directory"]);
    let output = run_to_end(command, Duration::from_secs(5))?;
    let path = String::from_utf8(output.stdout)?.trim().to_owned();
    ensure!(!path.is_empty(), "postconf knows no daemon_directory");
    Ok(path.into())
}

fn write_home(home: &Path, role: &Role) -> Result<()> {
    let owner = user_id("postfix")?;
    for (dir, owner) in
        [("", None), ("etc", None), ("queue", None), ("data", Some(owner)), ("mail", Some(owner))]
    {
        let dir = home.join(dir);
        fs::create_dir_all(&dir)?;
        fs::set_permissions(&dir, Permissions::from_mode(0o755))?;
        chown(&dir, owner, None)?;
    }
    if matches!(role, Role::TlsReceiver) {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec![TLS_NAME.to_owned()])?;
        fs::write(home.join(role::TLS_FILE), signing_key.serialize_pem() + &cert.pem())?;
    }
    fs::write(home.join("etc/main.cf"), role.main_cf(home, owner))?;
    fs::write(
        home.join("etc/master.cf"),
        format!("{} inet  n       -       n       -       -       smtpd\n{MASTER_CF}", role.service()),
    )?;
    Ok(())
}

const MASTER_CF: &str = "\
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
virtual   unix  -       n       n       -       -       virtual
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
postlog   unix-dgram n  -       n       -       1       postlogd
";

pub(super) fn user_id(name: &str) -> Result<u32> {
    let passwd = fs::read_to_string("/etc/passwd")?;
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name));
    let line = line.with_context(|| format!("there is no user {name} (is Postfix installed?)"))?;
    line.split(':')
        .nth(2)
        .and_then(|id| id.parse().ok())
        .with_context(|| format!("bad line in /etc/passwd: {line}"))
}
