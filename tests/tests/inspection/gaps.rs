//! What is lost or left out on the way is marked, and nothing is made up; large segments lose nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::bot::{self, Letter, Visit};
use relay_guard_tests::guard::{Guard, Limits};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::smtp::{Delivery, Outcome, SmtpServer};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::stage::{Session, Stage, letter, server, sessions, wait_for_sessions};

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
            ("reply", json!("250 2.0.0 taken")),
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
    let long = nth(addr::CROWD_V4, 5);
    let mut session = Session::open(&stage.lab.inside, long, server(long, 1))?;
    session.say("EHLO long.sender.example", "250")?;
    guard.signal(Signal::STOP);
    let source = addr::WORKSTATION.v4.into();
    let visits: Vec<_> = (0..60).map(|n| letter(source, n)).collect();
    let heard = stage.visit(&visits);
    assert!(heard.iter().all(|heard| heard.delivered == 1), "mail goes on: {heard:?}");
    session.say("MAIL FROM:<unseen@sender.example>", "250")?;
    session.say("RCPT TO:<unseen@domain.example>", "250")?;
    guard.signal(Signal::CONT);
    let status = guard.wait_for_status("losses", |status| lost(status).is_ok_and(|lost| lost > 0))?;
    assert!(lost(&status)? > 100, "{:#}", status["losses"]);
    // What is in the ring is read when the first of these sessions is known.
    wait_for_sessions(&guard, source, 1)?;

    // Half of it was lost, and what was is not made up.
    session.say("DATA", "354")?;
    session.say("Subject: read this\r\n\r\nA line.\r\n.", "250")?;
    session.say("QUIT", "221")?;
    drop(session);
    let host = wait_for_sessions(&guard, long, 1)?;
    let half = &sessions(&host)?[0];
    for (key, value) in [
        ("incomplete", json!(true)),
        ("helo", json!("long.sender.example")),
        ("sender", Value::Null),
        ("recipients", json!(0)),
    ] {
        assert_eq!(half[key], value, "{key} of {half:#}");
    }

    // Whoever comes now is seen whole again.
    stage.visit(&[letter(addr::ZOMBIE.v4.into(), 1)]);
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

#[test]
fn what_is_beyond_a_budget_is_left_out_and_said_to_be() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    for budget in ["client_bytes", "turn_bytes"] {
        config.inspection.insert(budget.to_owned(), 1024.into());
    }
    let guard = Guard::start(&stage.lab, &config)?;
    for source in addr::WORKSTATION.addresses() {
        let to = ["user@domain.example".to_owned()];
        let many = (0..30).fold(letter(source, 1), |visit, _| visit.letter("someone@sender.example", &to));
        let heard = stage.visit(&[many, letter(source, 2)]);
        assert_eq!(heard.iter().map(|heard| heard.delivered).sum::<usize>(), 32, "{heard:?}");
        let host = wait_for_sessions(&guard, source, 2)?;
        let [short, long] = sessions(&host)? else { anyhow::bail!("two sessions: {host:#}") };
        assert_eq!((&short["incomplete"], &short["messages"]), (&json!(false), &json!(1)), "{short:#}");
        assert_eq!(long["incomplete"], true, "{long:#}");
        let messages = long["messages"].as_u64().context("messages")?;
        assert!((5..31).contains(&messages), "some were seen: {long:#}");
        assert!(long["sender"].is_null() || long["sender"] == "someone@sender.example", "{long:#}");
        assert_eq!(long["refused"], 0, "{long:#}");
    }
    assert_eq!(lost(&guard.status()?)?, 0, "nothing was lost");
    Ok(())
}

#[test]
fn inbound_sessions_are_looked_into_if_wanted_and_nobody_is_judged_by_them() -> Result<()> {
    let stage = Stage::new()?;
    let own =
        SmtpServer::start(&stage.lab.mail, &addr::MAIL_SERVER.sockets(addr::SMTP), bot::server_options())?;
    let mut config = stage.config();
    config.inspection.insert("inbound".to_owned(), true.into());
    let guard = Guard::start(&stage.lab, &config)?;
    for (source, own) in [nth(addr::CLEAN_V4, 3), nth(addr::CLEAN_V6, 3)]
        .into_iter()
        .zip(addr::MAIL_SERVER.sockets(addr::SMTP))
    {
        let delivery = Delivery::new(source, own);
        assert_eq!(delivery.attempt_in(&stage.lab.internet), Outcome::Delivered);
    }
    guard.wait_for_status("both sessions", |status| {
        status["inspection"]["inbound_sessions_total"].as_u64() == Some(2)
    })?;
    assert_eq!(own.ledger().message_count(), 2);
    let hosts = guard.request("GET", "/v1/hosts", None)?.json()?;
    assert_eq!(hosts["hosts"], json!([]), "{hosts:#}");
    Ok(())
}
