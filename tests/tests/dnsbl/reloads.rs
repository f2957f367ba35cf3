//! What becomes of verdicts when the configuration changes: those who are listed still are if it still says so, at every
//! moment of the change; nobody is judged by an entry that is gone, nor at a port that it has no say at.

use anyhow::{Result, ensure};
use relay_guard_tests::guard::{Guard, GuardConfig, Ports};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::scene::{clean, listed};
use relay_guard_tests::smtp::Outcome;
use serde_json::Value;

use super::{
    Delays, Served, ZONE, assert_delivered_after_one_hold, assert_refused, attempt, named, refuse_at,
    refused, said_of, start, usual, wait_until_good, zone,
};

const OTHER: &str = "other.example";
const SUBMISSION: u16 = 587;

/// Reloads this configuration, and waits until zones are good by it.
fn reload(guard: &Guard<'_>, config: &GuardConfig) -> Result<()> {
    guard.write_config(&config.to_toml()?)?;
    let reloaded = guard.cli(["reload"])?;
    ensure!(reloaded.status.success(), "{reloaded:?}");
    if !config.dnsbl.is_empty() {
        wait_until_good(guard)?;
    }
    Ok(())
}

/// What these sources, of whom something is known, come to at a port: nobody is asked about, nobody is held.
#[track_caller]
fn assert_outcomes(
    served: &Served,
    guard: &Guard<'_>,
    port: u16,
    expected: &[(std::net::IpAddr, Outcome)],
) -> Result<()> {
    let (sources, expected): (Vec<_>, Vec<_>) = expected.iter().cloned().unzip();
    let (outcomes, delays) = attempt(&served.scene, guard, &sources, port)?;
    assert_eq!(outcomes, expected, "{port}");
    assert_eq!(delays, Delays::NONE, "{port}");
    Ok(())
}

#[test]
fn verdicts_follow_the_ports_of_zones() -> Result<()> {
    let mut served = Served::new(usual().ttl(3000, 3000))?;
    served.config.dnsbl = vec![named(ZONE, "all")];
    let guard = served.start()?;
    let sources = listed(61);
    assert_refused(&served.scene, &guard, "all", &sources)?;
    let everywhere = sources.map(|source| (source, refused(source, "all")));
    assert_outcomes(&served, &guard, SUBMISSION, &everywhere)?;
    // Ports are in other groups now; what is known is judged anew.
    let mut config = served.config.clone();
    config.dnsbl = vec![named(ZONE, "all").with("ports", vec![i64::from(addr::SMTP)])];
    reload(&guard, &config)?;
    assert_outcomes(&served, &guard, addr::SMTP, &everywhere)?;
    let nowhere = sources.map(|source| (source, Outcome::Delivered));
    assert_outcomes(&served, &guard, SUBMISSION, &nowhere)?;
    config.dnsbl = vec![named(ZONE, "all").with("ports", vec![i64::from(SUBMISSION)])];
    reload(&guard, &config)?;
    assert_outcomes(&served, &guard, addr::SMTP, &nowhere)?;
    assert_outcomes(&served, &guard, SUBMISSION, &everywhere)
}

#[test]
fn an_entry_that_is_gone_stops_nobody() -> Result<()> {
    let mut served = Served::new(usual().ttl(3000, 3000))?;
    served.nameserver.serve(OTHER, usual().ttl(3000, 3000));
    served.config.dnsbl = vec![zone(ZONE).with("weight", 2), zone(OTHER)];
    let guard = served.start()?;
    let sources = listed(62);
    assert_refused(&served.scene, &guard, ZONE, &sources)?;
    // The other one has the first one's place now, and says the same in its own name.
    let mut config = served.config.clone();
    config.dnsbl.remove(0);
    reload(&guard, &config)?;
    for source in sources {
        assert_eq!(said_of(&guard, source)?["zones"], serde_json::json!([OTHER]), "{source}");
    }
    assert_outcomes(&served, &guard, addr::SMTP, &sources.map(|source| (source, refused(source, OTHER))))?;
    // Without any, nobody is looked up and nothing is known.
    let (zones, thresholds) = (std::mem::take(&mut config.dnsbl), std::mem::take(&mut config.thresholds));
    reload(&guard, &config)?;
    assert_outcomes(&served, &guard, addr::SMTP, &sources.map(|source| (source, Outcome::Delivered)))?;
    assert_eq!(said_of(&guard, sources[0])?, Value::Null);
    assert_eq!(guard.status()?["dnsbl"], Value::Null);
    // And back: it is asked about again.
    (config.dnsbl, config.thresholds) = (zones, thresholds);
    reload(&guard, &config)?;
    assert_refused(&served.scene, &guard, OTHER, &listed(63))?;
    assert_delivered_after_one_hold(&served.scene, &guard, &clean(63))
}

