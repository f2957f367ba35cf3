//! Bringing a list's content: from a file, a directory, a web server, or a command's output.
//!
//! Everything is bounded: bytes as they come and unpacked, files, redirects, time. Content compressed with gzip is
//! recognised by its first bytes and unpacked, whatever its name; an HTML page is refused for what it is. A failure is
//! one [`FetchError`]; what was fetched before is the caller's to keep.

mod address;
mod causes;
mod command;
mod content;
mod error;
mod fetcher;
mod files;
mod http;
mod proxies;
mod response;
mod secret;
mod trust;
mod unpack;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

pub use address::{UrlFault, check_url, shown};
pub use content::{Content, Document, Fetched, Limit, Validators};
pub use error::{FetchError, RedirectFault};
pub use fetcher::Fetcher;
pub use files::MAX_FILES;
pub use http::{CONNECT_TIMEOUT, MAX_REDIRECTS};
pub use proxies::{Proxies, ProxyFault};
pub use response::{MAX_RETRY_AFTER, MAX_VALIDATOR_BYTES};
pub use secret::{MAX_SECRET_BYTES, check_header_name, secret_line};
pub use unpack::unpacked;

/// How long a fetch may take in all, unless its source says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Where a list's content comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// All files of a directory, but hidden ones and editors' backups; one document each, in the order of their names.
    Directory(PathBuf),
    /// One or more documents of web servers.
    Http(HttpSource),
    /// What a command writes to its standard output.
    Command(CommandSource),
}

/// Documents of web servers that make one list.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpSource {
    /// `http` or `https`; one document each. A user and password in it are sent as basic authentication.
    pub urls: Vec<Url>,
    /// A file that holds a bearer token (RFC 6750), read at each fetch.
    pub bearer_file: Option<PathBuf>,
    /// The name of a header, and a file that holds its value, read at each fetch.
    pub header: Option<(String, PathBuf)>,
    /// Certificates in PEM that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long all documents together may take.
    pub timeout: Duration,
}

impl HttpSource {
    /// A source without secrets, with the system's trust and [`DEFAULT_TIMEOUT`].
    #[must_use]
    pub fn new(urls: Vec<Url>) -> Self {
        Self { urls, bearer_file: None, header: None, ca_file: None, timeout: DEFAULT_TIMEOUT }
    }

    /// The first URL that would carry a secret over an unencrypted connection, for a warning.
    #[must_use]
    pub fn secret_in_clear(&self) -> Option<&Url> {
        let file = self.bearer_file.is_some() || self.header.is_some();
        self.urls.iter().find(|url| url.scheme() == "http" && (file || !url.username().is_empty()))
    }
}

/// URLs are shown without what may be secret in them.
impl fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSource")
            .field("urls", &self.urls.iter().map(shown).collect::<Vec<_>>())
            .field("bearer_file", &self.bearer_file)
            .field("header", &self.header)
            .field("ca_file", &self.ca_file)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// A command that writes a list. It is run without a shell, with nothing on its standard input and no environment but
/// `PATH`, `LANG` and the proxy variables.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandSource {
    /// The program, found by `PATH` if its name has no slash, and its arguments.
    pub argv: Vec<String>,
    /// How long it may run before it is killed with all that it started.
    pub timeout: Duration,
}

/// Arguments may be secrets.
impl fmt::Debug for CommandSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.argv.first().map_or("", String::as_str);
        f.debug_struct("CommandSource")
            .field("program", &program)
            .field("arguments", &self.argv.len().saturating_sub(1))
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// As a message names it: nothing secret in it.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Http(http) => match http.urls.as_slice() {
                [] => f.write_str("no URL"),
                [url] => f.write_str(&shown(url)),
                [url, rest @ ..] => write!(f, "{} and {} more", shown(url), rest.len()),
            },
            Self::Command(command) => write!(f, "command {}", command::name(command)),
        }
    }
}

impl Source {
    /// One word for its kind, for tables and metrics: `file`, `directory`, `http` or `command`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Directory(_) => "directory",
            Self::Http(_) => "http",
            Self::Command(_) => "command",
        }
    }

    /// What tells this source from another in the cache: equal for equal sources, with nothing secret in it. Secrets,
    /// certificates and time limits do not count; the content is the same without them.
    #[must_use]
    pub fn id(&self) -> String {
        let mut whole = crc32fast::Hasher::new();
        let mut add = |part: &[u8]| {
            whole.update(part);
            whole.update(&[0]);
        };
        match self {
            Self::File(path) | Self::Directory(path) => add(path.as_os_str().as_encoded_bytes()),
            Self::Http(http) => http.urls.iter().for_each(|url| add(url.as_str().as_bytes())),
            Self::Command(command) => command.argv.iter().for_each(|word| add(word.as_bytes())),
        }
        format!("{} {self} {:08x}", self.kind(), whole.finalize())
    }
}

#[cfg(test)]
mod tests;
