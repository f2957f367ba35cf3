//! Inside hosts that send like zombies: counted as they behaved, found, contained, released; and those that never are.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, GuardConfig, Limits, Step};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::scene::{
    IN_VAIN, Scene, assert_delivered, assert_delivered_in_turn, assert_unanswered, attempt_all,
};
use relay_guard_tests::smtp::{Delivery, Outcome, ServerOptions, SmtpServer};
use relay_guard_tests::{Lab, wait};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// More than one of these is too many for nobody: tests set the threshold that they are about.
const NEVER: u32 = 100_000;

/// What becomes of a zombie.
fn drop_for(time: &str) -> Step {
    Step::new(100, "drop").lasting(time)
}

/// A guard that finds zombies by more than `attempts` attempts.
fn guard_by_attempts(scene: &Scene, attempts: u32) -> Result<(Guard<'_>, GuardConfig)> {
    let mut config = scene.config()?;
    config.stop_beyond("attempts", attempts, drop_for("1h"));
    Ok((Guard::start(&scene.lab, &config)?, config))
}

/// Messages of a host to the servers `first`, `first` + 1 …
fn mails(source: IpAddr, first: u32, count: u32) -> Vec<Delivery> {
    (first..first + count).map(|n| Scene::outbound(source, n)).collect()
}

/// Messages of a host that has no name.
fn nameless_mails(source: IpAddr, count: u32) -> Vec<Delivery> {
    let nameless = |mail| Delivery { helo: "localhost".to_owned(), ..mail };
    mails(source, 0, count).into_iter().map(nameless).collect()
}

fn in_vain(mails: Vec<Delivery>) -> Vec<Delivery> {
    mails.into_iter().map(|mail| mail.connect_timeout(IN_VAIN)).collect()
}

/// The row of a host in the answer of `/v1/hosts`.
fn row(hosts: &Value, address: IpAddr) -> Option<&Value> {
    hosts["hosts"].as_array()?.iter().find(|host| host["address"] == address.to_string())
}

fn host(guard: &Guard<'_>, address: IpAddr) -> Result<Value> {
    let hosts = guard.request("GET", "/v1/hosts", None)?.json()?;
    Ok(row(&hosts, address).with_context(|| format!("{address} is not in {hosts:#}"))?.clone())
}

fn wait_for_state(guard: &Guard<'_>, address: IpAddr, state: &str) -> Result<Value> {
    guard.wait_for("/v1/hosts", &format!("{address} to be {state}"), |hosts| {
        row(hosts, address).is_some_and(|host| host["state"] == state)
    })
}

/// Lets the zombie of the lab send until it is contained: then the daemon has judged whatever was counted before.
fn sacrifice_zombie(scene: &Scene, guard: &Guard<'_>, count: u32) -> Result<()> {
    for address in addr::ZOMBIE.addresses() {
        assert_delivered_in_turn(&scene.lab.inside, &mails(address, 0, count));
    }
    addr::ZOMBIE
        .addresses()
        .iter()
        .try_for_each(|address| wait_for_state(guard, *address, "contained").map(drop))
}

#[test]
fn more_attempts_than_the_threshold_are_too_many() -> Result<()> {
    let scene = Scene::new()?;
    let (guard, _) = guard_by_attempts(&scene, 12)?;
    for address in addr::WORKSTATION.addresses() {
        assert_delivered_in_turn(&scene.lab.inside, &vec![Scene::outbound(address, 1); 12]);
    }
    sacrifice_zombie(&scene, &guard, 13)?;
    for address in addr::WORKSTATION.addresses() {
        let at_the_threshold = host(&guard, address)?;
        assert_eq!(at_the_threshold["state"], "quiet", "{at_the_threshold:#}");
        assert_eq!((&at_the_threshold["score"], &at_the_threshold["attempts"]), (&json!(0), &json!(12)));
        assert_eq!(at_the_threshold["distinct_destinations"], 1);
        assert_delivered(&scene.lab.inside, &[Scene::outbound(address, 1)]);
    }
    for address in addr::ZOMBIE.addresses() {
        assert_unanswered(&scene.lab.inside, &in_vain(mails(address, 50, 2)));
        let contained = host(&guard, address)?;
        assert_eq!(
            (&contained["kind"], &contained["attempts"]),
            (&json!("host"), &json!(15)),
            "{contained:#}"
        );
        assert_eq!(
            (&contained["established"], &contained["stopped"]),
            (&json!(13), &json!(2)),
            "{contained:#}"
        );
        assert!(contained["contained_until"].is_u64(), "{contained:#}");
        assert!(guard.log_text().contains(&format!("host={address}")), "it is in the log");
    }
    assert_eq!(guard.status()?["verdicts"]["contained"], 2);
    Ok(())
}

