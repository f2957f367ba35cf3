//! Bots that take their time, with settings that make it shorter: what they do at default settings is in [`replayed`](super::replayed).

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use relay_guard_tests::bot;
use relay_guard_tests::guard::{Guard, SignalRule, Step};
use relay_guard_tests::lab::addresses::{self as addr, nth};

use super::stage::{Stage, assert_only_contained, figure, wait_for_state};

const NO_PAUSE: Duration = Duration::ZERO;

/// The same signal, a little of which is enough.
fn soon(weight: u32) -> SignalRule {
    SignalRule { weight: Some(weight), from: Some(2), at: Some(8) }
}

#[test]
fn low_and_slow_adds_up() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    config.judge_by([("new-servers", soon(60)), ("sender-domains", soon(30)), ("helo-changes", soon(30))]);
    let guard = Guard::start(&stage.lab, &config)?;
    for source in addr::ZOMBIE.addresses() {
        stage.visit(&bot::low_and_slow(source, 9, NO_PAUSE));
        let host = wait_for_state(&guard, source, "contained")?;
        assert_eq!(host["action"], "refuse", "{host:#}");
        // What led to it is spent, and remembered.
        let contained = &host["history"][0];
        for name in ["new-servers", "sender-domains", "helo-changes"] {
            // Estimates.
            assert!((6..=11).contains(&figure(contained, name)?), "{name}: {host:#}");
        }
    }
    assert_only_contained(&guard, &addr::ZOMBIE.addresses())
}

#[test]
fn snowshoe_is_known_by_its_shape() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    config.judge_by([("shared-shape", SignalRule { weight: Some(100), from: Some(2), at: Some(6) })]);
    config.containment = vec![Step::new(100, "drop").lasting("1h")];
    let guard = Guard::start(&stage.lab, &config)?;
    let hosts: Vec<IpAddr> =
        (0..4).flat_map(|n| [nth(addr::CROWD_V4, 500 + n), nth(addr::CROWD_V6, 500 + n)]).collect();
    // Others who write to many, each in another way.
    for source in addr::WORKSTATION.addresses() {
        stage.visit(&bot::correspondence(source, "host.guarded.example", 5, 12, NO_PAUSE));
    }
    stage.visit(&bot::snowshoe(&hosts, 6, NO_PAUSE));
    for host in &hosts {
        wait_for_state(&guard, *host, "contained")?;
    }
    assert_only_contained(&guard, &hosts)
}
