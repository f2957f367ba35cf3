//! What becomes of all when the configuration changes or the daemon starts anew.

use super::*;
use crate::config::Lookups;
use crate::dnsbl::testing::{filtered, plan};
use crate::policy::PortChoice;

fn follow(world: &mut World, zones: Vec<ZoneConfig>, scores: &[i32]) {
    zones.iter().for_each(|zone| world.play(zone));
    let now = world.now();
    world.verdicts.clear();
    world.engine.set_plan(Arc::new(plan(zones, scores)), now);
    world.advance(0);
}

fn two() -> World {
    let mut world = World::simple(&["a.example", "b.example"]);
    world.list("a.example", source(1), &[code(2)]);
    world.list("b.example", source(2), &[code(2)]);
    (1..=3).for_each(|number| world.ask(source(number)));
    world.asked.clear();
    world
}

#[test]
fn other_weights_judge_anew_what_is_known() {
    let mut world = two();
    world.advance(10 * S);
    let at_587 = ZoneConfig { ports: PortChoice::Only(vec![587]), ..weighing("b.example", 1) };
    follow(&mut world, vec![weighing("a.example", 3), at_587], &[2]);
    assert_eq!(world.verdicts.len(), 3, "all are given again");
    assert_eq!(world.last(source(1)), "listed 3 for 590 s");
    assert_eq!(world.last(source(2)), "clean 0 for 590 s");
    assert_eq!(world.verdicts[1].score, [0, 1, 0, 0]);
    assert_eq!((world.last(source(3)), world.asked.len()), ("clean 0 for 590 s".to_owned(), 0));
    assert_eq!((world.standing(0), world.events.len()), ("good", 0), "zones keep their health");
    assert_eq!(world.engine.view().cache.listed, 1);
    assert_eq!(world.engine.view().matched, [1, 1]);
}

#[test]
fn entries_that_move_or_go_take_their_listings_with_them() {
    let mut world = two();
    follow(&mut world, vec![weighing("b.example", 5)], &[1]);
    assert_eq!(
        (world.last(source(1)), world.last(source(2))),
        ("clean 0 for 600 s".to_owned(), "listed 5 for 600 s".to_owned())
    );
    assert_eq!(world.engine.cached(source(2)).map(|known| known.listed), Some(0b1));
    let mut world = two();
    follow(&mut world, vec![zone("b.example"), weighing("a.example", 4)], &[1]);
    assert_eq!(
        (world.last(source(1)), world.last(source(2))),
        ("listed 4 for 600 s".to_owned(), "listed 1 for 600 s".to_owned())
    );
    assert_eq!(world.engine.cached(source(1)).map(|known| known.listed), Some(0b10));
}

#[test]
fn what_was_not_asked_is_asked_when_the_source_comes_again() {
    let mut world = two();
    let new = vec![zone("a.example"), zone("b.example"), weighing("c.example", 7)];
    world.play(&new[2]);
    world.list("c.example", source(3), &[code(2)]);
    follow(&mut world, new, &[1]);
    assert_eq!(world.last(source(1)), "listed 1 for 0 s", "said to have expired");
    assert_eq!(world.last(source(3)), "clean 0 for 0 s", "so that the kernel knows that it was clean");
    assert_eq!(world.standing(2), "good");
    assert_eq!(world.verdict(source(3)), "listed 7 for 600 s");
    let mut world = two();
    follow(&mut world, vec![zone("a.example"), filtered("b.example", 1, "127.0.0.3")], &[1]);
    assert_eq!(world.last(source(2)), "clean 0 for 0 s", "another filter is another entry");
}

#[test]
fn other_zones_know_nothing() {
    let mut world = two();
    follow(&mut world, vec![zone("c.example")], &[1]);
    assert_eq!((world.verdicts.len(), world.forgotten.len(), world.kernel.len()), (0, 3, 0));
    assert_eq!(world.verdict(source(1)), "clean 0 for 600 s");
    follow(&mut world, Vec::new(), &[]);
    assert_eq!((world.engine.asked_bits(), world.kernel.len()), (0, 0));
    assert_eq!((world.verdict(source(1)), world.engine.next_wakeup()), ("none".to_owned(), None));
}

