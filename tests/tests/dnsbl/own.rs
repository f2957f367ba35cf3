//! Are we listed? The gateway's own addresses, by command and by the daemon's timer.

use std::net::IpAddr;

use anyhow::Result;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::scene::clean;

use super::{Content, Served, ZONE, json, usual, wait_for_state};

/// An address that is ours, though on no interface: as behind a translation.
const CONFIGURED: &str = "203.0.113.5";
const REASON: &str = "your relay is open";

fn content() -> Content {
    usual().list(addr::GATEWAY.addresses()[0], &[[127, 0, 0, 3]], REASON).list(
        CONFIGURED.parse::<IpAddr>().expect("an address"),
        &[[127, 0, 0, 4]],
        REASON,
    )
}

#[test]
fn own_addresses_are_looked_up_by_command() -> Result<()> {
    let mut served = Served::new(content())?;
    served.config.lookups.insert("own_addresses".to_owned(), vec![CONFIGURED].into());
    let guard = served.start()?;
    // Nobody said which: those of the outside interface, and those that are configured.
    let output = guard.cli(["listed", "--zones", "configured", "--json"])?;
    let text = json(&output, 1)?.to_string();
    for words in [
        &addr::GATEWAY.v4.to_string(),
        CONFIGURED,
        ZONE,
        REASON,
        "127.0.0.3",
        "127.0.0.4",
        "https://bl.example/",
    ] {
        assert!(text.contains(words), "no {words} in {text}");
    }
    for address in addr::MAIL_SERVER.addresses() {
        assert!(
            served.nameserver.asked_about(ZONE, address).is_empty(),
            "{address} is on no outside interface"
        );
    }
    let printed = guard.cli(["listed", "--zones", "configured"])?;
    let words = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(words.contains(REASON) && words.contains(CONFIGURED), "{words}");
    assert!(words.lines().all(|line| line.chars().count() <= 80), "{words}");
    // Somebody else's, who is on no list.
    let [somebody, _] = clean(1);
    let output = guard.cli(["listed", &somebody.to_string(), "--zones", "configured", "--json"])?;
    json(&output, 0)?;
    Ok(())
}

#[test]
fn the_daemon_looks_up_its_own_addresses_and_says_so() -> Result<()> {
    let mut served = Served::new(content())?;
    served.config.lookups.insert("own_addresses".to_owned(), vec![CONFIGURED].into());
    served.config.lookups.insert("own_interval".to_owned(), "1h".into());
    let guard = served.start()?;
    wait_for_state(&guard, "good")?;
    let own = guard.wait_for("/v1/dnsbl", "a listing of our own", |all| {
        let listed = all["own"]["listed"].to_string();
        listed.contains(CONFIGURED) && listed.contains(&addr::GATEWAY.v4.to_string())
    })?;
    assert!(own["own"]["listed"].to_string().contains(ZONE), "{own:#}");
    guard.wait_for_status("a warning", |status| status["warnings"].to_string().contains(CONFIGURED))?;
    let log = guard.log_text();
    assert!(log.lines().any(|line| line.contains(CONFIGURED) && line.contains(ZONE)), "no event in {log}");
    Ok(())
}
