//! Schedules run through time with a clock of their own.

use proptest::prelude::*;

use super::*;

const HOUR: u64 = 3600;
const HOURLY: Timing = Timing { interval: HOUR, floor: HTTP_FLOOR };
const ANSWERED: Failure = Failure { unanswered: false, retry_after: None };
const UNANSWERED: Failure = Failure { unanswered: true, retry_after: None };

fn fresh(now: u64) -> Schedule {
    Schedule::new("list", 1, HOURLY, now, None)
}

#[test]
fn timings_are_bounded() {
    for (interval, floor, expected) in [
        (HOUR, 900, (HOUR, 900)),
        (60, 900, (900, 900)),
        (0, 0, (1, 0)),
        (u64::MAX, u64::MAX, (MAX_INTERVAL, MAX_INTERVAL)),
        (u64::MAX, 0, (MAX_INTERVAL, 0)),
    ] {
        let timing = Timing::new(interval, floor);
        assert_eq!((timing.interval(), timing.floor()), expected);
    }
    let http = Timing::of(&Source::Http(super::super::source::HttpSource::new(Vec::new())));
    assert_eq!((http.interval(), http.floor()), (HOUR, HTTP_FLOOR));
}

#[test]
fn the_first_fetch_depends_on_what_there_is() {
    for (age, from, to) in [
        // Nothing: soon. Old: soon, but spread. Young: when its interval is over.
        (None, 0, FIRST_SPREAD),
        (Some(HOUR), 0, DUE_SPREAD),
        (Some(u64::MAX), 0, DUE_SPREAD),
        (Some(HOUR - 1), 1, 1),
        (Some(600), HOUR - 600, HOUR - 600),
        (Some(0), HOUR, HOUR),
    ] {
        for number in 0..50 {
            let schedule = Schedule::new(&format!("list-{number}"), 7, HOURLY, 1000, age);
            let wait = schedule.next_at() - 1000;
            assert!((from..=to).contains(&wait), "age {age:?}: {wait}");
            assert!(!schedule.is_due(999) && schedule.is_due(schedule.next_at()));
        }
    }
}

#[test]
fn a_restart_does_not_break_the_floor() {
    let mut schedule = Schedule::new("list", 1, HOURLY, 1000, Some(300));
    assert_eq!(schedule.request_now(1000, false), 1000 + HTTP_FLOOR - 300);
    let strict = Timing::new(60, HOUR);
    assert_eq!(Schedule::new("list", 1, strict, 1000, Some(300)).next_at(), 1000 + HOUR - 300);
}

#[test]
fn lists_are_spread_over_the_interval_and_stay_where_they_are() {
    let mut places = [0; 6];
    for number in 0..300 {
        let mut schedule = Schedule::new(&format!("list-{number}"), 7, HOURLY, 0, None);
        let middle = HOUR / 20;
        schedule.on_success(0, middle);
        let first = schedule.next_at();
        assert!((HOUR / 2..=HOUR + HOUR / 2).contains(&first), "{first}");
        places[usize::try_from(first % HOUR / 600).unwrap()] += 1;
        schedule.on_success(first + 20, middle);
        assert_eq!(schedule.next_at(), first + HOUR, "a slow fetch does not move the next one");
    }
    assert!(places.iter().all(|count| (20..=90).contains(count)), "{places:?}");
}

#[test]
fn other_machines_have_other_places() {
    let at = |seed| {
        let mut schedule = Schedule::new("list", seed, HOURLY, 0, None);
        schedule.on_success(0, 0);
        schedule.next_at()
    };
    assert!((1..20).any(|seed| at(seed) != at(0)));
    assert_eq!(at(3), at(3));
}

