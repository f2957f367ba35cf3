//! What becomes of listings that turn out to be false.

use super::*;

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
