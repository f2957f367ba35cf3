//! `explain` says what senders get, and real ones get that.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{GuardConfig, List};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::scene::Scene;
use relay_guard_tests::smtp::{Delivery, Stage};
use serde_json::{Value, json};

use super::{dialogue, explain, list, refusal, refused_dialogue, senders, start};

fn words(exchanges: &[(&str, &str)]) -> Vec<(String, String)> {
    exchanges.iter().map(|(client, server)| ((*client).to_owned(), (*server).to_owned())).collect()
}

#[test]
fn real_senders_get_what_explain_says() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    let text = "{address} is on {list}, ask {contact}";
    config.lists = vec![
        list(&scene, "refused", "refuse", 1)?.with("text", text),
        list(&scene, "later", "refuse", 2)?.with("text", text).with("refuse_with", "temporary"),
        list(&scene, "greeted", "refuse", 3)?.with("text", text).with("refuse_at", "greeting"),
    ];
    let guard = start(&scene.lab, &config)?;
    for (number, name, code) in [(1, "refused", "550 5.7.1"), (2, "later", "450 4.7.1")] {
        for source in senders(number, 5) {
            let inbound = explain(&guard, source, 25)?["inbound"].take();
            assert_eq!((&inbound["action"], &inbound["effect"]), (&json!("refuse"), &json!("stopped")));
            let line = format!("{code} {source} is on {name}, ask postmaster@guarded.example");
            assert_eq!(dialogue(&inbound)?, refused_dialogue(&line), "{inbound:#}");
            assert_eq!(inbound["answer"]["dialogue"][4]["bytes"], format!("{line}\r\n"));
            assert_eq!(inbound["answer"]["dialogue"][5]["closes"], true);
            assert_eq!(refusal(&scene.lab.internet, &Scene::inbound(source))?, (Stage::Rcpt, line));
        }
    }
    for source in senders(3, 5) {
        let inbound = explain(&guard, source, 25)?["inbound"].take();
        let line = format!("554 5.7.1 {source} is on greeted, ask postmaster@guarded.example");
        assert_eq!(dialogue(&inbound)?, words(&[("SYN", "SYN-ACK"), ("ACK", &line)]), "{inbound:#}");
        assert_eq!(refusal(&scene.lab.internet, &Scene::inbound(source))?, (Stage::Greeting, line));
    }

    let output = guard.cli(["explain", &senders(1, 5)[0].to_string()])?;
    let said = String::from_utf8_lossy(&output.stdout);
    let shown = format!(
        "    > RCPT TO:<postmaster>\n    < 550 5.7.1 {} is on refused, ask postmaster@guarded.example\n",
        senders(1, 5)[0]
    );
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&shown) && said.contains("it gets"), "{said}");
    Ok(())
}

#[test]
fn asking_is_not_answering() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.lists = vec![list(&scene, "refused", "refuse", 1)?];
    let guard = start(&scene.lab, &config)?;
    for _ in 0..20 {
        for source in senders(1, 5) {
            let explained = explain(&guard, source, 25)?;
            assert_eq!(dialogue(&explained["inbound"])?.len(), 6, "{explained:#}");
        }
    }
    let status = guard.status()?;
    assert_eq!((&status["answers"], &status["actions"]), (&json!({}), &json!([])), "{status:#}");
    assert_eq!(guard.request("GET", "/v1/refused", None)?.json()?["connections"], json!([]));
    Ok(())
}

#[test]
fn every_action_is_explained() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.lists = vec![
        list(&scene, "dropped", "drop", 1)?,
        list(&scene, "reset", "reset", 2)?,
        list(&scene, "kept", "tarpit", 3)?,
        list(&scene, "refused", "refuse", 4)?,
        list(&scene, "limited", "limit", 5)?,
    ];
    let guard = start(&scene.lab, &config)?;
    for source in senders(1, 5) {
        let inbound = explain(&guard, source, 25)?["inbound"].take();
        assert_eq!((&inbound["action"], &inbound["answer"]), (&json!("drop"), &Value::Null));
    }
    let reset = words(&[("SYN", "RST")]);
    let kept = words(&[("SYN", "SYN-ACK"), ("ACK", "(nothing)"), ("EHLO relay-guard.invalid", "ACK")]);
    // SMTP that begins with TLS has no words before it.
    for (number, port, expected) in [(2, 25, &reset), (3, 25, &kept), (4, 465, &reset)] {
        for source in senders(number, 5) {
            let inbound = explain(&guard, source, port)?["inbound"].take();
            assert_eq!(&dialogue(&inbound)?, expected, "{inbound:#}");
        }
    }
    let waits = explain(&guard, senders(3, 5)[0], 25)?["inbound"]["answer"]["dialogue"][2]["window"].take();
    assert_eq!(waits, json!(0));
    // A limit stops nobody who is within it.
    let output = guard.cli(["explain", &senders(5, 5)[0].to_string()])?;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    Ok(())
}

#[test]
fn those_who_write_to_a_listed_destination_get_its_lists_text() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    let servers = [nth(addr::REMOTE_SERVERS_V4, 5), nth(addr::REMOTE_SERVERS_V6, 5)];
    let lines = servers.map(|server| format!("{server}\n")).concat();
    config.add_list(&scene.lab, "out", "refuse", &lines)?;
    let text = "ask the people on the second floor";
    let outbound = |list: List| list.with("direction", "outbound").with("text", text);
    config.lists = config.lists.into_iter().map(outbound).collect();
    let guard = start(&scene.lab, &config)?;
    let line = format!("550 5.7.1 {text}");
    for (source, server) in addr::WORKSTATION.addresses().into_iter().zip(servers) {
        let destination = explain(&guard, server, 25)?["destination"].take();
        assert_eq!(dialogue(&destination)?, refused_dialogue(&line), "{destination:#}");
        let delivery = Delivery::new(source, SocketAddr::new(server, addr::SMTP));
        assert_eq!(refusal(&scene.lab.inside, &delivery)?, (Stage::Rcpt, line.clone()));
    }
    Ok(())
}

#[test]
fn observing_shows_what_would_be_said() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.mode = "observe";
    config.lists = vec![list(&scene, "refused", "refuse", 1)?.with("text", "no")];
    let guard = start(&scene.lab, &config)?;
    for source in senders(1, 5) {
        let inbound = explain(&guard, source, 25)?["inbound"].take();
        assert_eq!(inbound["effect"], "observed");
        assert_eq!(dialogue(&inbound)?, refused_dialogue("550 5.7.1 no"), "{inbound:#}");
    }
    let output = guard.cli(["explain", &senders(1, 5)[0].to_string()])?;
    assert!(String::from_utf8_lossy(&output.stdout).contains("it would get"), "{output:?}");

    scene.assert_deliver(senders(1, 6));
    let status = guard.status()?;
    let count = status["actions"].as_array().and_then(|rows| rows.first()).context("no actions")?;
    assert_eq!((&count["action"], &count["effect"]), (&json!("refuse"), &json!("observed")), "{status:#}");
    let steps: Vec<_> = status["answers"].as_object().context("no answers")?.keys().collect();
    assert_eq!(steps, ["syn"], "{status:#}");
    let said = guard.cli(["status"])?;
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(said.contains("\n  would have refused "), "{said}");
    Ok(())
}
