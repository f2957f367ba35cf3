//! What `explain` asks: the very reply that a sender would get, and nothing comes of it.

use std::net::{IpAddr, SocketAddr};

use relay_guard_common::action::Action;
use relay_guard_common::respond::limits::Answering;
use relay_guard_common::respond::response::Rate;
use relay_guard_common::role::Side;
use relay_guard_tests::frames::{Frame, Reading, flags};

use super::envelope::Reader;
use super::model::Model;
use super::reaction::{Codes, Reaction, read};
use super::run::Counted;
use super::segment::{NEVER_SENT, Segment};
use super::world::{
    AT_LENGTH, BURST, GREETED, LIMITED_REFUSE, LIMITED_RESET, REFUSED, RESET, SAID, TARPITTED, UNCAPPED, Who,
    World, server, with_world,
};

/// The frame of a question: the last three octets of its source address are for the program.
fn question(frame: Frame) -> Frame {
    let (reply, both_halves, side) = (1, 0, Side::Outside as u8);
    frame.ethernet_addresses([0; 6], [0, 0, 0, reply, both_halves, side])
}

/// What stands for a cookie before there is one.
const UNKNOWN: u32 = 0x5eed_0000;

/// What the program says to a segment; its cookie.
fn asks(world: &mut World<'_>, client: IpAddr, cookie: u32, segment: &Segment) -> (Vec<u8>, u32, Reaction) {
    let client = SocketAddr::from((client, 40_000));
    let request = question(segment.frame(client, server(client.ip(), 25), cookie)).build();
    let run = world.kernel.datapath.run_frame(&request).expect("a test-run");
    let reply = Reading::of_frame(&run.frame).expect("a good frame");
    let cookie = if reply.flags & flags::SYN != 0 { reply.sequence } else { cookie };
    let reaction = read(&request, true, cookie, segment, &run, Codes::XDP);
    (run.frame, cookie, reaction.unwrap_or_else(|error| panic!("{segment:?}: {error}")))
}

/// Everything that could have moved.
fn counted(world: &World<'_>, who: Who) -> impl PartialEq + std::fmt::Debug + use<> {
    let datapath = &world.kernel.datapath;
    let steps = datapath.steps(world.class(who)).expect("steps are read");
    let counters = datapath.counters().expect("counters are read");
    (steps, counters, datapath.class_counter(world.class(who)).expect("a counter"))
}

fn dialogue() -> [Segment; 6] {
    [
        Segment::syn(),
        Segment::ack(1),
        Segment::data(SAID, "EHLO x\r\n"),
        Segment::data(SAID, "RCPT TO:<a@b>\r\n"),
        Segment::data(SAID, "QUIT\r\n"),
        Segment::ack(SAID).and(flags::FIN),
    ]
}

#[test]
fn explain_gets_the_very_reply_and_nothing_comes_of_it() {
    // A cap that one answer would use up.
    let once = Rate { interval_us: 3_600_000_000, tolerance_us: 0 };
    with_world(|mut world| {
        world.set_answering(&Answering { total: once, prefix: once, tarpit: once, ..UNCAPPED });
        let mut reader = Reader::new(&mut world);
        for enforce in [true, false] {
            world.kernel.enforce(enforce);
            for who in [REFUSED, GREETED, AT_LENGTH, RESET, TARPITTED, LIMITED_REFUSE, LIMITED_RESET] {
                for v6 in [false, true] {
                    let before = counted(&world, who);
                    let action = match who {
                        LIMITED_REFUSE => Action::Refuse,
                        LIMITED_RESET => Action::Reset,
                        _ => who.action(),
                    };
                    let (_, cookie, _) = asks(&mut world, who.client(v6), UNKNOWN, &Segment::syn());
                    for segment in dialogue() {
                        let expected = Model::default().react(action, &who.texts(), 25, &segment).0;
                        // Turns are not for those who only ask.
                        if expected == Reaction::ServerReset {
                            continue;
                        }
                        let (_, _, reaction) = asks(&mut world, who.client(v6), cookie, &segment);
                        assert_eq!(reaction, expected, "{who:?} {segment:?}");
                    }
                    assert_eq!(counted(&world, who), before, "{who:?}");
                }
            }
        }
        assert_eq!(reader.lines().len(), 0);
        // A limit still has all its connections.
        world.kernel.enforce(true);
        let connection = |port| {
            super::connection::Connection::inbound(
                super::connection::Program::Xdp,
                LIMITED_REFUSE.client(false),
                port,
                25,
            )
        };
        for number in 0..BURST {
            let passed = connection(1 + number as u16).send(world.kernel, &Segment::syn());
            assert_eq!(passed, Ok(Reaction::Passed));
        }
    });
}

/// The reply of a question is, octet for octet, that of a real frame.
#[test]
fn explain_gets_what_a_sender_gets() {
    with_world(|mut world| {
        let outside = world.kernel.ifindex(super::support::kernel::At::Outside);
        let class = world.class(REFUSED);
        for v6 in [false, true] {
            let client = SocketAddr::from((REFUSED.client(v6), 40_000));
            let (_, cookie, _) = asks(&mut world, client.ip(), UNKNOWN, &Segment::syn());
            for segment in dialogue() {
                let (frame, _, _) = asks(&mut world, client.ip(), cookie, &segment);
                let request = question(segment.frame(client, server(client.ip(), 25), cookie)).build();
                let before = Counted::now(world.kernel, class);
                let run = world.kernel.datapath.run_frame_on(&request, Some(outside)).expect("a test-run");
                assert_eq!(run.frame, frame, "{segment:?}");
                assert!(!Counted::now(world.kernel, class).since(&before).actions.is_empty());
            }
        }
        let stranger = Segment::data(NEVER_SENT, "QUIT\r\n");
        let (_, _, reaction) = asks(&mut world, REFUSED.client(false), UNKNOWN, &stranger);
        assert!(matches!(reaction, Reaction::ServerReset | Reaction::Reply(_)), "{reaction:?}");
    });
}
