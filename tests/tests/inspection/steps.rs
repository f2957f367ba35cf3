//! What is done at which score: report, limit, refuse; sessions under way; relapse, release, exceptions.

use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::{Guard, SignalRule, Step};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::smtp::{Delivery, Outcome};
use serde_json::{Value, json};

use super::stage::{
    Session, Stage, by_servers, detail, letter, server, wait_for, wait_for_sessions, wait_for_state, write_to,
};

#[test]
fn steps_follow_one_another_and_each_does_its_own() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    let limit = Step::new(20, "limit").lasting("1h").with("limit_per_minute", 1).with("limit_burst", 3);
    by_servers(
        &mut config,
        vec![
            Step::new(10, "report"),
            limit.with("limit_then", "refuse").with("text", "slower, {address}"),
            Step::new(30, "refuse").lasting("1h").with("text", "not from here, {address}"),
        ],
    );
    let guard = Guard::start(&stage.lab, &config)?;
    for source in addr::ZOMBIE.addresses() {
        assert_eq!(write_to(&stage, source, 0, 12), 12);
        let host = wait_for_state(&guard, source, "reported")?;
        assert_eq!((&host["action"], &host["contained_until"]), (&Value::Null, &Value::Null), "{host:#}");
        assert_eq!(write_to(&stage, source, 12, 9), 9, "who is reported goes on");

        wait_for(&guard, source, "the limit", |host| host["action"] == "limit")?;
        let heard = stage.visit(&(30..38).map(|n| letter(source, n)).collect::<Vec<_>>());
        let delivered = heard.iter().filter(|heard| heard.delivered == 1).count();
        // A burst, and whatever a minute brings.
        assert!((1..=5).contains(&delivered), "{heard:#?}");
        let slower = format!("5.7.1 slower, {source}");
        assert!(
            heard.iter().flat_map(|heard| &heard.replies).any(|(code, text)| *code == 550 && *text == slower),
            "{heard:#?}"
        );
    }
    Ok(())
}

#[test]
fn a_refused_host_is_told_and_its_sessions_end() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    by_servers(
        &mut config,
        vec![Step::new(10, "refuse").lasting("1h").with("text", "not from here, {address}")],
    );
    let guard = Guard::start(&stage.lab, &config)?;
    for source in addr::ZOMBIE.addresses() {
        // One that waits while others are found out.
        let mut waiting = Session::open(&stage.lab.inside, source, server(source, 200))?;
        waiting.say("EHLO bot.example", "250")?;
        waiting.say("MAIL FROM:<someone@sender.example>", "250")?;
        assert!(write_to(&stage, source, 0, 12) >= 10);
        wait_for_state(&guard, source, "contained")?;
        let cut = waiting.say("RCPT TO:<user@domain.example>", "250");
        assert!(cut.is_err(), "the session under way goes on");

        let text = format!("5.7.1 not from here, {source}");
        let delivery = Delivery::new(source, server(source, 50));
        let refused = delivery.attempt_in(&stage.lab.inside);
        assert!(
            matches!(&refused, Outcome::Rejected { code: 550, text: said, .. } if *said == text),
            "{refused:?}"
        );
        // Nothing but port 25 is touched, nor anybody else.
        let neighbour = addr::WORKSTATION.like(source);
        assert_eq!(write_to(&stage, neighbour, 0, 1), 1);
    }
    Ok(())
}

