//! What becomes of sources when zones behave.

use std::net::Ipv6Addr;

use super::*;
use crate::config::Lookups;
use crate::dnsbl::testing::filtered;
use crate::policy::PortChoice;

#[test]
fn listed_and_clean_sources_get_their_verdict_for_as_long_as_the_answers_hold() {
    let mut world = World::simple(&["a.example", "b.example"]);
    world.list("a.example", source(1), &[code(2), code(4)]);
    assert_eq!(world.verdict(source(1)), "listed 1 for 600 s");
    assert_eq!(world.verdict(source(2)), "clean 0 for 600 s");
    assert_eq!(world.asked.len(), 4);
    assert_eq!(world.asked[..2], ["1.0.51.198.a.example.", "1.0.51.198.b.example."]);
    assert_eq!(world.engine.cached(source(1)).map(|known| known.listed), Some(0b01));
    assert_eq!(world.engine.cached(source(3)), None);
    let view = world.engine.view();
    assert_eq!((view.asks.asked, view.asks.answered, view.cache.listed, view.cache.clean), (2, 2, 1, 1));
    assert_eq!((view.zones[0].queries, view.zones[0].listed, view.zones[0].not_listed), (2, 1, 1));
    assert_eq!(view.matched, [1, 0]);
}

#[test]
fn the_shortest_answer_counts_within_what_a_zone_may_say() {
    let mut world = World::simple(&["a.example", "b.example"]);
    for (ttls, expected) in [([5, 900], 60), ([900, 100], 100), ([86_400, 86_400], 3600), ([0, 0], 60)] {
        world.zone("a.example").ttl_s = ttls[0];
        world.zone("b.example").ttl_s = ttls[1];
        world.engine.forget(None);
        world.list("a.example", source(1), &[code(2)]);
        assert_eq!(world.verdict(source(1)), format!("listed 1 for {expected} s"));
        assert_eq!(world.verdict(source(2)), format!("clean 0 for {expected} s"));
    }
}

#[test]
fn a_source_is_asked_about_once_and_again_when_its_verdict_has_expired() {
    let mut world = World::simple(&["a.example"]);
    world.zone("a.example").latency_ns = 100 * MS;
    world.ask(source(1));
    world.ask(source(1));
    assert_eq!((world.asked.len(), world.engine.view().asks.coalesced), (1, 1));
    world.advance(100 * MS);
    assert_eq!(world.verdicts.len(), 1);
    world.ask(source(1));
    assert_eq!((world.asked.len(), world.engine.view().asks.cached), (1, 1), "known");
    assert_eq!(world.verdicts.len(), 2, "said again to a kernel that seems not to know");
    assert_eq!(world.verdicts[1].until_ns, world.verdicts[0].until_ns);
    world.advance(600 * S - 1);
    world.ask(source(1));
    assert_eq!(world.asked.len(), 1);
    world.list("a.example", source(1), &[code(2)]);
    world.advance(1);
    world.ask(source(1));
    assert_eq!((world.asked.len(), world.verdicts.len()), (2, 3));
    world.advance(100 * MS);
    assert_eq!(world.last(source(1)), "listed 1 for 600 s");
    assert_eq!(world.engine.view().cache.entries, 1);
}

#[test]
fn so_many_are_asked_about_at_once_and_the_rest_in_turn() {
    let lookups = Lookups { in_flight: 2, queue: 3, ..Lookups::default() };
    let mut world = World::new(&Dnsbl { lookups, ..dnsbl(vec![zone("a.example"), zone("b.example")], &[1]) });
    world.zone("a.example").latency_ns = 100 * MS;
    world.zone("b.example").latency_ns = 50 * MS;
    for number in 1..=7 {
        world.ask(source(number));
    }
    world.ask(source(4));
    world.ask(source(1));
    let asks = world.engine.view().asks;
    assert_eq!((asks.in_flight, asks.waiting, asks.overflow, asks.coalesced), (2, 3, 2, 2));
    assert_eq!(world.asked.len(), 4, "both zones, both sources");
    world.advance(99 * MS);
    assert_eq!((world.asked.len(), world.verdicts.len()), (4, 0), "a source waits for all its zones");
    world.advance(S);
    let order: Vec<IpAddr> = world.verdicts.iter().map(|scored| scored.address).collect();
    assert_eq!(order, [1, 2, 3, 4, 5].map(source), "those over the limit have none");
    let view = world.engine.view();
    assert_eq!((view.asks.in_flight, view.asks.waiting, view.asks.answered), (0, 0, 5));
    assert!(view.latency_ms.is_some_and(|ms| (300.0..=338.0).contains(&ms.max)), "from the question on");
    world.ask(source(6));
    assert_eq!(world.engine.view().asks.in_flight, 1);
}

#[test]
fn nobody_is_asked_about_addresses_that_no_zone_knows() {
    let own: IpAddr = "203.0.113.5".parse().expect("an address");
    let lookups = Lookups { own_addresses: vec![own], ..Lookups::default() };
    let both = ZoneConfig { ipv6: true, ..zone("a.example") };
    let mut world = World::new(&Dnsbl { lookups, ..dnsbl(vec![both], &[1]) });
    for address in ["10.0.0.1", "127.0.0.2", "203.0.113.5", "::ffff:192.168.1.1", "fe80::1", "fd00::1", "::"]
    {
        assert_eq!(world.verdict(address.parse().expect("an address")), "none", "{address}");
    }
    assert_eq!((world.asked.len(), world.engine.view().asks.never_asked), (0, 7));
    assert_eq!(world.verdict("::ffff:198.51.0.9".parse().expect("an address")), "none");
    assert_eq!(world.last(source(9)), "clean 0 for 600 s", "an IPv4 address in another guise");
}

