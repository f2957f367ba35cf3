use proptest::prelude::*;

use super::*;

const HOUR: u64 = 3600 * 1_000_000_000;
const STEPS: [Step; 3] = [
    Step { score: 50, contains: false, stops: false, lasts_ns: HOUR },
    Step { score: 75, contains: true, stops: false, lasts_ns: HOUR },
    Step { score: 100, contains: true, stops: true, lasts_ns: HOUR },
];
use HostState::{Contained, Quiet, Reported};

fn go(standing: &mut Standing, score: f32, now_ns: u64) -> Vec<Move> {
    let mut moves = Vec::new();
    standing.go(&STEPS, score, true, now_ns, |made| moves.push(made));
    moves
}

const fn changed(from: HostState, to: HostState) -> Move {
    Move::Changed { from, to }
}

const fn contain(step: u8, until_ns: u64) -> Move {
    Move::Contain { step, until_ns, ends_sessions: false, again: false }
}

const fn again(step: u8, until_ns: u64) -> Move {
    Move::Contain { step, until_ns, ends_sessions: false, again: true }
}

const fn stop(step: u8, until_ns: u64) -> Move {
    Move::Contain { step, until_ns, ends_sessions: true, again: false }
}

#[test]
fn steps_are_reached_at_their_score_and_reports_left_at_half() {
    let mut standing = Standing::default();
    for (score, expected) in [
        (49.9, vec![]),
        (50.0, vec![changed(Quiet, Reported(0))]),
        (60.0, vec![]),
        (25.0, vec![]),
        (24.9, vec![changed(Reported(0), Quiet)]),
        (49.0, vec![]),
    ] {
        assert_eq!(go(&mut standing, score, 1), expected, "{score}");
    }
}

#[test]
fn it_goes_up_at_once_and_down_when_the_time_is_over() {
    let mut standing = Standing::default();
    assert_eq!(go(&mut standing, 80.0, 0), [changed(Quiet, Contained(1)), contain(1, HOUR)]);
    assert_eq!(go(&mut standing, 80.0, 10), []);
    assert_eq!(go(&mut standing, 120.0, 20), [changed(Contained(1), Contained(2)), stop(2, HOUR + 20)]);
    assert_eq!(go(&mut standing, 0.0, HOUR + 19), [], "not before its time");
    assert_eq!(go(&mut standing, 50.0, HOUR + 20), [again(2, 2 * HOUR + 20)], "and not while it goes on");
    let released = go(&mut standing, 49.0, 2 * HOUR + 20);
    assert_eq!(released, [Move::Release, changed(Contained(2), Quiet)]);
}

#[test]
fn nobody_is_released_who_would_be_contained_again_at_once() {
    for (first, contains) in [(30, true), (30, false)] {
        let steps = [Step { score: first, contains, ..STEPS[0] }, STEPS[2]];
        let mut standing = Standing { state: Contained(1), until_ns: HOUR, ..Standing::default() };
        let mut go = |score, now_ns| {
            let mut moves = Vec::new();
            standing.go(&steps, score, true, now_ns, |made| moves.push(made));
            moves
        };
        assert_eq!(go(30.0, HOUR), [again(1, 2 * HOUR)], "below half of the step's, and yet the first one's");
        assert_eq!(go(29.0, 2 * HOUR)[0], Move::Release);
        assert_eq!(go(29.0, 2 * HOUR + 1), []);
    }
}

#[test]
fn a_relapse_is_the_next_step_for_twice_the_time_up_to_a_day() {
    let mut standing = Standing::default();
    let mut now = 0;
    for (lasts, step) in [(1, 1), (2, 2), (4, 2), (8, 2), (16, 2), (24, 2), (24, 2)] {
        let moves = go(&mut standing, 80.0, now);
        let until = now + lasts * HOUR;
        let expected = if step == 2 { stop(2, until) } else { contain(1, until) };
        assert_eq!(moves, [changed(Quiet, Contained(step)), expected], "{lasts}");
        assert_eq!(go(&mut standing, 0.0, until)[0], Move::Release);
        now = until + DAY_NS;
    }
    assert_eq!(standing.relapses, 6);
    assert_eq!(go(&mut standing, 80.0, now + 1), [changed(Quiet, Contained(1)), contain(1, now + 1 + HOUR)]);
    assert_eq!(standing.relapses, 0);
}

