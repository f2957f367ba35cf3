//! How much of a connection is captured, and what its records say of the rest.

use relay_guard_common::flow::Budgets;
use relay_guard_common::flow::Party::{Client, Server};
use relay_guard_tests::frames::flags;

use super::talk::{Talk, Way};
use super::world::{GREETING, World, with_world};

const SMALL: Budgets = Budgets { turn: 100, client: 250, server: 60, reserved: 0 };

const SEEN: [bool; 2] = [false, false];
const OWN: [bool; 2] = [true, false];
const OTHER: [bool; 2] = [false, true];

/// Says something, and gives the records in few words.
fn say(
    world: &mut World<'_>,
    talk: &mut Talk,
    from: relay_guard_common::flow::Party,
    octets: usize,
) -> Vec<(relay_guard_common::flow::Party, u32, usize, u32, [bool; 2])> {
    world.say(talk, from, vec![b'x'; octets]).iter().map(super::world::Told::brief).collect()
}

#[test]
fn a_turn_ends_and_comes_again() {
    with_world(|mut world| {
        world.budgets(SMALL);
        let mut talk = world.greeted(Way::Host, false);
        assert_eq!(say(&mut world, &mut talk, Client, 60), [(Client, 0, 60, 60, SEEN)]);
        // What is left of the turn, and nothing more.
        assert_eq!(say(&mut world, &mut talk, Client, 60), [(Client, 60, 40, 60, SEEN)]);
        assert_eq!(say(&mut world, &mut talk, Client, 60), []);
        // Who has said nothing gives no turn.
        world.pass(talk.way, Server, &talk.bare(Server, flags::ACK));
        assert_eq!(say(&mut world, &mut talk, Client, 1), []);
        let before = talk.said[Server as usize];
        assert_eq!(say(&mut world, &mut talk, Server, 5), [(Server, before, 5, 5, OTHER)]);
        assert_eq!(say(&mut world, &mut talk, Client, 7), [(Client, 181, 7, 7, OWN)]);
        // Both have been told.
        assert_eq!(say(&mut world, &mut talk, Server, 5), [(Server, before + 5, 5, 5, SEEN)]);
        assert_eq!(say(&mut world, &mut talk, Client, 7), [(Client, 188, 7, 7, SEEN)]);
    });
}

#[test]
fn all_that_a_party_has_ends() {
    with_world(|mut world| {
        world.budgets(SMALL);
        let mut talk = world.greeted(Way::Host, false);
        let greeting = GREETING.len() as u32;
        assert_eq!(say(&mut world, &mut talk, Client, 100).len(), 1);
        assert_eq!(say(&mut world, &mut talk, Server, 1).len(), 1);
        assert_eq!(say(&mut world, &mut talk, Client, 100).len(), 1);
        assert_eq!(say(&mut world, &mut talk, Server, 1).len(), 1);
        assert_eq!(say(&mut world, &mut talk, Client, 100), [(Client, 200, 50, 100, SEEN)]);
        // The server's: what is left, and from then on nothing. That the client's was cut is said by its record and the next.
        let left = 60 - greeting - 2;
        assert_eq!(
            say(&mut world, &mut talk, Server, 60),
            [(Server, greeting + 2, left as usize, 60, OTHER)]
        );
        assert_eq!(say(&mut world, &mut talk, Server, 60), []);
        assert_eq!(say(&mut world, &mut talk, Client, 100), []);
    });
}

#[test]
fn what_fits_exactly_is_whole() {
    with_world(|mut world| {
        world.budgets(SMALL);
        let mut talk = world.greeted(Way::Host, false);
        assert_eq!(say(&mut world, &mut talk, Client, 100), [(Client, 0, 100, 100, SEEN)]);
        let before = talk.said[Server as usize];
        assert_eq!(say(&mut world, &mut talk, Server, 5), [(Server, before, 5, 5, SEEN)]);
    });
}