#[test]
fn zones_are_asked_about_their_families() {
    let six = ZoneConfig { ipv4: false, ipv6: true, ..zone("six.example") };
    let mut world = World::new(&dnsbl(vec![zone("four.example"), six], &[1]));
    assert_eq!(world.engine.asked_bits(), 0b0111_0111);
    let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xab));
    world.list("six.example", address, &[code(2)]);
    assert_eq!(world.verdict(address), "listed 1 for 600 s");
    let labels = "b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.six.example.";
    assert_eq!(world.asked, [labels]);
    assert_eq!(world.verdict(source(1)), "clean 0 for 600 s");
    assert_eq!(world.asked[1..], ["1.0.51.198.four.example."]);
    let mut world = World::simple(&["four.example"]);
    assert_eq!(world.engine.asked_bits(), 0b0111);
    assert_eq!(world.verdict(address), "none");
    assert_eq!((world.asked.len(), world.engine.view().asks.nobody_to_ask), (0, 1));
}

#[test]
fn several_entries_ask_one_zone_once() {
    let at_25 = PortChoice::Only(vec![25]);
    let pbl = ZoneConfig {
        name: "pbl".to_owned(),
        ports: at_25,
        ttl: (Duration::from_secs(30), Duration::from_secs(120)),
        ..filtered("zen.example", 3, "127.0.0.[10..11]")
    };
    let sbl = ZoneConfig { name: "sbl".to_owned(), ..filtered("zen.example", 2, "127.0.0.[2..9]") };
    let mut world = World::new(&dnsbl(vec![pbl, sbl], &[2]));
    for (number, answers, listed, score) in [
        (1, &[code(10)][..], 0b01, [3, 0, 0, 0]),
        (2, &[code(4)], 0b10, [2, 2, 2, 0]),
        (3, &[code(4), code(11)], 0b11, [5, 2, 2, 0]),
        (4, &[code(99)], 0b00, [0; 4]),
    ] {
        world.list("zen.example", source(number), answers);
        world.ask(source(number));
        let found = world.verdicts.pop().expect("a verdict");
        assert_eq!((found.listed, found.score), (listed, score), "{answers:?}");
        assert_eq!(found.until_ns - world.now_ns, 120 * S, "the shorter of both entries' limits");
    }
    assert_eq!(world.asked.len(), 4);
    assert_eq!(world.engine.view().matched, [2, 2]);
}

#[test]
fn what_does_not_fit_goes_and_the_kernel_hears_of_it() {
    let lookups = Lookups { cache_entries: 3, ..Lookups::default() };
    let mut world = World::new(&Dnsbl { lookups, ..dnsbl(vec![zone("a.example")], &[1]) });
    (1..=3).for_each(|number| world.ask(source(number)));
    world.advance(600 * S);
    world.ask(source(1));
    (4..=5).for_each(|number| world.ask(source(number)));
    assert_eq!(world.forgotten, [source(2), source(3)], "1 was judged anew");
    assert_eq!(world.kernel.len(), 3);
    let cache = world.engine.view().cache;
    assert_eq!((cache.entries, cache.limit, cache.evicted), (3, 3, 2));
}

#[test]
fn a_zone_is_asked_no_more_often_than_it_may_be() {
    let limited = ZoneConfig { per_second: Some(3), ..zone("a.example") };
    let mut world = World::new(&dnsbl(vec![limited, zone("b.example")], &[1]));
    (1..=5).for_each(|number| world.list("b.example", source(number), &[code(2)]));
    for number in 1..=3 {
        assert_eq!(world.verdict(source(number)), "listed 1 for 600 s");
    }
    assert_eq!(world.verdict(source(4)), "listed 1 for 600 s", "the other zone knows");
    assert_eq!(world.verdict(source(6)), "unknown 0 for 30 s", "who could be in it is neither");
    assert_eq!(world.asked.len(), 3 + 5);
    let view = world.engine.view();
    assert_eq!((view.zones[0].queries, view.zones[0].over_rate, view.zones[0].faults), (3, 2, 0));
    assert_eq!(world.standing(0), "good", "that is no fault of the zone");
    world.advance(30 * S);
    assert_eq!(world.verdict(source(6)), "clean 0 for 600 s");
    let only = ZoneConfig { per_second: Some(1), ..zone("a.example") };
    let mut world = World::new(&dnsbl(vec![only], &[1]));
    world.ask(source(1));
    assert_eq!(world.verdict(source(2)), "unknown 0 for 30 s", "at once, for there is nobody to wait for");
    assert_eq!(world.engine.view().asks.in_flight, 0);
}

#[test]
fn who_is_delisted_can_be_forgotten() {
    let mut world = World::simple(&["a.example"]);
    world.list("a.example", source(1), &[code(2)]);
    (1..=3).for_each(|number| world.ask(source(number)));
    world.engine.forget(Some(source(9)));
    world.engine.forget(Some(source(1)));
    world.advance(0);
    assert_eq!(world.forgotten, [source(1)]);
    world.engine.forget(None);
    world.advance(0);
    assert_eq!((world.forgotten.len(), world.kernel.len(), world.engine.view().cache.entries), (3, 0, 0));
}