#[test]
fn a_refused_reload_changes_nothing() -> Result<()> {
    let served = Served::new(usual().ttl(3000, 3000))?;
    let guard = served.start()?;
    let sources = listed(64);
    assert_refused(&served.scene, &guard, ZONE, &sources)?;
    let mut config = served.config.clone();
    config.ports = Some(Ports { guarded: vec![25, 465, 587, 2525, 2526], watched: vec![25] });
    let only = |name: &str, port: i64| named(ZONE, name).with("ports", vec![port]);
    config.dnsbl = vec![only("a", 25), only("b", 465), only("c", 587), only("d", 2525)];
    guard.write_config(&config.to_toml()?)?;
    let reloaded = guard.cli(["reload"])?;
    let said = String::from_utf8_lossy(&reloaded.stdout).into_owned();
    assert_eq!(reloaded.status.code(), Some(1), "{said}");
    assert!(said.contains("more than 4 different groups of ports"), "{said}");
    assert_outcomes(&served, &guard, addr::SMTP, &sources.map(|source| (source, refused(source, ZONE))))?;
    assert_refused(&served.scene, &guard, ZONE, &listed(65))
}

/// The kernel's map has bits for entries of a configuration that is gone.
#[test]
fn a_restart_with_other_zones_does_not_believe_what_is_left() -> Result<()> {
    for kill in [false, true] {
        let served = Served::new(usual().ttl(3000, 3000))?;
        served.nameserver.serve(OTHER, super::Content::default().ttl(3000, 3000));
        let mut guard = served.start()?;
        let sources = listed(66);
        assert_refused(&served.scene, &guard, ZONE, &sources)?;
        if kill {
            guard.kill9();
        } else {
            ensure!(guard.terminate()?.success(), "it stops well");
        }
        let config = GuardConfig { dnsbl: vec![zone(OTHER)], ..served.config.clone() };
        guard.write_config(&config.to_toml()?)?;
        guard.run()?;
        guard.wait_ready()?;
        wait_until_good(&guard)?;
        for source in sources {
            let said = said_of(&guard, source)?;
            assert_eq!(said["state"], "none", "{source}: {said:#}");
        }
        // They may have been held a moment ago, and are not twice; either way they deliver.
        let (outcomes, _) = attempt(&served.scene, &guard, &sources, addr::SMTP)?;
        assert!(outcomes.iter().all(Outcome::is_delivered), "{outcomes:?}");
    }
    Ok(())
}

/// Other thresholds and texts from the next daemon on: what is known is judged by them, without asking.
#[test]
fn a_restart_with_other_thresholds_judges_anew() -> Result<()> {
    let mut served = Served::new(usual().ttl(3000, 3000))?;
    served.config.thresholds = vec![super::Threshold::new(1, "observe")];
    let sources = listed(67);
    let mut guard = start(&served.scene.lab, &served.config)?;
    let (outcomes, _) = attempt(&served.scene, &guard, &sources, addr::SMTP)?;
    assert!(outcomes.iter().all(Outcome::is_delivered), "{outcomes:?}");
    let asked: Vec<_> =
        sources.iter().map(|source| served.nameserver.asked_about(ZONE, *source).len()).collect();
    guard.kill9();
    guard.run()?;
    guard.wait_ready()?;
    ensure!(guard.terminate()?.success(), "it stops well");
    let config = GuardConfig { thresholds: vec![refuse_at(1)], ..served.config.clone() };
    guard.write_config(&config.to_toml()?)?;
    guard.run()?;
    guard.wait_ready()?;
    wait_until_good(&guard)?;
    assert_outcomes(&served, &guard, addr::SMTP, &sources.map(|source| (source, refused(source, ZONE))))?;
    let later: Vec<_> =
        sources.iter().map(|source| served.nameserver.asked_about(ZONE, *source).len()).collect();
    assert_eq!(asked, later, "they were asked about again");
    Ok(())
}
