//! Why a source gave nothing. Each error is one line and shows no secret.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::lists::source::SourceError;

/// Why a source gave no content.
///
/// URLs in it are [`shown`](super::shown), words of servers and commands are escaped and cut.
#[derive(Debug, Error)]
pub enum FetchError {
    /// A file that cannot be read.
    #[error(transparent)]
    File(#[from] SourceError),
    /// A directory that cannot be listed.
    #[error("cannot list {}: {cause}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// A directory of too many files.
    #[error("{}: more than {limit} files; keep the list in fewer or in a directory of its own", path.display())]
    TooManyFiles {
        /// The directory.
        path: PathBuf,
        /// The limit, in files.
        limit: usize,
    },
    /// A source that can never be fetched from as it is written.
    #[error("cannot fetch {what}: {cause}; correct the configuration")]
    Unusable {
        /// The source.
        what: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A file with a token or a header's value.
    #[error("cannot use the secret in {}: {cause}", file.display())]
    Secret {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and what to do.
        cause: String,
    },
    /// A file with certificates.
    #[error("cannot use the certificates in {}: {cause}", file.display())]
    CaFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and what to do.
        cause: String,
    },
    /// The host has no address, or the resolver does not answer.
    #[error("cannot fetch {url}: cannot resolve {host}: {cause}; check the name and the resolver")]
    Resolve {
        /// What was fetched.
        url: String,
        /// The host whose address was asked for.
        host: String,
        /// What the resolver said.
        cause: String,
    },
    /// No connection.
    #[error("cannot fetch {url}: cannot connect{via}: {cause}")]
    Connect {
        /// What was fetched.
        url: String,
        /// ` through the proxy URL`, or nothing.
        via: String,
        /// What the system or the proxy said.
        cause: String,
    },
    /// The encrypted connection could not be set up.
    #[error("cannot fetch {url}: TLS: {cause}")]
    Tls {
        /// What was fetched.
        url: String,
        /// What is wrong, and what to do.
        cause: String,
    },
    /// It took too long.
    #[error("cannot fetch {what}: {stage} within {} s; raise its timeout if it is always slow", limit.as_secs_f32())]
    Timeout {
        /// What was fetched or run.
        what: String,
        /// What did not happen.
        stage: &'static str,
        /// The time limit.
        limit: Duration,
    },
    /// The connection ended before an answer.
    #[error("cannot fetch {url}: the connection was closed before an answer came")]
    Reset {
        /// What was fetched.
        url: String,
    },
    /// The answer is not HTTP.
    #[error("cannot fetch {url}: the answer is not valid HTTP: {cause}")]
    Protocol {
        /// What was fetched.
        url: String,
        /// What is wrong.
        cause: String,
    },
    /// An answer that brings no content.
    #[error("cannot fetch {url}: the server answered {status}{}", advice(*status))]
    Status {
        /// What was fetched.
        url: String,
        /// The status code (RFC 9110, section 15).
        status: u16,
        /// How long the server asks to wait; bounded.
        retry_after: Option<Duration>,
    },
    /// A redirect that is not followed.
    #[error("cannot fetch {url}: redirected {fault}")]
    Redirect {
        /// What was fetched.
        url: String,
        /// Where it led.
        fault: RedirectFault,
    },
    /// The connection ended in the middle of the content.
    #[error("cannot fetch {url}: truncated: the connection ended after {received} bytes{}", of(*expected))]
    Truncated {
        /// What was fetched.
        url: String,
        /// Bytes that came.
        received: u64,
        /// Bytes that the server had promised, if it had.
        expected: Option<u64>,
    },
    /// More bytes than the limit.
    #[error(
        "cannot fetch {what}: larger than {limit} bytes ({limit_name}); raise the limit if that is meant"
    )]
    TooLarge {
        /// What was fetched.
        what: String,
        /// The limit, in bytes.
        limit: u64,
        /// What the limit is called where it can be changed.
        limit_name: &'static str,
    },
    /// Few compressed bytes that make more than the limit.
    #[error(
        "cannot unpack {what}: its {packed} bytes make more than {limit} ({limit_name}); raise the limit if that is meant"
    )]
    GzipBomb {
        /// What was unpacked.
        what: String,
        /// Bytes before unpacking.
        packed: u64,
        /// The limit, in bytes.
        limit: u64,
        /// What the limit is called where it can be changed.
        limit_name: &'static str,
    },
    /// Compressed content that cannot be unpacked.
    #[error("cannot unpack {what}: {cause}")]
    Gzip {
        /// What was unpacked.
        what: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A page for people.
    #[error("{what}: it is an HTML page, not a list; look at it in a browser: it may say what is wrong")]
    Html {
        /// What was fetched.
        what: String,
    },
    /// The command could not be started.
    #[error("cannot run {what}: {cause}")]
    Command {
        /// The command.
        what: String,
        /// What the system said.
        cause: String,
    },
    /// The command said itself that it failed.
    #[error("{what} failed with {status}{}", said(said_last))]
    CommandFailed {
        /// The command.
        what: String,
        /// `exit status N` or `signal N`.
        status: String,
        /// The last line on its standard error, escaped and cut; empty if there was none.
        said_last: String,
    },
}

