//! Connections that were there before their verdict: both ends are told, in turns.

use relay_guard_common::respond::step::Step;
use relay_guard_tests::frames::flags::{ACK, FIN, RST, SYN};

use super::connection::{Connection, Program};
use super::reaction::{Reaction, client_reset};
use super::run::{Counted, Ports};
use super::segment::{NEVER_SENT, Segment};
use super::world::{GREETED, REFUSED, RESET, TARPITTED, Who, World, with_world};

/// What an established connection sends, in order.
fn traffic() -> [Segment; 6] {
    let data = Segment::data(NEVER_SENT, "RCPT TO:<a@b>\r\n");
    [
        data.clone(),
        data.clone().at(16),
        Segment::ack(NEVER_SENT + 99).at(32),
        data.at(32),
        Segment::ack(NEVER_SENT + 99).at(48).and(FIN),
        Segment::ack(NEVER_SENT).and(SYN),
    ]
}

fn ends_are_told_in_turns(world: &mut World<'_>, connection: &Connection, who: Who) {
    let what = format!("{who:?}, {connection:?}");
    let class = world.class(who);
    let before = Counted::now(world.kernel, class);
    for (turn, segment) in traffic().iter().enumerate() {
        let reaction = connection.send(world.kernel, segment);
        let expected = if turn % 2 == 0 { Reaction::ServerReset } else { client_reset() };
        assert_eq!(reaction, Ok(expected), "{what}: {segment:?}");
        // A client's RST is nobody's turn.
        let reset = Segment::ack(NEVER_SENT).flags(RST | ACK);
        assert_eq!(connection.send(world.kernel, &reset), Ok(Reaction::Silence), "{what}");
    }
    let moved = Counted::now(world.kernel, class).since(&before);
    assert_eq!(moved.steps, [Step::Reset; 6], "{what}");
    let stopped: u64 = moved.actions.iter().map(|(.., count)| count).sum();
    assert_eq!((moved.actions.len(), stopped), (1, 12), "{what}: {:?}", moved.actions);
}

#[test]
fn a_verdict_in_mid_session_ends_the_connection_at_both_ends() {
    with_world(|mut world| {
        let mut ports = Ports::default();
        for (who, port) in [(REFUSED, 25), (GREETED, 587), (TARPITTED, 25), (RESET, 25), (REFUSED, 465)] {
            for program in Program::ALL {
                for v6 in [false, true] {
                    let connection = Connection::inbound(program, who.client(v6), ports.next(), port);
                    ends_are_told_in_turns(&mut world, &connection, who);
                }
            }
        }
    });
}

#[test]
fn connections_have_turns_of_their_own() {
    with_world(|world| {
        let connections: Vec<Connection> = (1..=20)
            .map(|number| Connection::inbound(Program::Xdp, REFUSED.client(number % 2 == 0), number, 25))
            .collect();
        let data = Segment::data(NEVER_SENT, "QUIT\r\n");
        let mut turns = |expected: &Reaction| {
            let wrong =
                |connection: &&Connection| connection.send(world.kernel, &data).as_ref() != Ok(expected);
            let wrong: Vec<_> = connections.iter().filter(wrong).collect();
            assert!(wrong.is_empty(), "{expected:?}: {wrong:?}");
        };
        for _ in 0..2 {
            turns(&Reaction::ServerReset);
            turns(&client_reset());
        }
    });
}
