//! How much is answered, and who is never answered.

use std::net::{IpAddr, SocketAddr};

use relay_guard_common::respond::limits::Answering;
use relay_guard_common::respond::response::Rate;
use relay_guard_common::respond::step::Step;
use relay_guard_tests::frames::Frame;
use relay_guard_tests::frames::flags::{ACK, FIN, RST};

use super::connection::{Connection, Program};
use super::reaction::{Reaction, TARPIT_WINDOW, WINDOW, syn_ack};
use super::run::{Counted, Ports};
use super::segment::{NEVER_SENT, Segment};
use super::world::{
    ELSEWHERE, GREETED, MAIL, MAIL_V6, REFUSED, RESET, SAID, TARPITTED, UNCAPPED, Who, World, with_world,
};

/// Three, and no more as long as tests take.
const THREE: Rate = Rate { interval_us: 3_600_000_000, tolerance_us: 2 * 3_600_000_000 };

/// Sends a SYN, and says what became of it and what was counted.
fn syn(
    world: &mut World<'_>,
    who: Who,
    client: IpAddr,
    port: u16,
    program: Program,
) -> (Reaction, Vec<Step>) {
    let mut connection = Connection::inbound(program, client, port, 25);
    let class = world.class(who);
    let before = Counted::now(world.kernel, class);
    let run = program.run(world.kernel, &connection.request(&Segment::syn()), connection.at);
    let moved = Counted::now(world.kernel, class).since(&before);
    if let Ok(reply) = relay_guard_tests::frames::Reading::of_frame(&run.frame) {
        connection.cookie = reply.sequence;
    }
    let request = connection.request(&Segment::syn());
    let codes = program.codes();
    let reaction = super::reaction::read(&request, true, connection.cookie, &Segment::syn(), &run, codes);
    (reaction.expect("a good reply"), moved.steps)
}

fn answered() -> (Reaction, Vec<Step>) {
    (syn_ack(WINDOW), vec![Step::Syn, Step::SynAck])
}

/// Whether a SYN was to be answered, and was not.
fn is_capped((reaction, steps): &(Reaction, Vec<Step>)) -> bool {
    *reaction == Reaction::Silence
        && steps.contains(&Step::Capped)
        && steps.iter().all(|step| matches!(step, Step::Capped | Step::Syn))
}

#[test]
fn a_prefix_gets_so_many_answers() {
    for (v6, neighbour) in [(false, "198.18.1.200"), (true, "2001:db8:1:ff:abcd::1")] {
        with_world(|mut world| {
            world.set_answering(&Answering { prefix: THREE, ..UNCAPPED });
            let client = REFUSED.client(v6);
            let neighbour = neighbour.parse().expect("an address");
            for (client, port) in [(client, 1), (neighbour, 2)] {
                let answer = syn(&mut world, REFUSED, client, port, Program::Xdp);
                assert_eq!(answer, answered(), "{client}");
            }
            // What is not answered takes nothing.
            let connection = Connection::inbound(Program::Xdp, client, 1, 25);
            for silent in [
                Segment::ack(NEVER_SENT).flags(RST),
                Segment::ack(SAID).flags(RST | ACK),
                Segment::syn().flags(FIN),
            ] {
                assert_eq!(connection.send(world.kernel, &silent), Ok(Reaction::Silence));
            }
            assert_eq!(syn(&mut world, REFUSED, client, 3, Program::Tc), answered());
            for (client, program) in [(client, Program::Xdp), (neighbour, Program::Tc)] {
                let answer = syn(&mut world, REFUSED, client, 4, program);
                assert!(is_capped(&answer), "{client}: {answer:?}");
            }
            // Other prefixes have their own.
            assert_eq!(syn(&mut world, GREETED, GREETED.client(v6), 1, Program::Xdp), answered());
            assert_eq!(syn(&mut world, REFUSED, REFUSED.client(!v6), 1, Program::Xdp), answered());
        });
    }
}

#[test]
fn all_together_get_so_many_answers() {
    with_world(|mut world| {
        world.set_answering(&Answering { total: THREE, ..UNCAPPED });
        for (who, v6) in [(REFUSED, false), (GREETED, true), (REFUSED, true)] {
            assert_eq!(syn(&mut world, who, who.client(v6), 1, Program::Xdp), answered());
        }
        for who in [REFUSED, GREETED, RESET, TARPITTED] {
            for v6 in [false, true] {
                let answer = syn(&mut world, who, who.client(v6), 2, Program::Xdp);
                assert!(is_capped(&answer), "{who:?}: {answer:?}");
            }
        }
    });
}

#[test]
fn the_tarpit_has_a_rate_of_its_own() {
    with_world(|mut world| {
        world.set_answering(&Answering { tarpit: THREE, ..UNCAPPED });
        for port in 1..=3 {
            let held = (syn_ack(TARPIT_WINDOW), vec![Step::Syn, Step::SynAck]);
            let answer = syn(&mut world, TARPITTED, TARPITTED.client(port == 2), port, Program::Xdp);
            assert_eq!(answer, held);
        }
        let answer = syn(&mut world, TARPITTED, TARPITTED.client(false), 4, Program::Tc);
        assert!(is_capped(&answer), "{answer:?}");
        assert_eq!(syn(&mut world, REFUSED, REFUSED.client(false), 5, Program::Xdp), answered());
    });
}

