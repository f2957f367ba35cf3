//! Answers that look like listings and are none.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::nameserver::Behaviour;
use relay_guard_tests::scene::{clean, listed};
use relay_guard_tests::spoof::Spoofer;
use relay_guard_tests::wait;

use super::super::{said_of, start, wait_for_verdict};
use super::{
    PATIENCE, Served, ZONE, assert_delivered, assert_nobody_waits, assert_recovers, assert_survives, attempt,
    usual, wait_until_suspended,
};

#[test]
fn an_answer_to_public_resolvers_is_no_listing() -> Result<()> {
    assert_survives(
        Behaviour::Always(vec![Ipv4Addr::new(127, 255, 255, 254)]),
        &["127.255.255.254", "public resolver"],
    )
}

#[test]
fn an_answer_to_a_mistyped_zone_is_no_listing() -> Result<()> {
    assert_survives(Behaviour::Always(vec![Ipv4Addr::new(127, 255, 255, 252)]), &["127.255.255.252"])
}

#[test]
fn an_answer_to_who_asks_too_much_is_no_listing() -> Result<()> {
    assert_survives(Behaviour::Always(vec![Ipv4Addr::new(127, 255, 255, 255)]), &["127.255.255.255"])
}

/// As providers do that show advertisements instead of what does not exist.
#[test]
fn a_rewritten_denial_is_no_listing() -> Result<()> {
    assert_survives(Behaviour::Rewritten(Ipv4Addr::new(203, 0, 113, 80)), &["203.0.113.80"])
}

/// As a dead zone does whose domain somebody has bought.
#[test]
fn a_zone_that_lists_the_world_is_not_believed() -> Result<()> {
    let served = Served::new(usual())?;
    let everything = Behaviour::Always(vec![Ipv4Addr::new(127, 0, 0, 2)]);
    served.nameserver.behave(ZONE, everything.clone());
    let guard = relay_guard_tests::guard::Guard::start(&served.scene.lab, &served.config)?;
    wait_until_suspended(&guard, ZONE, &[])?;
    assert_nobody_waits(&served, &guard, 101)?;
    served.nameserver.behave(ZONE, Behaviour::Honest);
    assert_recovers(&served, &guard, 102)?;
    served.nameserver.behave(ZONE, everything);
    wait_until_suspended(&guard, ZONE, &[])?;
    assert_nobody_waits(&served, &guard, 103)?;
    served.nameserver.behave(ZONE, Behaviour::Honest);
    assert_recovers(&served, &guard, 104)
}

/// What a zone has said before it is found out no longer counts while it is suspended.
#[test]
fn who_was_listed_by_a_zone_that_is_suspended_delivers() -> Result<()> {
    let served = Served::new(usual())?;
    let guard = start(&served.scene.lab, &served.config)?;
    let unlucky = clean(111);
    served.nameserver.behave(ZONE, Behaviour::Always(vec![Ipv4Addr::new(127, 0, 0, 2)]));
    // Whether they are asked about before the zone is found out is a matter of time; they are not to stay listed.
    let _ = attempt(&served.scene, &guard, &unlucky, addr::SMTP)?;
    wait_until_suspended(&guard, ZONE, &[])?;
    for source in unlucky {
        wait::until("the false listing to go", PATIENCE, || {
            Ok((said_of(&guard, source)?["state"] != "listed").then_some(()))
        })?;
    }
    assert_delivered(&served.scene, &guard, &unlucky, super::Delays::NONE)?;
    served.nameserver.behave(ZONE, Behaviour::Honest);
    assert_recovers(&served, &guard, 112)?;
    for source in listed(112) {
        wait_for_verdict(&guard, source, "listed")?;
    }
    Ok(())
}

/// Its own test entries may be right all the same: what gives it away is that it suddenly lists nearly everybody.
#[test]
fn a_zone_that_suddenly_lists_nearly_everybody_is_not_believed() -> Result<()> {
    const USUAL: u32 = 250;
    const SUDDEN: u32 = 300;
    let mut served = Served::new(usual())?;
    served.config.lookups.insert("test_interval".to_owned(), "1d".into());
    let guard = served.start()?;
    let spoofer = Spoofer::new(&served.scene.lab.internet)?;
    let come = |numbers: std::ops::Range<u32>| -> Result<()> {
        for number in numbers {
            let source = nth(addr::SPARE_V4, 0x5000 + number);
            let server = SocketAddr::new(addr::MAIL_SERVER.v4.into(), addr::SMTP);
            spoofer.syn(SocketAddr::new(source, 4000), server, number)?;
        }
        Ok(())
    };
    let all = || guard.request("GET", "/v1/dnsbl", None)?.json();
    come(0..USUAL)?;
    wait::until("the usual answers", PATIENCE, || {
        Ok((all()?["zones"][0]["not_listed"].as_u64() >= Some(USUAL.into())).then_some(()))
    })?;
    served.nameserver.serve(ZONE, usual().list(addr::SPARE_V4, &[[127, 0, 0, 2]], "everybody"));
    come(USUAL..USUAL + SUDDEN)?;
    wait_until_suspended(&guard, ZONE, &["%"])?;
    // Whoever was hit by it is not listed any more.
    let unlucky = nth(addr::SPARE_V4, 0x5000 + USUAL);
    wait::until("the false listing to go", PATIENCE, || {
        Ok((said_of(&guard, unlucky)?["state"] != "listed").then_some(()))
    })?;
    assert_delivered(&served.scene, &guard, &[unlucky], super::Delays::NONE)
}
