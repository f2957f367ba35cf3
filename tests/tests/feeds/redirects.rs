//! Redirects: followed to an end, never to less safety.

use anyhow::Result;
use relay_guard_tests::peers::web::{Authority, Response, WebServer};

use super::{LIST, bytes, failure, fetch, get, source};

#[test]
fn redirects_are_followed_and_the_document_keeps_its_name() -> Result<()> {
    let (first, second) = (WebServer::start()?, WebServer::start()?);
    second.script("/list", Response::ok(LIST));
    for status in [301, 302, 303, 307, 308] {
        first.script("/old", Response::redirect(status, "/new"));
        first.script("/new", Response::redirect(status, &second.url("/list")));
        assert_eq!(bytes(get(&first, "/old")), LIST);
        assert_eq!(super::content(get(&first, "/old")).documents[0].name, first.url("/old"));
    }
    Ok(())
}

#[test]
fn redirects_end_after_five() -> Result<()> {
    let server = WebServer::start()?;
    for hop in 0..5 {
        server.script(&format!("/{hop}"), Response::redirect(302, &format!("/{}", hop + 1)));
    }
    server.script("/5", Response::ok(LIST));
    assert_eq!(bytes(get(&server, "/0")), LIST);
    server.script("/start", Response::redirect(302, "/0"));
    let expected = format!("cannot fetch {}: redirected more than 5 times", server.url("/start"));
    assert_eq!(failure(get(&server, "/start")), ("redirect", expected));
    server.script("/loop", Response::redirect(302, "/loop"));
    let _ = server.take_requests();
    assert_eq!(failure(get(&server, "/loop")).0, "redirect");
    assert_eq!(server.requests().len(), 6);
    Ok(())
}

#[test]
fn redirects_lead_nowhere_else() -> Result<()> {
    let server = WebServer::start()?;
    let url = server.url("/list");
    for (location, expected) in [
        ("ftp://192.0.2.1/list", "to a URL that cannot be fetched: only http and https can be fetched"),
        ("file:///etc/shadow", "to a URL that cannot be fetched: only http and https can be fetched"),
        ("http://", "to a URL that cannot be fetched: empty host"),
    ] {
        server.script("/list", Response::redirect(302, location));
        let expected = format!("cannot fetch {url}: redirected {expected}");
        assert_eq!(failure(get(&server, "/list")), ("redirect", expected));
    }
    server.script("/list", Response::status(302));
    let expected = format!("cannot fetch {url}: redirected without saying where");
    assert_eq!(failure(get(&server, "/list")), ("redirect", expected));
    Ok(())
}

#[test]
fn an_encrypted_feed_is_not_fetched_without_encryption() -> Result<()> {
    let authority = Authority::new()?;
    let (safe, plain) = (WebServer::start_tls(&authority, &["127.0.0.1"])?, WebServer::start()?);
    let directory = tempfile::tempdir()?;
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem())?;
    plain.script("/list", Response::ok(LIST));
    safe.script("/list", Response::redirect(302, &plain.url("/list?key=secret")));
    let mut source = source(&[&safe.url("/list")]);
    source.ca_file = Some(ca_file);
    let expected = format!(
        "cannot fetch {}: redirected from https to {}; give that URL if it is to be trusted",
        safe.url("/list"),
        plain.url("/list?…")
    );
    assert_eq!(failure(fetch(&source)), ("redirect", expected));
    assert_eq!(plain.requests(), []);
    // The other way round it is.
    plain.script("/list", Response::redirect(302, &safe.url("/end")));
    safe.script("/end", Response::ok(LIST));
    source.urls = super::source(&[&plain.url("/list")]).urls;
    assert_eq!(bytes(fetch(&source)), LIST);
    Ok(())
}