/// Segments that would be answered, from whomever.
fn questions() -> [Segment; 4] {
    [
        Segment::syn(),
        Segment::ack(1),
        Segment::data(SAID, "RCPT TO:<a@b>\r\n"),
        Segment::ack(NEVER_SENT).and(FIN),
    ]
}

#[test]
fn bogus_sources_get_no_answer() {
    with_world(|world| {
        let own = ["198.19.7.1", "2001:db9::7"].map(|text| text.parse::<IpAddr>().expect(text));
        world.kernel.datapath.set_own_addresses(&own.map(Into::into)).expect("addresses are written");
        for (source, is_answered) in [
            ("0.0.0.0", false),
            ("0.255.255.255", false),
            ("1.0.0.0", true),
            ("126.255.255.255", true),
            ("127.0.0.1", false),
            ("127.255.255.255", false),
            ("128.0.0.0", true),
            ("223.255.255.255", true),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            (MAIL, false),
            ("10.0.2.26", true),
            ("198.19.7.1", false),
            ("198.19.7.2", true),
            ("::", false),
            ("::1", false),
            ("::2", true),
            ("1::1", true),
            ("fe80::1", true),
            ("feff:ffff::1", true),
            ("ff00::", false),
            ("ff02::1", false),
            ("ffff::1", false),
            (MAIL_V6, false),
            ("2001:db9::7", false),
            ("2001:db9::8", true),
        ] {
            let client: IpAddr = source.parse().expect(source);
            for program in Program::ALL {
                let connection = Connection::inbound(program, client, 4000, 25);
                for (segment, number) in questions().into_iter().zip(0..) {
                    let class = world.class(ELSEWHERE);
                    let before = Counted::now(world.kernel, class);
                    let request = connection.request(&segment);
                    let run = program.run(world.kernel, &request, connection.at);
                    let steps = Counted::now(world.kernel, class).since(&before).steps;
                    let what = format!("{source} {program:?} {segment:?}: {} {steps:?}", run.code as i32);
                    if is_answered {
                        assert!(!steps.contains(&Step::Capped), "{what}");
                        assert!(number > 0 || steps.contains(&Step::SynAck), "{what}");
                    } else {
                        assert_eq!(run.code, if program == Program::Xdp { 1 } else { 2 }, "{what}");
                        let counted = steps.iter().filter(|step| **step != Step::Syn);
                        assert!(counted.eq(&[Step::Capped]), "{what}");
                    }
                }
            }
        }
    });
}

#[test]
fn ipv6_from_a_mapped_address_is_judged_as_ipv4() {
    with_world(|mut world| {
        for (source, is_answered) in
            [("::ffff:127.0.0.1", false), ("::ffff:224.0.0.1", false), ("::ffff:0.1.2.3", false)]
        {
            let client: IpAddr = source.parse().expect(source);
            let (reaction, steps) = syn(&mut world, ELSEWHERE, client, 4000, Program::Xdp);
            assert_eq!(reaction == Reaction::Silence, !is_answered, "{source}: {steps:?}");
            assert_eq!(steps.contains(&Step::Capped), !is_answered, "{source}: {steps:?}");
        }
    });
}

#[test]
fn what_was_sent_to_everybody_gets_no_answer() {
    const TO_EVERYBODY: [[u8; 6]; 4] =
        [[0xff; 6], [1, 0, 0x5e, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1], [0x03, 0, 0, 0, 0, 1]];
    const HERE: [u8; 6] = [0x02, 0, 0, 0, 0, 2];
    with_world(|world| {
        let mut ports = Ports::default();
        let classes = [REFUSED, RESET, TARPITTED].map(|who| (who, world.class(who)));
        for (who, class) in classes {
            for destination in TO_EVERYBODY {
                for v6 in [false, true] {
                    for segment in [Segment::syn(), Segment::ack(NEVER_SENT).and(FIN)] {
                        let client = SocketAddr::from((who.client(v6), ports.next()));
                        let server = super::world::server(client.ip(), 25);
                        let frame: Frame = segment.frame(client, server, 0);
                        let frame = frame.ethernet_addresses(destination, HERE);
                        for frame in [frame.clone(), frame.vlan(5)] {
                            for program in [Program::Xdp, Program::Tc] {
                                let before = Counted::now(world.kernel, class);
                                let run = program.run(
                                    world.kernel,
                                    &frame.build(),
                                    super::support::kernel::At::Outside,
                                );
                                let steps = Counted::now(world.kernel, class).since(&before).steps;
                                let what = format!("{who:?} {program:?} {frame:?} {steps:?}");
                                assert_eq!(run.code, if program == Program::Xdp { 1 } else { 2 }, "{what}");
                                assert!(steps.contains(&Step::Capped), "{what}");
                            }
                        }
                    }
                }
            }
        }
    });
}
