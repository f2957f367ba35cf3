//! What becomes of sources when zones, resolvers and networks do not behave: nobody is listed or stopped by it, it is named,
//! and it passes.

use super::*;
use crate::dnsbl::testing::filtered;

fn stranger() -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, 80)
}

fn a(answer: Ipv4Addr) -> Result<Records, Fault> {
    Ok(Records::A { addresses: vec![answer], ttl_s: 600 })
}

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
fn what_is_not_answered_is_neither_listed_nor_clean() {
    for manner in [
        Manner::Silent,
        Manner::Always(Err(Fault::Timeout)),
        Manner::Always(Err(Fault::ServFail)),
        Manner::Always(Err(Fault::Refused)),
        Manner::Always(Err(Fault::Network("no route to host".to_owned()))),
        Manner::Always(Err(Fault::Malformed("cut off".to_owned()))),
    ] {
        let mut world = World::simple(&["a.example"]);
        world.zone("a.example").manner = manner.clone();
        for number in 1..FAULTS_IN_A_ROW {
            world.ask(source(number));
            world.advance(3 * S);
            let verdict = world.last(source(number));
            assert!(verdict.starts_with("unknown 0 for "), "{manner:?}: {verdict}");
            let held = world.verdicts[usize::from(number) - 1].until_ns - (world.now_ns - 3 * S);
            assert!((30 * S..=33 * S).contains(&held), "{manner:?}: asked again after a while");
        }
        assert_eq!((world.standing(0), world.events.len()), ("good", 0));
        world.ask(source(99));
        world.advance(3 * S);
        assert_eq!(world.standing(0), "suspended");
        assert_eq!(world.engine.asked_bits(), 0, "and nobody is asked, or held");
        let [event] = &world.events[..] else { panic!("{:?}", world.events) };
        assert!(
            event.contains("DNSBL a is suspended") && event.contains("5 questions in a row failed"),
            "{event}"
        );
        assert_eq!(world.verdict(source(100)), "none");
        assert_eq!(world.engine.view().asks.nobody_to_ask, 1);
        world.zone("a.example").manner = Manner::Answers;
        world.advance(30 * S);
        assert_eq!((world.standing(0), world.engine.asked_bits()), ("good", 0b0111), "{manner:?}");
        assert!(world.events[1].starts_with("DNSBL a passes its tests again after "), "{:?}", world.events);
        assert_eq!(world.verdict(source(100)), "clean 0 for 600 s");
        assert_eq!(world.verdict(source(1)), "clean 0 for 600 s");
    }
}

#[test]
fn what_we_could_not_ask_is_unknown_and_does_not_count_against_the_zone() {
    let mut world = World::simple(&["a.example"]);
    world.zone("a.example").manner = Manner::ToSources(Err(Fault::Busy));
    for number in 1..=2 * FAULTS_IN_A_ROW {
        let verdict = world.verdict(source(number));
        assert!(verdict.starts_with("unknown 0 for "), "{verdict}");
    }
    assert_eq!((world.standing(0), world.events.len()), ("good", 0));
}

const FAULTS_IN_A_ROW: u16 = crate::dnsbl::health::FAULTS_IN_A_ROW as u16;

#[test]
fn answers_that_no_zone_gives_suspend_it_at_once_and_list_nobody() {
    for (answer, words) in [
        (stranger(), "answers 203.0.113.80, which is no DNSBL's answer"),
        (Ipv4Addr::new(127, 255, 255, 252), "is its name mistyped?"),
        (Ipv4Addr::new(127, 255, 255, 254), "does not answer public resolvers"),
        (Ipv4Addr::new(127, 255, 255, 255), "more questions than the provider allows"),
    ] {
        let mut world = World::simple(&["a.example", "b.example"]);
        world.list("b.example", source(2), &[code(2)]);
        world.zone("a.example").manner = Manner::Always(a(answer));
        assert_eq!(world.verdict(source(1)), "unknown 0 for 30 s");
        assert_eq!((world.standing(0), world.standing(1)), ("suspended", "good"));
        assert!(world.events[0].contains(words), "{:?}", world.events);
        assert_eq!(
            world.verdict(source(2)),
            "listed 1 for 300 s",
            "the other one works; asked again before long"
        );
        assert_eq!(world.verdict(source(3)), "clean 0 for 300 s", "what is suspended weighs nothing");
        world.advance(60 * S);
        assert!(world.events.len() <= 2, "said once: {:?}", world.events);
        world.zone("a.example").manner = Manner::Answers;
        world.advance(60 * S);
        assert_eq!(world.standing(0), "good");
        assert_eq!(world.verdict(source(1)), "clean 0 for 600 s");
    }
}

