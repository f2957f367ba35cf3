//! The way through a proxy.

use anyhow::Result;
use relay_guard::feeds::source::{Fetcher, Proxies};
use relay_guard_tests::peers::web::{Authority, Behaviour, Response, WebServer};

use super::{LIST, bytes, failure, fetch_from, refusing, source, unresolvable};

fn through(variables: &[(&str, &str)]) -> Result<Fetcher> {
    let value =
        |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    Ok(Fetcher::new(Proxies::from_variables(value)?))
}

#[test]
fn a_proxy_is_asked_for_the_whole_url() -> Result<()> {
    let proxy = WebServer::start()?;
    let url = "http://feeds.example/list";
    proxy.script(url, Response::ok(LIST));
    let with_password = proxy.url("").replace("://", "://us3r:p4ss@");
    let fetcher = through(&[("http_proxy", &with_password)])?;
    assert_eq!(bytes(fetch_from(&fetcher, &source(&[url]), &[])), LIST);
    let requests = proxy.requests();
    assert_eq!(requests[0].target, url);
    assert_eq!(requests[0].header("host"), Some("feeds.example"));
    // base64 of us3r:p4ss
    assert_eq!(requests[0].header("proxy-authorization"), Some("Basic dXMzcjpwNHNz"));
    Ok(())
}

#[test]
fn encrypted_connections_go_through_a_tunnel() -> Result<()> {
    let (authority, directory, proxy) = (Authority::new()?, tempfile::tempdir()?, WebServer::start()?);
    let server = WebServer::start_tls(&authority, &["127.0.0.1"])?;
    let target = server.address().to_string();
    server.script("/list", Response::ok(LIST));
    proxy.script(&target, Behaviour::Tunnel);
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem())?;
    let mut source = source(&[&server.url("/list")]);
    source.ca_file = Some(ca_file);
    let fetcher = through(&[("https_proxy", &proxy.url(""))])?;
    assert_eq!(bytes(fetch_from(&fetcher, &source, &[])), LIST);
    let requests = proxy.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("CONNECT", target.as_str()));
    // What is inside of the tunnel is not for the proxy.
    assert_eq!(server.requests()[0].header("proxy-authorization"), None);
    proxy.script(&target, Response::status(403));
    let (kind, message) = failure(fetch_from(&fetcher, &source, &[]));
    assert_eq!(kind, "connect");
    let start = format!(
        "cannot fetch {}: cannot connect through the proxy {}: ",
        server.url("/list"),
        proxy.url("/")
    );
    assert!(message.starts_with(&start), "{message}");
    Ok(())
}

#[test]
fn some_servers_are_reached_without_the_proxy() -> Result<()> {
    let (proxy, server) = (WebServer::start()?, WebServer::start()?);
    server.script("/list", Response::ok(LIST));
    for except in ["127.0.0.1", "127.0.0.0/8", "*"] {
        let fetcher = through(&[("http_proxy", &proxy.url("")), ("no_proxy", except)])?;
        assert_eq!(bytes(fetch_from(&fetcher, &source(&[&server.url("/list")]), &[])), LIST);
    }
    assert_eq!(proxy.requests(), []);
    Ok(())
}

#[test]
fn a_proxy_that_is_not_there_is_named_without_its_password() -> Result<()> {
    let (_held, address) = refusing()?;
    let fetcher = through(&[("http_proxy", &format!("http://us3r:p4ss@{address}"))])?;
    let expected = format!(
        "cannot fetch http://feeds.example/list: cannot connect through the proxy http://{address}/: Connection refused"
    );
    assert_eq!(
        failure(fetch_from(&fetcher, &source(&["http://feeds.example/list"]), &[])),
        ("connect", expected)
    );
    let host = unresolvable();
    let fetcher = through(&[("http_proxy", &format!("http://{host}:3128"))])?;
    let (kind, message) = failure(fetch_from(&fetcher, &source(&["http://127.0.0.1/list"]), &[]));
    assert_eq!(kind, "resolve");
    assert!(message.contains(&format!("cannot resolve {host}: ")), "{message}");
    Ok(())
}

#[test]
fn redirects_choose_their_own_way() -> Result<()> {
    let (proxy, server) = (WebServer::start()?, WebServer::start()?);
    proxy.script("http://feeds.example/list", Response::redirect(302, &server.url("/list")));
    server.script("/list", Response::ok(LIST));
    let fetcher = through(&[("http_proxy", &proxy.url("")), ("no_proxy", "127.0.0.1")])?;
    assert_eq!(bytes(fetch_from(&fetcher, &source(&["http://feeds.example/list"]), &[])), LIST);
    assert_eq!((proxy.requests().len(), server.requests().len()), (1, 1));
    Ok(())
}
