//! What is known of sources outlives the daemon, however it ends, and goes when the administrator says so.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::scene::{clean, listed};
use relay_guard_tests::smtp::Outcome;

use super::{
    Content, Delays, Served, ZONE, assert_delivered, assert_delivered_after_one_hold, assert_refused,
    attempt, refused, said_of, usual, wait_until_good,
};

fn questions(served: &Served, sources: &[IpAddr]) -> usize {
    sources.iter().map(|source| served.nameserver.asked_about(ZONE, *source).len()).sum()
}

/// Nobody is asked again, and nobody is held.
#[track_caller]
fn assert_known(served: &Served, guard: &Guard<'_>, n: u32) -> Result<()> {
    let (listed, clean) = (listed(n), clean(n));
    let (outcomes, delays) = attempt(&served.scene, guard, &listed, addr::SMTP)?;
    assert_eq!(outcomes, listed.map(|source| refused(source, ZONE)));
    assert_eq!(delays, Delays::NONE);
    assert_delivered(&served.scene, guard, &clean, Delays::NONE)
}

fn assert_outlives(on_stop: Option<&'static str>, kill: bool) -> Result<()> {
    let mut served = Served::new(usual().ttl(3000, 3000))?;
    served.config.daemon.on_stop = on_stop;
    let mut guard = served.start()?;
    assert_refused(&served.scene, &guard, ZONE, &listed(51))?;
    assert_delivered_after_one_hold(&served.scene, &guard, &clean(51))?;
    let sources = [listed(51), clean(51)].concat();
    let asked = questions(&served, &sources);
    let until: Vec<_> = sources.iter().map(|source| said_of(&guard, *source)).collect::<Result<_>>()?;
    if kill {
        guard.kill9();
    } else {
        ensure!(guard.terminate()?.success(), "it stops well");
    }
    guard.run()?;
    guard.wait_ready()?;
    wait_until_good(&guard)?;
    assert_known(&served, &guard, 51)?;
    assert_eq!(questions(&served, &sources), asked);
    for (source, before) in sources.iter().zip(until) {
        let now = said_of(&guard, *source)?;
        assert_eq!((&now["state"], &now["score"]), (&before["state"], &before["score"]), "{source}");
        // Seconds of the wall clock, reckoned from another clock each time.
        let [old, new] = [&before["until"], &now["until"]].map(|until| until.as_i64().unwrap_or_default());
        assert!(old > 0 && (old - new).abs() <= 2, "{source}: {old}, {new}");
    }
    Ok(())
}

#[test]
fn verdicts_outlive_a_restart() -> Result<()> {
    assert_outlives(None, false)
}

#[test]
fn verdicts_outlive_a_restart_without_the_kernels_maps() -> Result<()> {
    assert_outlives(Some("detach"), false)
}

#[test]
fn verdicts_outlive_a_killed_daemon() -> Result<()> {
    assert_outlives(None, true)
}

#[test]
fn what_is_forgotten_is_asked_again() -> Result<()> {
    let served = Served::new(usual())?;
    let guard = served.start()?;
    let (first, second) = (listed(52), listed(53));
    assert_refused(&served.scene, &guard, ZONE, &[first, second].concat())?;
    // They are delisted; the first ones are told so by hand.
    served.nameserver.serve(ZONE, Content::default());
    for source in first {
        let output = guard.cli(["dnsbl", "forget", &source.to_string()])?;
        ensure!(output.status.success(), "{output:?}");
    }
    // Their SYN is not held again so soon after it was, or is; either way they deliver.
    let (outcomes, _) = attempt(&served.scene, &guard, &first, addr::SMTP)?;
    assert!(outcomes.iter().all(Outcome::is_delivered), "{outcomes:?}");
    let (outcomes, _) = attempt(&served.scene, &guard, &second, addr::SMTP)?;
    assert_eq!(outcomes, second.map(|source| refused(source, ZONE)));
    ensure!(guard.cli(["dnsbl", "forget", "--all"])?.status.success(), "all of it");
    let (outcomes, _) = attempt(&served.scene, &guard, &second, addr::SMTP)?;
    assert!(outcomes.iter().all(Outcome::is_delivered), "{outcomes:?}");
    Ok(())
}
