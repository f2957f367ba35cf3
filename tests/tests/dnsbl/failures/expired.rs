//! Zones that are no longer served.

use anyhow::Result;
use hickory_proto::op::ResponseCode;
use relay_guard_tests::Scene;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::peers::nameserver::Behaviour;
use relay_guard_tests::peers::{Rbldnsd, Unbound, ZoneText};
use relay_guard_tests::scene::{clean, listed};

use super::super::held::{config, directory};
use super::super::start;
use super::{
    Delays, ZONE, assert_delivered, assert_delivered_after_one_hold, assert_refused, assert_survives,
    wait_until_good, wait_until_suspended,
};

#[test]
fn a_server_that_refuses_to_speak_of_the_zone() -> Result<()> {
    assert_survives(Behaviour::Code(ResponseCode::Refused), &["REFUSED"])
}

#[test]
fn a_zone_out_of_date_at_rbldnsd() -> Result<()> {
    assert_expires(false)
}

#[test]
fn a_zone_out_of_date_behind_unbound() -> Result<()> {
    assert_expires(true)
}

fn assert_expires(recursive: bool) -> Result<()> {
    let scene = Scene::new()?;
    let directory = directory(&scene)?;
    let answer = [127, 0, 0, 2];
    // Unbound must not answer from what it has kept, so nothing is good for long.
    let zone = ZoneText::new(ZONE, 1).list(addr::LISTED_V4, answer).list(addr::LISTED_V6, answer);
    let mut rbldnsd = Rbldnsd::start(&scene.lab.gateway, &directory, &[zone.zone()])?;
    let unbound = recursive
        .then(|| Unbound::start(&scene.lab.gateway, &directory, &[ZONE], Rbldnsd::address()))
        .transpose()?;
    let resolver = if unbound.is_some() { Unbound::address() } else { Rbldnsd::address() };
    let guard = start(&scene.lab, &config(&scene, resolver))?;
    assert_refused(&scene, &guard, ZONE, &listed(121))?;

    rbldnsd.change(ZONE, &[&zone.clone().expired().text()])?;
    wait_until_suspended(&guard, ZONE, &[])?;
    assert_delivered(&scene, &guard, &[clean(122), listed(122)].concat(), Delays::NONE)?;

    rbldnsd.change(ZONE, &[&zone.text()])?;
    wait_until_good(&guard)?;
    assert_refused(&scene, &guard, ZONE, &listed(123))?;
    assert_delivered_after_one_hold(&scene, &guard, &clean(123))
}
