//! Peers: real programs (Postfix and its test programs, Exim, OpenSMTPD, swaks, msmtp, Python's smtplib, rbldnsd, unbound, tshark), and a web
//! server and a nameserver that a test scripts.
//!
//! The mail programs are run as their packages install them and judged by what an administrator would look at: exit codes,
//! transcripts, log files, delivered files. Knows nothing of the program under test.

mod exim;
mod msmtp;
pub mod nameserver;
mod opensmtpd;
mod postfix;
mod postscreen;
mod rbldnsd;
mod smtp_sink;
mod smtp_source;
mod smtplib;
mod swaks;
mod tshark;
mod unbound;
mod users;
pub mod web;

pub use exim::{Exim, EximRun};
pub use msmtp::Msmtp;
pub use opensmtpd::OpenSmtpd;
pub use postfix::{Postfix, RECEIVED_DOMAIN, Relay, TLS_NAME};
pub use postscreen::{Judge, Postscreen};
pub use rbldnsd::{Rbldnsd, Zone, ZoneText};
pub use smtp_sink::SmtpSink;
pub use smtp_source::SmtpSource;
pub use smtplib::{Raised, Smtplib};
pub use swaks::Swaks;
pub use tshark::Tshark;
pub use unbound::Unbound;

use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::child::Child;
use crate::namespace::Namespace;
use crate::wait;

/// How long a server may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(15);

/// Waits until something in `namespace` listens on `port`; fails at once when `server` has ended, with what it wrote.
fn wait_until_listening(server: &mut Child, name: &str, namespace: &Namespace, port: u16) -> Result<()> {
    let listening = wait::until(&format!("{name} to listen on port {port}"), START_LIMIT, || {
        if let Some(status) = server.ended()? {
            anyhow::bail!("{name} ended with {status}");
        }
        Ok(namespace.listens_on(port)?.then_some(()))
    });
    listening.with_context(|| format!("{name} wrote:\n{}", server.log_text()))
}

/// Waits until nothing in `namespace` listens on `port`, where an earlier `name` did.
fn wait_until_silent(name: &str, namespace: &Namespace, port: u16) -> Result<()> {
    wait::until(&format!("port {port} to be free for {name}"), START_LIMIT, || {
        Ok((!namespace.listens_on(port)?).then_some(()))
    })
}

/// Finds a program in PATH or where Debian keeps those of administrators.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let admin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut candidates = std::env::split_paths(&path).chain(admin).map(|dir: PathBuf| dir.join(name));
    let found = candidates.find(|candidate: &PathBuf| Path::is_file(candidate));
    found.with_context(|| format!("{name} is not installed (`cargo xtask setup` does it)"))
}

/// Finds what setup has unpacked: `peers` in the target directory, which is some levels above the running test.
fn unpacked(path: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let mut places = test.ancestors().skip(1).map(|dir| dir.join("peers").join(path));
    let found = places.find(|path| path.is_file());
    found.with_context(|| format!("{path} is not there (`cargo xtask setup` unpacks it)"))
}

/// A program's standard input with this text.
fn input(text: &str) -> Result<Stdio> {
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file.into())
}
