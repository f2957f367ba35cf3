//! Where nothing is carried out, everything passes as it came, and is counted.

use relay_guard_common::action::Action;
use relay_guard_common::counter::Effect;
use relay_guard_common::respond::step::Step;
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::flags::{ACK, FIN, RST, SYN};

use super::connection::{Connection, Program};
use super::reaction::Reaction;
use super::run::{Counted, Moved, Ports};
use super::world::with_world;

#[test]
fn what_is_only_observed_passes_as_it_came() {
    let cases: Vec<_> = super::cases().into_iter().filter(|case| case.port != 26).collect();
    with_world(|world| {
        let mut ports = Ports::default();
        world.kernel.enforce(false);
        for case in &cases {
            for &v6 in case.families {
                let client = case.who.client(v6);
                let mut connection = Connection::inbound(Program::Xdp, client, ports.next(), case.port);
                connection.wrapping = case.wrapping;
                let class = world.class(case.who);
                let before = Counted::now(world.kernel, class);
                let reaction = connection.send(world.kernel, &case.segment);
                assert_eq!(reaction, Ok(Reaction::Passed), "{}", case.what);
                let moved = Counted::now(world.kernel, class).since(&before);
                let action = case.who.action();
                let answers = !matches!(action, Action::Pass | Action::Drop);
                let is_syn = case.segment.flags & (SYN | ACK | FIN | RST) == SYN;
                let expected = Moved {
                    steps: if is_syn && answers { vec![Step::Syn] } else { vec![] },
                    actions: match action {
                        Action::Pass => vec![],
                        _ => vec![(action, Direction::Inbound, Effect::Observed, 1)],
                    },
                };
                assert_eq!(moved, expected, "{}", case.what);
            }
        }
    });
}
