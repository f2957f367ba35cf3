//! A flood of SYNs in the name of a listed network, and clean mail at the same time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use relay_guard_tests::guard::{Answers, Guard};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::namespace::Namespace;
use relay_guard_tests::scene::{clean, listed, listed_lines};
use relay_guard_tests::smtp::{Outcome, Stage, Stream};
use relay_guard_tests::spoof::Spoofer;
use relay_guard_tests::{Scene, wait};

use super::{PATIENCE, assert_well_made, config, inbound};

/// SYNs of each family, each from another port or address.
const SYNS: u32 = 100_000;
/// Clean messages while they come.
const MAILS: usize = 100;

#[test]
fn a_flood_of_forged_syns_leaves_clean_mail_alone() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = config(&scene.lab);
    // The program's own caps.
    config.answers = config.answers.map(|answers| Answers { name: answers.name, ..Answers::default() });
    config.add_list(&scene.lab, "refused", "refuse", &listed_lines())?;
    let guard = Guard::start(&scene.lab, &config)?;
    let mails: Vec<_> = (0..20).flat_map(clean).map(inbound).collect();
    let stream = Stream::start(&scene.lab.internet, mails, Duration::from_millis(10))?;
    let enough = AtomicBool::new(false);
    let sent = std::thread::scope(|scope| -> Result<u32> {
        let flood = scope.spawn(|| flood(&scene.lab.internet, &enough));
        stream.wait_for(MAILS, PATIENCE)?;
        enough.store(true, Ordering::Relaxed);
        flood.join().expect("it does not panic")
    })?;
    let attempts = stream.finish();
    let failed: Vec<_> = attempts.iter().filter(|attempt| !attempt.outcome.is_delivered()).collect();
    assert!(failed.is_empty() && attempts.len() >= MAILS, "{failed:?}");
    let ledger = scene.own.ledger();
    assert_eq!(ledger.connection_count(), attempts.len(), "only clean senders have connected");
    assert_eq!(scene.lab.mail.counter("Tcp.PassiveOpens")?, attempts.len() as u64);
    let stopped = guard.status()?["totals"]["inbound_stopped"].as_u64();
    assert!(stopped >= Some(sent.into()), "{stopped:?} of {sent}");
    // The second after, a listed sender is answered again.
    wait::until("a refusal after the flood", PATIENCE, || {
        let outcome = inbound(listed(250)[0]).attempt_in(&scene.lab.internet);
        Ok(matches!(outcome, Outcome::Rejected { stage: Stage::Rcpt, .. }).then_some(()))
    })?;
    assert_well_made(&scene.lab)
}

/// Sends SYNs of both families until it is enough, though never fewer or more than would be a flood. Returns how many.
fn flood(internet: &Namespace, enough: &AtomicBool) -> Result<u32> {
    let spoofer = Spoofer::new(internet)?;
    let mut sent = 0;
    while sent < SYNS || !enough.load(Ordering::Relaxed) && sent < 100 * SYNS {
        for net in [ipnet::IpNet::from(addr::LISTED_V4), addr::LISTED_V6.into()] {
            let source = SocketAddr::new(nth(net, sent), 1024 + (sent % 60_000) as u16);
            let server = SocketAddr::new(addr::MAIL_SERVER.like(source.ip()), addr::SMTP);
            spoofer.syn(source, server, sent)?;
            sent += 1;
        }
    }
    Ok(sent)
}
