use proptest::prelude::*;

use super::*;
use crate::address::Address;

const KEY: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];

fn flow(client: u32, port: u16) -> FlowKey {
    let client = Address::v4(client.to_be_bytes());
    FlowKey::new((client, port), (Address::v4([198, 51, 100, 25]), 25))
}

fn numbers(client: u32, server: u32) -> Numbers {
    Numbers { client, server }
}

/// Two connections that meet in one place.
fn two_in_one_place() -> (Place, Place) {
    let first = Place::of(KEY, &flow(1, 1));
    let second =
        (2..).map(|client| Place::of(KEY, &flow(client, 1))).find(|place| place.index == first.index);
    (first, second.expect("there are more connections than places"))
}

#[test]
fn a_handshake_opens() {
    let (opening, place) = (Opening::default(), Place::of(KEY, &flow(1, 1)));
    assert_eq!(opening.known(place), Known::Nothing);
    opening.on_syn(place, 100);
    assert_eq!(opening.known(place), Known::Nothing);
    assert!(opening.on_syn_ack(place, numbers(100, 200)));
    assert_eq!(opening.known(place), Known::Opened(numbers(100, 200)));
    assert!(!opening.on_syn_ack(place, numbers(100, 200)), "the same again opens nothing");
    assert!(!opening.on_syn_ack(place, numbers(100, 300)), "nor does another");
    assert_eq!(opening.known(place), Known::Opened(numbers(100, 200)));
    opening.on_middle(place, numbers(1, 2));
    assert_eq!(opening.known(place), Known::Opened(numbers(100, 200)), "its middle is not its beginning");
    opening.forget(place);
    assert_eq!(opening.known(place), Known::Nothing);
}

#[test]
fn a_syn_into_an_open_connection_hides_nothing() {
    let (opening, place) = (Opening::default(), Place::of(KEY, &flow(1, 1)));
    opening.on_syn(place, 100);
    assert!(opening.on_syn_ack(place, numbers(100, 200)));
    opening.on_syn(place, 100);
    assert_eq!(opening.known(place), Known::Opened(numbers(100, 200)), "the same again");
    opening.on_syn(place, 7);
    assert_eq!(opening.known(place), Known::Nothing, "perhaps another connection");
    opening.on_middle(place, numbers(100, 230));
    assert_eq!(opening.known(place), Known::Middle(numbers(100, 230)), "it was none");
}

#[test]
fn only_what_acknowledges_the_syn_opens() {
    for (acknowledged, opens) in
        [(100, true), (101, true), (100 + REACH - 1, true), (99, false), (100 + REACH, false), (0, false)]
    {
        let (opening, place) = (Opening::default(), Place::of(KEY, &flow(1, 1)));
        assert!(!opening.on_syn_ack(place, numbers(acknowledged, 200)), "{acknowledged} without a SYN");
        opening.on_syn(place, 100);
        assert_eq!(opening.on_syn_ack(place, numbers(acknowledged, 200)), opens, "{acknowledged}");
        let expected = if opens { Known::Opened(numbers(100, 200)) } else { Known::Nothing };
        assert_eq!(opening.known(place), expected, "{acknowledged}");
    }
}

#[test]
fn a_middle_is_what_was_said_last() {
    let (opening, place) = (Opening::default(), Place::of(KEY, &flow(1, 1)));
    for (client, server) in [(1, 2), (3, 4)] {
        opening.on_middle(place, numbers(client, server));
        assert_eq!(opening.known(place), Known::Middle(numbers(client, server)));
    }
    opening.on_syn(place, 100);
    opening.on_middle(place, numbers(5, 6));
    assert_eq!(opening.known(place), Known::Middle(numbers(5, 6)));
    assert!(!opening.on_syn_ack(place, numbers(100, 200)), "a connection with payload was opened long ago");
}

