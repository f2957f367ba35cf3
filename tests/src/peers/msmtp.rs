//! `msmtp`, the small client that sends a host's own mail through another server.

use std::net::{IpAddr, SocketAddr};
use std::process::Output;
use std::time::Duration;

use anyhow::Result;

use super::{input, program};
use crate::child::run_to_end;
use crate::namespace::Namespace;

/// One message by `msmtp`.
#[derive(Debug, Clone)]
pub struct Msmtp {
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

impl Msmtp {
    /// Exit status: the message was accepted.
    pub const ACCEPTED: i32 = 0;
    /// Exit status `EX_DATAERR` of sysexits.h: the server has refused a recipient.
    pub const RECIPIENT_REFUSED: i32 = 65;

    /// A short message from `source`.
    #[must_use]
    pub fn new(source: IpAddr, server: SocketAddr) -> Self {
        Self {
            source,
            server,
            from: "someone@sender.example".to_owned(),
            to: vec![format!("user@{}", super::RECEIVED_DOMAIN)],
            timeout: 5,
        }
    }

    /// Sends from within `namespace`. What the server said is on standard error.
    ///
    /// # Errors
    /// When it is not installed or does not end.
    pub fn run_in(&self, namespace: &Namespace) -> Result<Output> {
        let mut command = namespace.command(program("msmtp")?);
        command.args(["--tls=off", "--auth=off", "--syslog=off", "--domain=msmtp.sender.example"]);
        for (flag, value) in [
            ("host", self.server.ip().to_string()),
            ("port", self.server.port().to_string()),
            ("source-ip", self.source.to_string()),
            ("timeout", self.timeout.to_string()),
            ("from", self.from.clone()),
        ] {
            command.arg(format!("--{flag}={value}"));
        }
        command.arg("--").args(&self.to).stdin(input("Subject: hello\n\nA line.\n")?);
        run_to_end(command, Duration::from_secs(u64::from(self.timeout) * 4 + 10))
    }
}
