//! Real mail through the guarded gateway: who delivers, who cannot even connect, and what is counted of it.

use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::{Postfix, SmtpSink, SmtpSource, Swaks};
use relay_guard_tests::scene::{IN_VAIN, Scene, clean, listed, listed_lines, spare};
use relay_guard_tests::smtp::{Delivery, Outcome};
use relay_guard_tests::{Lab, guard::GuardConfig, wait};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(15);

/// Packets of the counter for this reason and effect, inbound.
fn counted(status: &Value, reason: &str, effect: &str) -> u64 {
    let rows = status["counters"].as_array().expect("counters");
    let matching = rows
        .iter()
        .filter(|row| row["direction"] == "inbound" && row["reason"] == reason && row["effect"] == effect);
    matching.filter_map(|row| row["packets"].as_u64()).sum()
}

#[test]
fn listed_senders_cannot_connect_to_postfix_and_clean_ones_deliver() -> Result<()> {
    let lab = Lab::new()?;
    let postfix = Postfix::start(&lab, &lab.mail)?;
    let mut config = GuardConfig::for_lab(&lab);
    config.add_list(&lab, "drops", "drop", &listed_lines())?;
    let guard = Guard::start(&lab, &config)?;
    let server = SocketAddrV4::new(addr::MAIL_SERVER.v4, addr::SMTP);
    let [IpAddr::V4(bad), bad_v6] = listed(9) else { panic!("no IPv4 sender") };
    let [IpAddr::V4(good), good_v6] = clean(9) else { panic!("no IPv4 sender") };

    let refused = Swaks { timeout: 1, ..Swaks::new(bad, server) }.run_in(&lab.internet)?;
    assert_eq!(refused.status.code(), Some(Swaks::NO_CONNECTION), "{refused:?}");
    let refused = Scene::inbound(bad_v6).connect_timeout(IN_VAIN).attempt_in(&lab.internet);
    assert_eq!(refused, Outcome::ConnectTimeout);
    let taken = Swaks::new(good, server).run_in(&lab.internet)?;
    assert_eq!(taken.status.code(), Some(Swaks::ACCEPTED), "{taken:?}");
    assert_eq!(Scene::inbound(good_v6).attempt_in(&lab.internet), Outcome::Delivered);

    wait::until("both messages in the maildir", PATIENCE, || {
        Ok((postfix.messages()?.len() == 2).then_some(()))
    })?;
    let log = postfix.log_text();
    for (address, seen) in [(bad.into(), false), (bad_v6, false), (IpAddr::V4(good), true), (good_v6, true)] {
        assert_eq!(log.contains(&address.to_string()), seen, "{address}");
    }
    let status = guard.status()?;
    assert!(counted(&status, "listed", "stopped") >= 2, "{status:#}");
    assert_eq!(counted(&status, "listed", "passed") + counted(&status, "listed", "observed"), 0);
    assert!(status["lists"][0]["packets"].as_u64() >= Some(2), "{status:#}");
    Ok(())
}

#[test]
fn many_large_messages_pass_untouched() -> Result<()> {
    let lab = Lab::new()?;
    let mut config = GuardConfig::for_lab(&lab);
    config.add_list(&lab, "drops", "drop", &listed_lines())?;
    let guard = Guard::start(&lab, &config)?;
    for ((good, bad), server) in
        clean(1).into_iter().zip(listed(1)).zip(addr::MAIL_SERVER.sockets(addr::SMTP))
    {
        let sink = SmtpSink::start(&lab, &lab.mail, server)?;
        // Long enough for segments larger than a page, which XDP sees in fragments.
        let source = SmtpSource { messages: 20, sessions: 4, length: 200_000, ..SmtpSource::new(server) };
        lab.prefer_source(good)?;
        let output = source.run_in(&lab.internet, PATIENCE)?;
        assert!(output.status.success(), "{output:?}");
        lab.prefer_source(bad)?;
        let stuck = SmtpSource::new(server).run_in(&lab.internet, Duration::from_secs(1));
        assert!(stuck.is_err(), "a listed sender came to an end: {stuck:?}");
        let messages = sink.messages()?;
        assert_eq!(messages.len(), 20, "{}", sink.log_text());
        // A little less than was sent: the sink keeps no carriage returns.
        assert!(messages.iter().all(|message| message.len() > 190_000), "a message is incomplete");
        assert!(!messages.iter().any(|message| message.contains(&bad.to_string())));
    }
    let status = guard.status()?;
    assert!(counted(&status, "clean", "passed") > 100, "{status:#}");
    assert_eq!(status["totals"]["unparsable"], 0, "{status:#}");
    Ok(())
}

