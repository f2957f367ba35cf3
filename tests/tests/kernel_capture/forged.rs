//! What makes no connection of it: nobody who sees one way only gets memory from the kernel.

use relay_guard_common::flow::Party::{self, Client, Server};
use relay_guard_common::flow::opening::REACH;
use relay_guard_tests::frames::{Frame, flags};

use super::talk::{CLIENT, SERVER, Talk, Way};
use super::world::{GREETING, OPENED, Programs, World, with_world};

const ACK: u8 = flags::ACK;

/// A party's segment with payload and numbers of its own.
fn with_numbers(talk: &Talk, from: Party, sequence: u32, acknowledgment: u32) -> Frame {
    talk.bare(from, ACK | flags::PSH).numbers(sequence, acknowledgment).payload("HELO\r\n")
}

/// Frames that make no connection, in this order: what they are, who sends them.
fn one_sided(talk: &Talk) -> Vec<(&'static str, Vec<(Party, Frame)>)> {
    let syn_ack = |acknowledgment| talk.syn_ack().numbers(SERVER, acknowledgment);
    let client = |sequence, acknowledgment| (Client, with_numbers(talk, Client, sequence, acknowledgment));
    let server = |sequence, acknowledgment| (Server, with_numbers(talk, Server, sequence, acknowledgment));
    let (syn, own) = ((Client, talk.syn()), (CLIENT.wrapping_add(1), SERVER.wrapping_add(1)));
    let opened = [syn.clone(), (Server, talk.syn_ack())];
    let after = |more: Vec<(Party, Frame)>| [&opened[..], &more].concat();
    vec![
        ("a SYN", vec![syn.clone()]),
        ("a SYN with payload", vec![(Client, talk.syn().payload("HELO\r\n"))]),
        ("a SYN-ACK", vec![(Server, talk.syn_ack())]),
        ("a SYN-ACK, and payload of the server's", vec![(Server, talk.syn_ack()), server(own.1, own.0)]),
        ("a handshake", opened.to_vec()),
        ("a handshake the wrong way around", vec![(Server, talk.syn_ack()), syn.clone()]),
        ("a handshake, and an acknowledgment", after(vec![(Client, talk.bare(Client, ACK))])),
        (
            "a SYN-ACK for another SYN",
            vec![
                syn.clone(),
                (Server, syn_ack(CLIENT)),
                server(own.1, own.0),
                (Server, syn_ack(CLIENT.wrapping_add(1).wrapping_add(REACH))),
                server(own.1, own.0),
            ],
        ),
        (
            "a SYN that is an end as well",
            vec![
                (Client, talk.syn().flags(flags::SYN | flags::FIN)),
                (Server, talk.syn_ack()),
                server(own.1, own.0),
            ],
        ),
        (
            "a SYN-ACK that is an end as well",
            vec![
                syn.clone(),
                (Server, talk.syn_ack().flags(flags::SYN | ACK | flags::RST)),
                server(own.1, own.0),
            ],
        ),
        ("payload of the server's with a sequence number from before", after(vec![server(SERVER, own.0)])),
        ("the same from far beyond", after(vec![server(own.1.wrapping_add(REACH), own.0)])),
        ("payload of the server's that acknowledges from before", after(vec![server(own.1, CLIENT)])),
        ("the same from far beyond", after(vec![server(own.1, own.0.wrapping_add(REACH))])),
        ("payload of the client's that acknowledges nothing", after(vec![client(own.0, SERVER)])),
        (
            "payload without ACK",
            after(vec![
                (Client, with_numbers(talk, Client, own.0, own.1).flags(flags::PSH)),
                (Server, with_numbers(talk, Server, own.1, own.0).flags(flags::PSH)),
            ]),
        ),
        (
            "payload with a reset",
            after(vec![(Server, with_numbers(talk, Server, own.1, own.0).flags(flags::RST | ACK))]),
        ),
        (
            "ends",
            after(vec![
                (Client, talk.bare(Client, flags::FIN | ACK)),
                (Server, talk.bare(Server, flags::FIN | ACK)),
                (Client, talk.bare(Client, flags::RST)),
                (Server, talk.bare(Server, flags::RST | ACK)),
            ]),
        ),
        ("payload of the server's, from the middle", vec![server(9000, 5000), server(9006, 5000)]),
        (
            "payload of the server's, and of the client's that knows nothing of it",
            vec![server(9000, 5000), client(5000, 9005), client(4999, 9006), client(5000, 9006 + REACH)],
        ),
    ]
}

fn run(world: &mut World<'_>, talk: &Talk, frames: &[(Party, Frame)]) {
    for (from, frame) in frames {
        world.pass(talk.way, *from, frame);
    }
}

