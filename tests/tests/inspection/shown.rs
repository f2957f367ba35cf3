//! What is said of a host: each sign, as it was seen, with its figure; envelopes as configured.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use relay_guard_tests::bot::{self, Manners, Visit};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::smtp::{Refusal, ServerOptions};
use serde_json::{Value, json};

use super::stage::{
    Stage, detail, figure, letter, server, sessions, signal, wait_for_sessions, wait_for_state,
};

/// Servers with something to say to everybody.
fn stage() -> Result<Stage> {
    let refusals = vec![
        Refusal::new("RCPT", &format!("<{}", bot::UNKNOWN), "550 5.1.1 no such user here"),
        Refusal::new(
            "RCPT",
            "<listed",
            "554 5.7.1 Service unavailable; Client host [{client}] blocked using zen.dnsbl.example",
        ),
        Refusal::new("MAIL", "spam@", "550 5.7.1 no"),
    ];
    Stage::with(ServerOptions { refusals, ..ServerOptions::named("mx.remote.example") })
}

fn visit(source: IpAddr, n: u32, from: &str, to: &[&str]) -> Visit {
    let to: Vec<_> = to.iter().map(|name| format!("{name}@domain{n}.example")).collect();
    Visit::new(Duration::ZERO, source, server(source, n), "host.sender.example").letter(from, &to)
}

#[test]
fn every_sign_has_its_figure() -> Result<()> {
    let stage = stage()?;
    let mut config = stage.config();
    // Otherwise it would be stopped, and what led to that would be spent.
    config.mode = "observe";
    let guard = Guard::start(&stage.lab, &config)?;
    for source in addr::ZOMBIE.addresses() {
        let visits: Vec<_> = (0..12)
            .map(|n| {
                let mut visit = visit(source, n, "", &["listed", "nobody1", "user"]);
                visit.helo = format!("bot{n}");
                visit.manners = Manners { bare_lf: true, ..Manners::default() };
                visit
            })
            .collect();
        stage.visit(&visits);
        wait_for_sessions(&guard, source, 12)?;
        // Points follow within a second.
        let host = wait_for_state(&guard, source, "reported")?;
        assert_eq!(figure(&host, "helo-no-name")?, 12, "{host:#}");
        // The first name is no change.
        assert_eq!(figure(&host, "helo-changes")?, 11, "{host:#}");
        assert_eq!(figure(&host, "null-senders")?, 100, "{host:#}");
        assert!((60..=70).contains(&figure(&host, "refused-recipients")?), "{host:#}");
        assert!(figure(&host, "protocol-slips")? > 20, "{host:#}");
        // Each names the host's own address, which counts three times.
        assert_eq!(figure(&host, "listed-replies")?, 36, "{host:#}");
        for name in ["helo-no-name", "listed-replies", "refused-recipients"] {
            let signal = signal(&host, name)?;
            let text = signal["text"].as_str().unwrap_or_default();
            let figure = signal["figure"].as_u64().unwrap_or_default().to_string();
            assert!(signal["points"].as_u64() > Some(0), "{signal:#}");
            assert!(text.contains(&figure) || name == "listed-replies", "{signal:#}");
        }
        let [newest, ..] = sessions(&host)? else { unreachable!("there is one") };
        for (key, value) in [
            ("server", json!(server(source, 11).ip())),
            ("port", json!(25)),
            ("protocol", json!("smtp")),
            ("helo", json!("bot11")),
            ("starttls", json!(false)),
            ("messages", json!(1)),
            ("recipients", json!(3)),
            ("refused", json!(2)),
            ("sender", json!("")),
            ("reply", json!("250 2.0.0 taken")),
            ("incomplete", json!(false)),
        ] {
            assert_eq!(newest[key], value, "{key} of {newest:#}");
        }

        let said = String::from_utf8(guard.cli(["hosts", &source.to_string()])?.stdout)?;
        assert!(said.contains(&source.to_string()) && said.contains("bot11"), "{said}");
        assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    }
    Ok(())
}

#[test]
fn whoever_talks_first_is_seen_to() -> Result<()> {
    let options = ServerOptions { listens_first: Duration::from_secs(20), ..bot::server_options() };
    let stage = Stage::with(options)?;
    let guard = Guard::start(&stage.lab, &stage.config())?;
    for source in addr::ZOMBIE.addresses() {
        let manners = Manners { talks_first: true, changes_helo: true, ..Manners::default() };
        let visits: Vec<_> = (0..3)
            .map(|n| {
                let to = ["user@domain.example".to_owned()];
                letter(source, n).letter("other@sender.example", &to).manners(manners)
            })
            .collect();
        let heard = stage.visit(&visits);
        assert!(heard.iter().all(|heard| heard.delivered == 2), "{heard:?}");
        let host = wait_for_sessions(&guard, source, 3)?;
        assert_eq!(figure(&host, "talks-first")?, 3, "{host:#}");
        for session in sessions(&host)? {
            assert_eq!(
                (&session["messages"], &session["incomplete"]),
                (&json!(2), &json!(false)),
                "{session:#}"
            );
        }
    }
    Ok(())
}

#[test]
fn messages_that_are_refused_after_their_content_are_a_sign() -> Result<()> {
    let refusals = vec![Refusal::new(".", "", "554 5.7.1 this is spam")];
    let stage = Stage::with(ServerOptions { refusals, ..ServerOptions::named("mx.remote.example") })?;
    let guard = Guard::start(&stage.lab, &stage.config())?;
    for source in addr::ZOMBIE.addresses() {
        stage.visit(&(0..12).map(|n| letter(source, n)).collect::<Vec<_>>());
        let host = wait_for_sessions(&guard, source, 12)?;
        assert_eq!(figure(&host, "refused-messages")?, 100, "{host:#}");
        let [newest, ..] = sessions(&host)? else { unreachable!("there is one") };
        assert_eq!(
            (&newest["messages"], &newest["reply"]),
            (&json!(1), &json!("554 5.7.1 this is spam")),
            "{newest:#}"
        );
    }
    Ok(())
}

#[test]
fn envelopes_are_kept_as_configured() -> Result<()> {
    for (envelopes, shown) in
        [("plain", Some("someone@sender.example")), ("masked", Some("s…@sender.example")), ("hashed", None)]
    {
        let stage = Stage::new()?;
        let mut config = stage.config();
        config.inspection.insert("envelopes".to_owned(), envelopes.into());
        let guard = Guard::start(&stage.lab, &config)?;
        for source in addr::WORKSTATION.addresses() {
            stage.visit(&[letter(source, 1)]);
            let host = wait_for_sessions(&guard, source, 1)?;
            let sender = &sessions(&host)?[0]["sender"];
            match shown {
                Some(shown) => assert_eq!(sender, shown),
                None => assert!(sender.as_str().is_some_and(|text| !text.contains("someone")), "{sender}"),
            }
            let all = detail(&guard, source)?.to_string() + &guard.log_text();
            assert_eq!(all.contains("someone@"), envelopes == "plain", "{all}");
            assert!(
                !all.contains("A line") && !Value::from(all).to_string().contains("read this"),
                "no content"
            );
        }
    }
    Ok(())
}
