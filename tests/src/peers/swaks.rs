//! `swaks`, the SMTP client that administrators test with. For IPv6 it needs a Perl module that its package only
//! recommends, libio-socket-inet6-perl.

use std::net::{IpAddr, SocketAddr};
use std::process::Output;
use std::time::Duration;

use anyhow::Result;

use super::program;
use crate::child::run_to_end;
use crate::namespace::Namespace;

/// One message by `swaks`.
#[derive(Debug, Clone)]
pub struct Swaks {
    /// The source address to bind to.
    pub source: IpAddr,
    /// The server.
    pub server: SocketAddr,
    /// The envelope sender.
    pub from: String,
    /// The envelope recipients.
    pub to: Vec<String>,
    /// Seconds for the connection and for each reply.
    pub timeout: u32,
}

impl Swaks {
    /// Exit status: the message was accepted.
    pub const ACCEPTED: i32 = 0;
    /// Exit status: no connection to the server.
    pub const NO_CONNECTION: i32 = 2;
    /// Exit status: all recipients were refused.
    pub const RECIPIENTS_REFUSED: i32 = 24;

    /// A short message from `source`.
    #[must_use]
    pub fn new(source: impl Into<IpAddr>, server: impl Into<SocketAddr>) -> Self {
        Self {
            source: source.into(),
            server: server.into(),
            from: "someone@sender.example".to_owned(),
            to: vec![format!("user@{}", super::RECEIVED_DOMAIN)],
            timeout: 5,
        }
    }

    /// Sends from within `namespace`. The transcript is on standard output; for the status see the constants and the
    /// section "EXIT CODES" of its manual.
    ///
    /// # Errors
    /// When it is not installed or does not end.
    pub fn run_in(&self, namespace: &Namespace) -> Result<Output> {
        let mut command = namespace.command(program("swaks")?);
        command.args(["--server", &self.server.ip().to_string(), "--port", &self.server.port().to_string()]);
        command.args(["--local-interface", &self.source.to_string(), "--timeout", &self.timeout.to_string()]);
        // Without the family it takes IPv4 for granted.
        command.arg(if self.server.is_ipv4() { "-4" } else { "-6" });
        command.args(["--from", &self.from, "--to", &self.to.join(","), "--ehlo", "swaks.sender.example"]);
        run_to_end(command, Duration::from_secs(u64::from(self.timeout) * 4 + 10))
    }
}
