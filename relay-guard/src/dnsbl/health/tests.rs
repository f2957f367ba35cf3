use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const S: u64 = 1_000_000_000;

const INTERVAL_NS: u64 = 300 * S;

/// What probes find, in the order of their numbers.
type Found = [Result<bool, Fault>; 4];

const FINE: Found = [Ok(false), Ok(false), Ok(true), Ok(true)];

fn fine_but(probe: Probe, found: Result<bool, Fault>) -> Found {
    let mut fine = FINE;
    fine[probe as usize] = found;
    fine
}

/// Makes a test.
fn test(health: &mut Health, found: &Found, now_ns: u64) -> Option<Change> {
    health.begin_test(1, &Probe::ALL, now_ns + 2 * S);
    let mut changes = Probe::ALL.into_iter().zip(found).filter_map(|(probe, found)| {
        assert!(health.is_tested());
        health.probed(1, probe, found.clone(), now_ns, INTERVAL_NS)
    });
    let change = changes.next();
    assert_eq!(changes.next(), None);
    assert!(!health.is_tested());
    change
}

fn good(now_ns: u64) -> Health {
    let mut health = Health::new(now_ns);
    assert_eq!(test(&mut health, &FINE, now_ns), Some(Change::Good { after_ns: None }));
    health
}

#[test]
fn a_zone_is_believed_once_it_has_passed_its_tests() {
    let mut health = Health::new(7);
    assert_eq!((health.is_good(), health.standing(), health.due_ns()), (false, Standing::Testing, 7));
    health.begin_test(1, &Probe::ALL, 2 * S);
    assert_eq!(health.due_ns(), 2 * S, "given up then");
    for probe in [Probe::TestPoint, Probe::TestPointV6, Probe::Random] {
        assert_eq!(health.probed(1, probe, FINE[probe as usize].clone(), 8, INTERVAL_NS), None);
        assert_eq!(health.probed(1, probe, Ok(false), 8, INTERVAL_NS), None, "a second answer");
        assert_eq!(health.probed(0, Probe::Loopback, Ok(true), 8, INTERVAL_NS), None, "another test's");
    }
    let change = health.probed(1, Probe::Loopback, Ok(false), 9, INTERVAL_NS);
    assert_eq!(change, Some(Change::Good { after_ns: None }));
    let standing = Standing::Good { since_ns: 9, next_test_ns: 9 + INTERVAL_NS, note: None };
    assert_eq!((health.is_good(), health.standing(), health.due_ns()), (true, standing, 9 + INTERVAL_NS));
    assert_eq!(test(&mut health, &FINE, S), None, "as good as before");
    assert_eq!(health.due_ns(), S + INTERVAL_NS);
}

#[test]
fn what_a_test_finds_suspends() {
    let faults = || Err(Fault::ServFail);
    let quota = || Fault::Quota(Ipv4Addr::new(127, 255, 255, 255));
    for (found, why) in [
        (fine_but(Probe::Random, Ok(true)), Why::ListsEverything),
        (fine_but(Probe::Loopback, Ok(true)), Why::ListsLoopback),
        (fine_but(Probe::TestPoint, Ok(false)), Why::ListsNothing),
        (fine_but(Probe::Random, faults()), Why::TestUnanswered(Fault::ServFail)),
        (fine_but(Probe::Loopback, faults()), Why::TestUnanswered(Fault::ServFail)),
        (fine_but(Probe::TestPoint, faults()), Why::TestUnanswered(Fault::ServFail)),
        ([faults(), Ok(true), faults(), faults()], Why::ListsLoopback),
        ([Ok(true), Ok(true), Ok(false), Ok(false)], Why::ListsEverything),
        ([Err(quota()), Ok(false), Ok(false), Ok(false)], Why::TestUnanswered(quota())),
    ] {
        let mut health = Health::new(0);
        assert_eq!(test(&mut health, &found, S), Some(Change::Suspended(why.clone())));
        assert!(!health.is_good());
        let standing =
            Standing::Suspended { since_ns: S, next_test_ns: S + BACK_OFF_NS, why: why.to_string() };
        assert_eq!(health.standing(), standing);
        let mut health = good(0);
        if why == Why::TestUnanswered(Fault::ServFail) {
            assert_eq!(test(&mut health, &found, S), None, "not at the first one");
        }
        assert_eq!(test(&mut health, &found, S), Some(Change::Suspended(why)), "later too");
    }
}

