//! Postfix's postscreen with a static deny table, or with a DNSBL. Nothing is behind it: who is let through is not served.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use ipnet::Ipv4Net;
use tempfile::TempDir;

use super::postfix::{CHECK_LIMIT, STOP_LIMIT, contained_master, user_id};
use super::{program, wait_until_listening};
use crate::child::{Child, run_to_end};
use crate::namespace::Namespace;

const SMTP: u16 = 25;

/// By what clients are judged.
#[derive(Debug, Clone, Copy)]
pub enum Judge<'a> {
    /// Those of this network are refused every recipient.
    Table(Ipv4Net),
    /// Those that these zones list, written as in `postscreen_dnsbl_sites`, are turned away as soon as that is known. They
    /// are asked about at the machine's resolvers.
    Dnsbl(&'a str),
}

/// A running postscreen that turns clients away as fast as it can: it has room for as many as the machine lets it open files.
/// Stopped on drop.
#[derive(Debug)]
pub struct Postscreen {
    master: Child,
    home: TempDir,
}

impl Postscreen {
    /// Starts it in `namespace`, on port 25 of all addresses. It listens when this returns.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(namespace: &Namespace, judge: Judge<'_>) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("postscreen-").tempdir()?;
        write_home(home.path(), judge)?;
        let mut check = namespace.command(program("postfix")?);
        check.arg("-c").arg(home.path().join("etc")).arg("check");
        let check = run_to_end(check, CHECK_LIMIT)?;
        ensure!(check.status.success(), "postfix check: {}", String::from_utf8_lossy(&check.stderr));
        let log = home.path().join("master.out");
        let mut master = Child::spawn(contained_master(namespace, home.path())?, &log)?;
        let listening = wait_until_listening(&mut master, "postfix", namespace, SMTP);
        let postscreen = Self { master, home };
        listening.with_context(|| format!("its log:\n{}", postscreen.log_text()))?;
        Ok(postscreen)
    }

    /// The mail log so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.home.path().join("maillog")).unwrap_or_default()
    }
}

impl Drop for Postscreen {
    fn drop(&mut self) {
        self.master.close_stdin();
        // When this ends, all of it has ended, and nobody writes into the directory any more.
        let _ = self.master.wait_for_end(STOP_LIMIT);
    }
}

fn write_home(home: &Path, judge: Judge<'_>) -> Result<()> {
    let owner = user_id("postfix")?;
    for (dir, owner) in [("", None), ("etc", None), ("queue", None), ("data", Some(owner))] {
        let dir = home.join(dir);
        fs::create_dir_all(&dir)?;
        fs::set_permissions(&dir, Permissions::from_mode(0o755))?;
        chown(&dir, owner, None)?;
    }
    if let Judge::Table(denied) = judge {
        fs::write(home.join("etc/denied.cidr"), format!("{denied} reject\n"))?;
    }
    fs::write(home.join("etc/main.cf"), main_cf(home) + &judge.main_cf(home))?;
    fs::write(home.join("etc/master.cf"), MASTER_CF)?;
    Ok(())
}

/// No limit is met, and nothing is remembered of clients, which are refused again whatever they have done before.
fn main_cf(home: &Path) -> String {
    let home = home.display();
    format!(
        "compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/maillog
maillog_file_prefixes = {home}
myhostname = mail.guarded.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = all
inet_protocols = ipv4
alias_maps =
alias_database =
default_process_limit = 20000
postscreen_greet_wait = 1s
postscreen_greet_banner =
postscreen_cache_map =
postscreen_client_connection_count_limit = 0
postscreen_pre_queue_limit = 50000
postscreen_post_queue_limit = 50000
"
    )
}

impl Judge<'_> {
    fn main_cf(self, home: &Path) -> String {
        match self {
            Self::Table(_) => format!(
                "postscreen_access_list = cidr:{}/etc/denied.cidr\npostscreen_denylist_action = enforce\n",
                home.display()
            ),
            Self::Dnsbl(sites) => {
                format!(
                    "postscreen_access_list =\npostscreen_dnsbl_sites = {sites}\npostscreen_dnsbl_action = drop\n"
                )
            }
        }
    }
}

const MASTER_CF: &str = "\
smtp      inet  n       -       n       -       1       postscreen
smtpd     pass  -       -       n       -       -       smtpd
anvil     unix  -       -       n       -       1       anvil
dnsblog   unix  -       -       n       -       0       dnsblog
rewrite   unix  -       -       n       -       -       trivial-rewrite
postlog   unix-dgram n  -       n       -       1       postlogd
";