#[test]
fn more_destinations_than_the_threshold_are_too_many() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.stop_beyond("destinations", 8, drop_for("1h"));
    let guard = Guard::start(&scene.lab, &config)?;
    for address in addr::WORKSTATION.addresses() {
        // Many messages, few servers.
        let often: Vec<_> = (0..40).map(|n| Scene::outbound(address, n % 6)).collect();
        assert_delivered(&scene.lab.inside, &often);
    }
    sacrifice_zombie(&scene, &guard, 16)?;
    for (address, least, most) in [(addr::WORKSTATION.addresses(), 5, 6), (addr::ZOMBIE.addresses(), 13, 16)]
        .into_iter()
        .flat_map(|(addresses, least, most)| addresses.map(|address| (address, least, most)))
    {
        // An estimate: two servers may share a bit.
        let host = host(&guard, address)?;
        let estimate = host["distinct_destinations"].as_u64().context("a number")?;
        assert!((least..=most).contains(&estimate), "{host:#}");
        assert_eq!(host["state"] == "contained", estimate > 8, "{host:#}");
    }
    Ok(())
}

#[test]
fn counters_say_what_became_of_each_attempt() -> Result<()> {
    let lab = Lab::new()?;
    let mut config = GuardConfig::for_lab(&lab);
    config.stop_beyond("attempts", NEVER, drop_for("1h"));
    let guard = Guard::start(&lab, &config)?;
    for (source, net, hole) in [
        (IpAddr::from(addr::WORKSTATION.v4), nth(addr::REMOTE_SERVERS_V4, 0), nth(addr::BLACK_HOLE_V4, 1)),
        (addr::WORKSTATION.v6.into(), nth(addr::REMOTE_SERVERS_V6, 0), nth(addr::BLACK_HOLE_V6, 1)),
    ] {
        let socket = |n: u32| Scene::outbound(source, n).server;
        assert!(socket(0).ip() == net, "the same network");
        // Servers only at these two; the others refuse.
        let _remote = SmtpServer::start(&lab.internet, &[socket(1), socket(2)], ServerOptions::default())?;
        let attempts: Vec<_> = [1, 2, 1, 2, 1, 3, 4, 3].map(|n| Scene::outbound(source, n)).to_vec();
        let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.attempt_in(&lab.inside)).collect();
        assert!(outcomes[..5].iter().all(Outcome::is_delivered), "{outcomes:?}");
        assert!(outcomes[5..].iter().all(|outcome| *outcome == Outcome::ConnectRefused), "{outcomes:?}");
        let lost = Delivery::new(source, SocketAddr::new(hole, addr::SMTP)).connect_timeout(IN_VAIN);
        assert_unanswered(&lab.inside, &[lost.clone(), lost]);
        // Submission is none of this business.
        let other = Delivery::new(source, SocketAddr::new(socket(1).ip(), 587));
        assert_eq!(other.attempt_in(&lab.inside), Outcome::ConnectRefused);

        let counted = host(&guard, source)?;
        for (key, value) in [
            ("attempts", 10),
            ("established", 5),
            ("refused", 3),
            ("failed", 5),
            ("stopped", 0),
            ("distinct_destinations", 5),
            ("attempts_total", 10),
        ] {
            assert_eq!(counted[key], value, "{key} of {counted:#}");
        }
        assert_eq!((&counted["state"], &counted["kind"]), (&json!("quiet"), &json!("host")));
    }
    let output = guard.cli(["hosts", &addr::WORKSTATION.v4.to_string()])?;
    let table = String::from_utf8(output.stdout)?;
    assert!(output.status.success() && table.contains(&addr::WORKSTATION.v4.to_string()), "{table}");
    assert!(!table.contains(&addr::WORKSTATION.v6.to_string()), "only the one asked for: {table}");
    assert_eq!(guard.cli(["hosts", "10.0.1.200"])?.status.code(), Some(1), "it has sent nothing");
    Ok(())
}

