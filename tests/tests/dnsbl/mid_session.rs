//! Without hold: the first connection passes, and the verdict acts on it when it is there.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::peers::nameserver::Behaviour;
use relay_guard_tests::scene::{clean, listed};
use relay_guard_tests::wait;
use rustix::net::{AddressFamily, SocketType};

use super::{Delays, PATIENCE, Served, ZONE, assert_delivered, attempt, refused, usual, wait_for_verdict};

/// The standard library connects from no address of choice.
fn connect(source: IpAddr) -> Result<TcpStream> {
    let family = if source.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &SocketAddr::new(source, 0))?;
    let server = SocketAddr::new(addr::MAIL_SERVER.like(source), addr::SMTP);
    rustix::net::connect(&socket, &server).context("cannot connect")?;
    Ok(socket.into())
}

#[test]
fn without_hold_the_verdict_ends_the_first_connection() -> Result<()> {
    let mut served = Served::new(usual())?;
    served.config.lookups.insert("hold".to_owned(), false.into());
    let guard = served.start()?;
    let scene = &served.scene;
    served.nameserver.behave(ZONE, Behaviour::Slow(Duration::from_millis(700)));
    for source in listed(31) {
        let mut client = scene.lab.internet.run(|| connect(source))?;
        client.set_read_timeout(Some(PATIENCE))?;
        // The server has greeted it: it was let through while nothing was known.
        client.read_exact(&mut [0; 4])?;
        assert_eq!(scene.own.ledger().connections_from(|peer| peer == source), 1);
        wait_for_verdict(&guard, source, "listed")?;
        let ended = wait::until("the connection's end", PATIENCE, || {
            // The first segment ends it for the server, one more for the client.
            let written = client.write_all(b"NOOP\r\n").map_err(|error| error.kind());
            client.set_read_timeout(Some(Duration::from_millis(50)))?;
            let read = written.and_then(|()| client.read(&mut [0; 512]).map_err(|error| error.kind()));
            Ok(match read {
                Err(ErrorKind::WouldBlock) => None,
                Ok(length) if length > 0 => None,
                other => Some(other),
            })
        })?;
        assert!(matches!(ended, Err(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)), "{ended:?}");
        let (outcomes, delays) = attempt(scene, &guard, &[source], addr::SMTP)?;
        assert_eq!((outcomes, delays), (vec![refused(source, ZONE)], Delays::NONE));
    }
    // A clean source notices nothing at all.
    assert_delivered(scene, &guard, &clean(31), Delays::NONE)?;
    assert_eq!(scene.own.ledger().messages_from(|peer| listed(31).contains(&peer)), 0);
    Ok(())
}
