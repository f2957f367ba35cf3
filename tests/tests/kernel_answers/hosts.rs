//! Outbound mail: inside hosts and the gateway itself are answered like outside senders, with their own text.

use std::net::{IpAddr, SocketAddr};

use relay_guard_common::action::Action;
use relay_guard_common::counter::Effect;
use relay_guard_common::reason::Reason;
use relay_guard_common::respond::step::Step;
use relay_guard_common::role::Direction;
use relay_guard_common::verdict::{FOREVER, Verdict};
use relay_guard_tests::frames::flags::FIN;

use super::connection::{Connection, Program};
use super::reaction::{Reaction, TARPIT_WINDOW, WINDOW, finished, last, refused_syn, syn_ack, text, wait};
use super::run::{Counted, Moved, Ports, sorted};
use super::segment::{NEVER_SENT, Segment};
use super::support::kernel::At;
use super::texts::Texts;
use super::world::{DESTINATION, REFUSED, SAID, World, with_world};

/// Places in `RESPONSES` that no list names.
const CONTAINED: u16 = 100;

const TEXT: &str = "550 5.7.1 this host may not send mail directly ({address})\r\n";

/// Hosts whose mail is answered so.
const HOSTS: [(Action, [&str; 2]); 3] = [
    (Action::Refuse, ["10.0.1.66", "2001:db8:1fff::66"]),
    (Action::Reset, ["10.0.1.67", "2001:db8:1fff::67"]),
    (Action::Tarpit, ["10.0.1.68", "2001:db8:1fff::68"]),
];
/// Nothing is known against it.
const GOOD_HOST: [&str; 2] = ["10.0.1.5", "2001:db8:1fff::5"];
/// On no list of destinations.
const SERVER: [&str; 2] = ["203.0.113.9", "2001:db8:ffff::9"];

fn contain(world: &mut World<'_>) {
    let texts = Texts::permanent("this host may not send mail directly ({address})");
    world.kernel.datapath.set_response(CONTAINED, &texts.response(None)).expect("a response is written");
    for (action, addresses) in HOSTS {
        let verdict = Verdict::ban(action, Reason::Contained, FOREVER).with_param(CONTAINED);
        for address in addresses {
            let address = address.parse().expect(address);
            world.kernel.datapath.put_verdict(address, verdict).expect("a verdict is written");
        }
    }
}

/// Where hosts' mail is seen, and by which programs.
fn places() -> Vec<(Program, At)> {
    let inside = Program::ALL.map(|program| (program, At::Inside));
    let own = Program::OWN.map(|program| (program, At::Outside));
    [&inside[..], &own].concat()
}

fn outbound(program: Program, at: At, host: &str, server: IpAddr, port: u16) -> Connection {
    let host: IpAddr = host.parse().expect(host);
    let server = SocketAddr::from((server, 25));
    Connection { at, server, ..Connection::inbound(program, host, port, 25) }
}

/// A dialogue: segments, what becomes of them, what is counted.
type Dialogue = Vec<(Segment, Reaction, Vec<Step>)>;

fn dialogue(action: Action, refusal: &str) -> Dialogue {
    let opened = vec![Step::Syn, Step::SynAck];
    let rcpt = Segment::data(SAID, "RCPT TO:<a@b>\r\n");
    let not_ours = (Segment::data(NEVER_SENT, "QUIT\r\n"), Reaction::ServerReset, vec![Step::Reset]);
    match action {
        Action::Refuse => vec![
            (Segment::syn(), syn_ack(WINDOW), opened),
            (Segment::ack(1), text(0, "220 mx.example.com SMTP\r\n"), vec![Step::Greeted]),
            (Segment::data(SAID, "EHLO x\r\n"), text(8, "250 mx.example.com\r\n"), vec![]),
            (rcpt, text(15, refusal), vec![Step::Refused]),
            (Segment::data(SAID, "QUIT\r\n"), last(6, "221 2.0.0 Bye\r\n"), vec![]),
            (Segment::ack(SAID).and(FIN), finished(1), vec![Step::Completed]),
            not_ours,
        ],
        Action::Reset => vec![(Segment::syn(), refused_syn(0), vec![Step::Syn, Step::Reset]), not_ours],
        _ => vec![
            (Segment::syn(), syn_ack(TARPIT_WINDOW), opened),
            (Segment::data(1, "E"), wait(), vec![Step::Tarpitted]),
            not_ours,
        ],
    }
}

