//! What is full is counted, and what is lost shows as lost.

use relay_guard::datapath::LoadOptions;
use relay_guard_common::counter::Loss;
use relay_guard_common::flow::Budgets;
use relay_guard_common::flow::Party::{Client, Server};
use relay_guard_common::flow::capture::LARGE_PAYLOAD;
use relay_guard_tests::frames::flags;

use super::talk::{Talk, Way};
use super::world::{GREETING, OPENED, World, with_world_of};

const FLOWS: u16 = 4;

#[test]
fn a_full_table_leaves_connections_unseen() {
    with_world_of(&LoadOptions { flows: FLOWS.into(), ..LoadOptions::default() }, |mut world| {
        let talk = |number: u16| Talk::new(Way::Host, false).port(40000 + number);
        for number in 0..FLOWS {
            let mut talk = talk(number);
            world.open(&talk);
            assert_eq!(world.say(&mut talk, Server, GREETING).len(), 1);
        }
        assert_eq!((world.count(), world.losses(Loss::FlowTableFull)), (FLOWS.into(), 0));
        let mut more = talk(FLOWS);
        world.open(&more);
        assert_eq!(world.say(&mut more, Server, GREETING), []);
        assert_eq!((world.count(), world.losses(Loss::FlowTableFull)), (FLOWS.into(), 1));
        // Where there is room again, what is said next is seen; that something is missing shows by the numbers.
        world.forget(&talk(0));
        let told = world.say(&mut more, Client, "EHLO client.example\r\n");
        assert_eq!(
            (told.len(), told[0].opening, told[0].acknowledgment),
            (1, OPENED, Some(more.next(Server)))
        );
        assert!(!told[0].skipped_own && !told[0].skipped_other);
        assert_eq!((world.count(), world.losses(Loss::FlowTableFull)), (FLOWS.into(), 1));
    });
}

const PLENTY: Budgets = Budgets { turn: 1 << 30, client: 1 << 30, server: 1 << 30, reserved: 0 };
const RING: u32 = 16 * 1024;

fn with_small_ring(test: impl FnOnce(World<'_>) + Send) {
    with_world_of(&LoadOptions { capture_bytes: RING, ..LoadOptions::default() }, |mut world| {
        world.budgets(PLENTY);
        test(world);
    });
}

/// Fills the ring: how many segments found no room.
fn fill(world: &mut World<'_>, talk: &mut Talk) -> u64 {
    for _ in 0..20 {
        let frame = talk.says(Client, [b'x'; 1000]);
        world.pass(talk.way, Client, &frame);
    }
    world.losses(Loss::CaptureRingFull)
}

#[test]
fn what_a_full_ring_loses_is_no_skip() {
    with_small_ring(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        let lost = fill(&mut world, &mut talk);
        assert!(lost > 0);
        assert_eq!(world.told().len() as u64, 20 - lost);
        // The gap is of lost octets: both parties' next records leave it at that.
        let told = world.say(&mut talk, Server, "250 Ok\r\n");
        assert_eq!((told.len(), told[0].skipped_own, told[0].skipped_other), (1, false, false));
        let told = world.say(&mut talk, Client, "NOOP\r\n");
        assert_eq!((told.len(), told[0].skipped_own, told[0].skipped_other), (1, false, false));
    });
}

#[test]
fn what_was_lost_beside_what_was_skipped_is_lost() {
    with_small_ring(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        // Beyond the budget, and then lost.
        fill(&mut world, &mut talk);
        world.budgets(Budgets { turn: 0, ..PLENTY });
        let before = world.losses(Loss::CaptureRingFull);
        let frame = talk.says(Server, [b'y'; 1000]);
        world.pass(talk.way, Server, &frame);
        assert_eq!(world.losses(Loss::CaptureRingFull), before + 1, "the server's record is lost");
        let frame = talk.says(Client, "skipped");
        world.pass(talk.way, Client, &frame);
        world.told();
        // The server's next: of its own some was lost, of the client's both.
        let told = world.say(&mut talk, Server, "250 Ok\r\n");
        assert_eq!((told.len(), told[0].skipped_own, told[0].skipped_other), (1, false, false));
        // From here on all is told.
        assert_eq!(world.say(&mut talk, Client, "skipped again"), []);
        let told = world.say(&mut talk, Server, "250 Ok\r\n");
        assert_eq!((told.len(), told[0].skipped_own, told[0].skipped_other), (1, false, true));
    });
}

/// An end that found no room is told when it comes again.
#[test]
fn an_end_that_is_lost_is_told_when_it_comes_again() {
    with_small_ring(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        fill(&mut world, &mut talk);
        // What is left takes short records.
        while world.losses(Loss::CaptureRingFull) < 40 {
            let frame = talk.says(Client, "x");
            world.pass(talk.way, Client, &frame);
        }
        let end = talk.bare(Client, flags::FIN | flags::ACK);
        world.pass(talk.way, Client, &end);
        world.told();
        for expected in [1, 0] {
            world.pass(talk.way, Client, &end);
            assert_eq!(world.told().len(), expected);
        }
    });
}

/// Of a wide segment, what is behind a lost part is lost as well.
#[test]
fn a_wide_segment_is_lost_from_a_part_on() {
    with_small_ring(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        let payload: Vec<u8> = (0..12 * LARGE_PAYLOAD).map(|index| index as u8).collect();
        let frame = talk.says(Client, &payload).flags(flags::FIN | flags::ACK);
        world.pass(talk.way, Client, &frame);
        assert_eq!(world.losses(Loss::CaptureRingFull), 1);
        let told = world.told();
        assert!((1..12).contains(&told.len()), "{}", told.len());
        assert!(told.iter().all(|told| told.flags & flags::FIN == 0), "its end was not told");
        // The end comes again by itself.
        world.pass(talk.way, Client, &talk.bare(Client, flags::FIN | flags::ACK));
        let told = world.told();
        assert_eq!((told.len(), told[0].skipped_own), (1, false));
    });
}
