//! The daemon is killed while senders are held.

use std::time::Duration;

use anyhow::Result;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::peers::nameserver::Behaviour;
use relay_guard_tests::scene::{clean, listed};
use relay_guard_tests::smtp::{Outcome, Stream};
use relay_guard_tests::wait;

use super::super::{inbound, refused, wait_for_verdict};
use super::{PATIENCE, Served, ZONE, assert_recovers, attempt, usual};

/// The SYN that is sent again finds no verdict and no daemon, and passes.
#[test]
fn whom_a_killed_daemon_has_held_delivers() -> Result<()> {
    let served = Served::new(usual())?;
    let scene = &served.scene;
    let mut guard = served.start()?;
    // Known from before: the kernel goes on to refuse them without a daemon.
    let (outcomes, _) = attempt(scene, &guard, &listed(131), addr::SMTP)?;
    assert_eq!(outcomes, listed(131).map(|source| refused(source, ZONE)));

    // Asked about, and never answered.
    served.nameserver.behave(ZONE, Behaviour::Slow(Duration::from_secs(60)));
    let repeated = || scene.lab.internet.counter("TcpExt.TCPSynRetrans");
    let before = repeated()?;
    let sources = [clean(132), listed(132)].concat();
    let mails = sources.iter().map(|source| inbound(*source, addr::SMTP)).collect();
    let stream = Stream::start(&scene.lab.internet, mails, Duration::from_millis(1))?;
    stream.wait_for(sources.len(), PATIENCE)?;
    for source in &sources {
        served.nameserver.wait_until_asked(ZONE, *source, PATIENCE)?;
    }
    guard.kill9();
    let attempts = stream.finish();
    let failed: Vec<_> = attempts.iter().filter(|attempt| !attempt.outcome.is_delivered()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    // However many connections a source has begun, one SYN of it was held.
    assert!(repeated()? - before <= sources.len() as u64, "{} SYNs were sent again", repeated()? - before);

    // Without a daemon: known ones are still refused, and soon nobody is held.
    let outcomes = listed(131).map(|source| inbound(source, addr::SMTP).attempt_in(&scene.lab.internet));
    assert_eq!(outcomes, listed(131).map(|source| refused(source, ZONE)));
    wait::until("the kernel to see that nobody answers", PATIENCE, || {
        let before = repeated()?;
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let [source, _] = relay_guard_tests::scene::spare(0x4000 + n);
        assert_eq!(inbound(source, addr::SMTP).attempt_in(&scene.lab.internet), Outcome::Delivered);
        Ok((repeated()? == before).then_some(()))
    })?;

    served.nameserver.behave(ZONE, Behaviour::Honest);
    guard.run()?;
    guard.wait_ready()?;
    wait_for_verdict(&guard, listed(131)[0], "listed")?;
    assert_recovers(&served, &guard, 133)
}