#[test]
fn a_zone_that_answers_so_to_its_tests_is_never_asked() {
    for (manner, words) in [
        (Manner::Always(a(code(2))), "it lists a random name"),
        (Manner::Always(a(stranger())), "its test failed: answers 203.0.113.80"),
        (Manner::Always(a(Ipv4Addr::new(127, 255, 255, 254))), "its test failed: answers 127.255.255.254"),
        (Manner::Always(Ok(Records::None { ttl_s: 60 })), "it does not list 127.0.0.2"),
        (Manner::Always(a(code(1))), "it does not list 127.0.0.2"),
        (Manner::Always(Err(Fault::Refused)), "its test failed: the question is refused"),
        (Manner::Silent, "its test failed: no answer in time"),
    ] {
        let mut world = World::untested(&dnsbl(vec![zone("a.example")], &[1]));
        world.zone("a.example").manner = manner;
        assert_eq!((world.standing(0), world.verdict(source(1))), ("testing", "none".to_owned()));
        world.advance(20 * S);
        assert_eq!(
            (world.standing(0), world.verdict(source(1)), world.asked.len()),
            ("suspended", "none".to_owned(), 0)
        );
        let [event] = &world.events[..] else { panic!("{:?}", world.events) };
        assert!(event.contains(words), "{event}");
        world.zone("a.example").manner = Manner::Answers;
        world.advance(60 * S);
        assert_eq!(world.verdict(source(1)), "clean 0 for 600 s");
    }
}

#[test]
fn a_zone_that_begins_to_list_the_world_is_found_out_and_its_listings_taken_back() {
    let mut world = World::simple(&["a.example", "b.example"]);
    for number in 1..=2 {
        world.list("b.example", source(number), &[code(2)]);
    }
    world.zone("a.example").manner = Manner::Always(a(code(2)));
    for number in 2..=4 {
        assert!(world.verdict(source(number)).starts_with("listed"), "nobody can know yet");
    }
    world.verdicts.clear();
    world.advance(300 * S);
    assert_eq!(world.standing(0), "suspended");
    assert!(world.events[0].contains("it lists a random name"), "{:?}", world.events);
    assert_eq!(world.last(source(3)), "unknown 0 for 30 s");
    assert_eq!(world.last(source(4)), "unknown 0 for 30 s");
    assert_eq!(world.last(source(2)), "listed 1 for 30 s", "the other zone says so too");
    assert_eq!(world.verdicts.len(), 3);
    assert!(world.kernel.values().all(|known| known.listed & 0b01 == 0));
    let cache = world.engine.view().cache;
    assert_eq!((cache.listed, cache.unknown), (1, 2));
    world.advance(30 * S);
    assert_eq!(world.verdict(source(3)), "clean 0 for 300 s");
}

