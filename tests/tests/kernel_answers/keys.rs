//! Keys of cookies: none yet, turned over, forgotten.

use std::collections::HashSet;

use relay_guard_common::respond::cookie::{CookieKeys, Tuple};
use relay_guard_common::respond::limits::Answering;

use super::connection::{Connection, Program};
use super::reaction::{Reaction, WINDOW, client_reset, syn_ack, text, wait};
use super::run::Ports;
use super::segment::{NEVER_SENT, Segment};
use super::world::{REFUSED, RESET, SAID, TARPITTED, UNCAPPED, World, with_world};

const FIRST: [u64; 2] = [1, 0];
const SECOND: [u64; 2] = [0, u64::MAX];
const THIRD: [u64; 2] = [0x1111_1111_1111_1111, 0x2222_2222_2222_2222];

fn set(world: &mut World<'_>, current: [u64; 2], previous: [u64; 2]) {
    world.set_answering(&Answering { keys: CookieKeys { current, previous }, ..UNCAPPED });
}

#[test]
fn without_a_key_nothing_is_answered() {
    with_world(|mut world| {
        set(&mut world, [0; 2], [0; 2]);
        let mut ports = Ports::default();
        for who in [REFUSED, TARPITTED, RESET] {
            for program in Program::ALL {
                for v6 in [false, true] {
                    let mut connection = Connection::inbound(program, who.client(v6), ports.next(), 25);
                    // What fits nothing, and what would fit if no key were a key, too.
                    for cookie in [connection.cookie, 0] {
                        connection.cookie = cookie;
                        for segment in [Segment::syn(), Segment::ack(1), Segment::data(SAID, "QUIT\r\n")] {
                            let reaction = connection.send(world.kernel, &segment);
                            assert_eq!(reaction, Ok(Reaction::Silence), "{who:?} {connection:?} {segment:?}");
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn the_key_before_is_good_and_the_one_before_that_is_not() {
    let line = Segment::data(SAID, "EHLO x\r\n");
    let hello = text(8, "250 mx.example.com\r\n");
    let probe = Segment::data(1, "E");
    with_world(|mut world| {
        let mut ports = Ports::default();
        for program in Program::ALL {
            for v6 in [false, true] {
                set(&mut world, FIRST, [0; 2]);
                let refused =
                    Connection::inbound(program, REFUSED.client(v6), ports.next(), 25).open(world.kernel);
                let held =
                    Connection::inbound(program, TARPITTED.client(v6), ports.next(), 25).open(world.kernel);
                for (current, previous) in [(FIRST, [0; 2]), (SECOND, FIRST)] {
                    set(&mut world, current, previous);
                    assert_eq!(refused.send(world.kernel, &line), Ok(hello.clone()), "{refused:?}");
                    assert_eq!(held.send(world.kernel, &probe), Ok(wait()), "{held:?}");
                }
                // New connections get the new key's.
                let anew = refused.open(world.kernel);
                assert_ne!(anew.cookie, refused.cookie);
                assert_eq!(anew.send(world.kernel, &Segment::syn()), Ok(syn_ack(WINDOW)));
                assert_eq!(anew.send(world.kernel, &line), Ok(hello.clone()), "{refused:?}");

                set(&mut world, THIRD, SECOND);
                for (connection, segment) in [(&refused, &line), (&held, &probe)] {
                    let turns = [0; 2].map(|_| connection.send(world.kernel, segment));
                    assert_eq!(turns, [Ok(Reaction::ServerReset), Ok(client_reset())], "{connection:?}");
                }
                assert_eq!(anew.send(world.kernel, &line), Ok(hello.clone()), "{refused:?}");
            }
        }
    });
}

/// Where the previous key is none, what it would make of the connection fits nothing.
#[test]
fn no_key_before_is_no_key() {
    with_world(|mut world| {
        set(&mut world, FIRST, [0; 2]);
        let mut connection = Connection::inbound(Program::Xdp, REFUSED.client(false), 4000, 25);
        for cookie in [0, connection.cookie] {
            connection.cookie = cookie;
            let reaction = connection.send(world.kernel, &Segment::data(NEVER_SENT, "QUIT\r\n"));
            assert!(matches!(reaction, Ok(Reaction::ServerReset | Reaction::Reply(_))), "{reaction:?}");
            assert_ne!(reaction, Ok(text(6, "221 2.0.0 Bye\r\n")));
        }
    });
}

/// Every part of a connection counts, and nothing else does.
#[test]
fn cookies_differ_from_connection_to_connection() {
    with_world(|world| {
        let at = |client: &str, server: &str| {
            let mut connection = Connection::inbound(Program::Xdp, REFUSED.client(false), 1, 25);
            connection.client = client.parse().expect(client);
            connection.server = server.parse().expect(server);
            connection
        };
        let connections = [
            at("198.18.1.7:40000", "10.0.2.25:25"),
            at("198.18.1.8:40000", "10.0.2.25:25"),
            at("198.18.1.7:40001", "10.0.2.25:25"),
            at("198.18.1.7:40000", "10.0.2.26:25"),
            at("198.18.1.7:40000", "10.0.2.25:587"),
            at("[2001:db8:1::7]:40000", "[2001:db8:2::25]:25"),
            at("[2001:db8:1:1::7]:40000", "[2001:db8:2::25]:25"),
            at("[2001:db8:1::8]:40000", "[2001:db8:2::25]:25"),
            at("[2001:db8:1::7]:40001", "[2001:db8:2::25]:25"),
            at("[2001:db8:1::7]:40000", "[2001:db8:2:1::25]:25"),
            at("[2001:db8:1::7]:40000", "[2001:db8:2::26]:25"),
            at("[2001:db8:1::7]:40000", "[2001:db8:2::25]:587"),
        ];
        let cookies = connections.map(|connection| connection.open(world.kernel).cookie);
        assert_eq!(cookies.iter().collect::<HashSet<_>>().len(), cookies.len(), "{cookies:x?}");
        // Far apart, so that none fits another's place.
        let near = |a: u32, b: u32| a != b && a.wrapping_sub(b) <= 1 << 18;
        assert!(!cookies.iter().any(|a| cookies.iter().any(|b| near(*a, *b))), "{cookies:x?}");
        for (connection, cookie) in connections.into_iter().zip(cookies) {
            let Connection { client, server, .. } = connection;
            let tuple = Tuple {
                source: client.ip().into(),
                destination: server.ip().into(),
                source_port: client.port(),
                destination_port: server.port(),
            };
            assert_eq!(UNCAPPED.keys.issue(&tuple), cookie, "{connection:?}");
            for program in Program::ALL {
                let elsewhere =
                    Connection { program, wrapping: |frame| frame.tcp_options(&[1; 8]), ..connection };
                assert_eq!(elsewhere.open(world.kernel).cookie, cookie, "{connection:?}");
            }
        }
    });
}