#[test]
fn one_side_alone_makes_no_connection() {
    with_world(|mut world| {
        let mut port = 1024;
        for programs in Programs::ALL {
            world.programs = programs;
            for (way, v6) in
                [(Way::Host, false), (Way::Host, true), (Way::Inbound, false), (Way::Gateway, false)]
            {
                for number in 0..one_sided(&Talk::new(way, v6)).len() {
                    port += 1;
                    let talk = Talk::new(way, v6).port(port);
                    let (what, frames) = one_sided(&talk).swap_remove(number);
                    // What the gateway itself says needs no proof.
                    if way == Way::Gateway && what.contains("of the client's") {
                        continue;
                    }
                    run(&mut world, &talk, &frames);
                    assert_eq!(world.told(), [], "{what}: {way:?} {programs:?}");
                    assert_eq!(world.flows.get(&talk.key()), None, "{what}: {way:?} {programs:?}");
                }
            }
        }
    });
}

/// Floods of all of that take the table that is there, and nothing more.
#[test]
fn floods_allocate_nothing() {
    with_world(|mut world| {
        for number in 0..20_000_u32 {
            let way = if number % 2 == 0 { Way::Host } else { Way::Inbound };
            let mut talk = Talk::new(way, false).port((number % 60_000) as u16 + 1024);
            match number % 3 {
                0 => world.pass(way, Client, &talk.syn()),
                1 => world.pass(way, Server, &talk.syn_ack()),
                _ => {
                    let frame = talk.says(Server, GREETING);
                    world.pass(way, Server, &frame);
                }
            }
        }
        assert_eq!((world.count(), world.told()), (0, Vec::new()));
    });
}

/// Who talks before the greeting is seen from the first octet on.
#[test]
fn who_talks_first_is_seen() {
    with_world(|mut world| {
        for way in Way::ALL {
            let mut talk = Talk::new(way, false);
            world.open(&talk);
            for before in [0, 15] {
                let told = world.say(&mut talk, Client, "EHLO spam.bot\r\n");
                assert_eq!(told.len(), 1, "{way:?}");
                assert_eq!((told[0].opening, told[0].brief().1), (OPENED, before), "{way:?}");
            }
            let told = world.say(&mut talk, Server, GREETING);
            assert_eq!((told.len(), told[0].opening), (1, OPENED), "{way:?}");
        }
    });
}

/// A connection from before is known when its client acknowledges its server.
#[test]
fn connections_are_found_in_their_middle() {
    with_world(|mut world| {
        for way in [Way::Host, Way::Inbound, Way::InboundGateway] {
            let mut talk = Talk::new(way, false);
            assert_eq!(world.say(&mut talk, Client, "NOOP\r\n"), [], "{way:?}");
            assert_eq!(world.say(&mut talk, Server, "250 Ok\r\n"), [], "{way:?}");
            world.pass(way, Client, &talk.bare(Client, ACK));
            assert_eq!(world.told(), [], "{way:?}");
            assert!(world.flows.get(&talk.key()).is_some(), "{way:?}");
            let told = world.say(&mut talk, Client, "NOOP\r\n");
            assert_eq!((told.len(), told[0].opening), (1, None), "{way:?}");
            let told = world.say(&mut talk, Server, "250 Ok\r\n");
            assert_eq!((told.len(), told[0].opening), (1, None), "{way:?}");
            world.forget(&talk);
        }
    });
}

/// The gateway's own connections are known by what it says.
#[test]
fn the_gateways_own_are_found_by_what_it_says() {
    with_world(|mut world| {
        let mut talk = Talk::new(Way::Gateway, false);
        assert_eq!(world.say(&mut talk, Server, "250 Ok\r\n"), []);
        world.pass(talk.way, Client, &talk.bare(Client, ACK));
        assert_eq!(world.say(&mut talk, Server, "250 Ok\r\n"), []);
        let told = world.say(&mut talk, Client, "NOOP\r\n");
        assert_eq!((told.len(), told[0].opening), (1, None));
        assert_eq!(world.say(&mut talk, Server, "250 Ok\r\n").len(), 1);
    });
}

/// What comes late of a connection that is forgotten makes nothing of it.
#[test]
fn the_forgotten_stay_forgotten() {
    with_world(|mut world| {
        for way in [Way::Host, Way::Inbound] {
            let talk = world.greeted(way, false);
            world.forget(&talk);
            let late = Talk { said: [0; 2], ..talk };
            for from in [Client, Server] {
                world.pass(way, from, &{ late }.says(from, GREETING));
            }
            assert_eq!((world.told(), world.flows.get(&talk.key())), (Vec::new(), None), "{way:?}");
            world.forget(&talk);
        }
    });
}