#[test]
fn listings_are_taken_back_whenever_it_is_found_out() {
    let mut world = World::simple(&["a.example", "b.example"]);
    world.zone("a.example").manner = Manner::ToSources(a(code(2)));
    world.zone("b.example").latency_ns = 2500 * MS;
    world.ask(source(1));
    world.advance(300 * MS);
    assert_eq!(world.last(source(1)), "listed 1 for 599 s", "the other zone has not answered");
    world.advance(3 * S);
    (2..=3).for_each(|number| world.ask(source(number)));
    world.zone("a.example").manner = Manner::Always(Err(Fault::Timeout));
    for number in 4..=8 {
        world.ask(source(number));
    }
    assert_eq!((world.standing(0), world.events.len()), ("suspended", 1));
    world.zone("a.example").manner = Manner::Always(a(code(2)));
    world.zone("b.example").latency_ns = 8 * S;
    world.verdicts.clear();
    world.advance(6 * S);
    assert!(
        world
            .events
            .last()
            .is_some_and(|event| event.contains("still suspended, now because: it lists a random"))
    );
    assert!((1..=3).all(|number| world.kernel[&source(number)].listed & 0b01 == 0), "{:?}", world.verdicts);
    assert_eq!(
        (world.last(source(1)), world.engine.view().cache.listed),
        ("unknown 0 for 29 s".to_owned(), 0)
    );
    // Those that were known before a restart, too.
    for (first, events) in [(Manner::Always(a(code(2))), 1), (Manner::Always(Err(Fault::Timeout)), 2)] {
        let mut world = World::untested(&dnsbl(vec![zone("a.example")], &[1]));
        let saved = Saved { address: source(1), remaining_ms: 600_000, listed: 1, unknown: 0 };
        let now = world.now();
        world.engine.restore([saved], now);
        world.zone("a.example").manner = first;
        world.advance(0);
        world.zone("a.example").manner = Manner::Always(a(code(2)));
        world.advance(5 * S);
        assert_eq!(world.events.len(), events);
        assert_eq!(world.kernel[&source(1)].kind, Kind::Unknown, "{:?}", world.events);
    }
}

#[test]
fn a_share_that_jumps_takes_its_listings_back() {
    let mut world = World::simple(&["a.example"]);
    (0..264).for_each(|number| world.ask(source(number)));
    world.zone("a.example").manner = Manner::ToSources(a(code(2)));
    let asked = (1000..1400).find(|number| {
        world.ask(source(*number));
        world.standing(0) == "suspended"
    });
    assert_eq!(asked, Some(1249), "58 of 64, which its test says nothing of, and 192 more");
    assert!(world.events[0].contains("it suddenly lists 97 % of all sources"), "{:?}", world.events);
    assert!(world.kernel.values().all(|known| known.kind != Kind::Listed), "none of them is believed");
    world.advance(599 * S);
    assert_eq!(world.standing(0), "suspended");
    world.zone("a.example").manner = Manner::Answers;
    world.advance(2 * S);
    assert_eq!(world.standing(0), "good");
}

