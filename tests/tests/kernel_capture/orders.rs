//! What userspace orders.

use relay_guard::datapath::FrameRun;
use relay_guard::inspect::segment::{Connection, Opening};
use relay_guard_common::counter::Effect;
use relay_guard_common::flow::Order;
use relay_guard_common::flow::Party::{self, Client, Server};
use relay_guard_common::reason::Reason;
use relay_guard_common::respond::cookie::CookieKeys;
use relay_guard_common::respond::limits::Answering;
use relay_guard_common::settings::Settings;
use relay_guard_tests::frames::{Frame, Reading, flags};

use super::outcome::{Outcome, counters, moved};
use super::talk::{Talk, Way};
use super::world::{GREETING, OPENED, Programs, World, inspecting, with_world};

const FIN: u8 = flags::FIN | flags::ACK;

fn order(world: &mut World<'_>, talk: &Talk, order: Order) {
    assert!(world.order(talk, order), "it is there");
}

#[test]
fn enough_leaves_the_end() {
    with_world(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        order(&mut world, &talk, Order::Enough);
        for from in [Client, Server, Client, Server] {
            assert_eq!(world.say(&mut talk, from, "\x16\x03\x01 secret"), []);
        }
        for from in [Client, Server] {
            world.pass(talk.way, from, &talk.bare(from, FIN));
            let told = world.told();
            assert_eq!(told.len(), 1);
            assert_eq!((told[0].flags, told[0].skipped_own, told[0].skipped_other), (FIN, true, true));
        }
    });
}

#[test]
fn orders_can_be_taken_back() {
    with_world(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        for (ordered, told) in [(Order::Enough, 0), (Order::Watch, 1), (Order::Enough, 0), (Order::Watch, 1)]
        {
            order(&mut world, &talk, ordered);
            assert_eq!(world.flows.get(&talk.key()).map(|record| record.order()), Some(ordered));
            assert_eq!(world.say(&mut talk, Client, "NOOP\r\n").len(), told, "{ordered:?}");
        }
        let entries = world.flows.entries().expect("the table is read");
        assert_eq!(
            entries.iter().map(|entry| (entry.connection, entry.order)).collect::<Vec<_>>(),
            [(Connection { flow: talk.key(), opening: OPENED }, Order::Watch)]
        );
        assert!(entries[0].last_seen_ns > 0);
    });
}

#[test]
fn orders_about_what_is_not_there_come_to_nothing() {
    with_world(|mut world| {
        let talk = Talk::new(Way::Host, false);
        for ordered in [Order::Watch, Order::Enough, Order::End] {
            assert!(!world.order(&talk, ordered));
        }
        world.forget(&talk);
        assert_eq!(world.count(), 0);
        assert!(world.flows.is_empty().expect("the table is read"));
    });
}

/// Userspace may still read of a connection when its ends meet again.
#[test]
fn what_is_said_of_a_connection_is_not_meant_for_the_next_one() {
    with_world(|mut world| {
        let talk = world.greeted(Way::Host, false);
        let before = Connection { flow: talk.key(), opening: OPENED };
        let numbers = [77, 5_000_000];
        let opening = Some(Opening { client: numbers[0] + 1, server: numbers[1] + 1 });
        let syn_ack = talk.syn_ack().numbers(numbers[1], numbers[0] + 1);
        world.pass(talk.way, Client, &talk.syn().numbers(numbers[0], 0));
        world.pass(talk.way, Server, &syn_ack);
        for others in [before, Connection { opening: None, ..before }] {
            for ordered in [Order::Enough, Order::End] {
                assert!(!world.flows.order(&others, ordered).expect("an order is written"));
            }
            world.flows.forget(&others);
        }
        let greeting =
            talk.bare(Server, flags::ACK).numbers(numbers[1] + 1, numbers[0] + 1).payload(GREETING);
        world.pass(talk.way, Server, &greeting);
        let told = world.told();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].opening, told[0].payload.as_slice()), (opening, GREETING.as_bytes()));
        world.flows.forget(&Connection { opening, ..before });
        assert_eq!(world.count(), 0);
    });
}

/// Answers by any rate.
fn answer(world: &mut World<'_>) {
    let answering =
        Answering { keys: CookieKeys { current: [1, 2], previous: [0; 2] }, ..Answering::default() };
    world.kernel.datapath.set_answering(&answering).expect("answering is written");
}

/// Runs a frame and says what came of it: what was counted, and the run.
fn run(world: &mut World<'_>, talk: &Talk, from: Party, frame: &Frame) -> (Outcome, FrameRun) {
    let before = counters(world.kernel);
    let run = world.run(talk.way, from, frame);
    let moved = moved(&before, &counters(world.kernel));
    let &[(outcome, 1, _)] = &moved[..] else { panic!("{moved:?}") };
    (outcome, run)
}

