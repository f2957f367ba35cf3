//! What zones and resolvers do wrong. Whatever it is: nobody is listed falsely, no mail of an honest sender is lost, none waits
//! for more than one SYN sent again, `status` names the fault, and it ends by itself when the fault does.

mod expired;
mod false_answers;
mod killed;
mod silent;
mod truncated;

use std::net::IpAddr;

use anyhow::Result;
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::peers::nameserver::Behaviour;
use relay_guard_tests::scene::{clean, listed};
use relay_guard_tests::smtp::Outcome;

use super::{
    Delays, PATIENCE, Served, ZONE, assert_delivered, assert_delivered_after_one_hold, assert_refused,
    attempt, refused, usual, wait_until_good, wait_until_suspended,
};

/// All these senders deliver, and none has sent its SYN more than twice: some may have been held, before it was known what is
/// wrong.
#[track_caller]
fn assert_delivered_in_time(served: &Served, guard: &Guard<'_>, sources: &[IpAddr]) -> Result<()> {
    let (outcomes, delays) = attempt(&served.scene, guard, sources, addr::SMTP)?;
    for (source, outcome) in sources.iter().zip(outcomes) {
        assert!(outcome.is_delivered(), "{source}: {outcome}");
    }
    let most = sources.len() as u64;
    assert!(delays.held <= most && delays.repeated <= most, "{delays:?} of {most}");
    Ok(())
}

/// While the zone is suspended, listed ones are unknown, and nobody is asked or held.
#[track_caller]
fn assert_nobody_waits(served: &Served, guard: &Guard<'_>, n: u32) -> Result<()> {
    assert_delivered(&served.scene, guard, &[listed(n), clean(n)].concat(), Delays::NONE)
}

/// All is well again: strangers are asked about.
#[track_caller]
fn assert_recovers(served: &Served, guard: &Guard<'_>, n: u32) -> Result<()> {
    wait_until_good(guard)?;
    let (outcomes, delays) = attempt(&served.scene, guard, &[listed(n), clean(n)].concat(), addr::SMTP)?;
    let [first, second] = listed(n).map(|source| refused(source, ZONE));
    assert_eq!(outcomes, [first, second, Outcome::Delivered, Outcome::Delivered]);
    assert_eq!(delays, Delays::one_each(4));
    let status = guard.status()?;
    let mut warnings =
        status["warnings"].as_array().into_iter().flatten().filter_map(|warning| warning.as_str());
    assert!(!warnings.any(|warning| warning.contains(ZONE)), "{status:#}");
    Ok(())
}

/// Enough strangers for a fault to be noticed, from the `n`th on.
fn strangers(n: u32) -> Vec<IpAddr> {
    (n..n + 4).flat_map(clean).collect()
}

/// The zone is well, gets wrong, and gets well again. `words`: of what `status` says.
fn assert_survives(fault: Behaviour, words: &[&str]) -> Result<()> {
    let served = Served::new(usual())?;
    let guard = served.start()?;
    served.nameserver.behave(ZONE, fault);
    // Listed ones are unknown now, and whoever is unknown delivers.
    assert_delivered_in_time(&served, &guard, &[&strangers(61)[..], &listed(61)].concat())?;
    wait_until_suspended(&guard, ZONE, words)?;
    assert_nobody_waits(&served, &guard, 65)?;
    served.nameserver.behave(ZONE, Behaviour::Honest);
    assert_recovers(&served, &guard, 66)
}

/// It is wrong from the start.
fn assert_starts_with(fault: Behaviour, words: &[&str]) -> Result<()> {
    let served = Served::new(usual())?;
    served.nameserver.behave(ZONE, fault);
    let guard = Guard::start(&served.scene.lab, &served.config)?;
    wait_until_suspended(&guard, ZONE, words)?;
    assert_nobody_waits(&served, &guard, 67)?;
    served.nameserver.behave(ZONE, Behaviour::Honest);
    assert_recovers(&served, &guard, 68)
}