#[test]
fn one_test_that_is_not_answered_is_made_again_soon() {
    for fault in [Fault::Timeout, Fault::ServFail, Fault::Refused, Fault::Network("down".to_owned())] {
        let unanswered = fine_but(Probe::Random, Err(fault.clone()));
        let mut health = good(0);
        let mut now_ns = INTERVAL_NS;
        for _ in 0..3 {
            assert_eq!(test(&mut health, &unanswered, now_ns), None);
            assert_eq!((health.is_good(), health.due_ns()), (true, now_ns + BACK_OFF_NS));
            now_ns = health.due_ns();
            assert_eq!(test(&mut health, &FINE, now_ns), None);
            assert_eq!(health.due_ns(), now_ns + INTERVAL_NS);
            now_ns = health.due_ns();
        }
        assert_eq!(test(&mut health, &unanswered, now_ns), None);
        now_ns = health.due_ns();
        let why = Why::TestUnanswered(fault.clone());
        assert_eq!(test(&mut health, &unanswered, now_ns), Some(Change::Suspended(why)));
        assert_eq!(health.due_ns(), now_ns + BACK_OFF_NS);
        now_ns = health.due_ns();
        assert!(test(&mut health, &FINE, now_ns).is_some());
        assert_eq!(test(&mut health, &unanswered, now_ns), None, "counted anew");
        let wrong = fine_but(Probe::TestPoint, Ok(false));
        assert_eq!(test(&mut health, &wrong, now_ns), Some(Change::Suspended(Why::ListsNothing)));
    }
}

#[test]
fn test_points_for_ipv6_are_noted() {
    for (found, noted) in [(Ok(false), true), (Ok(true), false), (Err(Fault::Timeout), false)] {
        let mut health = Health::new(0);
        assert_eq!(
            test(&mut health, &fine_but(Probe::TestPointV6, found), 0),
            Some(Change::Good { after_ns: None })
        );
        assert!(matches!(health.standing(), Standing::Good { note, .. } if note.is_some() == noted));
    }
}

#[test]
fn zones_are_asked_what_they_can_answer() {
    use Probe::{Loopback, Random, TestPoint, TestPointV6};
    for (test_points, families, probes) in [
        (true, [true, true], &[Random, Loopback, TestPoint, TestPointV6][..]),
        (true, [true, false], &[Random, Loopback, TestPoint]),
        (true, [false, true], &[Random, TestPointV6]),
        (false, [true, true], &[Random, Loopback]),
        (false, [false, true], &[Random]),
    ] {
        assert_eq!(Probe::of_zone(test_points, families), probes);
    }
    let addresses = [None, Some("127.0.0.1"), Some("127.0.0.2"), Some("::ffff:7f00:2")];
    let addresses = addresses.map(|address| address.map(|address| address.parse().expect("an address")));
    assert_eq!(Probe::ALL.map(Probe::address), addresses);
}

