//! Python's `smtplib`, which much home-made software sends with.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::program;
use crate::child::run_to_end;
use crate::namespace::Namespace;

/// Prints what became of a message: exceptions are what a caller of the library sees.
const SCRIPT: &str = r#"
import json, smtplib, sys
source, host, port, sender, timeout, *recipients = sys.argv[1:]
said = {"error": None, "code": None, "text": None, "recipients": {}}
try:
    with smtplib.SMTP(host, int(port), "smtplib.sender.example", float(timeout), (source, 0)) as server:
        server.sendmail(sender, recipients, "Subject: hello\r\n\r\nA line.\r\n")
except smtplib.SMTPRecipientsRefused as error:
    said["error"] = type(error).__name__
    said["recipients"] = {to: [code, text.decode()] for to, (code, text) in error.recipients.items()}
except smtplib.SMTPResponseException as error:
    text = error.smtp_error
    said.update(error=type(error).__name__, code=error.smtp_code, text=text if isinstance(text, str) else text.decode())
except (OSError, smtplib.SMTPException) as error:
    said.update(error=type(error).__name__, text=str(error))
print(json.dumps(said))
"#;

/// One message by `smtplib`.
#[derive(Debug, Clone)]
pub struct Smtplib {
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

/// What the library says to its caller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Raised {
    /// The class of the exception; `None` if the message was accepted.
    pub error: Option<String>,
    /// The server's reply code where it belongs to no recipient.
    pub code: Option<u16>,
    /// The server's words, or the exception's.
    pub text: Option<String>,
    /// Code and words for each refused recipient.
    pub recipients: BTreeMap<String, (u16, String)>,
}

impl Smtplib {
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

    /// Sends from within `namespace`.
    ///
    /// # Errors
    /// When Python is not installed, or does not end.
    pub fn run_in(&self, namespace: &Namespace) -> Result<Raised> {
        let mut command = namespace.command(program("python3")?);
        command.args(["-c", SCRIPT, &self.source.to_string(), &self.server.ip().to_string()]);
        command.args([&self.server.port().to_string(), &self.from, &self.timeout.to_string()]).args(&self.to);
        let output = run_to_end(command, Duration::from_secs(u64::from(self.timeout) * 4 + 10))?;
        ensure!(output.status.success(), "python3: {}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&said).with_context(|| format!("no JSON: {said}"))
    }
}
