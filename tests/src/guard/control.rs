//! The daemon's control socket as `curl --unix-socket` uses it: plain HTTP, one request per connection.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer of the control socket.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The value of `content-type`, empty if there is none.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none, or not announced as such.
    pub fn json(&self) -> Result<Value> {
        anyhow::ensure!(self.content_type.starts_with("application/json"), "not announced as JSON: {self:?}");
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {self:?}"))
    }
}

/// Sends one request to a socket and reads the answer. `body` goes as JSON.
///
/// # Errors
/// When nobody listens, or what comes back is no HTTP.
pub(super) fn request(socket: &Path, method: &str, target: &str, body: Option<&str>) -> Result<Answer> {
    let mut stream =
        UnixStream::connect(socket).with_context(|| format!("cannot use {}", socket.display()))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let content = body.map_or_else(String::new, |body| {
        format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    });
    let end = if body.is_some() { "" } else { "\r\n" };
    write!(stream, "{method} {target} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n{content}{end}")?;
    let mut text = String::new();
    stream.read_to_string(&mut text).context("the control socket does not answer")?;
    parse(&text).with_context(|| format!("no HTTP: {text:?}"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = first.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let content_type = headers.lines().filter_map(|line| line.split_once(": "));
    let content_type = content_type
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.to_owned())
        .next();
    Some(Answer { status, content_type: content_type.unwrap_or_default(), body: body.to_owned() })
}
