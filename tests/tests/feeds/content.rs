//! Content that is compressed, too large, or no list at all.

use std::io::Write as _;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use relay_guard_tests::peers::web::{Behaviour, Response, WebServer};

use super::{LIST, bytes, failure, fetch, get, source};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn gzip_is_recognised_whatever_it_is_called() -> Result<()> {
    let server = WebServer::start()?;
    let members = [gzip(&LIST[..10]), gzip(&LIST[10..])].concat();
    for response in [
        Response::ok(gzip(LIST)),
        Response::ok(gzip(LIST)).with("content-type", "text/plain"),
        Response::ok(gzip(LIST)).with("content-encoding", "gzip"),
        Response::ok(gzip(&gzip(LIST))).with("content-encoding", "gzip"),
        Response::ok(members),
        // What is not compressed is not unpacked either, whatever the header says.
        Response::ok(LIST).with("content-encoding", "gzip"),
        Response::ok(LIST).with("content-type", "application/gzip"),
    ] {
        server.script("/list", response);
        assert_eq!(bytes(get(&server, "/list")), LIST);
    }
    Ok(())
}

#[test]
fn gzip_that_is_broken_or_a_bomb_is_an_error() -> Result<()> {
    let server = WebServer::start()?;
    let url = server.url("/list");
    let whole = gzip(LIST);
    server.script("/list", Response::ok(&whole[..whole.len() - 3]));
    assert_eq!(failure(get(&server, "/list")), ("gzip", format!("cannot unpack {url}: its end is missing")));
    let mut damaged = whole.clone();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    server.script("/list", Response::ok(damaged));
    let (kind, message) = failure(get(&server, "/list"));
    assert_eq!(kind, "gzip");
    assert!(message.starts_with(&format!("cannot unpack {url}: damaged: ")), "{message}");
    let bomb = gzip(&vec![b'\n'; 4 << 20]);
    let packed = bomb.len();
    assert!(packed < 10_000);
    for bomb in [gzip(&bomb), bomb] {
        server.script("/list", Response::ok(bomb));
        let expected = format!(
            "cannot unpack {url}: its {packed} bytes make more than 10000 (limits.list_bytes); raise the limit if \
             that is meant"
        );
        assert_eq!(failure(get(&server, "/list")), ("gzip-bomb", expected));
    }
    Ok(())
}

#[test]
fn more_than_the_limit_is_refused_as_soon_as_it_shows() -> Result<()> {
    let server = WebServer::start()?;
    let expected = format!(
        "cannot fetch {}: larger than 10000 bytes (limits.list_bytes); raise the limit if that is meant",
        server.url("/list")
    );
    server.script("/list", Response::ok(vec![b'#'; 10_000]));
    assert_eq!(bytes(get(&server, "/list")).len(), 10_000);
    // The rest never comes: what was said, and what came, is enough.
    let said = b"HTTP/1.1 200 OK\r\ncontent-length: 10001\r\n\r\n".to_vec();
    let unsaid = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &[b'#'; 10_001]].concat();
    let chunks =
        [&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2711\r\n"[..], &[b'#'; 10_001]].concat();
    for raw in [said, unsaid, chunks] {
        server.script("/list", Behaviour::RawThenSilence(raw));
        assert_eq!(failure(get(&server, "/list")), ("too-large", expected.clone()));
    }
    Ok(())
}

#[test]
fn the_limit_is_for_all_documents_together() -> Result<()> {
    let server = WebServer::start()?;
    server.script("/a", Response::ok(vec![b'#'; 6000]));
    server.script("/b", Response::ok(vec![b'#'; 4000]));
    server.script("/c", Response::ok("#"));
    let urls = ["/a", "/b", "/c"].map(|path| server.url(path));
    assert!(fetch(&source(&[&urls[0], &urls[1]])).is_ok());
    let (kind, message) = failure(fetch(&source(&[&urls[0], &urls[1], &urls[2]])));
    assert_eq!(kind, "too-large");
    assert!(message.starts_with(&format!("cannot fetch {}: larger than 10000 bytes", urls[2])), "{message}");
    Ok(())
}

#[test]
fn a_page_for_people_is_no_list() -> Result<()> {
    let server = WebServer::start()?;
    let expected = format!(
        "{}: it is an HTML page, not a list; look at it in a browser: it may say what is wrong",
        server.url("/list")
    );
    let page = "\r\n<!DOCTYPE html><html><body>192.0.2.1</body></html>";
    for body in [page.into(), "<HTML>".into(), gzip(page.as_bytes())] {
        server.script("/list", Response::ok(body).with("content-type", "text/plain"));
        assert_eq!(failure(get(&server, "/list")), ("html", expected.clone()));
    }
    Ok(())
}

#[test]
fn nothing_is_content_for_others_to_judge() -> Result<()> {
    let server = WebServer::start()?;
    for body in [Vec::new(), gzip(b"")] {
        server.script("/list", Response::ok(body));
        assert_eq!(bytes(get(&server, "/list")), b"");
    }
    Ok(())
}
