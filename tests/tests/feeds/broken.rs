//! Servers that stop, lie, speak something else, or are not there.

use std::time::Duration;

use anyhow::Result;
use relay_guard_tests::peers::web::{Behaviour, Response, WebServer};

use super::{LIST, failure, fetch, get, refusing, source, unresolvable};

#[test]
fn content_that_ends_too_early_is_an_error() -> Result<()> {
    let server = WebServer::start()?;
    let url = server.url("/list");
    let promised = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n192.0.2.1\n".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n192.0.2.1\n\r\n".to_vec();
    let within_chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n192.0.2.1\n".to_vec();
    let of_100 = " of 100";
    for (behaviour, received, expected) in [
        (Behaviour::Raw(promised.clone()), Some(10), of_100),
        (Behaviour::Raw(chunked), Some(10), ""),
        (Behaviour::Raw(within_chunk), Some(10), ""),
        // After a reset, what has arrived may be lost as well.
        (Behaviour::RawThenReset(promised), None, of_100),
    ] {
        server.script("/list", behaviour);
        let (kind, message) = failure(get(&server, "/list"));
        let start = format!("cannot fetch {url}: truncated: the connection ended after ");
        if received.is_none() && kind == "reset" {
            // Even the header, then.
            continue;
        }
        assert_eq!(kind, "truncated", "{message}");
        let rest = message.strip_prefix(&start).unwrap_or_else(|| panic!("{message}"));
        match received {
            Some(received) => assert_eq!(rest, format!("{received} bytes{expected}")),
            None => assert!(rest.ends_with(&format!(" bytes{expected}")), "{message}"),
        }
    }
    Ok(())
}

#[test]
fn no_answer_is_an_error_that_may_be_retried_soon() -> Result<()> {
    let server = WebServer::start()?;
    let expected =
        format!("cannot fetch {}: the connection was closed before an answer came", server.url("/list"));
    for behaviour in [
        Behaviour::Raw(Vec::new()),
        Behaviour::RawThenReset(Vec::new()),
        Behaviour::Raw(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
    ] {
        server.script("/list", behaviour);
        assert_eq!(failure(get(&server, "/list")), ("reset", expected.clone()));
        assert!(get(&server, "/list").expect_err("an error").unanswered());
    }
    Ok(())
}

#[test]
fn slow_answers_end_with_the_time_limit() -> Result<()> {
    let server = WebServer::start()?;
    let part = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n192.0.2.1\n".to_vec();
    for raw in [Vec::new(), b"HTTP/1.1 200".to_vec(), part] {
        server.script("/list", Behaviour::RawThenSilence(raw));
        let mut source = source(&[&server.url("/list")]);
        source.timeout = Duration::from_millis(250);
        let expected = format!(
            "cannot fetch {}: no complete answer came within 0.25 s; raise its timeout if it is always slow",
            server.url("/list")
        );
        assert_eq!(failure(fetch(&source)), ("timeout", expected));
    }
    Ok(())
}

#[test]
fn the_time_limit_is_for_all_documents_together() -> Result<()> {
    let server = WebServer::start()?;
    server.script("/a", Response::ok(LIST));
    server.script("/b", Behaviour::RawThenSilence(Vec::new()));
    let mut source = source(&[&server.url("/a"), &server.url("/b")]);
    source.timeout = Duration::from_millis(250);
    assert_eq!(failure(fetch(&source)).0, "timeout");
    Ok(())
}

#[test]
fn what_is_not_http_is_an_error() -> Result<()> {
    let server = WebServer::start()?;
    let long = [&b"HTTP/1.1 200 OK\r\nx: "[..], &vec![b'x'; 1 << 20]].concat();
    let many = ["HTTP/1.1 200 OK\r\n".to_owned(), "x: y\r\n".repeat(1000), "\r\n".to_owned()].concat();
    for raw in [
        b"220 mail.example ESMTP\r\n\r\n".to_vec(),
        b"192.0.2.1\n192.0.2.2\n\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n192.0.2.1\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\ncontent-length: 11\r\n\r\n192.0.2.1\n\n".to_vec(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n192.0.2.1\n".to_vec(),
        long,
        many.into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&raw[..raw.len().min(80)]).into_owned();
        server.script("/list", Behaviour::RawThenSilence(raw));
        let (kind, message) = failure(get(&server, "/list"));
        assert_eq!(kind, "protocol", "{shown}: {message}");
        let start = format!("cannot fetch {}: the answer is not valid HTTP: ", server.url("/list"));
        assert!(message.starts_with(&start) && message.len() < start.len() + 100, "{message}");
    }
    Ok(())
}

#[test]
fn nobody_there_is_an_error_that_may_be_retried_soon() -> Result<()> {
    let (_held, address) = refusing()?;
    let url = format!("http://{address}/list");
    let expected = format!("cannot fetch {url}: cannot connect: Connection refused");
    assert_eq!(failure(fetch(&source(&[&url]))), ("connect", expected));
    assert!(fetch(&source(&[&url])).expect_err("an error").unanswered());
    let host = unresolvable();
    let (kind, message) = failure(fetch(&source(&[&format!("http://{host}/list")])));
    assert_eq!(kind, "resolve", "{message}");
    let start = format!("cannot fetch http://{host}/list: cannot resolve {host}: ");
    assert!(
        message.starts_with(&start) && message.ends_with("; check the name and the resolver"),
        "{message}"
    );
    Ok(())
}
