//! Sessions and the kernel's table of connections.

use super::*;
use crate::datapath::FlowEntry;

/// An entry of the kernel's table.
fn entry(port: u16, last_seen_ns: u64) -> FlowEntry {
    FlowEntry { connection: connection(port), last_seen_ns, order: Order::Watch }
}

#[tokio::test]
async fn connections_that_nobody_knows_are_forgotten_when_they_were_idle_for_long() {
    let world = world(beginning(""));
    let now_ns = monotonic_ns();
    // Early after boot nothing can have been idle for long.
    let idle = now_ns.checked_sub(2 * HOUR_NS);
    let entries = idle.map(|at| entry(1, at)).into_iter().chain([entry(2, now_ns), entry(3, now_ns + 5)]);
    world.readings.send(Reading::Flows(entries.collect())).await.expect("it reads");
    let known = loop {
        match world.handle.report().await.expect("it lives").flows {
            0 => tokio::task::yield_now().await,
            known => break known,
        }
    };
    assert_eq!(known, 2);
    let expected: Vec<Done> = idle.map(|_| Done::FlowForgotten(connection(1))).into_iter().collect();
    assert_eq!(*world.done.lock().expect("sound"), expected);
}

#[tokio::test]
async fn a_session_stays_as_long_as_the_kernel_sees_it_go_on() {
    const SECOND: u64 = 1_000_000_000;
    let (mut work, segments, done) = work(beginning(""));
    for (port, direction) in
        [(1, Direction::Outbound), (2, Direction::Inbound), (3, Direction::Outbound), (4, Direction::Inbound)]
    {
        say(&segments, port, direction, &MESSAGE[..4]).await;
    }
    work.take_segments();
    let began_ns = monotonic_ns();
    work.settle(began_ns + 890 * SECOND);
    assert_eq!(*done.lock().expect("sound"), []);
    // Nothing of these two is captured, but they go on.
    work.take_reading(Reading::Flows([1, 2].map(|port| entry(port, began_ns + 880 * SECOND)).into()));
    work.settle(began_ns + 901 * SECOND);
    let forgotten = |ports: [u16; 2]| ports.map(|port| Done::FlowForgotten(connection(port)));
    assert_eq!(std::mem::take(&mut *done.lock().expect("sound")), forgotten([3, 4]));
    work.settle(began_ns + 1_779 * SECOND);
    assert_eq!(*done.lock().expect("sound"), []);
    work.settle(began_ns + 1_781 * SECOND);
    assert_eq!(*done.lock().expect("sound"), forgotten([1, 2]));
}

/// One of many hosts, each with one session.
fn session_of(host: u8) -> FlowKey {
    FlowKey { client: Address::v4([10, 0, 2, host]), ..flow(40_000) }
}

/// The kernel has room for 32: which hosts' connections are forgotten when their servers greet one after the other.
async fn forgotten(hosts: u8, direction: impl Fn(u8) -> Direction) -> Vec<u8> {
    let (mut work, segments, done) = work(Beginning { sessions: 32, ..beginning("") });
    let mut forgotten = Vec::new();
    for host in 0..hosts {
        let sent = Sent {
            flow: session_of(host),
            from: Party::Server,
            direction: direction(host),
            sequence: 5000,
            acknowledgment: 1000,
            flags: Flags::ACK,
            payload: MESSAGE[0].as_bytes().to_vec(),
        };
        segments.send(sent).await.expect("there is room");
        work.take_segments();
        work.settle(monotonic_ns());
        for done in done.lock().expect("sound").drain(..) {
            let is_done = |host: &u8| {
                done == Done::FlowForgotten(Connection { flow: session_of(*host), opening: OPENED })
            };
            forgotten.extend((0..hosts).find(is_done));
        }
        let known = usize::from(host) + 1 - forgotten.len();
        assert!(known <= 30, "{known}: a new connection may find the kernel's table full");
    }
    forgotten
}

#[tokio::test]
async fn the_longest_idle_go_before_the_kernels_table_is_full() {
    let first: Vec<u8> = (0..10).collect();
    assert_eq!(forgotten(40, |_| Direction::Outbound).await, first);
    assert_eq!(forgotten(40, |_| Direction::Inbound).await, first);
    let both = |host| if host % 2 == 0 { Direction::Outbound } else { Direction::Inbound };
    assert_eq!(forgotten(40, both).await, first);
}

#[tokio::test]
async fn a_flood_from_one_side_leaves_the_other_its_sessions() {
    for (few, many) in [(Direction::Outbound, Direction::Inbound), (Direction::Inbound, Direction::Outbound)]
    {
        let of_many: Vec<u8> = (10..40).collect();
        assert_eq!(forgotten(60, |host| if host < 10 { few } else { many }).await, of_many, "{many:?}");
    }
}