#[test]
fn observing_counts_and_lets_through() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.mode = "observe";
    let guard = Guard::start(&scene.lab, &config)?;
    scene.assert_deliver(listed(1).into_iter().chain(clean(1)));
    let status = guard.wait_for_status("four senders to be counted", |status| {
        status["recent"].as_array().is_some_and(|recent| recent.len() >= 2)
    })?;
    assert!(counted(&status, "listed", "observed") >= 2, "{status:#}");
    assert!(counted(&status, "clean", "passed") >= 2, "{status:#}");
    assert!(status["totals"]["inbound_observed"].as_u64() >= Some(2), "{status:#}");
    assert_eq!(status["totals"]["inbound_stopped"], 0, "{status:#}");
    let recent = status["recent"].as_array().context("a list")?;
    for source in listed(1) {
        let attempt = recent.iter().find(|attempt| attempt["source"] == source.to_string());
        let attempt = attempt.with_context(|| format!("{source} is not in {recent:#?}"))?;
        assert_eq!(attempt["effect"], "observed");
        assert_eq!(attempt["action"], "drop");
        assert_eq!(attempt["lists"], serde_json::json!(["drops"]));
        assert_eq!(attempt["interface"], addr::OUTSIDE);
        assert_eq!(attempt["destination"], addr::MAIL_SERVER.like(source).to_string());
    }
    Ok(())
}

#[test]
fn lists_win_over_each_other_by_what_they_do() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    let [allowed_v4, allowed_v6] = listed(7);
    config.add_list(&scene.lab, "allows", "allow", &format!("{allowed_v4}\n{allowed_v6}\n"))?;
    // Listed twice: only watched by one, dropped by the other.
    let [both_v4, both_v6] = listed(8);
    let watched = format!("{}\n{}\n{both_v4}\n{both_v6}\n", addr::SPARE_V4, addr::SPARE_V6);
    config.add_list(&scene.lab, "watched", "observe", &watched)?;
    let guard = Guard::start(&scene.lab, &config)?;

    scene.assert_deliver([allowed_v4, allowed_v6].into_iter().chain(spare(5)).chain(clean(5)));
    scene.assert_blocked(listed(6).into_iter().chain([both_v4, both_v6]));
    let status = guard.status()?;
    assert!(counted(&status, "allow-list", "passed") >= 2, "{status:#}");
    assert!(counted(&status, "listed", "observed") >= 2, "{status:#}");
    assert!(counted(&status, "listed", "stopped") >= 4, "{status:#}");
    for (address, lists) in [(both_v4, &["drops", "watched"][..]), (spare(5)[1], &["watched"])] {
        let output = guard.cli(["explain", &address.to_string(), "--json"])?;
        let explained: Value = serde_json::from_slice(&output.stdout)?;
        let names: Vec<_> = explained["inbound"]["lists"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|list| &list["list"])
            .collect();
        assert_eq!(names, lists, "{explained:#}");
        assert_eq!(output.status.code(), Some(i32::from(lists.len() == 2)), "{explained:#}");
    }
    Ok(())
}

#[test]
fn only_guarded_ports_are_touched() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.ports = Some(relay_guard_tests::guard::Ports { guarded: vec![25], watched: vec![25] });
    let _guard = Guard::start(&scene.lab, &config)?;
    scene.assert_blocked(listed(3));
    for source in listed(3) {
        let server = SocketAddr::new(addr::MAIL_SERVER.like(source), 587);
        let outcome = Delivery::new(source, server).attempt_in(&scene.lab.internet);
        assert_eq!(outcome, Outcome::Delivered, "port 587 is not guarded here");
    }
    // Towards a listed network: lists are about who sends to us.
    let server = SocketAddr::new(nth(addr::REMOTE_SERVERS_V4, 3), addr::SMTP);
    let outbound = Delivery::new(addr::MAIL_SERVER.like(server.ip()), server);
    assert_eq!(outbound.attempt_in(&scene.lab.mail), Outcome::Delivered);
    Ok(())
}