#[test]
fn sources_that_are_being_asked_about_are_asked_about_anew() {
    let mut world = two();
    world.zone("a.example").latency_ns = 100 * MS;
    world.zone("b.example").latency_ns = 100 * MS;
    world.list("b.example", source(5), &[code(2)]);
    (4..=5).for_each(|number| world.ask(source(number)));
    world.advance(50 * MS);
    follow(&mut world, vec![zone("b.example")], &[1]);
    assert_eq!((world.engine.view().asks.in_flight, world.asked.len()), (2, 6));
    world.advance(50 * MS);
    assert_eq!(world.engine.view().asks.late, 4, "what was asked before is nobody's any more");
    world.advance(50 * MS);
    assert_eq!(
        (world.last(source(4)), world.last(source(5))),
        ("clean 0 for 600 s".to_owned(), "listed 1 for 600 s".to_owned())
    );
}

#[test]
fn a_suspension_outlives_a_change_of_the_plan() {
    let mut world = two();
    world.zone("a.example").manner = Manner::Always(Err(Fault::Quota(Ipv4Addr::new(127, 255, 255, 255))));
    world.ask(source(9));
    assert_eq!(world.standing(0), "suspended");
    follow(&mut world, vec![zone("b.example"), weighing("a.example", 2)], &[1]);
    assert_eq!((world.standing(1), world.engine.asked_bits()), ("suspended", 0b0111));
    // A test that was under way is made again.
    let mut world = World::untested(&dnsbl(vec![zone("a.example")], &[1]));
    world.zone("a.example").latency_ns = 500 * MS;
    world.advance(400 * MS);
    follow(&mut world, vec![zone("b.example"), zone("a.example")], &[1]);
    assert_eq!((world.standing(0), world.standing(1)), ("good", "testing"));
    world.advance(400 * MS);
    assert_eq!(world.standing(1), "testing", "the answers to the first test are not this one's");
    world.advance(100 * MS);
    assert_eq!(world.standing(1), "good");
}

/// A configuration with those.
type With = fn(Lookups) -> Dnsbl;

#[test]
fn other_resolvers_are_tried_at_once() {
    let lookups =
        |lookups: Lookups| Dnsbl { lookups, ..dnsbl(vec![zone("a.example"), zone("b.example")], &[1]) };
    let changed: [fn(&mut World, With); 3] = [
        |world, lookups| {
            let resolvers = vec!["192.0.2.53:53".parse().expect("an address")];
            let plan = Plan::new(&lookups(Lookups { resolvers, ..Lookups::default() }), &groups());
            world.engine.set_plan(Arc::new(plan), world.now());
        },
        |world, lookups| {
            let plan = Plan::new(
                &lookups(Lookups { timeout: Duration::from_secs(9), ..Lookups::default() }),
                &groups(),
            );
            world.engine.set_plan(Arc::new(plan), world.now());
        },
        |world, _| world.engine.resolvers_changed(world.now()),
    ];
    for change in changed {
        let mut world = World::new(&lookups(Lookups::default()));
        world.zone("a.example").manner = Manner::Always(Err(Fault::Timeout));
        world.advance(2000 * S);
        assert_eq!((world.standing(0), world.standing(1)), ("suspended", "good"));
        world.zone("b.example").manner = Manner::Always(Ok(Records::None { ttl_s: 60 }));
        change(&mut world, lookups);
        world.advance(0);
        assert_eq!(
            world.standing(1),
            "suspended",
            "what was good with the ones before may not be with these"
        );
        world.zone("a.example").manner = Manner::Answers;
        world.advance(5 * S);
        assert_eq!(world.standing(0), "good", "the next test is not far");
    }
    let mut world = World::new(&lookups(Lookups::default()));
    (0..264).for_each(|number| world.ask(source(number)));
    world.zone("a.example").manner =
        Manner::ToSources(Ok(Records::A { addresses: vec![code(2)], ttl_s: 60 }));
    (1000..1400).for_each(|number| world.ask(source(number)));
    assert_eq!(world.standing(0), "suspended");
    world.engine.resolvers_changed(world.now());
    world.advance(60 * S);
    assert_eq!(world.standing(0), "suspended", "it is not for want of answers");
}

