//! What each action comes to for a sender, over XDP and over tc.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::peers::{Smtplib, Swaks};
use relay_guard_tests::scene::attempt_all;
use relay_guard_tests::smtp::{Delivery, Outcome, ServerOptions, SmtpServer, Stage};
use relay_guard_tests::{Scene, namespace::Namespace};

use super::{
    INFO_URL, TEXT, assert_well_made, block, config, connect, inbound, lines, occupy_xdp, reason, refused,
    spot,
};

/// The blocks of the lists.
const GREETED: u8 = 1;
const LATER: u8 = 2;
const GREETED_LATER: u8 = 3;
const RESET: u8 = 4;
const TARPIT: u8 = 5;
const LIMITED: u8 = 6;
const LIMITED_RESET: u8 = 7;
const REFUSED: u8 = 8;

#[test]
fn actions_by_xdp() -> Result<()> {
    assert_actions(&Scene::new()?)
}

#[test]
fn actions_by_tc() -> Result<()> {
    let scene = Scene::new()?;
    let _other = occupy_xdp(&scene.lab)?;
    assert_actions(&scene)
}

fn assert_actions(scene: &Scene) -> Result<()> {
    scene.lab.check_all_checksums()?;
    let tls = SmtpServer::start(&scene.lab.mail, &addr::MAIL_SERVER.sockets(465), ServerOptions::default())?;
    let _guard = start(scene)?;
    assert_refusals(scene);
    assert_resets(scene)?;
    assert_eq!(tls.ledger().connection_count(), 0, "port 465 has let somebody in");
    assert_tarpit(scene)?;
    assert_limits(scene);
    assert_well_made(&scene.lab)
}

/// A list for each block.
fn start(scene: &Scene) -> Result<Guard<'_>> {
    let mut config = config(&scene.lab);
    let (greeting, temporary) = (("refuse_at", "greeting"), ("refuse_with", "temporary"));
    let limits = |then| [("limit_then", then), ("limit_per_minute", "1"), ("limit_burst", "2")];
    let [limit_refuse, limit_reset] = ["refuse", "reset"].map(limits);
    for (name, action, number, keys) in [
        ("greeted", "refuse", GREETED, &[greeting][..]),
        ("later", "refuse", LATER, &[temporary]),
        ("greeted-later", "refuse", GREETED_LATER, &[greeting, temporary]),
        ("resets", "reset", RESET, &[]),
        ("tarpits", "tarpit", TARPIT, &[]),
        ("limits", "limit", LIMITED, &limit_refuse),
        ("limits-reset", "limit", LIMITED_RESET, &limit_reset),
        ("refused", "refuse", REFUSED, &[]),
    ] {
        let text = [("text", TEXT.into()), ("info_url", INFO_URL.into())];
        config.add_list_with(&scene.lab, name, action, &lines(block(number)), text)?;
        let list = config.lists.pop().context("it was added")?;
        let list = keys.iter().fold(list, |list, (key, value)| match value.parse::<i64>() {
            Ok(number) => list.with(key, number),
            Err(_) => list.with(key, *value),
        });
        config.lists.push(list);
    }
    Guard::start(&scene.lab, &config)
}

fn assert_refusals(scene: &Scene) {
    for (number, list, stage, code, status) in [
        (GREETED, "greeted", Stage::Greeting, 554, "5.7.1"),
        (LATER, "later", Stage::Rcpt, 450, "4.7.1"),
        (GREETED_LATER, "greeted-later", Stage::Greeting, 421, "4.7.1"),
        (REFUSED, "refused", Stage::Rcpt, 550, "5.7.1"),
    ] {
        for source in spot(number, 7) {
            let outcome = inbound(source).attempt_in(&scene.lab.internet);
            assert_eq!(outcome, refused(stage, code, format!("{status} {}", reason(source, list))));
        }
    }
    assert_eq!(scene.own.ledger().connection_count(), 0);
}

