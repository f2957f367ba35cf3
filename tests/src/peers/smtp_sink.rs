//! `smtp-sink`, Postfix's SMTP server that takes everything.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;

use super::{program, wait_until_listening};
use crate::child::Child;
use crate::lab::Lab;
use crate::namespace::Namespace;

/// A running `smtp-sink`; it ends on drop.
#[derive(Debug)]
pub struct SmtpSink {
    child: Child,
    messages: PathBuf,
}

impl SmtpSink {
    /// Starts one in `namespace`, which must be of `lab`; it listens when this returns.
    ///
    /// # Errors
    /// When it is not installed or cannot listen.
    pub fn start(lab: &Lab, namespace: &Namespace, address: SocketAddr) -> Result<Self> {
        let messages = lab.fresh_path("smtp-sink");
        fs::create_dir(&messages)?;
        let mut command = namespace.command(program("smtp-sink")?);
        // Root stays root: changing the user would also clear the signal that ends it with the test.
        command.args(["-u", "root", "-d"]).arg(messages.join("message-"));
        command.arg(address.to_string()).arg("100");
        let mut child = Child::spawn(command, &lab.fresh_path("smtp-sink.log"))?;
        wait_until_listening(&mut child, "smtp-sink", namespace, address.port())?;
        Ok(Self { child, messages })
    }

    /// The messages it has taken, each with the envelope in `X-Client-Addr:`, `X-Mail-Args:`, `X-Rcpt-Args:` above
    /// its own header. One still being received may be among them.
    ///
    /// # Errors
    /// When its directory cannot be read.
    pub fn messages(&self) -> Result<Vec<String>> {
        let mut messages = Vec::new();
        for entry in fs::read_dir(&self.messages)? {
            messages.push(String::from_utf8_lossy(&fs::read(entry?.path())?).into_owned());
        }
        Ok(messages)
    }

    /// What it has complained about.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.child.log_text()
    }
}
