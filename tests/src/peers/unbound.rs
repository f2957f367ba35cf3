//! `unbound`, a recursive resolver, in front of a server that has the zones.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, Result};
use hickory_proto::rr::RecordType;

use super::{START_LIMIT, program};
use crate::child::Child;
use crate::dns::Client;
use crate::namespace::Namespace;
use crate::wait;

/// The port that it listens on.
const PORT: u16 = 5354;

/// A running `unbound`; it ends on drop.
#[derive(Debug)]
pub struct Unbound {
    child: Child,
}

impl Unbound {
    /// Starts one on the loopback device of `namespace`, which must be up. It asks the server at `authority`, which must know
    /// them, about `zones`, and nobody about anything else. It answers when this returns; what is in front of it need not.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub fn start(
        namespace: &Namespace,
        directory: &Path,
        zones: &[&str],
        authority: SocketAddr,
    ) -> Result<Self> {
        let file = directory.join("unbound.conf");
        std::fs::write(&file, configuration(directory, zones, authority))?;
        let mut command = namespace.command(program("unbound")?);
        command.args(["-d", "-d", "-c"]).arg(&file);
        let mut child = Child::spawn(command, &directory.join("unbound.log"))?;
        let mut client = Client::new(namespace, Self::address())?;
        let answers = wait::until("unbound to answer", START_LIMIT, || {
            if let Some(status) = child.ended()? {
                anyhow::bail!("unbound ended with {status}");
            }
            // It knows by itself that there is no such name.
            Ok(client.listed(Ipv4Addr::LOCALHOST.into(), "invalid", RecordType::A).ok())
        });
        answers.with_context(|| format!("unbound wrote:\n{}", child.log_text()))?;
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

/// As Debian's runs, but that it leaves the machine alone: no user, no pid file, no root server, no keys.
fn configuration(directory: &Path, zones: &[&str], authority: SocketAddr) -> String {
    let (ip, port) = (authority.ip(), authority.port());
    let mut text = format!(
        "server:
    interface: {address}@{PORT}
    access-control: 127.0.0.0/8 allow
    do-daemonize: no
    do-ip6: no
    do-not-query-localhost: no
    directory: \"{directory}\"
    chroot: \"\"
    username: \"\"
    pidfile: \"\"
    use-syslog: no
    module-config: \"iterator\"
    root-hints: \"\"
    infra-host-ttl: 1
remote-control:
    control-enable: no
",
        address = Ipv4Addr::LOCALHOST,
        directory = directory.display(),
    );
    for zone in zones {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "stub-zone:\n    name: \"{zone}\"\n    stub-addr: {ip}@{port}");
    }
    text
}
