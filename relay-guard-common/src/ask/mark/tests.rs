use core::net::IpAddr;
use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const KEY: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
const TAG: u32 = 0x0abc_def1;
const OTHER: u32 = 0x0123_4567;
const NOW: u64 = 7_000_000;

fn address(text: &str) -> Address {
    Address::from(text.parse::<IpAddr>().expect(text))
}

fn aged(tag: u32, age_ms: u64) -> u64 {
    mark(tag, NOW - age_ms)
}

#[test]
fn the_youngest_own_mark_speaks_then_the_oldest_place() {
    let (first, second) = (false, true);
    let before = |second| Sighting::Before { second };
    let new = |second| Sighting::New { second };
    for (places, expected) in [
        ([0, 0], new(first)),
        ([aged(TAG, 0), 0], Sighting::Lately),
        ([0, aged(TAG, ASKED_LATELY_MS - 1)], Sighting::Lately),
        ([aged(TAG, ASKED_LATELY_MS), 0], before(first)),
        ([0, aged(TAG, HELD_BEFORE_MS - 1)], before(second)),
        ([aged(TAG, HELD_BEFORE_MS), aged(OTHER, KEPT_MS)], new(first)),
        ([aged(OTHER, KEPT_MS), aged(TAG, HELD_BEFORE_MS)], new(second)),
        // Others' places: an empty one, else the older, if it is old enough.
        ([aged(OTHER, 0), 0], new(second)),
        ([0, aged(OTHER, 0)], new(first)),
        ([aged(OTHER, KEPT_MS), aged(OTHER, KEPT_MS - 1)], new(first)),
        ([aged(OTHER, KEPT_MS - 1), aged(OTHER, KEPT_MS)], new(second)),
        ([aged(OTHER, 20_000), aged(OTHER, 30_000)], new(second)),
        ([aged(OTHER, KEPT_MS - 1), aged(OTHER, 0)], Sighting::NoPlace),
        // Its own goes before an empty one, and the younger before the older.
        ([aged(OTHER, 0), aged(TAG, 10_000)], before(second)),
        ([aged(TAG, 10_000), aged(TAG, 9_000)], before(second)),
        ([aged(TAG, 9_000), aged(TAG, 10_000)], before(first)),
        ([aged(TAG, 10_000), aged(TAG, 1_000)], Sighting::Lately),
        // A CPU whose clock is ahead wrote it.
        ([mark(TAG, NOW + 4), 0], Sighting::Lately),
        ([mark(OTHER, NOW + 4), mark(OTHER, NOW + 4)], Sighting::NoPlace),
    ] {
        assert_eq!(look(places[0], places[1], TAG, NOW), expected, "{places:x?}");
    }
}

#[test]
fn marks_of_years_ago_are_old() {
    // Until the time comes round, to the second.
    for age_ms in [1 << 20, 1 << 35, TIME_MASK - CLOCK_SLACK_MS] {
        let now = NOW + (1 << 40);
        for tag in [TAG, OTHER] {
            let old = mark(tag, now - age_ms);
            assert_eq!(look(old, old, TAG, now), Sighting::New { second: false }, "{age_ms}");
        }
    }
}

#[test]
fn places_are_two_and_spread() {
    let mut used = vec![0_u8; MARKS];
    let mut tags = HashSet::new();
    let sources = MARKS as u32 / 2;
    for number in 0..sources {
        let [_, b, c, d] = number.to_be_bytes();
        let places = Places::of(KEY, Address::v4([203, b, c, d]));
        assert_ne!(places.first, places.second);
        assert!(places.tag != 0 && u64::from(places.tag) <= u64::MAX >> TIME_BITS);
        used[places.first as usize] += 1;
        used[places.second as usize] += 1;
        tags.insert(places.tag);
    }
    // One a place on the mean: of places at random 36.8 % are empty, and none has many.
    let empty = used.iter().filter(|count| **count == 0).count() as f64 / MARKS as f64;
    assert!((0.36..0.376).contains(&empty), "{empty}");
    assert!(used.iter().all(|count| *count < 14));
    assert!(tags.len() as u32 > sources - 200, "{}", tags.len());
}

#[test]
fn no_hash_gives_one_place_or_no_tag() {
    for hash in [0, 1, u64::MAX, 1 << 18, 1 << TIME_BITS, (MARKS as u64) - 1] {
        let places = Places::of_hash(hash);
        assert_ne!(places.first, places.second, "{hash:#x}");
        assert!((places.first as usize) < MARKS && (places.second as usize) < MARKS, "{hash:#x}");
        assert!(places.tag != 0 && mark(places.tag, 0) >> TIME_BITS == places.tag.into(), "{hash:#x}");
    }
}

#[test]
fn places_are_a_sources_own_and_the_keys() {
    let sources =
        ["203.0.113.1", "203.0.113.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "::203.0.113.1"];
    let of = |text| {
        let keys = [KEY, [KEY[0] ^ 1, KEY[1]], [KEY[0], KEY[1] ^ 2]];
        keys.map(|key| Places::of(key, address(text))).map(|places| (places.first, places.second, places.tag))
    };
    let places: HashSet<_> = sources.into_iter().flat_map(of).collect();
    assert_eq!(places.len(), sources.len() * 3);
    assert_eq!(of("203.0.113.1"), of("::ffff:203.0.113.1"));
}

/// A place as one would write it down: whose, since when.
type Note = Option<(u32, u64)>;

/// What the places say, by the words of the rules.
fn naive(notes: [Note; 2], tag: u32, now: u64) -> Sighting {
    let age = |place: usize| notes[place].map(|(_, since)| now - since);
    let own = |place: usize| age(place).filter(|_| notes[place].is_some_and(|(whose, _)| whose == tag));
    let own_places = (0..2).filter_map(|place| own(place).map(|age| (age, place)));
    match own_places.filter(|(age, _)| *age < HELD_BEFORE_MS).min() {
        Some((age, _)) if age < ASKED_LATELY_MS => return Sighting::Lately,
        Some((_, place)) => return Sighting::Before { second: place == 1 },
        None => {}
    }
    if let Some(place) = (0..2).find(|place| age(*place).is_none()) {
        return Sighting::New { second: place == 1 };
    }
    let second = age(1) > age(0);
    if age(usize::from(second)).is_some_and(|age| age >= KEPT_MS) {
        Sighting::New { second }
    } else {
        Sighting::NoPlace
    }
}

proptest! {
    #[test]
    fn agrees_with_notes(
        start in prop_oneof![Just(1_000), Just(TIME_MASK - 30_000), Just(3 * TIME_MASK + 5), 0..u64::MAX / 2],
        comers in proptest::collection::vec(
            (0..4_u32, prop_oneof![0..300_u64, 0..9_000_u64, 0..90_000_u64]), 1..60),
    ) {
        let (mut words, mut notes) = ([0; 2], [None; 2]);
        let mut now = start;
        for (who, gap) in comers {
            now += gap;
            let tag = [TAG, OTHER, 1, u32::MAX >> 4][who as usize];
            let sighting = look(words[0], words[1], tag, now);
            prop_assert_eq!(sighting, naive(notes, tag, now));
            if let Sighting::New { second } | Sighting::Before { second } = sighting {
                words[usize::from(second)] = mark(tag, now);
                notes[usize::from(second)] = Some((tag, now));
            }
        }
    }
}
