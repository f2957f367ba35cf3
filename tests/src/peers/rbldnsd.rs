//! `rbldnsd`, the DNS server that most blocklists are served with.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, Result};
use hickory_proto::rr::RecordType;

use super::{START_LIMIT, program};
use crate::child::Child;
use crate::dns::Client;
use crate::namespace::Namespace;
use crate::wait;

/// The port that it listens on, of a namespace of its own.
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
}

impl Rbldnsd {
    /// Starts one on the loopback device of `namespace`, which must be up, with the files of `zones` in `directory`,
    /// which all users must be able to read; it answers when this returns. Networks with host bits are taken (`-e`).
    ///
    /// # Errors
    /// When it is not installed or does not answer.
    pub fn start(namespace: &Namespace, directory: &Path, zones: &[Zone]) -> Result<Self> {
        // It refuses to stay root. With the user it loses the signal that ends it with this process, if that is killed;
        // otherwise it ends on drop.
        let mut command = namespace.command(program("rbldnsd")?);
        command.args(["-n", "-e", "-u", "nobody", "-r", "/", "-c", "0", "-b"]);
        command.arg(format!("{}/{PORT}", Ipv4Addr::LOCALHOST)).arg("-w").arg(directory);
        for zone in zones {
            let mut names = Vec::new();
            for (number, text) in zone.files.iter().enumerate() {
                let name = format!("{}-{number}", zone.name);
                fs::write(directory.join(&name), text)?;
                names.push(name);
            }
            command.arg(format!("{}:{}:{}", zone.name, zone.kind, names.join(",")));
        }
        let mut child = Child::spawn(command, &directory.join("rbldnsd.log"))?;
        let mut client = Client::new(namespace, Self::address())?;
        let first = zones.first().context("no zone to serve")?;
        let answers = wait::until("rbldnsd to answer", START_LIMIT, || {
            if let Some(status) = child.ended()? {
                anyhow::bail!("rbldnsd ended with {status}");
            }
            // While it does not listen, the kernel refuses the question at once.
            Ok(client.listed(Ipv4Addr::LOCALHOST.into(), &first.name, RecordType::A).ok())
        });
        answers.with_context(|| format!("rbldnsd wrote:\n{}", child.log_text()))?;
        Ok(Self { child })
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
