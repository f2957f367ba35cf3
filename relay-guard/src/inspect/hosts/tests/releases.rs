//! Who stops is released in time, however the configuration has it.

use proptest::prelude::*;
use relay_guard_common::host::HostRecord;

use super::super::Command;
use super::super::testing::*;
use crate::inspect::ladder::HostState;
use crate::inspect::{HostKind, Sample};

/// What the kernel counts of a host that goes on although it is stopped: so many attempts, each to another server.
fn go_on(world: &mut World, bot: std::net::IpAddr, attempts: u64, random: &mut Random) {
    let mut record = HostRecord::new(world.now);
    record.attempts = world.now;
    (record.current.attempts, record.current.stopped) = (attempts, attempts);
    for _ in 0..attempts {
        let bit = random.below(1024);
        record.current.sketch[bit as usize / 64] |= 1 << (bit % 64);
    }
    world.engine.sample(&[Sample { address: bot, kind: HostKind::Host, record: &record }], world.now);
}

fn lasts(world: &World, bot: std::net::IpAddr) -> u64 {
    world.engine.standings.get(bot).expect("it is contained").standing.lasted_ns
}

/// A bot with so many sessions at once, each to another server, under the steps of a configuration.
fn contained(configuration: &str, sessions: u32) -> (World, std::net::IpAddr) {
    let (mut world, bot) = (World::new(configuration), host(66));
    (0..sessions).for_each(|number| world.send(bot, server(number * 7), &Message::default()));
    world.until(world.now + SECOND);
    (world, bot)
}

/// Nothing comes any more: within two of its times it is released, and not contained again.
#[track_caller]
fn is_released_in_time(world: &mut World, bot: std::net::IpAddr, what: &str) {
    let (stopped, lasts) = (world.now, lasts(world, bot));
    world.until(stopped + 2 * lasts);
    assert_eq!(world.engine.contained_until(bot), None, "{what}: still contained");
    let said = world.said.len();
    world.until(world.now + DAY);
    let again = world.said[said..].iter().any(|(_, said)| matches!(said, Command::Contain { .. }));
    assert!(!again, "{what}: contained again");
    assert_eq!(world.state(bot), HostState::Quiet, "{what}");
}

#[test]
fn a_host_that_stops_is_released_in_time_with_any_half_life() {
    for half_life in ["1s", "30m", "1h", "2h", "1d", "7d"] {
        for sessions in [40, 100, 400] {
            let (mut world, bot) = contained(
                &format!(
                    "inspection.half_life = \"{half_life}\"\ncontainment = [{{ score = 20, action = \"refuse\" }}]"
                ),
                sessions,
            );
            assert!(world.engine.contained_until(bot).is_some(), "{half_life}, {sessions}");
            is_released_in_time(&mut world, bot, &format!("{half_life}, {sessions} sessions"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]
    /// Whatever the half-life, the steps, what it did at first, and what it goes on with for how long.
    #[test]
    fn a_host_that_stops_is_released_in_time(
        half_life_s in prop_oneof![1_u64..600, 600_u64..7200, 7200_u64..604_800],
        lasts_s in (10_u64..3600, 10_u64..3600),
        scores in (1_u32..60, 1_u32..140),
        report in 1_u32..60,
        sessions in 30_u32..400,
        goes_on in proptest::collection::vec((1_u64..900, 0_u64..200), 0..12),
    ) {
        let step = |score, action, lasts| {
            format!("[[containment]]\nscore = {score}\naction = \"{action}\"\nfor = \"{lasts}s\"\n")
        };
        let first = report + scores.0;
        let configuration = format!(
            "inspection.half_life = \"{half_life_s}s\"\n[[containment]]\nscore = {report}\naction = \"report\"\n{}{}",
            step(first, "limit", lasts_s.0) + "limit_per_minute = 10\n",
            step(first + scores.1, "refuse", lasts_s.1),
        );
        let (mut world, bot) = contained(&configuration, sessions);
        let mut random = Random(half_life_s);
        for (pause_s, attempts) in goes_on {
            world.until(world.now + pause_s * SECOND);
            go_on(&mut world, bot, attempts, &mut random);
            world.until(world.now + SECOND);
        }
        if world.engine.contained_until(bot).is_some() {
            is_released_in_time(&mut world, bot, &configuration);
        }
    }
}

#[test]
fn what_goes_on_in_the_second_time_counts_as_before() {
    let configuration = "inspection.half_life = \"7d\"";
    let (mut world, bot) = contained(configuration, 100);
    let begun = world.now;
    world.until(begun + HOUR);
    assert!(world.engine.contained_until(bot).is_some(), "what is left of its points is enough");
    assert_eq!(world.score(bot), 0, "once");
    let mut random = Random(1);
    world.until(begun + HOUR + 30 * MINUTE);
    go_on(&mut world, bot, 100, &mut random);
    world.until(begun + 2 * HOUR + MINUTE);
    assert!(world.engine.contained_until(bot).is_some(), "it went on");
    is_released_in_time(&mut world, bot, configuration);
}