/// Where a redirect led that is not followed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RedirectFault {
    /// From one to the next to the next.
    #[error("more than {0} times")]
    TooOften(usize),
    /// From an encrypted connection to one that is not.
    #[error("from https to {0}; give that URL if it is to be trusted")]
    Insecure(String),
    /// To something that is not fetched from.
    #[error("to a URL that cannot be fetched: {0}")]
    Unusable(String),
    /// A redirect without a place.
    #[error("without saying where")]
    Nowhere,
}

impl FetchError {
    /// A short word for the cause; stable, for metrics and tables.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(SourceError::TooLarge { .. }) | Self::TooLarge { .. } => "too-large",
            Self::File(_) => "file",
            Self::Directory { .. } => "directory",
            Self::TooManyFiles { .. } => "too-many-files",
            Self::Unusable { .. } => "unusable",
            Self::Secret { .. } => "secret",
            Self::CaFile { .. } => "ca-file",
            Self::Resolve { .. } => "resolve",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::Reset { .. } => "reset",
            Self::Protocol { .. } => "protocol",
            Self::Status { .. } => "status",
            Self::Redirect { .. } => "redirect",
            Self::Truncated { .. } => "truncated",
            Self::GzipBomb { .. } => "gzip-bomb",
            Self::Gzip { .. } => "gzip",
            Self::Html { .. } => "html",
            Self::Command { .. } => "command",
            Self::CommandFailed { .. } => "command-failed",
        }
    }

    /// Whether no server was bothered, so that asking again soon is no burden: no address, no connection, no answer.
    #[must_use]
    pub const fn unanswered(&self) -> bool {
        matches!(
            self,
            Self::Resolve { .. }
                | Self::Connect { .. }
                | Self::Reset { .. }
                | Self::File(SourceError::Changing { .. })
        )
    }

    /// How long the server asks to wait before it is asked again; never more than
    /// [`MAX_RETRY_AFTER`](super::MAX_RETRY_AFTER).
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// What an administrator can do about a status.
const fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 | 407 => {
            " (not allowed); check the token, and whether the provider has blocked this address"
        }
        404 | 410 => " (not found); check the URL, the feed may have ended",
        429 => " (too many requests); lengthen its interval",
        500..=599 => " (the server's own fault)",
        _ => "",
    }
}

fn of(expected: Option<u64>) -> String {
    expected.map_or_else(String::new, |expected| format!(" of {expected}"))
}

fn said(last: &str) -> String {
    if last.is_empty() { String::new() } else { format!("; it said \"{last}\"") }
}

/// The most characters of what a stranger said that a message repeats.
const MAX_QUOTED_CHARS: usize = 200;

/// What a stranger said, as a message may show it: one line, no control characters, not too long.
pub(super) fn quoted(text: &str) -> String {
    let text = text.trim();
    let mut out: String = text.chars().take(MAX_QUOTED_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_QUOTED_CHARS).is_some() {
        out.push('…');
    }
    out
}
