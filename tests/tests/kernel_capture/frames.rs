//! Whatever surrounds a segment, its payload is found.

use relay_guard_common::flow::Party;
use relay_guard_tests::frames::{Ext, Frame, flags};

use super::talk::{Talk, Way};
use super::world::{GREETING, Programs, with_world};

type Wrap = fn(Frame) -> Frame;

/// What a segment comes in, whether it needs Ethernet, and the version it needs.
fn wraps() -> Vec<(&'static str, bool, Option<bool>, Wrap)> {
    vec![
        ("nothing", false, None, |frame| frame),
        ("a tag", true, None, |frame| frame.vlan(7)),
        ("two tags", true, None, |frame| frame.service_vlan(100).vlan(5)),
        ("four tags", true, None, |frame| frame.service_vlan(1).vlan(2).vlan(3).vlan(4)),
        ("PPPoE", true, None, |frame| frame.pppoe(9)),
        ("PPPoE in a tag", true, None, |frame| frame.vlan(7).pppoe(9)),
        ("TCP options", false, None, |frame| frame.tcp_options(&[1; 40])),
        ("IP options", false, Some(false), |frame| frame.v4_options(&[1; 40])),
        ("all options", false, Some(false), |frame| frame.v4_options(&[1; 40]).tcp_options(&[1; 40])),
        ("extensions", false, Some(true), |frame| {
            frame.ext(Ext::HopByHop { len: 8 }).ext(Ext::DestinationOptions { len: 16 })
        }),
        ("a fragment header for nothing", false, Some(true), |frame| frame.fragment(0, false)),
        ("urgent", false, None, |frame| frame.urgent(3)),
    ]
}

#[test]
fn payload_is_found_in_whatever_surrounds_it() {
    with_world(|mut world| {
        let mut port = 40000;
        for (what, link, version, wrap) in wraps() {
            for programs in Programs::ALL {
                for (way, v6) in
                    [(Way::Host, false), (Way::Host, true), (Way::Inbound, false), (Way::Gateway, true)]
                {
                    let fits = version.is_none_or(|version| version == v6)
                        && !(link && programs == Programs::TcPacket);
                    if !fits {
                        continue;
                    }
                    world.programs = programs;
                    port += 1;
                    let mut talk = Talk::new(way, v6).port(port);
                    world.pass(way, Party::Client, &wrap(talk.syn()));
                    world.pass(way, Party::Server, &wrap(talk.syn_ack()));
                    for (from, payload) in
                        [(Party::Server, GREETING), (Party::Client, "EHLO client.example\r\n")]
                    {
                        let frame = wrap(talk.says(from, payload));
                        world.pass(way, from, &frame);
                        let told = world.told();
                        assert_eq!(told.len(), 1, "{what} {programs:?} {way:?} v6 {v6}");
                        assert_eq!(
                            told[0].payload,
                            payload.as_bytes(),
                            "{what} {programs:?} {way:?} v6 {v6}"
                        );
                        assert_eq!((told[0].from, told[0].len as usize), (from, payload.len()), "{what}");
                    }
                }
            }
        }
    });
}

/// Padding is no payload, and what a frame announces but does not hold is no segment.
#[test]
fn lengths_are_those_of_the_headers() {
    with_world(|mut world| {
        let mut talk = world.greeted(Way::Host, false);
        let short = talk.says(Party::Client, "a\r\n").length(60);
        world.pass(talk.way, Party::Client, &short);
        let told = world.told();
        assert_eq!((told.len(), told[0].len, &told[0].payload[..]), (1, 3, &b"a\r\n"[..]));
        let padded = talk.bare(Party::Client, flags::ACK).length(60);
        world.pass(talk.way, Party::Client, &padded);
        assert_eq!(world.told(), []);
        for broken in [
            talk.says(Party::Client, [b'x'; 100]).length(100),
            talk.bare(Party::Client, flags::ACK | flags::FIN).data_offset(4),
            talk.bare(Party::Client, flags::ACK | flags::FIN).data_offset(15),
        ] {
            world.run(talk.way, Party::Client, &broken);
            assert_eq!(world.told(), []);
        }
        // As long as the frame (BIG TCP).
        let big = talk.says(Party::Client, [b'y'; 50]).ip_length(0);
        world.pass(talk.way, Party::Client, &big);
        let told = world.told();
        assert_eq!((told.len(), told[0].len, &told[0].payload[..]), (1, 50, &[b'y'; 50][..]));
    });
}

/// Of a fragmented segment the first fragment is seen.
#[test]
fn a_first_fragment_is_seen_as_far_as_it_goes() {
    with_world(|mut world| {
        for v6 in [false, true] {
            let mut talk = world.greeted(Way::Host, v6);
            let fragment = talk.says(Party::Client, [b'x'; 200]).fragment(0, true).piece(0..20 + 60);
            world.pass(talk.way, Party::Client, &fragment);
            let told = world.told();
            assert_eq!((told.len(), told[0].len, told[0].payload.len()), (1, 60, 60), "v6 {v6}");
        }
    });
}
