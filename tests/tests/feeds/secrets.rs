//! Secrets go to the server that they are for, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::Result;
use relay_guard::feeds::source::HttpSource;
use relay_guard_tests::peers::web::{Request, Response, WebServer};
use tempfile::TempDir;

use super::{LIST, bytes, failure, fetch, source};

fn secret(directory: &TempDir, name: &str, value: &str) -> Result<PathBuf> {
    let file = directory.path().join(name);
    fs::write(&file, value)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// A source with a bearer token and a header of its own.
fn secretive(directory: &TempDir, url: &str) -> Result<HttpSource> {
    let mut source = source(&[url]);
    source.bearer_file = Some(secret(directory, "token", "t0ken\n")?);
    source.header = Some(("X-Api-Key".to_owned(), secret(directory, "key", "k3y\n")?));
    Ok(source)
}

fn secrets(request: &Request) -> (Option<&str>, Option<&str>) {
    (request.header("authorization"), request.header("x-api-key"))
}

const BOTH: (Option<&str>, Option<&str>) = (Some("Bearer t0ken"), Some("k3y"));

#[test]
fn secrets_are_sent_with_every_request_to_their_server() -> Result<()> {
    let (server, directory) = (WebServer::start()?, tempfile::tempdir()?);
    server.script("/old", Response::redirect(302, "/new"));
    server.script("/new", Response::ok(LIST));
    assert_eq!(bytes(fetch(&secretive(&directory, &server.url("/old"))?)), LIST);
    let requests = server.requests();
    assert_eq!(requests.iter().map(secrets).collect::<Vec<_>>(), [BOTH, BOTH]);
    Ok(())
}

#[test]
fn secrets_do_not_follow_to_another_server() -> Result<()> {
    let (server, other, directory) = (WebServer::start()?, WebServer::start()?, tempfile::tempdir()?);
    // There and back again: what is asked of the first is secret again.
    server.script("/list", Response::redirect(302, &other.url("/list")));
    other.script("/list", Response::redirect(302, &server.url("/end")));
    server.script("/end", Response::ok(LIST));
    assert_eq!(bytes(fetch(&secretive(&directory, &server.url("/list"))?)), LIST);
    assert_eq!(other.requests().iter().map(secrets).collect::<Vec<_>>(), [(None, None)]);
    assert_eq!(server.requests().iter().map(secrets).collect::<Vec<_>>(), [BOTH, BOTH]);
    Ok(())
}

#[test]
fn a_user_in_the_url_is_sent_to_that_server_alone_and_never_shown() -> Result<()> {
    let (server, other) = (WebServer::start()?, WebServer::start()?);
    server.script("/list", Response::redirect(302, &other.url("/list")));
    other.script("/list", Response::status(404));
    let url = server.url("/list").replace("://", "://us%40er:p4ss@");
    let (_, message) = failure(fetch(&source(&[&url])));
    assert!(message.starts_with(&format!("cannot fetch {}: ", server.url("/list"))), "{message}");
    // base64 of us@er:p4ss
    let requests = server.requests();
    assert_eq!(requests[0].header("authorization"), Some("Basic dXNAZXI6cDRzcw=="));
    assert_eq!(other.requests()[0].header("authorization"), None);
    Ok(())
}

#[test]
fn secrets_are_read_each_time_and_only_from_safe_files() -> Result<()> {
    let (server, directory) = (WebServer::start()?, tempfile::tempdir()?);
    server.script("/list", Response::ok(LIST));
    let source = secretive(&directory, &server.url("/list"))?;
    fetch(&source)?;
    secret(&directory, "token", "other")?;
    fetch(&source)?;
    let last = server.requests().pop().expect("a request");
    assert_eq!(last.header("authorization"), Some("Bearer other"));
    let token = source.bearer_file.as_ref().expect("set above");
    fs::set_permissions(token, fs::Permissions::from_mode(0o644))?;
    let _ = server.take_requests();
    let (kind, message) = failure(fetch(&source));
    assert_eq!(kind, "secret");
    assert!(message.contains("everybody may use that file") && !message.contains("other\n"), "{message}");
    assert_eq!(server.requests(), [], "nothing was asked without it");
    Ok(())
}

#[test]
fn no_message_holds_a_secret() -> Result<()> {
    let (server, directory) = (WebServer::start()?, tempfile::tempdir()?);
    let url = server.url("/list?key=s3cret").replace("://", "://us3r:p4ss@");
    let source = secretive(&directory, &url)?;
    for behaviour in [
        Response::status(403).into(),
        Response::ok("<html>").into(),
        Response::redirect(302, "ftp://x").into(),
        relay_guard_tests::peers::web::Behaviour::Raw(Vec::new()),
        relay_guard_tests::peers::web::Behaviour::Raw(b"nonsense\r\n\r\n".to_vec()),
    ] {
        server.script("/list?key=s3cret", behaviour);
        let error = fetch(&source).expect_err("an error");
        let texts = [error.to_string(), format!("{error:?}"), format!("{source:?}")];
        for (text, secret) in
            texts.iter().flat_map(|text| ["s3cret", "us3r", "p4ss", "t0ken", "k3y"].map(|s| (text, s)))
        {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    Ok(())
}