/// Both ends get a reset with numbers that they take, whoever speaks, wherever it is seen.
#[test]
fn an_end_comes_to_both_ends() {
    with_world(|mut world| {
        answer(&mut world);
        for programs in [Programs::Xdp, Programs::Tc] {
            world.programs = programs;
            for way in Way::ALL {
                for v6 in [false, true] {
                    for from in [Client, Server] {
                        let mut talk = world.greeted(way, v6);
                        order(&mut world, &talk, Order::End);
                        check_end(&mut world, &mut talk, from);
                        world.forget(&talk);
                    }
                }
            }
        }
    });
}

fn check_end(world: &mut World<'_>, talk: &mut Talk, from: Party) {
    let ended =
        Outcome { reason: Reason::SessionEnded, direction: talk.way.direction(), effect: Effect::Stopped };
    let [own, other] = [talk.next(from), talk.next(from.other())];
    let frame = talk.says(from, "NOOP\r\n");
    let (source, destination) = {
        let reading = Reading::of_frame(&frame.build()).expect("a segment");
        (reading.source, reading.destination)
    };
    let mut reached = Vec::new();
    for attempt in 0..4 {
        let (outcome, run) = run(world, talk, from, &frame);
        assert_eq!(outcome, ended, "{talk:?} {from:?}");
        let reset = Reading::of_frame(&run.frame).expect("a segment");
        assert!(reset.flags & flags::RST != 0 && reset.payload.is_empty(), "{reset:?}");
        // To the other end as the sender's own next segment, to the sender as what it waits for.
        let expected = if reset.destination == destination { (source, own) } else { (destination, other) };
        assert_eq!((reset.source, reset.sequence), expected, "{reset:?}");
        reached.push(reset.destination);
        // Userspace is told once.
        let told = world.told();
        assert_eq!(told.len(), usize::from(attempt == 0), "{talk:?} {from:?}");
        for told in told {
            assert!(told.ended && told.flags & flags::RST != 0 && told.payload.is_empty() && told.len == 0);
            assert_eq!((told.from, told.sequence), (from, own));
        }
    }
    assert!(reached.contains(&source) && reached.contains(&destination), "{reached:?}");
    // Its own reset is nothing to answer.
    let rst = talk.bare(from, flags::RST | flags::ACK);
    world.pass(talk.way, from, &rst);
    assert_eq!(
        world.told().iter().map(|told| (told.flags, told.ended)).collect::<Vec<_>>(),
        [(flags::RST | flags::ACK, false)]
    );
}

/// A new connection between the same ends is another one.
#[test]
fn an_end_ends_one_connection() {
    with_world(|mut world| {
        answer(&mut world);
        let mut talk = world.greeted(Way::Host, false);
        order(&mut world, &talk, Order::End);
        let frame = talk.says(Client, "NOOP\r\n");
        assert_eq!(run(&mut world, &talk, Client, &frame).0.effect, Effect::Stopped);
        assert_eq!(world.told().len(), 1);
        let mut again = Talk::new(talk.way, false);
        world.open(&again);
        assert_eq!(world.say(&mut again, Server, GREETING).len(), 1);
        assert_eq!(world.say(&mut again, Client, "NOOP\r\n").len(), 1);
    });
}

/// Who only observes ends nothing, and goes on looking.
#[test]
fn observing_ends_nothing() {
    with_world(|mut world| {
        answer(&mut world);
        let mut talk = world.greeted(Way::Host, false);
        order(&mut world, &talk, Order::End);
        world.set(Settings { enforce: 0, ..inspecting() });
        for from in [Client, Server] {
            let frame = talk.says(from, "NOOP\r\n");
            let (outcome, ran) = run(&mut world, &talk, from, &frame);
            assert_eq!((outcome.reason, outcome.effect), (Reason::SessionEnded, Effect::Observed));
            let built = frame.build();
            assert_eq!(&ran.frame[..built.len()], built);
            let told = world.told();
            assert_eq!((told.len(), told[0].ended, &told[0].payload[..]), (1, false, &b"NOOP\r\n"[..]));
        }
    });
}

/// A connection of which there was enough is not captured again where it is only observed that it should end.
#[test]
fn an_end_keeps_enough() {
    with_world(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        order(&mut world, &talk, Order::Enough);
        order(&mut world, &talk, Order::End);
        world.set(Settings { enforce: 0, ..inspecting() });
        assert_eq!(world.say(&mut talk, Client, "NOOP\r\n"), []);
    });
}
