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