#[test]
fn a_test_that_nobody_answers_is_given_up() {
    let mut health = good(0);
    health.begin_test(2, &[Probe::Random, Probe::Loopback, Probe::TestPointV6], 3 * S);
    assert_eq!(health.probed(2, Probe::Random, Ok(false), S, INTERVAL_NS), None);
    assert_eq!(health.give_up_test(3 * S, INTERVAL_NS), None);
    assert_eq!(health.due_ns(), 3 * S + BACK_OFF_NS);
    health.begin_test(2, &[Probe::Random, Probe::Loopback, Probe::TestPointV6], 3 * S);
    let why = Why::TestUnanswered(Fault::Timeout);
    assert_eq!(health.give_up_test(3 * S, INTERVAL_NS), Some(Change::Suspended(why)));
    assert_eq!(health.give_up_test(3 * S, INTERVAL_NS), None);
    health.begin_test(3, &[Probe::Random, Probe::TestPointV6], 9 * S);
    assert_eq!(health.probed(3, Probe::Random, Ok(false), 8 * S, INTERVAL_NS), None);
    let after_ns = Some(6 * S);
    assert_eq!(
        health.give_up_test(9 * S, INTERVAL_NS),
        Some(Change::Good { after_ns }),
        "the rest is not needed"
    );
}

