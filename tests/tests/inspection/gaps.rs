//! What is lost or left out on the way is marked, and nothing is made up; large segments lose nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::bot::{self, Letter, Visit};
use relay_guard_tests::guard::{Guard, Limits};
use relay_guard_tests::lab::addresses as addr;
use serde_json::{Value, json};

use super::stage::{Stage, server, sessions, wait_for_sessions};

#[test]
fn big_messages_do_not_lose_the_commands_around_them() -> Result<()> {
    let stage = Stage::new()?;
    let guard = Guard::start(&stage.lab, &stage.config())?;
    for source in addr::WORKSTATION.addresses() {
        // A veth hands over segments of up to 64 KiB.
        let big = |n: u32| Letter {
            from: format!("person{n}@sender.example"),
            to: vec![format!("user{n}@domain.example"), format!("{}{n}@domain.example", bot::UNKNOWN)],
            octets: 900_000,
        };
        let mut visit = Visit::new(Duration::ZERO, source, server(source, 3), "host.sender.example");
        visit.letters = (0..3).map(big).collect();
        let heard = stage.visit(&[visit]).remove(0);
        assert_eq!((heard.delivered, &heard.broke), (3, &None), "{heard:?}");
        let host = wait_for_sessions(&guard, source, 1)?;
        let session = &sessions(&host)?[0];
        for (key, value) in [
            ("messages", json!(3)),
            ("accepted", json!(3)),
            ("recipients", json!(6)),
            ("refused", json!(3)),
            ("sender", json!("person2@sender.example")),
            ("incomplete", json!(false)),
        ] {
            assert_eq!(session[key], value, "{key} of {session:#}");
        }
    }
    let losses = lost(&guard.status()?)?;
    assert_eq!(losses, 0, "{:#}", guard.status()?["losses"]);
    Ok(())
}

/// Captured segments that found no room in the ring.
fn lost(status: &Value) -> Result<u64> {
    let losses = status["losses"].as_object().context("losses")?;
    Ok(losses.get("capture-ring-full").and_then(Value::as_u64).unwrap_or_default())
}

#[test]
fn losses_are_counted_and_sessions_are_marked() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    // The least that is allowed, and nobody reads it for a while.
    config.limits = Some(Limits { capture_bytes: Some(65_536), ..Limits::default() });
    let mut guard = Guard::start(&stage.lab, &config)?;
    guard.signal(rustix::process::Signal::STOP);
    let source = addr::WORKSTATION.v4.into();
    let visits: Vec<_> = (0..60).map(|n| super::stage::letter(source, n)).collect();
    let heard = stage.visit(&visits);
    assert!(heard.iter().all(|heard| heard.delivered == 1), "mail goes on: {heard:?}");
    guard.signal(rustix::process::Signal::CONT);
    let status = guard.wait_for_status("losses", |status| lost(status).is_ok_and(|lost| lost > 0))?;
    assert!(lost(&status)? > 100, "{:#}", status["losses"]);

    // Whoever comes now is seen whole again.
    stage.visit(&[super::stage::letter(addr::ZOMBIE.v4.into(), 1)]);
    let host = wait_for_sessions(&guard, addr::ZOMBIE.v4.into(), 1)?;
    assert_eq!(sessions(&host)?[0]["incomplete"], false, "{host:#}");
    // Nobody is accused of what was not seen: no name, no sender, no recipient is there that was not sent.
    let host = wait_for_sessions(&guard, source, 1)?;
    for session in sessions(&host)? {
        let sender = &session["sender"];
        assert!(sender.is_null() || sender == "someone@sender.example", "{session:#}");
        let helo = &session["helo"];
        assert!(helo.is_null() || helo == "host.sender.example", "{session:#}");
        assert!(session["recipients"].as_u64() <= Some(1) && session["refused"] == 0, "{session:#}");
    }
    assert_ne!(host["state"], "contained", "{host:#}");
    Ok(())
}
