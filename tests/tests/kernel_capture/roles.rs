//! Which connections are looked into, and where.

use relay_guard::datapath::TcSight;
use relay_guard_common::flow::{INSPECT_INBOUND, INSPECT_OUTBOUND, Party};
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction;
use relay_guard_common::settings::Settings;
use relay_guard_tests::frames::flags;

use super::outcome::{counters, moved};
use super::support::kernel::At;
use super::talk::{Talk, Way};
use super::world::{GREETING, OPENED, Programs, Told, inspecting, with_world};

const COMMAND: &str = "EHLO client.example\r\n";

/// What is told of a segment that comes whole.
fn whole(talk: &Talk, from: Party, payload: &str) -> Told {
    Told {
        from,
        direction: talk.way.direction(),
        sequence: talk.next(from),
        acknowledgment: Some(talk.next(from.other())),
        flags: flags::ACK | flags::PSH,
        len: payload.len() as u32,
        payload: payload.as_bytes().to_vec(),
        opening: OPENED,
        skipped_own: false,
        skipped_other: false,
        ended: false,
    }
}

#[test]
fn every_way_is_seen_by_every_program() {
    with_world(|mut world| {
        let mut port = 40000;
        for programs in Programs::ALL {
            world.programs = programs;
            for way in Way::ALL {
                for v6 in [false, true] {
                    port += 1;
                    let mut talk = Talk::new(way, v6).port(port);
                    world.open(&talk);
                    for (from, payload) in
                        [(Party::Server, GREETING), (Party::Client, COMMAND), (Party::Server, "250 Ok\r\n")]
                    {
                        let expected = whole(&talk, from, payload);
                        assert_eq!(world.say(&mut talk, from, payload), [expected], "{programs:?} {talk:?}");
                    }
                    // Acknowledgments are not told.
                    world.pass(way, Party::Client, &talk.bare(Party::Client, flags::ACK));
                    assert_eq!(world.told(), []);
                    assert!(world.flows.get(&talk.key()).is_some());
                    world.forget(&talk);
                }
            }
        }
    });
}

#[test]
fn settings_say_which_directions() {
    let cases = [
        (0, [false, false]),
        (INSPECT_OUTBOUND, [true, false]),
        (INSPECT_INBOUND, [false, true]),
        (INSPECT_INBOUND | INSPECT_OUTBOUND, [true, true]),
    ];
    with_world(|mut world| {
        let mut port = 40000;
        for (inspect, expected) in cases {
            world.set(Settings { inspect, ..inspecting() });
            for way in Way::ALL {
                port += 1;
                let mut talk = Talk::new(way, false).port(port);
                world.open(&talk);
                let told = world.say(&mut talk, Party::Server, GREETING).len();
                let expected = expected[usize::from(way.direction() == Direction::Inbound)];
                assert_eq!(told, usize::from(expected), "{inspect} {way:?}");
            }
        }
    });
}

#[test]
fn what_is_not_inspected_is_counted_as_ever() {
    with_world(|mut world| {
        for (inspect, reason, direction) in [
            (INSPECT_OUTBOUND, Reason::NotJudged, Direction::Unknown),
            (INSPECT_INBOUND, Reason::Reply, Direction::Inbound),
        ] {
            world.set(Settings { inspect, ..inspecting() });
            let mut talk = Talk::new(Way::Inbound, false);
            let before = counters(world.kernel);
            let frame = talk.says(Party::Server, GREETING);
            world.pass(talk.way, Party::Server, &frame);
            let moved = moved(&before, &counters(world.kernel));
            let &[(outcome, 1, _)] = &moved[..] else { panic!("{moved:?}") };
            assert_eq!((outcome.reason, outcome.direction), (reason, direction));
        }
    });
}

/// Behind NAT, the outside sees what the inside has seen: once is enough.
#[test]
fn translated_connections_are_seen_once() {
    with_world(|mut world| {
        let (outside, inside) = (world.kernel.ifindex(At::Outside), world.kernel.ifindex(At::Inside));
        let mut host = Talk::new(Way::Host, false);
        // The same, from the gateway's address: it was forwarded.
        let mut translated = Talk { client: (super::world::ip("192.0.2.1"), 50000), ..host };
        let out = TcSight { ifindex: outside, ingress_ifindex: inside };
        world.egress(&translated.syn(), out);
        world.ingress(&translated.syn_ack(), outside);
        world.open(&host);
        for (from, payload) in [
            (Party::Server, GREETING),
            (Party::Client, COMMAND),
            (Party::Server, "250 Ok\r\n"),
            (Party::Client, "QUIT\r\n"),
        ] {
            let frame = translated.says(from, payload);
            match from {
                Party::Server => world.ingress(&frame, outside),
                Party::Client => world.egress(&frame, out),
            };
            assert_eq!(world.told(), [], "{payload:?} on the outside");
            assert_eq!(world.say(&mut host, from, payload).len(), 1, "{payload:?} on the inside");
        }
        assert_eq!(world.count(), 1);
    });
}

#[test]
fn other_ports_are_not_looked_into() {
    with_world(|mut world| {
        for (way, port) in [(Way::Host, 587), (Way::Inbound, 2525), (Way::Host, 80)] {
            let mut talk = Talk::new(way, false);
            talk.server.1 = port;
            world.open(&talk);
            assert_eq!(world.say(&mut talk, Party::Server, GREETING), [], "{way:?} {port}");
        }
    });
}

/// Only what passes is seen.
#[test]
fn what_is_stopped_is_not_seen() {
    use relay_guard_common::action::Action;
    use relay_guard_common::verdict::Verdict;
    with_world(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        let contained = Verdict::ban(Action::Drop, Reason::Contained, u64::MAX);
        world.kernel.datapath.put_verdict(talk.client.0, contained).expect("a verdict is written");
        let frame = talk.says(Party::Client, COMMAND);
        assert_eq!(world.run(talk.way, Party::Client, &frame).code, 1);
        assert_eq!(world.told(), []);
        // Observed, it passes.
        world.set(Settings { enforce: 0, ..inspecting() });
        assert_eq!(world.say(&mut talk, Party::Client, COMMAND).len(), 1);
    });
}