fn goes_as_expected(
    world: &mut World<'_>,
    connection: Connection,
    class: u32,
    action: Action,
    dialogue: &Dialogue,
) {
    let connection = connection.open(world.kernel);
    for (segment, expect, steps) in dialogue {
        let before = Counted::now(world.kernel, class);
        let reaction = connection.send(world.kernel, segment);
        let moved = Counted::now(world.kernel, class).since(&before);
        assert_eq!(reaction.as_ref(), Ok(expect), "{connection:?} {segment:?}");
        let actions = vec![(action, Direction::Outbound, Effect::Stopped, 1)];
        assert_eq!(moved, Moved { steps: sorted(steps), actions }, "{connection:?} {segment:?}");
    }
}

#[test]
fn contained_hosts_are_answered_wherever_their_mail_is_seen() {
    with_world(|mut world| {
        contain(&mut world);
        let mut ports = Ports::default();
        for (action, addresses) in HOSTS {
            for (host, server) in addresses.into_iter().zip(SERVER) {
                for (program, at) in places() {
                    let server = server.parse().expect(server);
                    let connection = outbound(program, at, host, server, ports.next());
                    goes_as_expected(&mut world, connection, 0, action, &dialogue(action, TEXT));
                }
            }
        }
    });
}

#[test]
fn listed_destinations_are_refused_in_the_class_of_their_list() {
    let refusal = "550 5.7.1 {address} is listed; see https://example.org/lookup?ip={address}\r\n";
    with_world(|mut world| {
        let mut ports = Ports::default();
        for (v6, host) in [(false, GOOD_HOST[0]), (true, GOOD_HOST[1])] {
            for (program, at) in places() {
                let connection = outbound(program, at, host, DESTINATION.client(v6), ports.next());
                let class = world.class(DESTINATION);
                let dialogue = dialogue(Action::Refuse, refusal);
                goes_as_expected(&mut world, connection, class, Action::Refuse, &dialogue);
            }
        }
    });
}

#[test]
fn mail_of_good_hosts_and_replies_to_contained_ones_pass() {
    with_world(|mut world| {
        contain(&mut world);
        for (family, server) in SERVER.into_iter().enumerate() {
            let server: IpAddr = server.parse().expect(server);
            for (program, at) in places() {
                for segment in [Segment::syn(), Segment::data(SAID, "RCPT TO:<a@b>\r\n")] {
                    let connection = outbound(program, at, GOOD_HOST[family], server, 4000);
                    assert_eq!(
                        connection.send(world.kernel, &segment),
                        Ok(Reaction::Passed),
                        "{connection:?}"
                    );
                    // A contained host's web page.
                    let mut connection = outbound(program, at, HOSTS[0].1[family], server, 4000);
                    connection.server.set_port(443);
                    assert_eq!(
                        connection.send(world.kernel, &segment),
                        Ok(Reaction::Passed),
                        "{connection:?}"
                    );
                }
            }
        }
    });
}

#[test]
fn where_nobody_judges_everything_passes() {
    with_world(|mut world| {
        contain(&mut world);
        for (program, v6) in Program::ALL.into_iter().flat_map(|program| [(program, false), (program, true)])
        {
            let inbound = Connection::inbound(program, REFUSED.client(v6), 4000, 25);
            let host = outbound(program, At::Outside, HOSTS[0].1[usize::from(v6)], inbound.client.ip(), 4000);
            let at = |at, connection| Connection { at, ..connection };
            for connection in [at(At::Stray, inbound), at(At::Stray, host)] {
                for segment in [Segment::syn(), Segment::data(NEVER_SENT, "QUIT\r\n")] {
                    assert_eq!(
                        connection.send(world.kernel, &segment),
                        Ok(Reaction::Passed),
                        "{connection:?}"
                    );
                }
            }
        }
    });
}