#[test]
fn what_is_known_holds_no_longer_than_the_configuration_allows_now() {
    let mut world = two();
    world.advance(10 * S);
    let short = |max_s| ZoneConfig {
        ttl: (Duration::from_secs(30), Duration::from_secs(max_s)),
        ..zone("b.example")
    };
    follow(&mut world, vec![zone("a.example"), short(120)], &[1]);
    assert_eq!(world.last(source(1)), "listed 1 for 120 s", "the shortest of those that were asked");
    assert_eq!(world.last(source(3)), "clean 0 for 120 s");
    follow(&mut world, vec![zone("a.example"), short(900)], &[1]);
    assert_eq!(world.last(source(3)), "clean 0 for 120 s", "nor longer than was said");
    world.zone("b.example").manner = Manner::ToSources(Err(Fault::Timeout));
    world.ask(source(4));
    let lookups = Lookups { retry: Duration::from_secs(7), ..Lookups::default() };
    let config = Dnsbl { lookups, ..dnsbl(vec![zone("a.example"), zone("b.example")], &[1]) };
    world.engine.set_plan(Arc::new(Plan::new(&config, &groups())), world.now());
    world.advance(0);
    assert_eq!(world.last(source(4)), "unknown 0 for 7 s");
}

#[test]
fn who_was_clean_is_known_after_a_restart_even_if_that_is_over() {
    let mut world = two();
    world.zone("b.example").manner = Manner::ToSources(Err(Fault::Timeout));
    world.ask(source(4));
    world.advance(700 * S);
    world.zone("b.example").manner = Manner::Answers;
    world.ask(source(5));
    let saved: Vec<Saved> = world.engine.saved(world.now()).collect();
    let known: Vec<(IpAddr, u64)> = saved.iter().map(|saved| (saved.address, saved.remaining_ms)).collect();
    assert_eq!(
        known,
        [(source(3), 0), (source(5), 600_000)],
        "nobody who was listed, or of whom nothing was known"
    );
    let mut world = World::untested(&dnsbl(vec![zone("a.example"), zone("b.example")], &[1]));
    let over = |number, listed, unknown| Saved { address: source(number), remaining_ms: 0, listed, unknown };
    let now = world.now();
    let others = [over(6, 1, 0), over(7, 0, 1), over(8, 1 << 9, 0)];
    world.engine.restore(saved.into_iter().chain(others), now);
    world.advance(0);
    assert_eq!(world.kernel.len(), 2);
    assert_eq!(
        (world.last(source(3)), world.kernel[&source(3)].until_ns),
        ("clean 0 for 0 s".to_owned(), world.now_ns)
    );
    world.list("a.example", source(3), &[code(2)]);
    assert_eq!(world.verdict(source(3)), "listed 1 for 600 s", "it is asked about anew");
}

#[test]
fn what_holds_outlives_a_restart() {
    let mut world = two();
    world.advance(100 * S);
    world.ask(source(4));
    let saved: Vec<Saved> = world.engine.saved(world.now()).collect();
    let remaining: Vec<(IpAddr, u64)> =
        saved.iter().map(|saved| (saved.address, saved.remaining_ms / 1000)).collect();
    assert_eq!(remaining, [(source(1), 500), (source(2), 500), (source(3), 500), (source(4), 600)]);
    let zones = || vec![weighing("a.example", 6), zone("b.example")];
    let mut world = World::untested(&dnsbl(zones(), &[1]));
    let now = world.now();
    let private = Saved { address: "10.0.0.1".parse().expect("an address"), ..saved[0] };
    let over = Saved { remaining_ms: 0, address: source(8), ..saved[0] };
    let wrong = Saved { remaining_ms: u64::MAX, address: source(9), listed: !0b11, unknown: 0 };
    world.engine.restore(saved.into_iter().chain([private, over, wrong]), now);
    world.advance(0);
    assert_eq!(world.last(source(1)), "listed 6 for 500 s");
    assert_eq!(world.last(source(3)), "clean 0 for 500 s");
    assert_eq!(world.last(source(9)), "clean 0 for 3600 s", "no answer is believed for longer");
    assert_eq!((world.verdicts.len(), world.kernel.len()), (5, 5));
    assert_eq!((world.verdict(source(1)), world.asked.len()), ("listed 6 for 500 s".to_owned(), 0));
    world.advance(500 * S);
    assert_eq!(world.engine.saved(world.now()).count(), 3, "1 and 9, and 3 and 4 are");
}
