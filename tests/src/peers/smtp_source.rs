//! `smtp-source`, Postfix's SMTP client that sends many messages.

use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;

use anyhow::Result;

use super::program;
use crate::child::run_to_end;
use crate::namespace::Namespace;

/// A run of `smtp-source`. It cannot bind to a source address: see [`crate::Lab::prefer_source`].
#[derive(Debug, Clone)]
pub struct SmtpSource {
    /// The server.
    pub server: SocketAddr,
    /// How many messages in all.
    pub messages: u32,
    /// How many connections at once.
    pub sessions: u32,
    /// Bytes of content per message.
    pub length: u32,
    /// The envelope sender.
    pub from: String,
    /// The envelope recipient.
    pub to: String,
}

impl SmtpSource {
    /// One short message.
    #[must_use]
    pub fn new(server: SocketAddr) -> Self {
        Self {
            server,
            messages: 1,
            sessions: 1,
            length: 200,
            from: "someone@sender.example".to_owned(),
            to: format!("user@{}", super::RECEIVED_DOMAIN),
        }
    }

    /// Sends from within `namespace`. It ends with status 0 when all was delivered; it gives up on the first failure,
    /// saying why on standard error.
    ///
    /// # Errors
    /// When it is not installed or has not ended after `within`; it has no connect timeout of its own, so a sender
    /// whose packets are dropped ends here.
    pub fn run_in(&self, namespace: &Namespace, within: Duration) -> Result<Output> {
        let mut command = namespace.command(program("smtp-source")?);
        for (flag, number) in [("-m", self.messages), ("-s", self.sessions), ("-l", self.length)] {
            command.arg(flag).arg(number.to_string());
        }
        command.args(["-f", &self.from, "-t", &self.to, "-M", "source.sender.example"]);
        command.arg(format!("inet:{}", self.server));
        run_to_end(command, within)
    }
}
