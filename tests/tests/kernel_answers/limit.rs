//! Limited networks: so many connections pass, and then something else happens to them.

use std::net::IpAddr;

use relay_guard_common::action::Action;
use relay_guard_common::counter::Effect;
use relay_guard_common::respond::step::Step;
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::flags::{ACK, FIN, RST};

use super::connection::{Connection, Program};
use super::reaction::{Reaction, TARPIT_WINDOW, WINDOW, refused_syn, syn_ack, text, wait};
use super::run::{Counted, Ports, sorted};
use super::segment::{NEVER_SENT, Segment};
use super::world::{
    BURST, LIMITED_DROP, LIMITED_REFUSE, LIMITED_RESET, LIMITED_TARPIT, SAID, Who, World, with_world,
};

/// Networks, what happens over their limit, and as what it is counted.
fn limits() -> [(Who, Reaction, Vec<Step>); 4] {
    let opened = vec![Step::Limited, Step::Syn, Step::SynAck];
    [
        (LIMITED_DROP, Reaction::Silence, vec![Step::Limited]),
        (LIMITED_RESET, refused_syn(0), vec![Step::Limited, Step::Syn, Step::Reset]),
        (LIMITED_REFUSE, syn_ack(WINDOW), opened.clone()),
        (LIMITED_TARPIT, syn_ack(TARPIT_WINDOW), opened),
    ]
}

/// A host in one of the prefixes that share a limit: a /28, a /64.
fn host(who: Who, v6: bool, prefix: u8, host: u8) -> IpAddr {
    match who.host(v6, prefix * 16 + host) {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            (octets[7], octets[15]) = (prefix, host);
            octets.into()
        }
    }
}

/// Sends a segment of a new connection, and sees what becomes of it.
fn sends(
    world: &mut World<'_>,
    connection: &Connection,
    who: Who,
    segment: &Segment,
    expect: &Reaction,
    steps: &[Step],
) {
    let class = world.class(who);
    let before = Counted::now(world.kernel, class);
    let reaction = connection.send(world.kernel, segment);
    let moved = Counted::now(world.kernel, class).since(&before);
    let what = format!("{who:?} {connection:?} {segment:?}");
    assert_eq!(reaction.as_ref(), Ok(expect), "{what}");
    assert_eq!(moved.steps, sorted(steps), "{what}");
    let effect = if *expect == Reaction::Passed { Effect::Passed } else { Effect::Stopped };
    assert_eq!(moved.actions, [(Action::Limit, Direction::Inbound, effect, 1)], "{what}");
}

#[test]
fn so_many_connections_pass_and_then_the_second_action_happens() {
    with_world(|mut world| {
        let mut ports = Ports::default();
        for (who, expect, steps) in limits() {
            for (prefix, program) in (0..).zip(Program::ALL) {
                for v6 in [false, true] {
                    let mut syn = |prefix, last, expect: &Reaction, steps: &[Step]| {
                        let client = host(who, v6, prefix, last);
                        let mut connection = Connection::inbound(program, client, ports.next(), 25);
                        if matches!(expect, Reaction::Reply(_)) {
                            connection = connection.open(world.kernel);
                        }
                        sends(&mut world, &connection, who, &Segment::syn(), expect, steps);
                    };
                    // Two hosts of a prefix share its limit; another prefix has its own.
                    for number in 0..BURST {
                        syn(prefix, 1 + (number % 2) as u8, &Reaction::Passed, &[]);
                    }
                    for last in [1, 2, 3] {
                        syn(prefix, last, &expect, &steps);
                    }
                    for _ in 0..BURST {
                        syn(prefix + 8, 1, &Reaction::Passed, &[]);
                    }
                    syn(prefix + 8, 1, &expect, &steps);
                }
            }
        }
    });
}

#[test]
fn what_is_no_syn_passes_unless_it_belongs_to_an_answer() {
    with_world(|mut world| {
        let mut ports = Ports::default();
        let line = Segment::data(SAID, "RCPT TO:<a@b>\r\n");
        let refusal = "550 5.7.1 {address} is listed; see https://example.org/lookup?ip={address}\r\n";
        for (who, _, _) in limits() {
            for program in Program::ALL {
                for v6 in [false, true] {
                    let client = host(who, v6, 15, 1);
                    // The limit is used up, so that a SYN is answered and tells its cookie.
                    let mut connection = Connection::inbound(program, client, ports.next(), 25);
                    for _ in 0..=BURST {
                        connection = connection.open(world.kernel);
                    }
                    let (expect, steps) = match who {
                        LIMITED_REFUSE => (text(15, refusal), vec![Step::Refused]),
                        LIMITED_TARPIT => (wait(), vec![Step::Tarpitted]),
                        _ => (Reaction::Passed, vec![]),
                    };
                    sends(&mut world, &connection, who, &line, &expect, &steps);
                    for segment in [
                        Segment::data(NEVER_SENT, "RCPT TO:<a@b>\r\n"),
                        Segment::ack(NEVER_SENT),
                        Segment::ack(NEVER_SENT).and(FIN),
                        Segment::ack(NEVER_SENT).flags(RST | ACK),
                    ] {
                        sends(&mut world, &connection, who, &segment, &Reaction::Passed, &[]);
                    }
                }
            }
        }
    });
}

#[test]
fn a_limit_that_observes_counts_what_would_be_over_it() {
    with_world(|world| {
        world.kernel.enforce(false);
        for (who, _, _) in limits() {
            for v6 in [false, true] {
                let connection = Connection::inbound(Program::Xdp, host(who, v6, 1, 1), 4000, 25);
                let class = world.class(who);
                let before = Counted::now(world.kernel, class);
                for _ in 0..BURST + 2 {
                    let passed = connection.send(world.kernel, &Segment::syn());
                    assert_eq!(passed, Ok(Reaction::Passed), "{who:?}");
                }
                let moved = Counted::now(world.kernel, class).since(&before);
                let limited = moved.steps.iter().filter(|step| **step == Step::Limited).count();
                assert_eq!(limited, 2, "{who:?}: {:?}", moved.steps);
                let effects = [(Effect::Passed, BURST), (Effect::Observed, 2)];
                let expected =
                    effects.map(|(effect, count)| (Action::Limit, Direction::Inbound, effect, count));
                assert_eq!(moved.actions, expected, "{who:?}");
            }
        }
    });
}