#[test]
fn tests_of_a_suspended_zone_come_further_and_further_apart() {
    let mut health = Health::new(0);
    let mut now_ns = 0;
    let mut waits = Vec::new();
    for attempt in 0..9 {
        let change = test(&mut health, &fine_but(Probe::TestPoint, Ok(false)), now_ns);
        assert_eq!(change.is_some(), attempt == 0, "said once");
        waits.push((health.due_ns() - now_ns) / S);
        now_ns = health.due_ns();
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    let why = Why::ListsEverything;
    let change = test(&mut health, &fine_but(Probe::Random, Ok(true)), now_ns);
    assert_eq!(change, Some(Change::StillSuspended(why)));
    now_ns = health.due_ns();
    let after_ns = Some(now_ns);
    assert_eq!(test(&mut health, &FINE, now_ns), Some(Change::Good { after_ns }), "since the first test");
    // A zone that does not stay good is not tested as often as one that does.
    let bad = fine_but(Probe::TestPoint, Ok(false));
    assert!(test(&mut health, &bad, now_ns + STEADY_NS - 1).is_some());
    assert_eq!(health.due_ns(), now_ns + STEADY_NS - 1 + MAX_BACK_OFF_NS);
    now_ns = health.due_ns();
    assert!(test(&mut health, &FINE, now_ns).is_some());
    assert!(test(&mut health, &bad, now_ns + STEADY_NS).is_some());
    assert_eq!(health.due_ns(), now_ns + STEADY_NS + BACK_OFF_NS);
}

#[test]
fn faults_in_a_row_suspend() {
    for fault in [Fault::Timeout, Fault::ServFail, Fault::Refused, Fault::Network("down".to_owned())] {
        let mut health = good(0);
        for _ in 0..3 {
            for _ in 1..FAULTS_IN_A_ROW {
                assert_eq!(health.failed(&fault, S), None);
            }
            assert_eq!(health.answered(false, S), None, "that begins anew");
        }
        for _ in 1..FAULTS_IN_A_ROW {
            assert_eq!(health.failed(&fault, S), None);
        }
        let change = health.failed(&fault, 2 * S);
        assert_eq!(change, Some(Change::Suspended(Why::Faults(fault.clone()))));
        assert_eq!(health.failed(&fault, 2 * S), None, "it is already");
        assert_eq!(health.due_ns(), 2 * S + BACK_OFF_NS);
        let after_ns = Some(BACK_OFF_NS);
        let now_ns = health.due_ns();
        assert_eq!(test(&mut health, &FINE, now_ns), Some(Change::Good { after_ns }));
        assert_eq!(health.failed(&fault, now_ns), None, "counted anew");
    }
}

#[test]
fn one_answer_of_no_zone_that_works_suspends() {
    let stranger = Ipv4Addr::new(203, 0, 113, 80);
    for fault in [Fault::Rewritten(stranger), Fault::Mistyped, Fault::PublicResolver, Fault::Quota(stranger)]
    {
        let mut health = good(0);
        assert_eq!(health.failed(&fault, S), Some(Change::Suspended(Why::Answered(fault.clone()))));
    }
}

/// Answers of which every so many are listings; the change, if there is one.
fn answers(health: &mut Health, count: usize, listed: impl Fn(usize) -> bool) -> Option<Change> {
    (0..count).find_map(|number| health.answered(listed(number), S))
}

/// How many answers until a jump is suspected, and how many more until it is certain.
const SUSPECTED: usize = 58;
const CERTAIN: usize = 256 - 64;

#[test]
fn a_share_that_jumps_is_tested_and_suspends_if_it_stays_so() {
    let mut health = good(0);
    assert_eq!(answers(&mut health, 264, |number| number % 5 == 0), None);
    assert_eq!(answers(&mut health, SUSPECTED - 2, |_| true), None);
    assert_eq!(health.due_ns(), INTERVAL_NS);
    assert_eq!(answers(&mut health, 2, |_| true), None);
    assert_eq!(health.due_ns(), S, "tested at once");
    assert_eq!(test(&mut health, &FINE, S), None);
    assert_eq!(answers(&mut health, CERTAIN - 2, |_| true), None);
    let change = answers(&mut health, 2, |_| true);
    assert_eq!(change, Some(Change::Suspended(Why::Jump { now: 97, before: 21 })));
    assert_eq!(health.due_ns(), S + JUMP_REST_NS);
    let now_ns = health.due_ns();
    assert!(test(&mut health, &FINE, now_ns).is_some());
    assert_eq!(answers(&mut health, 199 + 64, |_| false), None);
    assert_eq!(
        answers(&mut health, 1000, |_| true),
        Some(Change::Suspended(Why::Jump { now: 97, before: 0 }))
    );
}

#[test]
fn a_share_that_jumps_suspends_if_the_test_fails() {
    let (silent, jump) = (Why::TestUnanswered(Fault::Timeout), Why::Jump { now: 90, before: 0 });
    for (found, changes) in [
        (fine_but(Probe::Random, Ok(true)), vec![Some(Why::ListsEverything)]),
        (fine_but(Probe::TestPoint, Ok(false)), vec![Some(jump.clone())]),
        (fine_but(Probe::TestPoint, Err(Fault::Timeout)), vec![None, Some(jump)]),
    ] {
        let mut health = good(0);
        assert_eq!(answers(&mut health, 264, |_| false), None);
        assert_eq!(answers(&mut health, SUSPECTED, |_| true), None);
        for why in changes {
            assert_eq!(test(&mut health, &found, S), why.map(Change::Suspended));
        }
        assert!(!health.is_good());
        let again = test(&mut health, &fine_but(Probe::Random, Err(Fault::Timeout)), S);
        assert_eq!(again, Some(Change::StillSuspended(silent.clone())), "nothing is suspected any more");
    }
    // Of a zone that is suspended already nothing is believed anyway.
    let mut health = good(0);
    assert_eq!(answers(&mut health, 264, |_| false), None);
    assert_eq!(answers(&mut health, SUSPECTED, |_| true), None);
    assert!((0..FAULTS_IN_A_ROW).any(|_| health.failed(&Fault::Timeout, S).is_some()));
    let found = fine_but(Probe::TestPoint, Err(Fault::Timeout));
    assert_eq!(test(&mut health, &found, S), Some(Change::StillSuspended(silent)));
}

#[test]
fn a_zone_that_listed_the_world_has_its_share_learnt_anew() {
    for probe in [Probe::Random, Probe::Loopback] {
        let mut health = good(0);
        assert_eq!(answers(&mut health, 400, |number| number >= 343), None, "57 of 64");
        assert!(test(&mut health, &fine_but(probe, Ok(true)), S).is_some());
        let unanswered = fine_but(Probe::Random, Err(Fault::Timeout));
        assert!(test(&mut health, &unanswered, 2 * S).is_some(), "for another reason since");
        assert!(test(&mut health, &FINE, 3 * S).is_some());
        assert_eq!(answers(&mut health, 2 + CERTAIN, |_| true), None, "{probe:?}");
    }
    let mut health = good(0);
    assert_eq!(answers(&mut health, 400, |number| number >= 343), None);
    assert!(test(&mut health, &fine_but(Probe::TestPoint, Ok(false)), S).is_some());
    assert!(test(&mut health, &FINE, 2 * S).is_some());
    assert!(answers(&mut health, 2 + CERTAIN, |_| true).is_some(), "what it had listed was true");
}

#[test]
fn a_share_that_was_always_high_or_is_not_known_does_not() {
    let mut health = good(0);
    assert_eq!(answers(&mut health, 199 + 6, |_| false), None);
    assert_eq!(answers(&mut health, 58, |_| true), None, "too few were known");
    assert_eq!(health.due_ns(), INTERVAL_NS);
    let mut health = good(0);
    assert_eq!(answers(&mut health, 1000, |number| number % 5 < 3), None);
    assert_eq!(answers(&mut health, 1000, |_| true), None, "most of them had been listed");
    let mut health = good(0);
    assert_eq!(answers(&mut health, 1000, |_| false), None);
    assert_eq!(answers(&mut health, 1000, |number| number % 8 != 0), None, "not so many");
    assert_eq!(health.due_ns(), INTERVAL_NS);
    let mut health = good(0);
    assert_eq!(answers(&mut health, 1000, |_| false), None);
    assert_eq!(answers(&mut health, 229, |_| true), None);
    assert_eq!(answers(&mut health, 1000, |_| false), None, "not for long");
}

#[test]
fn reasons_are_told_in_words_and_taint_what_was_listed_or_not() {
    for (why, words, taints) in [
        (Why::Faults(Fault::Timeout), "5 questions in a row failed, the last one: no answer in time", false),
        (
            Why::Answered(Fault::PublicResolver),
            "does not answer public resolvers; use a resolver of your own",
            false,
        ),
        (Why::TestUnanswered(Fault::Refused), "its test failed: the question is refused (REFUSED)", false),
        (Why::ListsNothing, "it does not list 127.0.0.2", false),
        (Why::ListsLoopback, "it lists 127.0.0.1", true),
        (Why::ListsEverything, "it lists the world", true),
        (Why::Jump { now: 95, before: 3 }, "lists 95 % of all sources, where it had listed 3 %", true),
    ] {
        assert!(why.to_string().contains(words), "{why}");
        assert_eq!(why.taints_listings(), taints, "{why}");
    }
}

proptest! {
    /// The share, from all answers ever given.
    #[test]
    fn jumps_are_as_counting_says(phases in proptest::collection::vec((0_usize..300, 0_u32..=100, any::<u64>()), 1..6)) {
        let mut share = Share::default();
        let (mut all, mut suspected) = (Vec::new(), None);
        let percent_of = |of: &[bool]| of.iter().filter(|listed| **listed).count() as f64 * 100.0 / of.len() as f64;
        for (count, percent, seed) in phases {
            for number in 0..count {
                let random = (seed.wrapping_add(number as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
                all.push((random % 100) < u64::from(percent));
                let (before, recent) = all.split_at(all.len().saturating_sub(64));
                let jumped = |now: f64, before: f64| now.floor() >= 90.0 && now.floor() - before >= 50.0;
                let known = (percent_of(before) - 1e-9).ceil();
                let expected = match suspected {
                    Some((begin, known)) if all.len() == begin + 256 => {
                        suspected = None;
                        jumped(percent_of(&all[begin..]), known).then_some("certain")
                    }
                    None if before.len() >= 200 && jumped(percent_of(recent), known) => {
                        suspected = Some((before.len(), known));
                        Some("suspected")
                    }
                    Some(_) | None => None,
                };
                let found = share.count(*all.last().expect("one")).map(|sign| match sign {
                    Sign::Suspected => "suspected",
                    Sign::Jumped(_) => "certain",
                });
                prop_assert_eq!(found, expected);
                prop_assert_eq!(share.suspicion().is_some(), suspected.is_some());
            }
        }
    }
}
