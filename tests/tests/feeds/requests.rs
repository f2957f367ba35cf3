//! What a server is asked, and what is made of its answer's status.

use std::time::Duration;

use anyhow::Result;
use relay_guard::feeds::source::{Fetched, Fetcher, Validators};
use relay_guard_tests::peers::web::{Behaviour, Response, WebServer};

use super::{LIST, bytes, content, failure, fetch_from, get, source};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[test]
fn a_list_is_fetched_and_the_server_knows_by_whom() -> Result<()> {
    let server = WebServer::start()?;
    server.script("/list.txt?a=b", Response::ok(LIST));
    let fetched = content(get(&server, "/list.txt?a=b"));
    assert_eq!(fetched.documents[0].bytes, LIST);
    assert_eq!(fetched.documents[0].name, server.url("/list.txt?…"));
    let [request] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
    assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/list.txt?a=b"));
    assert_eq!(request.header("user-agent"), Some("relay-guard/0.1.0"));
    assert_eq!(request.header("host"), Some(server.address().to_string().as_str()));
    for unwanted in ["authorization", "if-none-match", "if-modified-since", "referer", "cookie"] {
        assert_eq!(request.header(unwanted), None);
    }
    Ok(())
}

#[test]
fn what_did_not_change_is_not_sent_again() -> Result<()> {
    let server = WebServer::start()?;
    server.script("/tagged", Behaviour::tagged("W/\"1\"", LIST));
    server.script("/dated", Behaviour::dated(DATE, LIST));
    for path in ["/tagged", "/dated"] {
        let source = source(&[&server.url(path)]);
        let first = content(fetch_from(&Fetcher::default(), &source, &[]));
        assert_eq!(first.documents[0].bytes, LIST);
        let known = first.validators();
        assert_eq!(fetch_from(&Fetcher::default(), &source, &known)?, Fetched::NotModified);
    }
    let etag = |validators: &Validators| validators.etag.clone();
    server.script("/tagged", Behaviour::tagged("W/\"2\"", "192.0.2.2\n"));
    let known = [Validators { etag: Some("W/\"1\"".to_owned()), last_modified: Some(DATE.to_owned()) }];
    let second = content(fetch_from(&Fetcher::default(), &source(&[&server.url("/tagged")]), &known));
    assert_eq!(second.validators().iter().map(etag).collect::<Vec<_>>(), [Some("W/\"2\"".to_owned())]);
    let last = server.requests().pop().expect("a request");
    assert_eq!(last.header("if-none-match"), Some("W/\"1\""));
    assert_eq!(last.header("if-modified-since"), Some(DATE));
    Ok(())
}

#[test]
fn a_304_that_nobody_asked_for_is_an_error() -> Result<()> {
    let server = WebServer::start()?;
    server.script("/list", Response::status(304));
    let expected = format!("cannot fetch {}: the server answered 304", server.url("/list"));
    assert_eq!(failure(get(&server, "/list")), ("status", expected));
    // A validator that cannot be sent is none.
    let known = [Validators { etag: Some("\"a\nb\"".to_owned()), last_modified: None }];
    let asked = fetch_from(&Fetcher::default(), &source(&[&server.url("/list")]), &known);
    assert_eq!(failure(asked).0, "status");
    Ok(())
}

#[test]
fn several_documents_are_one_content() -> Result<()> {
    let server = WebServer::start()?;
    server.script("/v4", Behaviour::tagged("\"4\"", "192.0.2.1\n"));
    server.script("/v6", Behaviour::tagged("\"6\"", "2001:db8::/32\n"));
    let source = source(&[&server.url("/v4"), &server.url("/v6")]);
    let first = content(fetch_from(&Fetcher::default(), &source, &[]));
    let texts = |content: &relay_guard::feeds::source::Content| -> Vec<Vec<u8>> {
        content.documents.iter().map(|document| document.bytes.clone()).collect()
    };
    assert_eq!(texts(&first), [b"192.0.2.1\n".to_vec(), b"2001:db8::/32\n".to_vec()]);
    assert_eq!(fetch_from(&Fetcher::default(), &source, &first.validators())?, Fetched::NotModified);
    // Where one changed, both are given.
    server.script("/v6", Behaviour::tagged("\"7\"", "2001:db8:1::/48\n"));
    let second = content(fetch_from(&Fetcher::default(), &source, &first.validators()));
    assert_eq!(texts(&second), [b"192.0.2.1\n".to_vec(), b"2001:db8:1::/48\n".to_vec()]);
    // Where one fails, none is.
    server.script("/v6", Response::status(500));
    assert_eq!(failure(fetch_from(&Fetcher::default(), &source, &first.validators())).0, "status");
    // Validators for another number of documents are not used.
    let _ = server.take_requests();
    server.script("/v6", Response::ok("2001:db8::/32\n"));
    assert_eq!(
        content(fetch_from(&Fetcher::default(), &source, &first.validators()[..1])).documents.len(),
        2
    );
    assert!(server.requests().iter().all(|request| request.header("if-none-match").is_none()));
    Ok(())
}

#[test]
fn other_answers_are_errors_that_say_what_to_do() -> Result<()> {
    let server = WebServer::start()?;
    for (status, advice) in [
        (204, ""),
        (206, ""),
        (300, ""),
        (400, ""),
        (401, " (not allowed); check the token, and whether the provider has blocked this address"),
        (403, " (not allowed); check the token, and whether the provider has blocked this address"),
        (404, " (not found); check the URL, the feed may have ended"),
        (410, " (not found); check the URL, the feed may have ended"),
        (429, " (too many requests); lengthen its interval"),
        (500, " (the server's own fault)"),
        (503, " (the server's own fault)"),
    ] {
        server.script("/list", Response::status(status).with_body(LIST));
        let expected = format!("cannot fetch {}: the server answered {status}{advice}", server.url("/list"));
        assert_eq!(failure(get(&server, "/list")), ("status", expected));
    }
    Ok(())
}

#[test]
fn servers_may_ask_for_patience() -> Result<()> {
    let server = WebServer::start()?;
    for (status, retry_after, expected) in [
        (429, Some("120"), Some(120)),
        (503, Some("7200"), Some(7200)),
        (429, Some("99999999"), Some(24 * 60 * 60)),
        (503, Some(DATE), Some(0)),
        (429, Some("soon"), None),
        (429, None, None),
    ] {
        let response = Response::status(status);
        server.script(
            "/list",
            match retry_after {
                Some(value) => response.with("Retry-After", value),
                None => response,
            },
        );
        let error = get(&server, "/list").expect_err("an error");
        assert_eq!(error.retry_after(), expected.map(Duration::from_secs), "{retry_after:?}");
        assert!(!error.unanswered());
    }
    Ok(())
}

#[test]
fn answers_may_come_in_chunks_or_without_a_length() -> Result<()> {
    let server = WebServer::start()?;
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n192.0\r\n5\r\n.2.1\n\r\n0\r\n\r\n";
    let until_close = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n192.0.2.1\n";
    let old = "HTTP/1.0 200 OK\r\n\r\n192.0.2.1\n";
    for raw in [chunked, until_close, old] {
        server.script("/list", Behaviour::Raw(raw.into()));
        assert_eq!(bytes(get(&server, "/list")), b"192.0.2.1\n");
    }
    Ok(())
}