#[test]
fn content_is_not_captured() {
    let go_ahead = "354 End data with <CR><LF>.<CR><LF>\r\n";
    let pipelined = format!("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n{go_ahead}");
    let long = format!("{}{pipelined}", "250 2.1.5 Ok\r\n".repeat(40));
    with_world(|mut world| {
        for (port, reply) in [go_ahead, "354\r\n", &pipelined, &long].into_iter().enumerate() {
            let mut talk = Talk::new(Way::Host, false).port(41000 + port as u16);
            world.open(&talk);
            assert_eq!(world.say(&mut talk, Server, GREETING).len(), 1);
            assert_eq!(world.say(&mut talk, Client, "DATA\r\n").len(), 1);
            assert_eq!(world.say(&mut talk, Server, reply).len(), 1, "{reply}");
            for _ in 0..3 {
                assert_eq!(world.say(&mut talk, Client, "Subject: secret\r\n\r\n.\r\n"), [], "{reply}");
            }
            // An acknowledgment ends nothing.
            world.pass(talk.way, Server, &talk.bare(Server, flags::ACK));
            assert_eq!(world.say(&mut talk, Client, ".\r\n"), [], "{reply}");
            let told = world.say(&mut talk, Server, "250 2.0.0 Ok: queued\r\n");
            assert_eq!(
                told.iter().map(|told| (told.skipped_own, told.skipped_other)).collect::<Vec<_>>(),
                [(false, true)]
            );
            let told = world.say(&mut talk, Client, "QUIT\r\n");
            assert_eq!((told.len(), told[0].skipped_own, told[0].skipped_other), (1, true, false));
            assert_eq!(told[0].payload, b"QUIT\r\n");
        }
    });
}

#[test]
fn what_only_looks_like_a_go_ahead_is_none() {
    with_world(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        for reply in
            ["250 354 octets\r\n", "250-SIZE 354\r\n250 OK\r\n", "503 5.5.1 \t354\r\n", "35\r\n", "3"]
        {
            assert_eq!(world.say(&mut talk, Server, reply).len(), 1, "{reply}");
            assert_eq!(world.say(&mut talk, Client, "NOOP\r\n").len(), 1, "after {reply}");
        }
    });
}

/// An end is always told, once for each party and kind of end.
#[test]
fn ends_are_told() {
    const FIN: u8 = flags::FIN | flags::ACK;
    const RST: u8 = flags::RST;
    with_world(|mut world| {
        let spent = Budgets { turn: 0, client: 0, server: 30, reserved: 0 };
        for (from, end) in [(Client, FIN), (Client, RST), (Server, FIN), (Server, RST | flags::ACK)] {
            world.budgets(spent);
            let mut talk = Talk::new(Way::Host, false).port(42000 + u16::from(end) + from as u16 * 100);
            world.open(&talk);
            assert_eq!(world.say(&mut talk, Server, GREETING).len(), 1);
            assert_eq!(world.say(&mut talk, Client, "EHLO\r\n"), []);
            for expected in [1, 0, 0] {
                world.pass(talk.way, from, &talk.bare(from, end));
                let told = world.told();
                assert_eq!(told.len(), expected, "{from:?} {end:#x}");
                for told in told {
                    assert_eq!((told.flags, told.len, &told.payload[..]), (end, 0, &[][..]));
                    let skipped = (from == Client, from == Server);
                    assert_eq!((told.skipped_own, told.skipped_other), skipped, "{from:?} {end:#x}");
                }
            }
        }
    });
}

/// The last words come with the end: not captured any more, but told.
#[test]
fn last_words_are_told_of() {
    with_world(|mut world| {
        world.budgets(Budgets { turn: 4, client: 4, ..SMALL });
        let mut talk = world.greeted(Way::Host, false);
        assert_eq!(say(&mut world, &mut talk, Client, 4).len(), 1);
        let end = talk.says(Client, "QUIT\r\n").flags(flags::FIN | flags::ACK);
        world.pass(talk.way, Client, &end);
        assert_eq!(world.brief(), [(Client, 4, 0, 6, SEEN)]);
    });
}

/// A connection between ends that have met before has all of its budgets, and other numbers.
#[test]
fn ends_that_meet_again_begin_anew() {
    with_world(|mut world| {
        world.budgets(SMALL);
        let mut talk = world.greeted(Way::Host, false);
        assert_eq!(say(&mut world, &mut talk, Client, 200).len(), 1);
        world.pass(talk.way, Client, &talk.bare(Client, flags::FIN | flags::ACK));
        assert_eq!(world.told().len(), 1);
        let mut again = Talk::new(talk.way, false);
        world.open(&again);
        assert_eq!(world.say(&mut again, Server, GREETING).len(), 1);
        assert_eq!(say(&mut world, &mut again, Client, 60), [(Client, 0, 60, 60, SEEN)]);
        world.pass(again.way, Client, &again.bare(Client, flags::FIN | flags::ACK));
        assert_eq!(world.told().len(), 1);
        assert_eq!(world.count(), 1);
    });
}