#[test]
fn a_share_that_jumps_is_looked_into_before_the_zone_is_suspended() {
    let jumping = || {
        let mut world = World::simple(&["a.example"]);
        (0..264).for_each(|number| world.ask(source(number)));
        world.zone("a.example").manner = Manner::ToSources(a(code(2)));
        (1000..1057).for_each(|number| world.ask(source(number)));
        world
    };
    let mut world = jumping();
    world.zone("a.example").manner = Manner::Always(a(code(2)));
    world.ask(source(1057));
    assert_eq!(world.standing(0), "suspended", "its test is made at once");
    assert!(world.events[0].contains("it lists a random name"), "{:?}", world.events);
    assert!(world.kernel.values().all(|known| known.kind != Kind::Listed));
    // A few listed sources in a row do not make others pass for ten minutes.
    let mut world = jumping();
    (1057..1200).for_each(|number| world.ask(source(number)));
    world.zone("a.example").manner = Manner::Answers;
    (1200..1264).for_each(|number| world.ask(source(number)));
    assert_eq!((world.standing(0), world.events.len()), ("good", 0));
    assert!(world.kernel.values().any(|known| known.kind == Kind::Listed));
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
fn what_may_be_worse_is_asked_again_soon() {
    let zones = || vec![zone("a.example"), weighing("b.example", 3), weighing("c.example", 1)];
    for (thresholds, silent, held_s) in [
        (&[1, 3][..], 1, 30),
        (&[1, 3], 2, 600),
        (&[1, 2], 2, 30),
        (&[1], 1, 600),
        (&[1, 4], 1, 30),
        (&[1, 5], 1, 600),
    ] {
        let mut world = World::new(&dnsbl(zones(), thresholds));
        world.list("a.example", source(1), &[code(2)]);
        world.zone(["a.example", "b.example", "c.example"][silent]).manner = Manner::Silent;
        world.ask(source(1));
        let began_ns = world.now_ns;
        world.advance(3 * S);
        let until_ns = world.verdicts.last().expect("a verdict").until_ns;
        let since_ns = if held_s == 30 { world.now_ns } else { began_ns };
        assert_eq!((until_ns - since_ns) / S, held_s, "{thresholds:?} without {silent}");
    }
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

#[test]
fn sources_in_flight_do_not_wait_for_a_zone_that_is_suspended() {
    let mut world = World::simple(&["slow.example", "bad.example"]);
    world.zone("slow.example").latency_ns = 200 * MS;
    world.zone("bad.example").manner = Manner::Silent;
    (1..=3).for_each(|number| world.ask(source(number)));
    world.list("slow.example", source(2), &[code(2)]);
    world.zone("slow.example").latency_ns = 0;
    world.zone("bad.example").manner = Manner::Always(a(Ipv4Addr::new(127, 255, 255, 255)));
    world.ask(source(4));
    assert_eq!((world.standing(1), world.last(source(4))), ("suspended", "unknown 0 for 30 s".to_owned()));
    assert_eq!(world.engine.view().asks.in_flight, 3);
    world.advance(200 * MS);
    assert_eq!(world.engine.view().asks.in_flight, 0);
    assert_eq!(world.last(source(1)), "unknown 0 for 30 s");
    let mut world = World::simple(&["bad.example"]);
    world.zone("bad.example").manner = Manner::Silent;
    (1..=3).for_each(|number| world.ask(source(number)));
    world.zone("bad.example").manner = Manner::Always(a(stranger()));
    world.ask(source(4));
    assert_eq!(world.engine.view().asks.in_flight, 0, "nobody is left to wait for");
    assert!((1..=4).all(|number| world.last(source(number)) == "unknown 0 for 30 s"));
}

#[test]
fn what_is_enough_is_said_before_the_last_zone_has_answered() {
    let mut world = World::new(&dnsbl(
        vec![weighing("quick.example", 2), zone("slow.example"), weighing("allow.example", -1)],
        &[1, 3],
    ));
    world.zone("slow.example").latency_ns = 1500 * MS;
    for number in 1..=2 {
        world.list("quick.example", source(number), &[code(2)]);
        world.list("slow.example", source(number), &[code(2)]);
    }
    world.ask(source(1));
    world.ask(source(3));
    world.advance(249 * MS);
    assert_eq!(world.verdicts.len(), 0, "all may yet answer");
    world.advance(MS);
    assert_eq!(world.last(source(1)), "listed 2 for 30 s");
    assert_eq!((world.verdicts.len(), world.verdicts[0].unknown), (1, 0b010));
    world.advance(1250 * MS);
    assert_eq!(world.verdicts.len(), 3);
    assert_eq!(world.last(source(1)), "listed 3 for 598 s");
    assert_eq!(world.last(source(3)), "clean 0 for 598 s");
    assert_eq!(world.verdicts[1].groups[0].map(|reached| reached.threshold), Some(1));
    // Late, but enough at once.
    world.zone("quick.example").latency_ns = 300 * MS;
    world.zone("allow.example").latency_ns = 2000 * MS;
    world.verdicts.clear();
    world.ask(source(2));
    world.advance(300 * MS);
    assert_eq!(world.last(source(2)), "listed 1 for 30 s", "the allow zone may yet speak for it");
    world.advance(10 * S);
    assert_eq!((world.verdicts.len(), world.engine.view().asks.answered), (2, 3));
    let latency = world.engine.view().latency_ms.expect("some");
    assert!((1500.0..1700.0).contains(&latency.max), "to the first verdict: {latency:?}");
}

#[test]
fn each_source_is_waited_for_no_longer_than_is_patient() {
    let mut world = World::simple(&["quick.example", "slow.example"]);
    (1..=4).for_each(|number| world.list("quick.example", source(number), &[code(2)]));
    for (number, latency_ms) in [(1, 100), (2, 1500), (3, 50), (4, 1500)] {
        world.zone("slow.example").latency_ns = latency_ms * MS;
        world.ask(source(number));
    }
    world.advance(100 * MS);
    let order = |world: &World| world.verdicts.iter().map(|scored| scored.address).collect::<Vec<_>>();
    assert_eq!(order(&world), [3, 1].map(source));
    world.advance(150 * MS);
    assert_eq!(order(&world), [3, 1, 2, 4].map(source));
    let next = world.engine.next_wakeup().expect("the time to give up");
    assert_eq!(next - world.now_ns, 2750 * MS, "nothing more is to be done before");
}

#[test]
fn nobody_is_asked_if_what_is_left_comes_to_nothing() {
    let mut world = World::new(&dnsbl(vec![zone("a.example"), zone("b.example")], &[2]));
    assert_eq!(world.verdict(source(1)), "clean 0 for 600 s");
    world.zone("b.example").manner = Manner::Always(Err(Fault::Quota(Ipv4Addr::new(127, 255, 255, 255))));
    assert_eq!(world.verdict(source(2)), "unknown 0 for 30 s");
    assert_eq!((world.standing(0), world.standing(1), world.engine.asked_bits()), ("good", "suspended", 0));
    world.asked.clear();
    assert_eq!((world.verdict(source(3)), world.asked.len()), ("none".to_owned(), 0));
    assert_eq!(world.engine.view().asks.nobody_to_ask, 1);
}

#[test]
fn replies_that_nobody_waits_for_are_nothing() {
    let mut world = World::simple(&["a.example", "b.example"]);
    world.zone("a.example").manner = Manner::Silent;
    let now = world.now();
    world.engine.ask(source(1), 0, now);
    let ids: Vec<u64> = world
        .engine
        .drain()
        .filter_map(|command| match command {
            Command::Ask(question) => Some(question.id),
            _ => None,
        })
        .collect();
    let reply = |id| Reply { id, result: a(code(2)), took: Duration::from_millis(1) };
    world.engine.reply(&reply(ids[1]), now);
    world.engine.reply(&reply(ids[1]), now);
    world.advance(3 * S);
    assert_eq!(world.last(source(1)), "listed 1 for 597 s", "the other zone did not answer in time");
    assert_eq!(world.engine.view().asks.late, 1, "twice");
    world.verdicts.clear();
    let now = world.now();
    for id in [ids[0], u64::MAX, 0, 1 << 7, ids[0] ^ 1 << 31, 31] {
        world.engine.reply(&reply(id), now);
    }
    // Another source at the same place is not taken for the first one.
    world.engine.ask(source(2), 0, now);
    world.engine.reply(&reply(ids[0]), now);
    world.engine.reply(&reply(ids[1]), now);
    assert_eq!(world.engine.view().asks.in_flight, 1);
    world.engine.drain().for_each(drop);
    world.advance(3 * S);
    assert_eq!(world.last(source(2)), "unknown 0 for 30 s");
    assert_eq!((world.verdicts.len(), world.engine.view().zones[0].listed), (1, 0));
}

#[test]
fn a_zone_that_flaps_is_believed_less_and_less_often_and_lists_nobody_wrongly() {
    let mut world = World::simple(&["a.example"]);
    world.list("a.example", source(0), &[code(2)]);
    let mut number = 1;
    for second in 0..600_u32 {
        world.zone("a.example").manner =
            if second % 20 < 10 { Manner::Answers } else { Manner::Always(Err(Fault::ServFail)) };
        for _ in 0..2 {
            world.ask(source(number));
            number += 1;
        }
        world.advance(S);
    }
    assert!(world.verdicts.iter().all(|scored| scored.kind != Kind::Listed));
    assert!(world.events.len() <= 24, "{} events in 30 times up and down", world.events.len());
    world.zone("a.example").manner = Manner::Answers;
    world.advance(300 * S);
    assert_eq!((world.standing(0), world.verdict(source(0))), ("good", "listed 1 for 600 s".to_owned()));
}

#[test]
fn an_own_clock_that_jumps_forward_ends_what_waits() {
    let mut world = World::simple(&["a.example"]);
    world.zone("a.example").manner = Manner::Silent;
    world.ask(source(1));
    let later = Now { monotonic_ns: world.now_ns + 3600 * S };
    world.engine.tick(later);
    world.now_ns = later.monotonic_ns;
    world.advance(0);
    assert_eq!(world.last(source(1)), "unknown 0 for 30 s");
}