#[test]
fn observing_reports_and_contains_nobody() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.stop_beyond("attempts", 8, drop_for("1h"));
    config.mode = "observe";
    let mut guard = Guard::start(&scene.lab, &config)?;
    let zombie = IpAddr::from(addr::ZOMBIE.v4);
    assert_delivered(&scene.lab.inside, &mails(zombie, 0, 20));
    wait::until("the report", PATIENCE, || {
        Ok(guard
            .log_text()
            .lines()
            .any(|line| line.contains("zombie: ") && line.contains(&zombie.to_string()))
            .then_some(()))
    })?;
    let reported = host(&guard, zombie)?;
    assert_eq!(
        (&reported["state"], &reported["contained_until"]),
        (&json!("reported"), &Value::Null),
        "{reported:#}"
    );
    assert_delivered(&scene.lab.inside, &mails(zombie, 0, 3));

    config.mode = "enforce";
    guard.write_config(&config.to_toml()?)?;
    guard.reload();
    wait_for_state(&guard, zombie, "contained")?;
    assert_unanswered(&scene.lab.inside, &in_vain(mails(zombie, 0, 3)));
    config.mode = "observe";
    guard.write_config(&config.to_toml()?)?;
    guard.reload();
    guard.wait_for_status("the release", |status| {
        status["mode"] == "observe" && status["verdicts"]["contained"] == 0
    })?;
    assert_delivered(&scene.lab.inside, &mails(zombie, 0, 3));
    Ok(())
}

#[test]
fn only_smtp_of_a_contained_host_stops_and_the_administrator_releases_it() -> Result<()> {
    let scene = Scene::new()?;
    let submission = ServerOptions::named("submission.remote.example");
    let _submission = SmtpServer::start_everywhere(&scene.lab.internet, 587, submission)?;
    let (guard, _) = guard_by_attempts(&scene, 12)?;
    sacrifice_zombie(&scene, &guard, 13)?;
    for address in addr::ZOMBIE.addresses() {
        assert_unanswered(&scene.lab.inside, &in_vain(mails(address, 3, 1)));
        let own = SocketAddr::new(addr::MAIL_SERVER.like(address), addr::SMTP);
        assert_unanswered(&scene.lab.inside, &[Delivery::new(address, own).connect_timeout(IN_VAIN)]);
        let mut other_port = Scene::outbound(address, 3);
        other_port.server.set_port(587);
        assert_delivered(&scene.lab.inside, &[other_port]);

        let output = guard.cli(["explain", &address.to_string(), "--json"])?;
        let explained: Value = serde_json::from_slice(&output.stdout)?;
        assert_eq!(explained["outbound"]["reason"], "contained", "{explained:#}");
        assert!(explained["contained_until"].is_u64(), "{explained:#}");

        let output = guard.cli(["remove", &address.to_string(), "--json"])?;
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        assert!(output.status.success() && answer["released"] == true, "{answer:#}");
        assert_delivered(&scene.lab.inside, &mails(address, 3, 2));
        assert_eq!(guard.cli(["remove", &address.to_string()])?.status.code(), Some(1), "it is free already");
    }
    // Forgiven, but not for ever.
    sacrifice_zombie(&scene, &guard, 13)?;
    // The administrator's word is above ours.
    for address in addr::ZOMBIE.addresses() {
        assert!(guard.cli(["allow", &address.to_string()])?.status.success());
        assert_delivered(&scene.lab.inside, &mails(address, 3, 2));
        guard.wait_for("/v1/hosts", "the end of its containment", |hosts| {
            row(hosts, address)
                .is_none_or(|host| host["kind"] == "allowed" && host["contained_until"].is_null())
        })?;
    }
    Ok(())
}

#[test]
fn a_full_verdict_map_is_told_and_ends_nothing() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.stop_beyond("attempts", 8, drop_for("1h"));
    // Room for two: a block, and one host that is contained.
    config.limits = Some(Limits { verdicts: Some(1), ..Limits::default() });
    config.lookups.insert("cache_entries".to_owned(), 1.into());
    let guard = Guard::start(&scene.lab, &config)?;
    assert!(guard.cli(["block", "198.51.100.40"])?.status.success());
    let [first, address] = addr::ZOMBIE.addresses();
    assert_delivered_in_turn(&scene.lab.inside, &mails(first, 0, 9));
    wait_for_state(&guard, first, "contained")?;
    assert_delivered_in_turn(&scene.lab.inside, &mails(address, 0, 9));
    let full = |status: &Value| {
        let warnings = status["warnings"].as_array().into_iter().flatten();
        warnings.filter_map(Value::as_str).any(|warning| warning.contains("cannot write a verdict"))
    };
    guard.wait_for_status("the full map to be told", full)?;
    assert!(guard.cli(["reload"])?.status.success(), "a full map is no reason to refuse a configuration");
    assert_delivered(&scene.lab.inside, &mails(address, 0, 1));
    // As soon as there is room, what was decided holds.
    assert!(guard.cli(["remove", "198.51.100.40"])?.status.success());
    guard.wait_for_status("the end of the trouble", |status| !full(status))?;
    assert_unanswered(&scene.lab.inside, &in_vain(mails(address, 0, 2)));
    Ok(())
}

