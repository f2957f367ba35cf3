//! Answers that do not fit into a datagram.

use anyhow::Result;
use relay_guard_tests::peers::nameserver::Behaviour;
use relay_guard_tests::scene::{clean, listed};

use super::{Served, ZONE, assert_delivered_after_one_hold, assert_refused, assert_survives, usual};

#[test]
fn what_is_truncated_is_asked_again_over_tcp() -> Result<()> {
    let served = Served::new(usual())?;
    served.nameserver.behave(ZONE, Behaviour::Truncated);
    let guard = served.start()?;
    assert_refused(&served.scene, &guard, ZONE, &listed(91))?;
    assert_delivered_after_one_hold(&served.scene, &guard, &clean(91))?;
    for source in listed(91) {
        let asked = served.nameserver.asked_about(ZONE, source);
        assert!(asked.iter().any(|asked| asked.tcp), "{asked:#?}");
    }
    Ok(())
}

#[test]
fn a_resolver_that_truncates_and_has_no_tcp() -> Result<()> {
    assert_survives(Behaviour::TruncatedForGood, &[])
}