#[test]
fn a_host_is_released_when_it_stops_and_a_relapse_is_worse() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    by_servers(&mut config, vec![Step::new(10, "reset").lasting("2s"), Step::new(90, "drop").lasting("2s")]);
    config.inspection.insert("half_life".to_owned(), "1s".into());
    let guard = Guard::start(&stage.lab, &config)?;
    for source in addr::ZOMBIE.addresses() {
        assert!(write_to(&stage, source, 0, 12) >= 10);
        let first = wait_for_state(&guard, source, "contained")?;
        assert_eq!((&first["action"], &first["relapses"]), (&json!("reset"), &json!(0)), "{first:#}");
    }
    for source in addr::ZOMBIE.addresses() {
        // Nobody does anything: it is over by itself, and what it did is forgiven.
        let released = wait_for_state(&guard, source, "quiet")?;
        assert_eq!(
            (&released["score"], &released["contained_until"]),
            (&json!(0), &Value::Null),
            "{released:#}"
        );
        assert!(guard.log_text().contains(&source.to_string()));
        assert_eq!(write_to(&stage, source, 40, 2), 2);
        // And again.
        assert!(write_to(&stage, source, 50, 12) >= 8);
        let again = wait_for_state(&guard, source, "contained")?;
        assert_eq!((&again["action"], &again["relapses"]), (&json!("drop"), &json!(1)), "{again:#}");
        let history = again["history"].as_array().context("history")?;
        let changes: Vec<_> = history.iter().map(|event| event["to"].as_str().unwrap_or_default()).collect();
        assert_eq!(changes, ["contained", "quiet", "contained"], "newest first: {again:#}");
        let lasts =
            |host: &Value| Some(host["contained_until"].as_u64()? - host["history"][0]["at"].as_u64()?);
        // Twice the time, and seconds are rounded.
        ensure!(matches!(lasts(&again), Some(3..=5)), "{again:#}");
    }
    let events = guard.json(["hosts", "--events", "--json"])?;
    let events = events["events"].as_array().context("events")?;
    assert!(events.len() >= 6, "{events:#?}");
    Ok(())
}

#[test]
fn the_administrator_releases_and_spares() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    by_servers(&mut config, vec![Step::new(10, "drop").lasting("1h")]);
    let mut guard = Guard::start(&stage.lab, &config)?;
    for source in addr::ZOMBIE.addresses() {
        write_to(&stage, source, 0, 12);
        wait_for_state(&guard, source, "contained")?;
        let address = source.to_string();
        let output = guard.cli(["release", &address, "--json"])?;
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        assert_eq!((output.status.code(), &answer["released"]), (Some(0), &json!(true)), "{answer:#}");
        assert_eq!(write_to(&stage, source, 20, 3), 3);
        let host = wait_for_sessions(&guard, source, 1)?;
        assert_eq!((&host["state"], &host["contained_until"]), (&json!("quiet"), &Value::Null), "{host:#}");
        assert_eq!(guard.cli(["release", &address])?.status.code(), Some(1), "it is free already");
        // It goes on and is found again.
        write_to(&stage, source, 30, 12);
        wait_for_state(&guard, source, "contained")?;
    }
    // An exception in the configuration ends it, and keeps it from coming back.
    config.hosts.excepted.extend(addr::ZOMBIE.addresses());
    guard.write_config(&config.to_toml()?)?;
    guard.reload();
    for source in addr::ZOMBIE.addresses() {
        wait_for(&guard, source, "the exception", |host| {
            host["kind"] == "excepted" && host["contained_until"].is_null()
        })?;
        assert_eq!(write_to(&stage, source, 60, 12), 12);
        let host = detail(&guard, source)?;
        assert_ne!(host["state"], "contained", "{host:#}");
    }
    Ok(())
}

#[test]
fn declared_servers_are_contained_only_if_that_is_wanted() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    config.judge_by([("helo-changes", SignalRule { weight: Some(100), from: Some(1), at: Some(6) })]);
    config.containment = vec![Step::new(100, "drop").lasting("1h")];
    let mut guard = Guard::start(&stage.lab, &config)?;
    let misbehave = |source: IpAddr| {
        let visits: Vec<_> = (0..9)
            .map(|n| {
                let mut visit = letter(source, n);
                visit.helo = format!("name{n}.sender.example");
                visit
            })
            .collect();
        relay_guard_tests::bot::make_in(&stage.lab.mail, &visits)
    };
    for source in addr::MAIL_SERVER.addresses() {
        assert!(misbehave(source).iter().all(|heard| heard.delivered == 1));
        let host = wait_for_state(&guard, source, "reported")?;
        assert_eq!(
            (&host["kind"], &host["contained_until"]),
            (&json!("mail-server"), &Value::Null),
            "{host:#}"
        );
    }
    config.inspection.insert("contain_mail_servers".to_owned(), true.into());
    guard.write_config(&config.to_toml()?)?;
    guard.reload();
    for source in addr::MAIL_SERVER.addresses() {
        let host = wait_for_state(&guard, source, "contained")?;
        assert_eq!(host["action"], "drop", "{host:#}");
    }
    Ok(())
}