#[test]
fn failures_without_an_answer_are_repeated_soon_then_back_off() {
    let mut schedule = fresh(0);
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..11 {
        schedule.on_failure(now, UNANSWERED, 0);
        waits.push(schedule.next_at() - now);
        now = schedule.next_at();
    }
    assert_eq!(waits, [5, 10, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    assert_eq!(schedule.failures(), 11);
    schedule.on_not_modified(now, 0);
    assert_eq!(schedule.failures(), 0);
}

#[test]
fn failures_with_an_answer_keep_the_floor() {
    let mut schedule = fresh(0);
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..8 {
        schedule.on_failure(now, ANSWERED, 0);
        waits.push(schedule.next_at() - now);
        now = schedule.next_at();
    }
    assert_eq!(waits, [900, 900, 900, 900, 960, 1920, 3600, 3600]);
}

#[test]
fn short_intervals_bound_the_back_off() {
    let mut schedule = Schedule::new("file", 1, Timing::new(30, 1), 0, None);
    for _ in 0..100 {
        schedule.on_failure(0, UNANSWERED, u64::MAX);
        assert!(schedule.next_at() <= 30 + 7);
    }
}

#[test]
fn jitter_lengthens_a_back_off_by_a_quarter_at_most() {
    for random in 0..200 {
        let mut schedule = Schedule::new("list", 1, Timing::new(HOUR, 0), 0, None);
        schedule.on_failure(0, ANSWERED, random);
        assert!((60..=75).contains(&schedule.next_at()));
    }
    let mut schedule = Schedule::new("list", 1, Timing::new(HOUR, 0), 0, None);
    schedule.on_failure(0, ANSWERED, 15);
    assert_eq!(schedule.next_at(), 75);
}

#[test]
fn what_the_server_asks_for_is_respected_within_a_day() {
    for (asked, expected) in [(10, 900), (1000, 1000), (HOUR * 5, HOUR * 5), (u64::MAX, MAX_HOLD)] {
        let mut schedule = fresh(0);
        schedule.on_failure(0, Failure { unanswered: false, retry_after: Some(asked) }, 0);
        assert_eq!(schedule.next_at(), expected);
        assert_eq!(schedule.request_now(1, false), expected, "nor does a request break it");
    }
}

#[test]
fn a_request_waits_for_the_floor_unless_it_is_forced() {
    let mut schedule = fresh(0);
    assert_eq!(schedule.request_now(0, false), 0, "nothing was asked of anybody yet");
    schedule.on_success(0, 0);
    assert_eq!(schedule.request_now(100, false), HTTP_FLOOR);
    assert!(!schedule.is_due(HTTP_FLOOR - 1) && schedule.is_due(HTTP_FLOOR));
    assert_eq!(schedule.request_now(1000, false), 1000, "one that is due is due");
    schedule.on_success(1000, 0);
    assert_eq!(schedule.request_now(1010, true), 1010);
    assert!(schedule.is_due(1010));
    // After a failure that bothered nobody there is nothing to wait for.
    let mut schedule = fresh(0);
    schedule.on_failure(0, UNANSWERED, 0);
    assert_eq!(schedule.request_now(1, false), 1);
}

#[test]
fn another_timing_holds_from_now_on() {
    let mut schedule = fresh(0);
    schedule.on_success(0, HOUR / 20);
    let before = schedule.clone();
    schedule.retime(HOURLY, 10);
    assert_eq!(schedule, before);
    schedule.retime(Timing::new(60, 0), 10);
    assert_eq!(schedule.next_at(), HTTP_FLOOR, "what was promised to the provider still holds");
    schedule.on_success(1000, 3);
    assert!(schedule.next_at() <= 1000 + 93);
}

proptest! {
    /// Whatever happens, in whatever order: never within the floor of an answer, never never.
    #[test]
    fn always_polite_and_always_again(
        interval in 1_u64..100_000,
        floor in 0_u64..10_000,
        age in prop::option::of(0_u64..200_000),
        steps in prop::collection::vec((0_u8..5, any::<u64>(), 0_u64..100), 1..40),
    ) {
        let timing = Timing::new(interval, floor);
        let mut schedule = Schedule::new("list", 3, timing, 1_000_000, age);
        let mut now = 1_000_000;
        let mut answered_at: Option<u64> = age.map(|age| now - age);
        for (kind, random, late) in steps {
            prop_assert!(schedule.next_at() <= now + 2 * timing.interval().max(BACK_OFF_CAP).max(floor));
            now = now.max(schedule.next_at()) + late;
            if let Some(at) = answered_at {
                prop_assert!(now - at >= timing.floor(), "{} after an answer", now - at);
            }
            match kind {
                0 => schedule.on_success(now, random),
                1 => schedule.on_not_modified(now, random),
                2 => schedule.on_failure(now, ANSWERED, random),
                3 => schedule.on_failure(now, UNANSWERED, random),
                _ => { schedule.request_now(now, false); }
            }
            if kind < 3 {
                answered_at = Some(now);
            }
            prop_assert!(kind == 4 || schedule.next_at() > now);
        }
    }

    /// States follow each other at the times foretold.
    #[test]
    fn freshness_changes_when_it_says(max_age in 1_u64..1_000_000, refreshed_at in 0_u64..1_000_000) {
        let mut now = refreshed_at;
        let mut states = vec![age_state(now, refreshed_at, Some(max_age))];
        while let Some(wait) = age_changes_in(now, refreshed_at, Some(max_age)) {
            prop_assert!(wait > 0);
            prop_assert_eq!(kind(age_state(now + wait - 1, refreshed_at, Some(max_age))), kind(*states.last().unwrap()));
            now += wait;
            states.push(age_state(now, refreshed_at, Some(max_age)));
        }
        prop_assert_eq!(now, refreshed_at + max_age);
        prop_assert_eq!(*states.last().unwrap(), Freshness::Expired);
    }
}

fn kind(state: Freshness) -> std::mem::Discriminant<Freshness> {
    std::mem::discriminant(&state)
}

#[test]
fn content_ages_from_four_fifths_on() {
    for (age, expected) in [
        (0, Freshness::Fresh),
        (799, Freshness::Fresh),
        (800, Freshness::Ageing { expires_in: 200 }),
        (999, Freshness::Ageing { expires_in: 1 }),
        (1000, Freshness::Expired),
        (5000, Freshness::Expired),
    ] {
        assert_eq!(age_state(10_000 + age, 10_000, Some(1000)), expected, "{age}");
    }
    assert_eq!(age_state(u64::MAX, 0, None), Freshness::Fresh);
    assert_eq!(age_changes_in(0, 0, None), None);
    assert_eq!(age_state(5, 10_000, Some(1)), Freshness::Fresh, "a clock set back");
    assert_eq!(age_state(10_000, 10_000, Some(0)), Freshness::Expired);
}
