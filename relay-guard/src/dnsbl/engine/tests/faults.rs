//! What becomes of sources when zones, resolvers and networks do not behave: nobody is listed or stopped by it, it is named,
//! and it passes.

use super::*;

fn stranger() -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, 80)
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
