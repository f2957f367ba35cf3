//! What an error of the HTTP client was caused by: its chain of causes, read into one [`FetchError`].

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use rustls::CertificateError;

use super::FetchError;
use super::error::quoted;
use super::http::CONNECT_TIMEOUT;
use crate::lists::source::os_words;

type Cause = dyn StdError + 'static;

/// Where a request was going, for messages.
pub(super) struct Way {
    /// The URL that was asked for, as it may be shown.
    pub(super) url: String,
    /// The host that was connected to: the server's, or the proxy's.
    pub(super) host: String,
    /// The proxy, as it may be shown.
    pub(super) proxy: Option<String>,
}

/// Why no answer came.
pub(super) fn before_answer(error: &reqwest::Error, way: &Way) -> FetchError {
    let url = way.url.clone();
    if let Some(tls) = find::<rustls::Error>(error) {
        return FetchError::Tls { url, cause: tls_words(tls) };
    }
    if error.is_dns() {
        return FetchError::Resolve { url, host: way.host.clone(), cause: resolver_words(error) };
    }
    if error.is_connect() {
        if error.is_timeout() {
            return FetchError::Timeout { what: url, stage: "no connection", limit: CONNECT_TIMEOUT };
        }
        let via = way.proxy.as_ref().map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
        return FetchError::Connect { url, via, cause: innermost(error) };
    }
    if ended_early(error) {
        FetchError::Reset { url }
    } else {
        FetchError::Protocol { url, cause: innermost(error) }
    }
}

/// Why the content stopped coming after `received` bytes of `expected`.
pub(super) fn within_content(
    error: &reqwest::Error,
    url: &str,
    received: u64,
    expected: Option<u64>,
) -> FetchError {
    let url = url.to_owned();
    if ended_early(error) {
        FetchError::Truncated { url, received, expected }
    } else if let Some(tls) = find::<rustls::Error>(error) {
        FetchError::Tls { url, cause: tls_words(tls) }
    } else {
        FetchError::Protocol { url, cause: innermost(error) }
    }
}

/// Whether the other side went away.
fn ended_early(error: &reqwest::Error) -> bool {
    let by_system = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        matches!(
            cause.kind(),
            ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::NotConnected
        )
    });
    by_system || find::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message)
}

fn tls_words(error: &rustls::Error) -> String {
    match error {
        // A bad signature: an authority of that name is trusted, with another key.
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "its certificate is from an authority that is not trusted here; install that authority or give ca_file".to_owned()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for another name; check the URL".to_owned(),
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "its certificate has expired; check this machine's clock, or tell the provider".to_owned()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "its certificate is not valid yet; check this machine's clock".to_owned(),
        rustls::Error::InvalidMessage(_) => "the other side does not speak TLS; check the port".to_owned(),
        other => quoted(&other.to_string()),
    }
}

/// `getaddrinfo`'s words, without Rust's before them.
fn resolver_words(error: &reqwest::Error) -> String {
    let words = innermost(error);
    words.strip_prefix("failed to lookup address information: ").unwrap_or(&words).to_owned()
}

/// The words of the last cause of all.
fn innermost(error: &reqwest::Error) -> String {
    let last = causes(error).last().unwrap_or(error);
    let words = last.downcast_ref::<io::Error>().map_or_else(|| last.to_string(), os_words);
    quoted(&words)
}

fn find<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// An error and all its causes. An I/O error made from another one hides it from `source`, so it is asked as well.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &Cause> {
    std::iter::successors(Some(error as &Cause), |cause| next(*cause))
}

fn next(cause: &Cause) -> Option<&Cause> {
    match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner as &Cause),
        None => cause.source(),
    }
}
