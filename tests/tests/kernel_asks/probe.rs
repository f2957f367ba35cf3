//! What userspace asks the program asks nobody in turn.

use relay_guard::datapath::ProbeQuestion;
use relay_guard_common::action::Action;
use relay_guard_common::counter::Effect;
use relay_guard_common::decide::Half;
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Side;

use super::outcome::counters;
use super::world::{MAIL, UNKNOWN, ip, with_world};

#[test]
fn probes_ask_and_hold_nothing() {
    with_world(|mut world| {
        let (side, source, destination) = (Side::Outside, ip(UNKNOWN), ip(MAIL));
        let question = ProbeQuestion { side, source, destination, port: 25, half: Half::Both };
        for _ in 0..2 {
            let answer = world.kernel.datapath.probe(&question).expect("a probe").expect("an answer");
            assert_eq!(
                (answer.action, answer.reason, answer.effect),
                (Action::Pass, Reason::Clean, Effect::Passed)
            );
            assert!(world.kernel.datapath.probe_answer(&question).expect("a dialogue").is_empty());
        }
        assert_eq!(world.asked(), []);
        assert_eq!(world.memory.of(source), [0, 0]);
        assert_eq!(counters(world.kernel), []);
    });
}
