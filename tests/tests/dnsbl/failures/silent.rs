//! Resolvers that are down, slow, or come and go.

use std::time::Duration;

use anyhow::Result;
use hickory_proto::op::ResponseCode;
use relay_guard_tests::guard::Guard;
use relay_guard_tests::peers::nameserver::Behaviour;
use relay_guard_tests::scene::{clean, listed};

use super::super::{Content, row, zone};
use super::{
    Served, ZONE, assert_delivered_after_one_hold, assert_delivered_in_time, assert_nobody_waits,
    assert_recovers, assert_refused, assert_starts_with, assert_survives, strangers, usual,
    wait_until_suspended,
};

#[test]
fn a_resolver_that_is_silent() -> Result<()> {
    assert_survives(Behaviour::Silent, &["no answer"])
}

#[test]
fn a_resolver_that_takes_five_seconds() -> Result<()> {
    assert_survives(Behaviour::Slow(Duration::from_secs(5)), &["no answer"])
}

#[test]
fn a_resolver_that_cannot_answer() -> Result<()> {
    assert_survives(Behaviour::Code(ResponseCode::ServFail), &["SERVFAIL"])
}

#[test]
fn a_resolver_that_talks_nonsense() -> Result<()> {
    assert_survives(Behaviour::Garbage, &[])
}

#[test]
fn a_resolver_that_is_silent_from_the_start() -> Result<()> {
    assert_starts_with(Behaviour::Silent, &["no answer"])
}

/// Nothing listens there: the kernel says so at once.
#[test]
fn a_resolver_that_is_down() -> Result<()> {
    let served = Served::new(usual())?;
    served.nameserver.leave();
    let guard = Guard::start(&served.scene.lab, &served.config)?;
    wait_until_suspended(&guard, ZONE, &[])?;
    assert_nobody_waits(&served, &guard, 71)?;
    served.nameserver.listen(&served.scene.lab.gateway)?;
    assert_recovers(&served, &guard, 72)?;
    served.nameserver.leave();
    assert_delivered_in_time(&served, &guard, &strangers(73))?;
    wait_until_suspended(&guard, ZONE, &[])?;
    assert_nobody_waits(&served, &guard, 77)?;
    served.nameserver.listen(&served.scene.lab.gateway)?;
    assert_recovers(&served, &guard, 78)
}

/// It answers some questions and not others, and is away altogether now and then.
#[test]
fn a_resolver_that_flaps() -> Result<()> {
    let served = Served::new(usual())?;
    let guard = served.start()?;
    for round in 0..2 {
        let n = 80 + 10 * round;
        let turns = [Behaviour::Silent, Behaviour::Honest, Behaviour::Code(ResponseCode::ServFail)];
        served.nameserver.behave(ZONE, Behaviour::Turns(turns.to_vec()));
        assert_delivered_in_time(&served, &guard, &strangers(n))?;
        served.nameserver.behave(ZONE, Behaviour::Silent);
        assert_delivered_in_time(&served, &guard, &strangers(n + 4))?;
        wait_until_suspended(&guard, ZONE, &[])?;
        served.nameserver.behave(ZONE, Behaviour::Honest);
        assert_recovers(&served, &guard, n + 8)?;
    }
    Ok(())
}

/// Another zone goes on while one is down.
#[test]
fn the_fault_of_one_zone_is_not_that_of_another() -> Result<()> {
    const OTHER: &str = "other.example";
    let mut served = Served::new(Content::default())?;
    served.nameserver.serve(OTHER, usual());
    served.config.dnsbl.push(zone(OTHER));
    let guard = served.start()?;
    served.nameserver.behave(ZONE, Behaviour::Silent);
    wait_until_suspended(&guard, ZONE, &[])?;
    assert_refused(&served.scene, &guard, OTHER, &listed(77))?;
    assert_delivered_after_one_hold(&served.scene, &guard, &clean(77))?;
    let row = row(&guard, OTHER)?;
    assert_eq!(row["state"], "good", "{row:#}");
    served.nameserver.behave(OTHER, Behaviour::Silent);
    wait_until_suspended(&guard, OTHER, &[])?;
    assert_nobody_waits(&served, &guard, 78)
}
