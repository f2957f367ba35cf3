//! A whole OpenSMTPD that sends on what it is given: own configuration, and spool and sockets that nobody else sees.
//!
//! Debian's package cannot be installed beside Postfix, so `cargo xtask setup` only unpacks it.

use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::users::{self, WITH_USERS};
use super::{program, unpacked, wait_until_listening, wait_until_silent};
use crate::child::Child;
use crate::lab::Lab;
use crate::namespace::Namespace;

/// The users that it becomes; both numbers are nobody's.
const USERS: [(&str, u32); 2] = [("opensmtpd", 64_124), ("opensmtpq", 64_125)];

/// Its places are compiled in: spool, sockets, and an empty directory to lock itself up in. It asks for the name of whoever
/// connects, and there is nobody to ask.
const WITH_PLACES: &str = "mount --bind \"$0/resolv.conf\" /etc/resolv.conf && for dir in /var/spool /var/lib /run; do mount -t tmpfs tmpfs $dir; done \
                           && mkdir -p /var/lib/opensmtpd/empty && mkdir -m 711 /var/spool/smtpd";

/// A running OpenSMTPD that takes mail on [`OpenSmtpd::submission`] in its namespace, for whomever, and sends all of it to one server.
/// Stopped on drop.
#[derive(Debug)]
pub struct OpenSmtpd {
    daemon: Child,
}

impl OpenSmtpd {
    /// Where it takes mail.
    const PORT: u16 = 2526;

    /// Starts it in `namespace`, which must be of `lab`; it listens when this returns. It sends from `source` to `server`.
    ///
    /// # Errors
    /// When it is not unpacked or does not start.
    pub fn start(lab: &Lab, namespace: &Namespace, source: IpAddr, server: SocketAddr) -> Result<Self> {
        let home = lab.fresh_path("opensmtpd");
        fs::create_dir(&home)?;
        fs::set_permissions(&home, Permissions::from_mode(0o755))?;
        users::write(&home, &USERS)?;
        fs::write(home.join("resolv.conf"), "lookup file\n")?;
        let config = home.join("smtpd.conf");
        fs::write(&config, configuration(source, server))?;
        let mut command = namespace.command(program("unshare")?);
        let script = format!("{WITH_USERS} && {WITH_PLACES} && exec \"$@\"");
        command.args(["--mount", "sh", "-c", &script]).arg(&home);
        command.arg(smtpd()?).args(["-d", "-v", "-f"]).arg(config);
        // Processes of an earlier one may outlive it for a moment, and listen.
        wait_until_silent("smtpd", namespace, Self::PORT)?;
        let mut daemon = Child::spawn(command, &home.join("log"))?;
        wait_until_listening(&mut daemon, "smtpd", namespace, Self::PORT)?;
        Ok(Self { daemon })
    }

    /// The socket at which it takes mail, from its own namespace alone.
    #[must_use]
    pub fn submission() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, Self::PORT))
    }

    /// What it has written so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.daemon.log_text()
    }
}

impl Drop for OpenSmtpd {
    fn drop(&mut self) {
        // The test harness shows this for a test that fails, and for no other.
        eprintln!("OpenSMTPD's log:\n{}", self.log_text());
    }
}

fn configuration(source: IpAddr, server: SocketAddr) -> String {
    let (port, submission) = (OpenSmtpd::PORT, OpenSmtpd::submission().ip());
    format!(
        "listen on {submission} port {port}
action \"out\" relay host \"smtp://{server}\" src {source} helo \"opensmtpd.sender.example\"
match from any for any action \"out\"
"
    )
}

fn smtpd() -> Result<PathBuf> {
    // `smtpd` alone may be another one's.
    let own = || program("smtpctl").map(|smtpctl| smtpctl.with_file_name("smtpd"));
    unpacked("opensmtpd/usr/sbin/smtpd").or_else(|_| own()).context("OpenSMTPD is not there")
}