#[test]
fn any_step_is_a_relapse() {
    let mut standing = Standing::default();
    go(&mut standing, 80.0, 0);
    go(&mut standing, 0.0, HOUR);
    assert_eq!(go(&mut standing, 49.0, 2 * HOUR), []);
    assert_eq!(go(&mut standing, 50.0, 3 * HOUR), [changed(Quiet, Contained(2)), stop(2, 5 * HOUR)]);
    assert_eq!(standing.relapses, 1);
}

#[test]
fn who_must_not_be_contained_is_only_reported_and_released() {
    let mut standing = Standing::default();
    let mut moves = Vec::new();
    standing.go(&STEPS, 120.0, false, 0, |made| moves.push(made));
    standing.go(&STEPS, 120.0, true, 1, |made| moves.push(made));
    standing.go(&STEPS, 120.0, false, 2, |made| moves.push(made));
    standing.go(&STEPS, 120.0, false, 3, |made| moves.push(made));
    let expected = [
        changed(Quiet, Reported(2)),
        changed(Reported(2), Contained(2)),
        stop(2, HOUR + 1),
        Move::Release,
        changed(Contained(2), Quiet),
        changed(Quiet, Reported(2)),
    ];
    assert_eq!(moves, expected);
    assert_eq!(standing.released, None, "not by itself: no relapse");
}

#[test]
fn a_score_between_half_and_whole_contains_nobody_anew() {
    let mut standing = Standing { state: Reported(2), ..Standing::default() };
    assert_eq!(go(&mut standing, 60.0, 0), []);
    assert_eq!(go(&mut standing, 49.0, 0), [changed(Reported(2), Reported(1))]);
}

#[test]
fn a_pardon_forgets() {
    let mut standing = Standing::default();
    go(&mut standing, 80.0, 0);
    let mut moves = Vec::new();
    standing.pardon(|made| moves.push(made));
    assert_eq!(moves, [Move::Release, changed(Contained(1), Quiet)]);
    assert_eq!(go(&mut standing, 80.0, 5)[1], contain(1, HOUR + 5));
}

#[test]
fn steps_that_are_gone_release() {
    let mut standing = Standing::default();
    go(&mut standing, 120.0, 0);
    let mut moves = Vec::new();
    standing.go(&STEPS[..2], 120.0, true, 1, |made| moves.push(made));
    standing.go(&STEPS[..2], 120.0, true, 2, |made| moves.push(made));
    assert_eq!(moves[..2], [Move::Release, changed(Contained(2), Quiet)]);
    assert_eq!(moves[2], changed(Quiet, Contained(1)));
    let mut nothing = Vec::new();
    standing.go(&[], 120.0, true, 3, |made| nothing.push(made));
    assert_eq!(nothing[0], Move::Release);
}

proptest! {
    /// Whatever scores and pauses: a containment never outlasts its time unless it is said anew, nobody is released before it is
    /// over, and what is told follows on what was told before.
    #[test]
    fn no_end_is_skipped(looks in proptest::collection::vec((0_u32..130, 0_u64..90), 1..200)) {
        let mut standing = Standing::default();
        let (mut now, mut told, mut until) = (0, Quiet, None::<u64>);
        for (score, minutes) in looks {
            now += minutes * HOUR / 60;
            let (before, moves) = (until, go(&mut standing, score as f32, now));
            for made in &moves {
                match *made {
                    Move::Changed { from, to } => {
                        prop_assert_eq!(from, told);
                        prop_assert_ne!(from, to);
                        told = to;
                    }
                    Move::Contain { step, until_ns, .. } => {
                        prop_assert!(STEPS[usize::from(step)].contains);
                        prop_assert!(until_ns >= now + HOUR && until_ns <= now + DAY_NS);
                        prop_assert!(until.is_none_or(|until| until_ns >= until));
                        until = Some(until_ns);
                    }
                    Move::Release => {
                        prop_assert!(before.is_some_and(|until| until <= now));
                        until = None;
                    }
                }
            }
            prop_assert_eq!(told, standing.state);
            prop_assert_eq!(matches!(told, Contained(_)), until.is_some());
            prop_assert!(until.is_none_or(|until| until > now), "over, and nothing was said");
            prop_assert!(moves.len() <= 2);
        }
    }
}