#[test]
fn containment_ends_by_itself() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.inspection.insert("window".to_owned(), "5s".into());
    config.inspection.insert("half_life".to_owned(), "1s".into());
    config.stop_beyond("attempts", 8, drop_for("1s"));
    let guard = Guard::start(&scene.lab, &config)?;
    sacrifice_zombie(&scene, &guard, 9)?;
    // What they did is forgiven with it.
    let all = addr::ZOMBIE.addresses();
    for address in all {
        wait_for_state(&guard, address, "quiet")?;
        let released = host(&guard, address)?;
        assert_eq!((&released["score"], &released["attempts"]), (&json!(0), &json!(0)), "{released:#}");
    }
    assert_eq!(guard.status()?["verdicts"]["contained"], 0);
    for address in all {
        assert!(guard.log_text().contains(&format!("released host={address}")), "it is in the log");
        assert_delivered_in_turn(&scene.lab.inside, &mails(address, 0, 2));
        let released = host(&guard, address)?;
        assert_eq!((&released["state"], &released["attempts"]), (&json!("quiet"), &json!(2)), "{released:#}");
        assert_eq!(released["contained_until"], Value::Null, "{released:#}");
    }
    Ok(())
}

#[test]
fn containment_ends_in_the_kernel_when_the_daemon_is_dead() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.stop_beyond("attempts", 8, drop_for("4s"));
    let mut guard = Guard::start(&scene.lab, &config)?;
    sacrifice_zombie(&scene, &guard, 9)?;
    guard.kill9();
    let tries = addr::ZOMBIE.addresses().map(|address| Scene::outbound(address, 1).connect_timeout(IN_VAIN));
    assert_unanswered(&scene.lab.inside, &tries);
    wait::until("the end of the containment", PATIENCE, || {
        let outcomes = attempt_all(&scene.lab.inside, &tries);
        Ok(outcomes.iter().all(Outcome::is_delivered).then_some(()))
    })?;
    Ok(())
}

#[test]
fn who_may_send_is_counted_and_never_contained() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    // Attempts alone are no sign of a mail server, but a bad name is one of anybody.
    config.stop_beyond("helo-no-name", 8, drop_for("1h"));
    // An own server that is not declared to send.
    config.hosts.own_servers.push(addr::WORKSTATION.v4.into());
    let guard = Guard::start(&scene.lab, &config)?;
    let gateway = [addr::GATEWAY.v4.into(), addr::GATEWAY.v6.into()];
    let senders = [
        (&scene.lab.mail, "mail-server", addr::MAIL_SERVER.addresses().to_vec()),
        (&scene.lab.inside, "excepted", addr::MONITOR.addresses().to_vec()),
        (&scene.lab.gateway, "gateway", gateway.to_vec()),
        (&scene.lab.inside, "own-server", vec![addr::WORKSTATION.v4.into()]),
    ];
    for (namespace, _, addresses) in &senders {
        let all: Vec<_> = addresses.iter().flat_map(|address| nameless_mails(*address, 20)).collect();
        assert_delivered_in_turn(namespace, &all);
    }
    for address in addr::ZOMBIE.addresses() {
        assert_delivered_in_turn(&scene.lab.inside, &nameless_mails(address, 9));
        wait_for_state(&guard, address, "contained")?;
    }
    for (namespace, kind, addresses) in &senders {
        for address in addresses {
            wait_for_state(&guard, *address, "reported")?;
            let host = host(&guard, *address)?;
            assert_eq!(host["kind"], json!(kind), "{host:#}");
            assert_eq!((&host["attempts"], &host["established"]), (&json!(20), &json!(20)), "{host:#}");
            assert_eq!(host["contained_until"], Value::Null, "{host:#}");
            assert_delivered(namespace, &mails(*address, 0, 2));
            let log = guard.log_text();
            let mut about = log.lines().filter(|line| line.contains(&format!("host={address} ")));
            assert!(about.all(|line| line.contains("never contained")), "{log}");
        }
    }
    assert_eq!(guard.status()?["verdicts"]["contained"], 2, "the two of the zombie");
    Ok(())
}