fn assert_resets(scene: &Scene) -> Result<()> {
    for source in spot(RESET, 7) {
        let mail = inbound(source);
        assert_eq!(mail.attempt_in(&scene.lab.internet), Outcome::ConnectRefused);
        let swaks = Swaks::new(source, mail.server).run_in(&scene.lab.internet)?;
        assert_eq!(swaks.status.code(), Some(Swaks::NO_CONNECTION), "{swaks:?}");
        let smtplib = Smtplib::new(source, mail.server).run_in(&scene.lab.internet)?;
        assert_eq!(smtplib.error.as_deref(), Some("ConnectionRefusedError"), "{smtplib:?}");
    }
    // Who expects TLS from the first byte could not read a refusal.
    for source in spot(REFUSED, 7) {
        let mut mail = inbound(source);
        mail.server.set_port(465);
        assert_eq!(mail.attempt_in(&scene.lab.internet), Outcome::ConnectRefused);
    }
    assert_eq!(scene.own.ledger().connection_count(), 0);
    Ok(())
}

fn assert_limits(scene: &Scene) {
    let attempt = |source: IpAddr| inbound(source).attempt_in(&scene.lab.internet);
    for source in spot(LIMITED, 7) {
        assert_eq!([attempt(source), attempt(source)], [Outcome::Delivered, Outcome::Delivered]);
        let over = refused(Stage::Rcpt, 550, format!("5.7.1 {}", reason(source, "limits")));
        assert_eq!([attempt(source), attempt(source)], [over.clone(), over]);
    }
    for source in spot(LIMITED_RESET, 7) {
        assert_eq!([attempt(source), attempt(source)], [Outcome::Delivered, Outcome::Delivered]);
        assert_eq!(attempt(source), Outcome::ConnectRefused);
    }
    // Each has a bucket of its own: IPv4 addresses, and /64s of IPv6.
    let [v4, _] = spot(LIMITED, 8);
    assert_eq!(attempt(v4), Outcome::Delivered);
    let [_, v6] = spot(LIMITED, 8);
    assert!(!attempt(v6).is_delivered(), "it is of the same /64");
}

/// They hang until they lose patience, all at once, and nothing here knows of them. (Nobody has sent mail before: what ends such
/// a connection may come late.)
fn assert_tarpit(scene: &Scene) -> Result<()> {
    let namespaces = [&scene.lab.gateway, &scene.lab.mail];
    let seen = |namespace: &Namespace| namespace.counter("Tcp.InSegs");
    let before = namespaces.map(seen);
    let sources: Vec<_> = (1..20).flat_map(|host| spot(TARPIT, host)).collect();
    let reply_timeout = Duration::from_secs(2);
    let patient = |source| Delivery { reply_timeout, ..inbound(source) };
    let mails: Vec<_> = sources.iter().copied().map(patient).collect();
    let outcomes = attempt_all(&scene.lab.internet, &mails);
    assert!(
        outcomes.iter().all(|outcome| *outcome == Outcome::ReplyTimeout(Stage::Greeting)),
        "{outcomes:?}"
    );
    for (namespace, before) in namespaces.into_iter().zip(before) {
        assert_eq!(seen(namespace)?, before?, "a segment has come to {}", namespace.name());
        let peers = namespace.tcp_peers()?;
        assert!(!peers.iter().any(|peer| sources.contains(peer)), "{}: {peers:?}", namespace.name());
    }
    // Who speaks first learns no more.
    for source in spot(TARPIT, 50) {
        let mut client = scene.lab.internet.run(|| connect(source, inbound(source).server))?;
        client.set_read_timeout(Some(Duration::from_millis(500)))?;
        client.write_all(b"EHLO client.sender.example\r\n")?;
        let read = client.read(&mut [0; 16]).map_err(|error| error.kind());
        assert_eq!(read, Err(ErrorKind::WouldBlock), "neither words nor a reset");
    }
    Ok(())
}
