//! Segments that one record does not hold.

use relay_guard_common::flow::Budgets;
use relay_guard_common::flow::Party::{self, Client, Server};
use relay_guard_common::flow::capture::{LARGE_PAYLOAD, SMALL_PAYLOAD};
use relay_guard_tests::frames::flags;

use super::talk::{CLIENT, Talk, Way};
use super::world::{OPENED, Programs, World, with_world};

const PLENTY: Budgets = Budgets { turn: 1 << 20, client: 1 << 20, server: 1 << 20, reserved: 0 };

fn octets(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 7 + index / 256) as u8).collect()
}

/// Sends a payload with FIN, and checks that the records put it together again.
fn check(world: &mut World<'_>, from: Party, len: usize) {
    let mut talk = Talk::new(Way::Host, len.is_multiple_of(2)).port(1024 + (len % 60_000) as u16);
    world.open(&talk);
    let (first, payload) = (talk.next(from), octets(len));
    let frame = talk.says(from, &payload).flags(flags::FIN | flags::PSH | flags::ACK);
    world.pass(talk.way, from, &frame);
    let told = world.told();
    assert_eq!(told.len(), len.div_ceil(LARGE_PAYLOAD).max(1), "{len}");
    let mut next = first;
    let mut all = Vec::new();
    for told in &told {
        assert_eq!((told.from, told.sequence), (from, next), "{len}");
        assert_eq!(told.len as usize, told.payload.len(), "{len}");
        let is_last = next.wrapping_add(told.len) == first.wrapping_add(len as u32);
        assert_eq!(told.flags & flags::FIN != 0, is_last, "{len}: only the last part ends it");
        assert_eq!(told.opening, OPENED);
        assert!(!told.skipped_own && !told.skipped_other && !told.ended);
        next = next.wrapping_add(told.len);
        all.extend_from_slice(&told.payload);
    }
    assert_eq!(all, payload, "{len}");
    world.forget(&talk);
}

#[test]
fn every_length_comes_whole() {
    let edges = [SMALL_PAYLOAD, LARGE_PAYLOAD, 2 * LARGE_PAYLOAD].into_iter();
    let lengths: Vec<usize> = edges
        .flat_map(|edge| [edge - 1, edge, edge + 1])
        .chain([1, 2, 7, 8, 9, 127, 128, 129, 1460])
        .collect();
    with_world(|mut world| {
        world.budgets(PLENTY);
        for from in [Client, Server] {
            // Frames of more than a page come to tc in pieces, of which test-runs make none.
            let one_page = |len: &&usize| from == Client || **len < 2900;
            for &len in lengths.iter().filter(one_page) {
                check(&mut world, from, len);
            }
        }
        world.programs = Programs::Tc;
        for &len in lengths.iter().filter(|len| **len < 2900) {
            check(&mut world, Client, len);
        }
    });
}

/// In several buffers.
#[test]
fn jumbo_frames_come_whole() {
    with_world(|mut world| {
        world.budgets(PLENTY);
        for len in [5000, 8960, 16_000, 40_000, 60_000] {
            check(&mut world, Client, len);
        }
    });
}

#[test]
fn a_budget_ends_within_a_wide_segment() {
    with_world(|mut world| {
        let budget = LARGE_PAYLOAD + 100;
        world.budgets(Budgets { turn: budget as u32, ..PLENTY });
        let mut talk = world.greeted(Way::Host, false);
        let payload = octets(9000);
        let told = world.say(&mut talk, Client, &payload);
        let [first, last] = &told[..] else { panic!("{told:?}") };
        assert_eq!((first.len as usize, &first.payload[..]), (LARGE_PAYLOAD, &payload[..LARGE_PAYLOAD]));
        assert_eq!(last.sequence, CLIENT.wrapping_add(1 + LARGE_PAYLOAD as u32));
        assert_eq!(
            (last.len as usize, &last.payload[..]),
            (9000 - LARGE_PAYLOAD, &payload[LARGE_PAYLOAD..budget])
        );
        let told = world.say(&mut talk, Server, "250 Ok\r\n");
        assert!(told[0].skipped_other);
    });
}
