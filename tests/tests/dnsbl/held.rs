//! First connections of sources of which nothing is known: listed ones are refused, clean ones deliver.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Result;
use relay_guard_tests::Scene;
use relay_guard_tests::guard::{Guard, GuardConfig};
use relay_guard_tests::lab::Attached;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::peers::{Rbldnsd, Unbound, ZoneText};
use relay_guard_tests::scene::{clean, listed};
use relay_guard_tests::smtp::Outcome;

use super::{
    Delays, PATIENCE, Served, ZONE, asking, assert_delivered, assert_delivered_after_one_hold,
    assert_refused, attempt, counted, refuse_at, refused, start, usual, wait_for_verdict, zone,
};

#[test]
fn first_connections_by_rbldnsd() -> Result<()> {
    assert_first_connections(&Scene::new()?, false)
}

#[test]
fn first_connections_by_unbound_in_front_of_rbldnsd() -> Result<()> {
    assert_first_connections(&Scene::new()?, true)
}

#[test]
fn first_connections_by_tc() -> Result<()> {
    let scene = Scene::new()?;
    let _other = Attached::echo(&scene.lab.gateway, &[addr::OUTSIDE, addr::INSIDE, addr::SERVERS])?;
    assert_first_connections(&scene, false)
}

/// `recursive`: whether a resolver is asked, that asks the zone's server, or the server itself.
fn assert_first_connections(scene: &Scene, recursive: bool) -> Result<()> {
    let directory = directory(scene)?;
    let mut rbldnsd = Rbldnsd::start(&scene.lab.gateway, &directory, &[usual_zone().zone()])?;
    let unbound = recursive
        .then(|| Unbound::start(&scene.lab.gateway, &directory, &[ZONE], Rbldnsd::address()))
        .transpose()?;
    let resolver = if unbound.is_some() { Unbound::address() } else { Rbldnsd::address() };
    let guard = start(&scene.lab, &config(scene, resolver))?;

    assert_refused(scene, &guard, ZONE, &listed(7))?;
    assert_delivered_after_one_hold(scene, &guard, &clean(7))?;
    // What is known of a source is not asked again: neither is held any more.
    let (outcomes, delays) = attempt(scene, &guard, &listed(7), addr::SMTP)?;
    assert_eq!(outcomes, listed(7).map(|source| refused(source, ZONE)));
    assert_eq!(delays, Delays::NONE);
    assert_delivered(scene, &guard, &clean(7), Delays::NONE)?;
    assert!(counted(&guard, "dnsbl-listed")? > 0 && counted(&guard, "dnsbl-clean")? > 0);

    assert_changes_are_seen(scene, &guard, &mut rbldnsd)
}

/// Who is listed from now on is, when it comes for the first time; who no longer is, when the administrator says so.
fn assert_changes_are_seen(scene: &Scene, guard: &Guard<'_>, rbldnsd: &mut Rbldnsd) -> Result<()> {
    let [late, _] = clean(8);
    rbldnsd.change(ZONE, &[&usual_zone().list(late, [127, 0, 0, 3]).text()])?;
    assert_refused(scene, guard, ZONE, &[late])?;
    Ok(())
}

fn usual_zone() -> ZoneText {
    let answer = [127, 0, 0, 2];
    ZoneText::new(ZONE, 600).list(addr::LISTED_V4, answer).list(addr::LISTED_V6, answer)
}

/// A directory that rbldnsd, which is not root, may read.
pub(super) fn directory(scene: &Scene) -> Result<PathBuf> {
    let directory = scene.lab.fresh_path("zones");
    fs::create_dir(&directory)?;
    Ok(directory)
}

pub(super) fn config(scene: &Scene, resolver: SocketAddr) -> GuardConfig {
    let mut config = asking(&scene.lab, &[resolver]);
    config.dnsbl = vec![zone(ZONE)];
    config.thresholds = vec![refuse_at(1)];
    config
}

#[test]
fn only_the_first_syn_is_held_however_many_come() -> Result<()> {
    let served = Served::new(usual())?;
    let guard = served.start()?;
    // Several connections of one source at once: its first SYN is held, the others are not.
    let [source, _] = clean(9);
    let (outcomes, delays) = attempt(&served.scene, &guard, &[source; 5], addr::SMTP)?;
    assert!(outcomes.iter().all(Outcome::is_delivered), "{outcomes:?}");
    assert_eq!(delays.held, 1);
    assert_eq!(served.nameserver.asked_about(ZONE, source).len(), 1, "equal questions are one");
    Ok(())
}

#[test]
fn names_are_asked_as_rfc_5782_has_them() -> Result<()> {
    let served = Served::new(usual())?;
    let guard = served.start()?;
    let sources: [IpAddr; 2] = ["198.18.66.210".parse()?, "2001:db8:bad:12:345:6789:abcd:ef01".parse()?];
    assert_refused(&served.scene, &guard, ZONE, &sources)?;
    let names = [
        "210.66.18.198.bl.example",
        "1.0.f.e.d.c.b.a.9.8.7.6.5.4.3.0.2.1.0.0.d.a.b.0.8.b.d.0.1.0.0.2.bl.example",
    ];
    for (source, name) in sources.into_iter().zip(names) {
        let asked = served.nameserver.asked_about(ZONE, source);
        let a: Vec<_> = asked.iter().filter(|asked| asked.kind == "A").collect();
        assert!(a.len() == 1 && a[0].name == name && a[0].edns && !a[0].tcp, "{asked:#?}");
    }
    Ok(())
}

#[test]
fn in_observe_mode_sources_are_asked_about_and_nobody_is_held() -> Result<()> {
    let mut served = Served::new(usual())?;
    served.config.mode = "observe";
    let guard = served.start()?;
    let (sources, clean) = (listed(11), clean(11));
    assert_delivered(&served.scene, &guard, &[sources, clean].concat(), Delays::NONE)?;
    for source in sources {
        wait_for_verdict(&guard, source, "listed")?;
    }
    for source in clean {
        wait_for_verdict(&guard, source, "clean")?;
        served.nameserver.wait_until_asked(ZONE, source, PATIENCE)?;
    }
    assert_delivered(&served.scene, &guard, &sources, Delays::NONE)?;
    let status = guard.status()?;
    let rows = status["counters"].as_array().into_iter().flatten();
    let observed: u64 = rows
        .filter(|row| row["reason"] == "dnsbl-listed" && row["effect"] == "observed")
        .filter_map(|row| row["packets"].as_u64())
        .sum();
    assert!(observed > 0, "{status:#}");
    Ok(())
}
