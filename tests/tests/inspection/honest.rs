//! Who sends with real mail servers, much or oddly, at default settings, beside a bot that is found meanwhile.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::bot::{self, Campaign, make_in};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::{Exim, Msmtp, OpenSmtpd, Postfix, Relay};
use relay_guard_tests::smtp::{Delivery, Outcome};
use relay_guard_tests::wait;
use serde_json::json;

use super::stage::{
    PATIENCE, Stage, assert_only_contained, detail, server, wait_for_sessions, wait_for_state,
};

/// Domains that Postfix sends to.
const DOMAINS: [&str; 2] = ["v4.example", "v6.example"];

#[test]
fn real_servers_deliver_and_are_not_contained() -> Result<()> {
    let stage = Stage::new()?;
    let guard = Guard::start(&stage.lab, &stage.config())?;
    let bot = nth(addr::CROWD_V4, 66);
    let flood = Campaign::start(&stage.lab.inside, bot::flood(bot, 2000, 20))?;
    let lab = &stage.lab;

    // A declared server with Postfix, and workstations with programs of their own.
    let relay = Relay {
        sources: addr::MAIL_SERVER.addresses(),
        servers: DOMAINS
            .map(str::to_owned)
            .into_iter()
            .zip(addr::MAIL_SERVER.addresses().map(|source| server(source, 7)))
            .collect(),
        encrypts: false,
    };
    let _postfix = Postfix::start_sender(lab, &lab.mail, relay)?;
    for number in 0..10 {
        let to = DOMAINS.map(|domain| format!("user{number}@{domain}")).to_vec();
        let letter = Delivery { to, ..Delivery::new(Relay::submission().ip(), Relay::submission()) };
        assert_eq!(letter.attempt_in(&lab.mail), Outcome::Delivered);
    }
    let mut expected = Vec::new();
    for (exim, msmtp, opensmtpd) in [(11, 12, 13)] {
        for v6 in [false, true] {
            let host = |n| if v6 { nth(addr::CROWD_V6, n) } else { nth(addr::CROWD_V4, n) };
            let run = Exim::new(host(exim), server(host(exim), 11)).run_in(lab, &lab.inside)?;
            assert_eq!((run.queued, run.bounces.len()), (0, 0), "{}", run.log);
            let sent = Msmtp::new(host(msmtp), server(host(msmtp), 12)).run_in(&lab.inside)?;
            assert_eq!(sent.status.code(), Some(Msmtp::ACCEPTED), "{sent:?}");
            let _opensmtpd =
                OpenSmtpd::start(lab, &lab.inside, host(opensmtpd), server(host(opensmtpd), 13))?;
            let letter = Delivery::new(OpenSmtpd::submission().ip(), OpenSmtpd::submission());
            assert_eq!(letter.attempt_in(&lab.inside), Outcome::Delivered);
            wait::until("OpenSMTPD's letter", PATIENCE, || {
                Ok((stage.delivered(host(opensmtpd)) == 1).then_some(()))
            })?;
            expected.extend([exim, msmtp, opensmtpd].map(host));
        }
    }
    for source in addr::MAIL_SERVER.addresses() {
        wait::until("Postfix's letters", PATIENCE, || Ok((stage.delivered(source) >= 10).then_some(())))?;
    }

    wait_for_state(&guard, bot, "contained")?;
    let senders = expected.iter().chain(&addr::MAIL_SERVER.addresses()).copied().collect::<Vec<_>>();
    for source in senders {
        let host = wait_for_sessions(&guard, source, 1)?;
        assert_eq!((&host["state"], &host["score"]), (&json!("quiet"), &json!(0)), "{host:#}");
        assert!(
            host["recent"].as_array().is_some_and(|all| all.iter().all(|one| one["incomplete"] == false)),
            "{host:#}"
        );
    }
    drop(flood);
    assert_only_contained(&guard, &[bot])
}

#[test]
fn a_newsletter_and_a_monitoring_host_go_on() -> Result<()> {
    let stage = Stage::new()?;
    let guard = Guard::start(&stage.lab, &stage.config())?;
    let no_pause = Duration::ZERO;
    for (source, monitor) in addr::MAIL_SERVER.addresses().into_iter().zip(addr::MONITOR.addresses()) {
        let newsletter = bot::newsletter(source, 150, no_pause);
        let sent = make_in(&stage.lab.mail, &newsletter);
        for heard in &sent {
            assert!(heard.connected && heard.broke.is_none(), "{heard:?}");
        }
        let taken: usize = sent.iter().map(|heard| heard.delivered).sum();
        assert!(taken >= 140 && stage.delivered(source) == taken, "{taken}");
        let watched = make_in(&stage.lab.inside, &bot::monitoring(monitor, 40, 5, no_pause));
        assert!(watched.iter().all(|heard| heard.replies.len() == 3 && heard.broke.is_none()), "{watched:?}");

        let server = wait_for_sessions(&guard, source, 150)?;
        assert_eq!(
            (&server["kind"], &server["state"]),
            (&json!("mail-server"), &json!("quiet")),
            "{server:#}"
        );
        let host = wait_for_sessions(&guard, monitor, 200)?;
        assert_eq!(host["kind"], "excepted");
        assert_ne!(host["state"], "contained", "{host:#}");
        assert_eq!(host["contained_until"], json!(null), "{host:#}");
        assert!(make_in(&stage.lab.inside, &bot::monitoring(monitor, 1, 1, no_pause))[0].connected);
    }
    assert_only_contained(&guard, &[])
}

#[test]
fn a_compromised_account_is_found_at_the_declared_server() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    config.inspection.insert("window".to_owned(), "5s".into());
    let guard = Guard::start(&stage.lab, &config)?;
    let lab = &stage.lab;
    let _postfix = Postfix::start(lab, &lab.mail)?;
    // Somebody on a workstation has the password of alice, and hands the own server what this sends out.
    for source in addr::WORKSTATION.addresses() {
        let own = SocketAddr::new(addr::MAIL_SERVER.like(source), addr::SMTP);
        for letter in 0..8 {
            let to = (0..20).map(|number| {
                let who = if number % 2 == 0 { bot::UNKNOWN } else { "user" };
                match server(source, letter * 20 + number).ip() {
                    address if address.is_ipv4() => format!("{who}{number}@[{address}]"),
                    address => format!("{who}{number}@[IPv6:{address}]"),
                }
            });
            let from = "alice@guarded.example".to_owned();
            let delivery = Delivery { from, to: to.collect(), ..Delivery::new(source, own) };
            assert_eq!(delivery.attempt_in(&lab.inside), Outcome::Delivered);
        }
        let server = addr::MAIL_SERVER.like(source);
        let host = wait_for_state(&guard, server, "reported")?;
        let busy =
            host["signals"].as_array().into_iter().flatten().find(|signal| signal["name"] == "busy-sender");
        busy.with_context(|| format!("it is not said who: {host:#}"))?;
        assert_eq!(
            (&host["kind"], &host["contained_until"]),
            (&json!("mail-server"), &json!(null)),
            "{host:#}"
        );
        // Handing mail to the own server is no sign.
        if let Ok(workstation) = detail(&guard, source) {
            assert_eq!(workstation["score"], 0, "{workstation:#}");
        }
    }
    assert_only_contained(&guard, &[])
}
