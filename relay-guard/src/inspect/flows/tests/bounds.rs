//! Everything has its bounds.

use super::*;
use crate::inspect::flows::OPENED_NS;

fn limited(sessions: usize, bytes: usize) -> Scene {
    Scene::with(Limits { sessions, bytes, parts: 1, ..Limits::default() })
}

/// Ports of sessions in the order in which they ended.
fn over_ports(scene: &mut Scene) -> Vec<u16> {
    let is_over = |(_, event): &Heard| matches!(event, Event::Over(_));
    scene.all_heard().into_iter().filter(is_over).map(|(port, _)| port).collect()
}

#[test]
fn when_there_are_too_many_sessions_the_longest_idle_goes() {
    let mut scene = limited(3, usize::MAX);
    scene.take([1, 2, 3].map(|port| on(port, server(0, "220", 0))));
    scene.take([on(1, server(3, "x", 0)), on(2, server(3, "x", 0)), on(4, server(0, "220", 0))]);
    assert_eq!((over_ports(&mut scene), scene.flows.len()), (vec![3], 3));
    scene.take([on(5, server(0, "220", 0)), on(6, server(0, "220", 0))]);
    assert_eq!((over_ports(&mut scene), scene.counters().evicted), (vec![1, 2], 3));
}

#[test]
fn who_has_half_ended_goes_first() {
    let mut scene = limited(3, usize::MAX);
    scene.take([on(1, server(0, "220", 0)), on(2, server(0, "220", 0)), on(2, fin(server(3, "", 0)))]);
    scene.take([on(3, server(0, "220", 0)), on(4, server(0, "220", 0))]);
    assert_eq!(over_ports(&mut scene), [2]);
}

#[test]
fn when_sessions_take_too_much_room_the_longest_idle_go() {
    let mut scene = limited(100, 10_000);
    let long = "x".repeat(2_000);
    for port in 1..=100 {
        scene.take([on(port, server(0, &long, 0))]);
    }
    let last = scene.flows.len() as u16;
    assert!((2..5).contains(&last), "{last}");
    let expected: Vec<u16> = (1..=100 - last).collect();
    assert_eq!(over_ports(&mut scene), expected);
}

#[test]
fn a_single_session_may_have_all_it_needs() {
    let mut scene = limited(100, 1);
    scene.take([server(0, "220", 0), client(0, "QUIT", 3)]);
    assert_eq!((scene.flows.len(), over_ports(&mut scene)), (1, vec![]));
}