#[test]
fn the_newest_connection_has_the_place() {
    let (first, second) = two_in_one_place();
    let opening = Opening::default();
    opening.on_syn(first, 100);
    opening.on_syn(second, 300);
    assert!(!opening.on_syn_ack(first, numbers(100, 200)));
    assert!(opening.on_syn_ack(second, numbers(300, 400)));
    assert_eq!(
        (opening.known(first), opening.known(second)),
        (Known::Nothing, Known::Opened(numbers(300, 400)))
    );
    opening.forget(first);
    assert_eq!(opening.known(second), Known::Opened(numbers(300, 400)));
}

/// Each half may be another's: of another connection, or of another state.
#[test]
fn halves_of_two_are_nothing() {
    let (first, second) = two_in_one_place();
    let write = |opening: &Opening, place, state: u8| match state {
        0 => opening.on_syn(place, 100),
        1 => {
            opening.on_syn(place, 100);
            assert!(opening.on_syn_ack(place, numbers(100, 200)));
        }
        _ => opening.on_middle(place, numbers(100, 200)),
    };
    for (a, b) in [(first, second), (second, first), (first, first)] {
        for (one, other) in [(0, 1), (0, 2), (1, 2), (2, 1), (1, 1), (2, 2)] {
            if a == b && one == other {
                continue;
            }
            let (left, right) = (Opening::default(), Opening::default());
            write(&left, a, one);
            write(&right, b, other);
            let torn = Opening {
                client: SharedU64::new(left.client.load()),
                server: SharedU64::new(right.server.load()),
            };
            assert_eq!((torn.known(a), torn.known(b)), (Known::Nothing, Known::Nothing), "{one} {other}");
        }
    }
}

#[test]
fn numbers_fit_up_to_their_reach() {
    let own = numbers(u32::MAX - 3, 10);
    for (client, server, fits) in [
        (u32::MAX - 3, 10, true),
        (5, 10, true),
        (own.client.wrapping_add(REACH - 1), 10 + REACH - 1, true),
        (u32::MAX - 4, 10, false),
        (u32::MAX - 3, 9, false),
        (own.client.wrapping_add(REACH), 10, false),
        (u32::MAX - 3, 10 + REACH, false),
    ] {
        assert_eq!(own.fit(numbers(client, server)), fits, "{client} {server}");
    }
}

#[test]
fn places_spread() {
    let mut taken = vec![0_u8; OPENINGS];
    // One client's ports, and one port of neighbours: as many connections as places.
    let ports = (0..OPENINGS / 2).map(|port| flow(0x0a00_0001, port as u16));
    let clients = (0..OPENINGS / 2).map(|client| flow(0x0a01_0000 + client as u32, 40000));
    for flow in ports.chain(clients) {
        taken[Place::of(KEY, &flow).index as usize] += 1;
    }
    // At random, a share of 1/e is free, and hardly any place has more than eight.
    let free = taken.iter().filter(|count| **count == 0).count();
    assert!((0.33..0.41).contains(&(free as f64 / OPENINGS as f64)), "{free}");
    assert!(taken.iter().all(|count| *count < 14));
}

proptest! {
    #[test]
    fn numbers_come_back_whole(client: u32, server: u32) {
        prop_assert_eq!(Numbers::unpack(numbers(client, server).pack()), numbers(client, server));
    }

    /// All of a connection takes part in its place, and so does the key.
    #[test]
    fn whatever_differs_has_another_tag(key: [u64; 2], client: u32, port: u16, bit in 0..96_u32) {
        let own = Place::of(key, &flow(client, port));
        let other = match bit {
            0..32 => Place::of(key, &flow(client ^ 1 << bit, port)),
            32..48 => Place::of(key, &flow(client, port ^ 1 << (bit - 32))),
            48..64 => {
                let mut flow = flow(client, port);
                flow.server_port ^= 1 << (bit - 48);
                Place::of(key, &flow)
            }
            _ => Place::of([key[0] ^ 1 << (bit - 64), key[1]], &flow(client, port)),
        };
        prop_assert_ne!((own.index, own.tag), (other.index, other.tag));
        prop_assert!(own.tag != 0 && own.tag < 1 << 30 && (own.index as usize) < OPENINGS);
    }
}
