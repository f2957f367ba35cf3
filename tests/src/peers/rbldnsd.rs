//! `rbldnsd`, the DNS server that most blocklists are served with.

mod zone;

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use hickory_proto::rr::RecordType;
use rustix::process::Signal;

use super::{START_LIMIT, program};
use crate::child::Child;
use crate::dns::Client;
use crate::namespace::Namespace;
use crate::wait;

pub use zone::ZoneText;

/// The port that it listens on if it is not told otherwise.
const PORT: u16 = 5353;

/// A zone to serve.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its name, without a dot at the end.
    pub name: String,
    /// The kind of its data set, such as `ip4set` or `combined`.
    pub kind: String,
    /// The files of the data set, in order.
    pub files: Vec<String>,
}

/// A running `rbldnsd`; it ends on drop.
#[derive(Debug)]
pub struct Rbldnsd {
    child: Child,
    directory: PathBuf,
    /// How often zones have been changed.
    changes: u32,
}

/// What it writes when it has read its zones.
const RELOADED: &str = "zones reloaded";

impl Rbldnsd {
    /// Starts one on the loopback device of `namespace`, which must be up, with the files of `zones` in `directory`,
    /// which all users must be able to read; it answers when this returns. Networks with host bits are taken (`-e`).
    ///
    /// # Errors
    /// When it is not installed or does not answer.
    pub fn start(namespace: &Namespace, directory: &Path, zones: &[Zone]) -> Result<Self> {
        Self::start_at(namespace, directory, zones, Self::address())
    }

    /// The same at another address.
    ///
    /// # Errors
    /// See [`Rbldnsd::start`].
    pub fn start_at(
        namespace: &Namespace,
        directory: &Path,
        zones: &[Zone],
        address: SocketAddr,
    ) -> Result<Self> {
        // It refuses to stay root. With the user it loses the signal that ends it with this process, if that is killed;
        // otherwise it ends on drop.
        let mut command = namespace.command(program("rbldnsd")?);
        command.args(["-n", "-e", "-u", "nobody", "-r", "/", "-c", "0", "-b"]);
        command.arg(format!("{}/{}", address.ip(), address.port())).arg("-w").arg(directory);
        for zone in zones {
            let mut names = Vec::new();
            for (number, text) in zone.files.iter().enumerate() {
                let name = file_name(&zone.name, number);
                fs::write(directory.join(&name), text)?;
                names.push(name);
            }
            command.arg(format!("{}:{}:{}", zone.name, zone.kind, names.join(",")));
        }
        let mut child = Child::spawn(command, &directory.join("rbldnsd.log"))?;
        let mut client = Client::new(namespace, address)?;
        let first = zones.first().context("no zone to serve")?;
        let answers = wait::until("rbldnsd to answer", START_LIMIT, || {
            if let Some(status) = child.ended()? {
                anyhow::bail!("rbldnsd ended with {status}");
            }
            // While it does not listen, the kernel refuses the question at once.
            Ok(client.listed(Ipv4Addr::LOCALHOST.into(), &first.name, RecordType::A).ok())
        });
        answers.with_context(|| format!("rbldnsd wrote:\n{}", child.log_text()))?;
        Ok(Self { child, directory: directory.to_owned(), changes: 0 })
    }

    /// Gives a zone other content, in as many files as it had, and waits until it is served. What is served while it is read
    /// is not said.
    ///
    /// # Errors
    /// When a file cannot be written, or rbldnsd has ended.
    pub fn change(&mut self, zone: &str, files: &[&str]) -> Result<()> {
        self.changes += 1;
        // A file of the same size that is written within the same second is the same file to rbldnsd.
        let modified = SystemTime::now() + Duration::from_secs(self.changes.into());
        for (number, text) in files.iter().enumerate() {
            let path = self.directory.join(file_name(zone, number));
            fs::write(&path, text)?;
            File::options().write(true).open(&path)?.set_modified(modified)?;
        }
        let reloads = self.child.log_text().matches(RELOADED).count();
        self.child.signal(Signal::HUP);
        wait::until("rbldnsd to read its zones", START_LIMIT, || {
            if let Some(status) = self.child.ended()? {
                anyhow::bail!("rbldnsd ended with {status}: {}", self.child.log_text());
            }
            Ok((self.child.log_text().matches(RELOADED).count() > reloads).then_some(()))
        })
    }

    /// Stops or continues it (SIGSTOP, SIGCONT): while it is stopped, questions wait.
    pub fn freeze(&mut self, stopped: bool) {
        self.child.signal(if stopped { Signal::STOP } else { Signal::CONT });
    }

    /// Where it listens.
    #[must_use]
    pub fn address() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, PORT).into()
    }

    /// What it has complained about.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.child.log_text()
    }
}

fn file_name(zone: &str, number: usize) -> String {
    format!("{zone}-{number}")
}