/// A segment of a client of its own.
fn of(client: Address, segment: Segment<'_>) -> Segment<'_> {
    Segment { flow: FlowKey { client, ..segment.flow }, ..segment }
}

#[test]
fn one_client_leaves_room_for_others() {
    let mut scene = Scene::with(Limits { sessions: 8, parts: 4, ..Limits::default() });
    let (bot, other) = (Address::v4([192, 0, 2, 66]), Address::v4([192, 0, 2, 67]));
    let greeted = |client, port| of(client, on(port, server(0, "220", 0)));
    scene.take([greeted(other, 1), greeted(bot, 101), greeted(bot, 102)]);
    scene.take([of(bot, on(101, server(3, "x", 0))), greeted(bot, 103)]);
    assert_eq!(over_ports(&mut scene), [102], "its own longest idle one");
    scene.flows.note_alive(&FlowKey { client: bot, ..flow(101) }, SECOND);
    scene.take([greeted(bot, 104)]);
    assert_eq!(over_ports(&mut scene), [103]);
    scene.take((200..300).map(|port| greeted(bot, port)));
    assert_eq!((scene.flows.len(), over_ports(&mut scene).contains(&1)), (3, false));
    // Whom it ends has room again.
    scene.take([of(bot, on(299, reset(client(0, "", 3)))), greeted(bot, 300)]);
    assert_eq!(over_ports(&mut scene), [299]);
    assert_eq!(scene.counters().evicted, 102);
    scene.take((1..=6).map(|host| greeted(Address::v4([192, 0, 2, host]), 1)));
    assert_eq!((over_ports(&mut scene), scene.flows.len()), (vec![1], 8), "a full table has no exceptions");
}

#[test]
fn addresses_of_one_network_are_one_client() {
    let mut scene = Scene::with(Limits { sessions: 8, parts: 4, ..Limits::default() });
    let v6 = |network: u64, host| Address::from_halves(0x2001_0db8_0000_0000 + network, host);
    let greeted = |client, port| of(client, on(port, server(0, "220", 0)));
    scene.take((1..=10).map(|host| greeted(v6(1, host), host as u16)));
    assert_eq!((scene.flows.len(), over_ports(&mut scene).len()), (2, 8));
    scene.take([greeted(v6(2, 1), 11), greeted(v6(3, 1), 12)]);
    assert_eq!((scene.flows.len(), over_ports(&mut scene)), (4, vec![]));
    let v4 = (1..=4).map(|host| greeted(Address::v4([198, 51, 100, host]), 20 + u16::from(host)));
    scene.take(v4);
    assert_eq!((scene.flows.len(), over_ports(&mut scene)), (8, vec![]), "each is one of its own");
}

#[test]
fn one_client_leaves_octets_for_others() {
    let mut scene = Scene::with(Limits { sessions: 100, bytes: 40_000, ..Limits::default() });
    let other = Address::v4([192, 0, 2, 67]);
    let long = "x".repeat(2_000);
    scene.take([of(other, on(1_000, server(0, &long, 0)))]);
    scene.take((1..=90).map(|port| on(port, server(0, &long, 0))));
    let last = scene.flows.len() as u16 - 1;
    assert!((2..5).contains(&last), "{last}");
    assert_eq!(over_ports(&mut scene), (1..=90 - last).collect::<Vec<_>>());
    // One session alone may have what it needs.
    let mut at = 2_000;
    for _ in 0..10 {
        scene.take([on(90, server(at, &long, 0))]);
        at += 2_000;
    }
    assert_eq!(scene.flows.len(), 2);
    assert_eq!(over_ports(&mut scene), (91 - last..90).collect::<Vec<_>>());
}

#[test]
fn handshakes_take_a_bounded_room_and_go() {
    let mut scene = limited(10, usize::MAX);
    scene.take((1..=1_000).map(|port| on(port, syn(0))));
    let memory = scene.flows.memory();
    assert_eq!((scene.counters().forgotten, scene.flows.len()), (990, 0));
    assert!(memory < 10_000, "{memory}");
    scene.take([on(991, server(0, "220", 0)), on(990, server(0, "220", 0))]);
    let heard = scene.all_heard();
    assert_eq!((&heard[0], &heard[2]), (&(991, begun()), &(990, begun_in_the_middle())));
    scene.wait(OPENED_NS).take([on(992, server(0, "220", 0))]);
    assert_eq!(scene.all_heard()[0], (992, begun_in_the_middle()));
}

#[test]
fn finished_connections_take_a_bounded_room() {
    let mut scene = limited(10, usize::MAX);
    for port in 1..=1_000 {
        scene.take([server(0, "220", 0), fin(client(0, "", 3)), fin(server(3, "", 1))].map(|s| on(port, s)));
    }
    assert_eq!((scene.counters().ended, scene.counters().forgotten), (1_000, 990));
    assert!(scene.flows.memory() < 10_000, "{}", scene.flows.memory());
}

#[test]
fn a_key_that_is_used_over_and_over_takes_no_more_room() {
    let mut scene = limited(10, usize::MAX);
    for at in 0..1_000 {
        scene.take([syn(9 * at), syn_ack(9 * at, 9 * at), server(9 * at, "220", 9 * at)]);
        scene.take([reset(client(9 * at, "", 9 * at + 3))]);
    }
    assert_eq!((scene.counters().reset, scene.flows.len()), (1_000, 0));
    assert!(scene.flows.memory() < 10_000, "{}", scene.flows.memory());
}

/// What a session takes at most, all that it may hold being held: it is within the bound that is named.
#[test]
fn a_flow_is_within_its_bound() {
    let mut scene = limited(100_000, usize::MAX);
    let empty = scene.flows.memory();
    let flows = 300;
    let long = "x".repeat(2_000);
    for port in 1..=flows {
        scene.take([on(port, opened(server(0, &"x".repeat(70_000), 0)))]);
        for piece in 0..100 {
            scene.take([on(port, client(1 + 2_001 * piece, &long, 0))]);
            scene.take([on(port, server(70_001 + 2_001 * piece, &long, 0))]);
        }
    }
    let each = (scene.flows.memory() - empty) / usize::from(flows);
    assert!(each <= Flows::<Recorder>::MAX_FLOW_BYTES, "{each} octets");
    assert!(each > Flows::<Recorder>::MAX_FLOW_BYTES * 9 / 10, "{each} octets: the bound says nothing");
}

#[test]
fn room_is_given_back() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), client(7, "x", 0)]);
    scene.wait(20 * SECOND).take([reset(client(8, "", 0))]).wait(60 * SECOND);
    assert_eq!((scene.flows.len(), scene.flows.next_expiry()), (0, None));
    let before = scene.flows.memory();
    for _ in 0..1_000 {
        scene.take([server(0, "220", 0), client(7, "x", 0), reset(client(8, "", 0))]).wait(600 * SECOND);
    }
    assert!(scene.flows.memory() <= before + 100, "{before} became {}", scene.flows.memory());
}
