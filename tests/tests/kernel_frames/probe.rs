//! Questions from userspace: answered as frames would be, and leaving no trace.

use relay_guard::datapath::{ProbeQuestion, ProbeResult};
use relay_guard_common::action::Action;
use relay_guard_common::counter::Effect;
use relay_guard_common::decide::Half;
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Side;

use super::outcome::counters;
use super::scene::{CLEAN, CLEAN_V6, HOST, LISTED, LISTED_V6, MAIL, MAIL_V6, OBSERVED, ip, with_scene};

const OUTSIDE: Side = Side::Outside;
const INSIDE: Side = Side::Inside;

/// What is answered, but for the class.
type Answer = (Action, Reason, Effect);

const LISTED_ANSWER: Answer = (Action::Drop, Reason::Listed, Effect::Stopped);
const CLEAN_ANSWER: Answer = (Action::Pass, Reason::Clean, Effect::Passed);
const CONTAINED_ANSWER: Answer = (Action::Drop, Reason::Contained, Effect::Stopped);

/// Side, source, destination, port; the answer, and whether a class decided.
type Line = (Side, &'static str, &'static str, u16, Option<Answer>, bool);

const TABLE: [Line; 15] = [
    (OUTSIDE, LISTED, MAIL, 25, Some(LISTED_ANSWER), true),
    (OUTSIDE, LISTED_V6, MAIL_V6, 587, Some(LISTED_ANSWER), true),
    (OUTSIDE, OBSERVED, MAIL, 25, Some((Action::Observe, Reason::Listed, Effect::Observed)), true),
    (OUTSIDE, CLEAN, MAIL, 465, Some(CLEAN_ANSWER), false),
    (OUTSIDE, CLEAN_V6, MAIL_V6, 25, Some(CLEAN_ANSWER), false),
    (OUTSIDE, "203.0.113.200", MAIL, 25, Some((Action::Pass, Reason::Protected, Effect::Passed)), true),
    (OUTSIDE, "203.0.113.129", MAIL, 25, Some((Action::Pass, Reason::AllowList, Effect::Passed)), true),
    (OUTSIDE, "203.0.113.10", MAIL, 25, Some((Action::Pass, Reason::AdminAllow, Effect::Passed)), false),
    (OUTSIDE, "192.0.2.66", MAIL, 25, Some((Action::Drop, Reason::AdminBlock, Effect::Stopped)), false),
    (OUTSIDE, "198.18.4.1", MAIL, 25, Some((Action::Refuse, Reason::Listed, Effect::Stopped)), true),
    (INSIDE, HOST, CLEAN, 25, Some(CLEAN_ANSWER), false),
    (INSIDE, "10.0.1.66", CLEAN, 25, Some(CONTAINED_ANSWER), false),
    (INSIDE, LISTED, CLEAN, 25, Some(CLEAN_ANSWER), false),
    (INSIDE, HOST, CLEAN, 587, None, false),
    (OUTSIDE, LISTED, MAIL, 80, None, false),
];

#[test]
fn probes_answer_and_leave_no_trace() {
    with_scene(|kernel| {
        let classes = kernel.datapath.classes().expect("classes are read");
        let classes: Vec<u32> = classes.into_iter().map(|(class, _)| class).collect();
        assert!(classes.len() > 5);
        for (side, source, destination, port, expected, by_class) in TABLE {
            let (source, destination) = (ip(source), ip(destination));
            let question = ProbeQuestion { side, source, destination, port, half: Half::Both };
            let answer = kernel.datapath.probe(&question).expect("a probe");
            let got = answer.map(|ProbeResult { action, reason, effect, .. }| (action, reason, effect));
            assert_eq!(got, expected, "{question:?}");
            let class = answer.map_or(0, |answer| answer.class);
            assert_eq!(classes.contains(&class), by_class, "{question:?}: class {class}");
        }
        // A question of the program as a whole: fragments are no question.
        let hidden = super::scene::listed_syn().fragment(8, true).piece(8..20).build();
        let run = kernel.datapath.run_frame(&hidden).expect("a test-run");
        assert_eq!(run.frame, hidden);
        assert_eq!(kernel.datapath.hosts().expect("hosts are read"), []);
        let judged = |row: &&relay_guard::datapath::CounterRow| {
            !matches!(row.reason, Reason::OverlappingFragment | Reason::OtherPort)
        };
        assert_eq!(counters(kernel).iter().filter(judged).collect::<Vec<_>>(), Vec::<&_>::new());
        for class in classes {
            assert_eq!(kernel.datapath.class_counter(class).expect("a counter").packets, 0);
        }
    });
}
