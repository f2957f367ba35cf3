//! Encrypted connections: trusted, not trusted, and not encrypted at all.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use relay_guard_tests::peers::web::{Authority, Behaviour, Response, WebServer};
use tempfile::TempDir;

use super::{LIST, bytes, failure, fetch, source};

fn ca_file(directory: &TempDir, authority: &Authority) -> Result<PathBuf> {
    let file = directory.path().join("ca.pem");
    fs::write(&file, authority.pem())?;
    Ok(file)
}

#[test]
fn an_unknown_authority_is_refused_and_a_given_one_trusted() -> Result<()> {
    let (authority, directory) = (Authority::new()?, tempfile::tempdir()?);
    let server = WebServer::start_tls(&authority, &["127.0.0.1"])?;
    server.script("/list", Response::ok(LIST));
    let mut source = source(&[&server.url("/list")]);
    let unknown = format!(
        "cannot fetch {}: TLS: its certificate is from an authority that is not trusted here; install that \
         authority or give ca_file",
        server.url("/list")
    );
    assert_eq!(failure(fetch(&source)), ("tls", unknown.clone()));
    assert_eq!(server.requests(), [], "nothing was asked of it");
    source.ca_file = Some(ca_file(&directory, &authority)?);
    assert_eq!(bytes(fetch(&source)), LIST);
    source.ca_file = Some(ca_file(&directory, &Authority::new()?)?);
    assert_eq!(failure(fetch(&source)), ("tls", unknown));
    Ok(())
}

#[test]
fn a_certificate_for_another_name_is_refused() -> Result<()> {
    let (authority, directory) = (Authority::new()?, tempfile::tempdir()?);
    let server = WebServer::start_tls(&authority, &["feeds.example", "127.0.0.2"])?;
    let mut source = source(&[&server.url("/list")]);
    source.ca_file = Some(ca_file(&directory, &authority)?);
    let expected = format!(
        "cannot fetch {}: TLS: its certificate is for another name; check the URL",
        server.url("/list")
    );
    assert_eq!(failure(fetch(&source)), ("tls", expected));
    Ok(())
}

#[test]
fn a_server_that_does_not_speak_tls_is_named_as_such() -> Result<()> {
    let server = WebServer::start()?;
    let url = server.url("/list").replace("http:", "https:");
    // It waits for the end of a header that never comes; so it is made to speak first by another peer.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let talker = format!("https://{}/list", listener.local_addr()?);
    let thread = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut client, _) = listener.accept()?;
        std::io::Write::write_all(&mut client, b"220 mail.example ESMTP\r\n")?;
        // Until the client goes.
        std::io::copy(&mut client, &mut std::io::sink())?;
        Ok(())
    });
    let expected = format!("cannot fetch {talker}: TLS: the other side does not speak TLS; check the port");
    assert_eq!(failure(fetch(&source(&[&talker]))), ("tls", expected));
    // It may see a reset instead of the end.
    let _ = thread.join();
    let mut silent = source(&[&url]);
    silent.timeout = std::time::Duration::from_millis(250);
    assert_eq!(failure(fetch(&silent)).0, "timeout");
    Ok(())
}

#[test]
fn content_cut_short_within_tls_is_noticed() -> Result<()> {
    let (authority, directory) = (Authority::new()?, tempfile::tempdir()?);
    let server = WebServer::start_tls(&authority, &["127.0.0.1"])?;
    let mut source = source(&[&server.url("/list")]);
    source.ca_file = Some(ca_file(&directory, &authority)?);
    let promised = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n192.0.2.1\n".to_vec();
    server.script("/list", Behaviour::Raw(promised));
    assert_eq!(failure(fetch(&source)).0, "truncated");
    // Without a length the end of TLS itself says that nothing is missing; without that end something may be.
    let until_close = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n192.0.2.1\n".to_vec();
    server.script("/list", Behaviour::Raw(until_close.clone()));
    assert_eq!(bytes(fetch(&source)), b"192.0.2.1\n");
    server.script("/list", Behaviour::RawThenReset(until_close));
    let (kind, message) = failure(fetch(&source));
    assert!(matches!(kind, "truncated" | "reset"), "{message}");
    Ok(())
}

#[test]
fn a_file_without_certificates_is_an_error() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("ca.pem");
    fs::write(&file, "not a certificate")?;
    let mut source = source(&["https://127.0.0.1:9/list"]);
    source.ca_file = Some(file.clone());
    let expected = format!(
        "cannot use the certificates in {}: there is no certificate in it; give PEM (-----BEGIN CERTIFICATE-----)",
        file.display()
    );
    assert_eq!(failure(fetch(&source)), ("ca-file", expected));
    Ok(())
}
