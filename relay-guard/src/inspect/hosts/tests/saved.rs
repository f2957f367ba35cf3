//! What outlives a restart, changed rules, and the administrator's word.

use super::super::testing::*;
use super::super::{Command, Engine, Moment, Saved};
use crate::inspect::HostKind;
use crate::inspect::ladder::HostState;
use crate::inspect::signals::Signal;

/// A world with a contained bot.
fn contained() -> World {
    let mut world = World::new("");
    for number in 0..200 {
        world.until(world.now + SECOND / 10);
        world.send(host(66), server(number), &Message::default());
    }
    assert_eq!(world.state(host(66)), HostState::Contained(2));
    world.said.clear();
    world
}

#[test]
fn saved_state_survives_a_round_trip() {
    let mut world = contained();
    world.until(world.now + 3 * HOUR);
    for number in 0..200 {
        world.until(world.now + SECOND / 10);
        world.send(host(66), server(number), &Message::default());
    }
    let before = world.engine.view(host(66), world.now).unwrap();
    assert_eq!(before.relapses, 1);
    let unix_s = 1_800_000_000;
    let saved = world.engine.saved(Moment { now_ns: world.now, unix_s });
    let text = serde_json::to_string(&saved).unwrap();
    let read: Saved = serde_json::from_str(&text).unwrap();
    assert_eq!(read, saved);
    // A minute later the machine is up again, and its clock begins anew.
    let mut engine = Engine::new(rules(""));
    let moment = Moment { now_ns: 5 * HOUR, unix_s: unix_s + 60 };
    engine.restore(&read, moment);
    assert_eq!(engine.saved(moment), saved);
    let until_ns = engine.contained_until(host(66)).unwrap();
    let left = before.view.contained_until_ns - world.now;
    assert!(until_ns.abs_diff(5 * HOUR + left - MINUTE) <= SECOND);
    assert_eq!(engine.poll(5 * HOUR), [Command::Contain { address: host(66), step: 2, until_ns }]);
    let after = engine.view(host(66), 5 * HOUR).unwrap();
    assert_eq!((after.relapses, after.history.len()), (before.relapses, before.history.len()));
    // It ends as it would have.
    assert_eq!(engine.poll(until_ns - SECOND), []);
    assert_eq!(engine.poll(until_ns)[0], Command::Release { address: host(66) });
}

#[test]
fn what_fades_shows_the_figure_that_its_points_were_given_for() {
    // It stops when it is contained by the last step.
    let mut world = World::new("");
    let left = (0..200).find(|number| {
        world.until(world.now + SECOND / 10);
        world.send(host(66), server(*number), &Message::default());
        world.state(host(66)) == HostState::Contained(2)
    });
    assert!(left.is_some());
    let signals = [Signal::Destinations, Signal::NewServers];
    let given = signals.map(|signal| {
        let history = world.engine.view(host(66), world.now).unwrap().history;
        let told = history.last().unwrap().signals.iter().find(|reading| reading.signal == signal).copied();
        told.expect("it was told with this").figure
    });
    // Figures restart at containment; what it does then gives no points.
    for pause in [SECOND, 10 * MINUTE, 30 * MINUTE] {
        world.until(world.now + pause);
        world.send(host(66), server(7), &Message::default());
        world.poll();
        for (signal, given) in signals.into_iter().zip(given) {
            let reading = world.reading(host(66), signal).expect("points are left");
            assert!(reading.fading && reading.points >= 0.5, "{reading:?}");
            assert_eq!(reading.figure, given, "{reading:?}");
        }
    }
    // What goes on does not fade.
    (0..100).for_each(|number| world.send(host(66), server(number), &Message::default()));
    world.until(world.now + SECOND);
    let reading = world.reading(host(66), Signal::Destinations).unwrap();
    assert!(!reading.fading && reading.figure >= 90, "{reading:?}");
}

#[test]
fn what_was_over_meanwhile_was_a_release() {
    let world = contained();
    let saved = world.engine.saved(Moment { now_ns: world.now, unix_s: 1000 });
    let mut engine = Engine::new(rules(""));
    engine.restore(&saved, Moment { now_ns: DAY, unix_s: 1000 + 2 * 3600 });
    assert_eq!(engine.poll(DAY), []);
    assert_eq!(engine.contained_until(host(66)), None);
    let mut world = World::of(engine, DAY);
    for number in 0..200 {
        world.until(world.now + SECOND / 10);
        world.send(host(66), server(number), &Message::default());
    }
    assert_eq!(world.engine.view(host(66), world.now).unwrap().relapses, 1, "an hour before, so a relapse");
}

#[test]
fn what_the_kernel_had_is_taken_over_and_released_in_its_time() {
    let mut engine = Engine::new(rules(""));
    engine.adopt(host(66), 7, 10 * HOUR, HOUR);
    assert_eq!(engine.poll(HOUR), []);
    assert_eq!(engine.contained().collect::<Vec<_>>(), [(host(66), 1, 10 * HOUR)]);
    assert_eq!(engine.poll(10 * HOUR)[0], Command::Release { address: host(66) });
    let mut reporting = Engine::new(rules("[[containment]]\nscore = 1\naction = \"report\""));
    reporting.adopt(host(66), 0, 10 * HOUR, HOUR);
    assert_eq!(reporting.poll(HOUR), [Command::Release { address: host(66) }]);
}

#[test]
fn a_release_by_hand_forgives() {
    let mut world = contained();
    let now = world.now;
    assert!(world.engine.release(host(66), now));
    assert!(!world.engine.release(host(66), now));
    world.until(now + SECOND);
    assert_eq!(world.said[0].1, Command::Release { address: host(66) });
    let Command::Changed { change, .. } = &world.said[1].1 else { panic!("{:?}", world.said) };
    assert!(change.by_hand && change.to == HostState::Quiet);
    assert_eq!((world.said.len(), world.score(host(66))), (2, 0));
    assert!(!world.engine.release(host(1), now), "nobody knows it");
}

#[test]
fn who_becomes_excepted_is_released() {
    for kind in [HostKind::Excepted, HostKind::Allowed, HostKind::MailServer, HostKind::Gateway] {
        let mut world = contained();
        world.engine.set_kinds(|_| kind, world.now);
        world.until(world.now + SECOND);
        assert_eq!(world.said[0].1, Command::Release { address: host(66) }, "{kind:?}");
        assert_eq!(world.engine.contained_until(host(66)), None);
    }
}

#[test]
fn observing_or_switching_off_releases() {
    for text in ["inspection.enabled = false", "containment = [{ score = 10, action = \"report\" }]"] {
        let mut world = contained();
        world.engine.set_rules(rules(text), world.now);
        world.until(world.now + SECOND);
        assert_eq!(world.said[0].1, Command::Release { address: host(66) }, "{text}");
    }
    let mut world = contained();
    let observing = super::super::Rules { contain: false, ..rules("") };
    world.engine.set_rules(observing, world.now);
    world.until(world.now + SECOND);
    assert_eq!(world.said[0].1, Command::Release { address: host(66) });
}

#[test]
fn whom_there_is_no_room_for_is_let_go() {
    let mut engine = Engine::new(rules("limits.tracked_hosts = 2"));
    for number in 1..=3 {
        engine.adopt(host(number), 1, 10 * HOUR, HOUR);
    }
    assert_eq!(engine.contained().count(), 2);
    assert_eq!(engine.poll(HOUR), [Command::Release { address: host(3) }]);
}
