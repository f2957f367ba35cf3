//! Fetching lists from web servers that answer well, badly, or not at all. All of it on loopback, with no need of root
//! but for the last copies on a full disk.

mod broken;
mod content;
mod kept;
mod proxies;
mod redirects;
mod requests;
mod secrets;
mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use relay_guard::feeds::source::{
    Content, FetchError, Fetched, Fetcher, HttpSource, Limit, Source, Validators,
};
use relay_guard_tests::peers::web::WebServer;
use rustix::net::{AddressFamily, SocketType};
use url::Url;

/// The limit of nearly all tests.
const LIMIT: Limit = Limit { bytes: 10_000, name: "limits.list_bytes" };

/// A list.
const LIST: &[u8] = b"192.0.2.1\n198.51.100.0/24\n";

/// More than any fetch here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

fn source(urls: &[&str]) -> HttpSource {
    let urls = urls.iter().map(|url| Url::parse(url).expect("a URL"));
    HttpSource { timeout: PATIENCE, ..HttpSource::new(urls.collect()) }
}

/// Fetches with a runtime of its own, as the command line does.
fn fetch_from(fetcher: &Fetcher, source: &HttpSource, known: &[Validators]) -> Result<Fetched, FetchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(fetcher.fetch(&Source::Http(source.clone()), known, LIMIT))
}

fn fetch(source: &HttpSource) -> Result<Fetched, FetchError> {
    fetch_from(&Fetcher::default(), source, &[])
}

/// What came, which must be content.
fn content(fetched: Result<Fetched, FetchError>) -> Content {
    match fetched {
        Ok(Fetched::Content(content)) => content,
        other => panic!("no content: {other:?}"),
    }
}

/// The bytes of the one document that came.
fn bytes(fetched: Result<Fetched, FetchError>) -> Vec<u8> {
    let mut documents = content(fetched).documents;
    assert_eq!(documents.len(), 1);
    documents.remove(0).bytes
}

/// The kind and the message of the error that came; one line.
fn failure(fetched: Result<Fetched, FetchError>) -> (&'static str, String) {
    let error = fetched.expect_err("an error");
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    (error.kind(), message)
}

/// Fetches `path` of `server`.
fn get(server: &WebServer, path: &str) -> Result<Fetched, FetchError> {
    fetch(&source(&[&server.url(path)]))
}

/// An address of loopback that refuses connections: bound, so that nobody else can have it, but not listened on.
fn refusing() -> anyhow::Result<(OwnedFd, SocketAddr)> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = SocketAddr::try_from(rustix::net::getsockname(&socket)?)?;
    Ok((socket, address))
}

/// A host that never has an address, and for which no resolver is asked: its first label is too long.
fn unresolvable() -> String {
    format!("{}.invalid", "x".repeat(64))
}
