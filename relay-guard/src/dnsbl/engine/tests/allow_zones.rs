//! What becomes of sources when those that vouch for them cannot.

use super::*;
use crate::dnsbl::testing::filtered;

/// Asks about sources that were not asked about before until a zone is suspended; how many it took.
fn asks_until_suspended(world: &mut World, zone: usize, first: u16) -> u16 {
    let asked = (first..first + 400).find(|number| {
        world.ask(source(*number));
        world.advance(4 * S);
        world.standing(zone) == "suspended"
    });
    asked.expect("a suspension") - first + 1
}

#[test]
fn an_allow_zone_that_is_down_stops_nobody() {
    let mut world =
        World::new(&dnsbl(vec![weighing("block.example", 2), weighing("allow.example", -2)], &[1]));
    for number in 1..=20 {
        world.list("block.example", source(number), &[code(2)]);
    }
    world.list("allow.example", source(2), &[code(10)]);
    assert_eq!(world.verdict(source(1)), "listed 2 for 600 s");
    assert_eq!(world.verdict(source(2)), "clean 0 for 600 s");
    world.zone("allow.example").manner = Manner::ToSources(Err(Fault::Timeout));
    assert_eq!(world.verdict(source(3)), "unknown 0 for 30 s");
    let asked = asks_until_suspended(&mut world, 1, 4);
    assert_eq!(asked, FAULTS_IN_A_ROW - 1);
}

#[test]
fn a_zone_s_own_answer_for_too_many_questions_is_a_fault() {
    let allow = ZoneConfig { test_points: false, ..filtered("list.dnswl.org", -2, "127.0.[2..20].[1..3]") };
    let mut world =
        World::new(&dnsbl(vec![weighing("block.example", 2), zone("other.example"), allow], &[1]));
    let over = Ipv4Addr::new(127, 0, 0, 255);
    for number in 1..=2 {
        world.list("block.example", source(number), &[code(2)]);
    }
    world.list("list.dnswl.org", source(1), &[over]);
    world.list("other.example", source(3), &[over]);
    assert_eq!(world.verdict(source(3)), "listed 1 for 600 s", "others mean something else by it");
    assert_eq!(world.verdict(source(1)), "unknown 0 for 30 s");
    assert_eq!(world.standing(2), "suspended");
    assert!(world.events[0].contains("more questions than the provider allows"), "{:?}", world.events);
    let zone = &world.engine.view().zones[2];
    assert_eq!((zone.listed, zone.not_listed, zone.faults), (0, 1, 1));
    world.zone("list.dnswl.org").manner = Manner::Always(a(over));
    world.advance(60 * S);
    assert!(!world.events.iter().any(|event| event.contains("lists a random name")), "{:?}", world.events);
    assert_eq!(world.verdict(source(2)), "unknown 0 for 30 s");
}

#[test]
fn an_allow_zone_that_is_suspended_or_not_tested_yet_stops_nobody() {
    let zones =
        || vec![weighing("block.example", 2), weighing("other.example", 1), weighing("allow.example", -2)];
    let mut world = World::new(&dnsbl(zones(), &[1, 3]));
    for number in 1..=9 {
        world.list("block.example", source(number), &[code(2)]);
    }
    world.list("other.example", source(2), &[code(2)]);
    assert_eq!(world.verdict(source(9)), "listed 2 for 600 s");
    world.zone("allow.example").manner = Manner::ToSources(a(Ipv4Addr::new(127, 255, 255, 255)));
    assert_eq!(world.verdict(source(10)), "unknown -2 for 30 s");
    assert_eq!(world.standing(2), "suspended");
    assert_eq!(world.verdict(source(1)), "unknown 0 for 30 s", "it may have vouched for it");
    assert_eq!(world.last(source(1)), world.verdict(source(1)), "and holds for so long");
    assert_eq!(world.verdict(source(2)), "listed 1 for 30 s", "too bad even so; perhaps worse");
    assert_eq!(world.verdict(source(11)), "clean 0 for 300 s", "nobody speaks against it");
    assert_eq!(world.verdict(source(9)), "listed 2 for 600 s", "what is known stays");
    world.zone("allow.example").manner = Manner::Answers;
    world.advance(30 * S);
    assert_eq!((world.standing(2), world.verdict(source(1))), ("good", "listed 2 for 600 s".to_owned()));
    let mut world = World::untested(&dnsbl(zones(), &[1]));
    for number in 1..=2 {
        world.list("block.example", source(number), &[code(2)]);
    }
    world.zone("allow.example").latency_ns = S;
    world.zone("other.example").latency_ns = 400 * MS;
    world.advance(400 * MS);
    assert_eq!((world.standing(0), world.standing(2)), ("good", "testing"));
    world.ask(source(1));
    world.advance(250 * MS);
    assert_eq!(world.last(source(1)), "none", "not before the last zone has answered either");
    world.advance(150 * MS);
    assert_eq!(world.last(source(1)), "unknown 0 for 30 s");
    world.advance(200 * MS);
    world.zone("allow.example").latency_ns = 0;
    assert_eq!(world.standing(2), "good");
    world.ask(source(2));
    world.advance(400 * MS);
    assert_eq!(world.last(source(2)), "listed 2 for 599 s");
}

#[test]
fn nobody_is_asked_while_an_allow_zone_would_clear_whatever_is_said() {
    let mut world =
        World::new(&dnsbl(vec![weighing("block.example", 2), weighing("allow.example", -2)], &[1]));
    assert_eq!(world.engine.asked_bits(), 0b0111);
    world.zone("allow.example").manner = Manner::Always(Err(Fault::Quota(Ipv4Addr::new(127, 255, 255, 255))));
    world.ask(source(1));
    assert_eq!((world.standing(1), world.engine.asked_bits()), ("suspended", 0));
    assert_eq!(
        world.events[..1],
        [
            "DNSBL allow is suspended, and counts as if it vouched for every listed source until it passes its tests: \
          answers 127.255.255.255: more questions than the provider allows; use fewer, or get a key"
        ]
    );
    world.asked.clear();
    assert_eq!((world.verdict(source(2)), world.asked.len()), ("none".to_owned(), 0));
    world.zone("allow.example").manner = Manner::Answers;
    world.advance(30 * S);
    assert_eq!(
        (world.verdict(source(2)), world.engine.asked_bits()),
        ("clean 0 for 600 s".to_owned(), 0b0111)
    );
}
