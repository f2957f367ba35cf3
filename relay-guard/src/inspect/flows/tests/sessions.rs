//! How sessions begin, and which segments are theirs.

use super::*;

#[test]
fn a_session_begins_with_payload_not_with_a_handshake() {
    let mut scene = Scene::new();
    scene.take([syn(0), syn_ack(0, 0), client(0, "", 0)]);
    assert!(scene.flows.is_empty());
    scene.take([server(0, "220\r\n", 0), client(0, "QUIT", 5)]);
    assert_eq!(scene.heard(), [begun(), said(Server, "220\r\n"), said(Client, "QUIT")]);
    assert_eq!((scene.flows.len(), scene.counters().begun_in_the_middle), (1, 0));
}

/// What was seen of the handshake, and what is heard of a first segment that is not the first one of its sender.
#[test]
fn what_is_known_of_the_beginning_tells_what_is_missing() {
    let missing = |octets| Event::Missing(Server, octets, false);
    let cases: &[(&str, &[Segment<'_>], Segment<'_>, &[Event])] = &[
        ("nothing", &[], server(3, "220", 0), &[begun_in_the_middle(), said(Server, "220")]),
        ("the client's part", &[syn(0)], server(3, "220", 0), &[begun(), said(Server, "220")]),
        (
            "the server's part",
            &[syn_ack(0, 0)],
            server(3, "220", 0),
            &[begun(), missing(3), said(Server, "220")],
        ),
        (
            "the last part",
            &[syn(0), client(0, "", 0)],
            server(3, "220", 0),
            &[begun(), missing(3), said(Server, "220")],
        ),
        ("by the kernel", &[], opened(server(3, "220", 0)), &[begun(), missing(3), said(Server, "220")]),
        (
            "another one's",
            &[syn(50_000_000)],
            server(3, "220", 0),
            &[begun_in_the_middle(), said(Server, "220")],
        ),
        (
            "an earlier one's",
            &[syn(7), syn_ack(7, 7), syn(0), syn_ack(0, 0)],
            server(3, "220", 0),
            &[begun(), missing(3), said(Server, "220")],
        ),
    ];
    for (what, handshake, first, expected) in cases {
        let mut scene = Scene::new();
        scene.take(handshake.iter().copied()).take([*first]).wait(10 * SECOND);
        assert_eq!(scene.heard(), *expected, "{what}");
    }
}

#[test]
fn a_client_may_talk_first_even_in_its_syn() {
    let mut scene = Scene::new();
    let early = Segment { payload: b"HELO", len: 4, ..syn(0) };
    scene.take([early, syn_ack(0, 4), server(0, "220", 4), client(4, "MAIL", 3)]);
    let heard = [begun(), said(Client, "HELO"), said(Server, "220"), said(Client, "MAIL")];
    assert_eq!(scene.heard(), heard);
}

#[test]
fn sessions_are_told_apart_by_all_of_their_key() {
    let mut scene = Scene::new();
    let same = server(0, "220", 0);
    let keys = [
        same.flow,
        FlowKey { client_port: 7, ..same.flow },
        FlowKey { server_port: 587, ..same.flow },
        FlowKey { server: Address::v4([198, 51, 100, 2]), ..same.flow },
        FlowKey { client: Address::v4([192, 0, 2, 2]), ..same.flow },
    ];
    scene.take(keys.map(|flow| Segment { flow, ..same }));
    assert_eq!((scene.flows.len(), scene.counters().octets.delivered), (5, 15));
}

#[test]
fn segments_without_payload_begin_nothing() {
    let mut scene = Scene::new();
    scene.take([client(0, "", 0), fin(client(0, "", 0)), reset(server(0, "", 0)), reset(client(0, "x", 0))]);
    scene.take([flagged(client(0, "x", 0), Flags::SYN | Flags::FIN)]);
    assert_eq!((scene.flows.len(), scene.counters().unrelated), (0, 5));
    assert_eq!(scene.heard(), []);
}

#[test]
fn a_refused_connection_is_forgotten() {
    let mut scene = Scene::new();
    scene.take([syn(0), reset(server(0, "", 0)), server(5, "220", 0)]);
    assert_eq!(scene.heard(), [begun_in_the_middle(), said(Server, "220")]);
}

#[test]
fn a_handshake_that_is_sent_again_changes_nothing() {
    let mut scene = Scene::new();
    scene.take([syn(0), syn(0), syn_ack(0, 0), syn_ack(0, 0), server(0, "220", 0)]);
    scene.take([syn(0), syn_ack(0, 0), opened(client(0, "QUIT", 3))]);
    assert_eq!(scene.heard(), [begun(), said(Server, "220"), said(Client, "QUIT")]);
}

/// Each begins another connection with the same ports.
#[test]
fn ports_that_are_used_again_begin_another_session() {
    let far = 40_000;
    let other =
        Opening { client: OPENING.client.wrapping_add(far), server: OPENING.server.wrapping_add(far) };
    let next = server(far, "221", far);
    let cases: &[(&str, &[Segment<'_>])] = &[
        ("handshake", &[syn(far), syn_ack(far, far), next]),
        ("server's part of it", &[syn_ack(far, far), next]),
        ("kernel's numbers", &[Segment { opening: Some(other), ..next }]),
    ];
    for (what, segments) in cases {
        let mut scene = Scene::new();
        scene.take([syn(0), syn_ack(0, 0), server(0, "220", 0)]).take(segments.iter().copied());
        let heard = [begun(), said(Server, "220"), over(Ended::Unseen), begun(), said(Server, "221")];
        assert_eq!(scene.heard(), heard, "{what}");
        assert_eq!((scene.counters().replaced, scene.flows.len()), (1, 1), "{what}");
    }
}

#[test]
fn a_session_from_the_middle_may_learn_how_it_began() {
    let mut scene = Scene::new();
    scene.take([server(10, "220", 0), opened(server(13, "\r\n", 0)), opened(server(15, "x", 0))]);
    assert_eq!(scene.heard(), [begun_in_the_middle(), said(Server, "220\r\nx")]);
    let later = Opening { server: OPENING.server.wrapping_add(1_000), ..OPENING };
    scene.take([Segment { opening: Some(later), ..server(1_000, "220", 0) }]);
    assert_eq!(scene.heard(), [over(Ended::Unseen), begun(), said(Server, "220")]);
}

#[test]
fn a_session_from_the_middle_ends_where_another_begins() {
    for opening in [syn(0), syn_ack(0, 0)] {
        let mut scene = Scene::new();
        scene.take([server(10, "220", 0), opening]);
        assert_eq!(scene.heard().last(), Some(&over(Ended::Unseen)));
    }
}

#[test]
fn numbers_that_led_astray_are_found_out() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), client(0, "x", 9_000)]).wait(SECOND);
    let missing = Event::Missing(Server, 8_997, false);
    assert_eq!(scene.heard(), [begun_in_the_middle(), said(Server, "220"), missing, said(Client, "x")]);
    for line in 0..9 {
        assert_eq!(scene.heard(), [], "{line}");
        scene.take([server(3 + 4 * line, "250\n", 1)]);
    }
    assert_eq!(scene.heard(), [over(Ended::Unseen), begun_in_the_middle(), said(Server, "250\n")]);
    assert_eq!(scene.counters().stray, 8);
}

#[test]
fn times_that_go_back_do_no_harm() {
    let mut scene = Scene::new();
    scene.now_ns = 5_000 * SECOND;
    scene.take([server(0, "220", 0)]);
    scene.now_ns = 0;
    scene.take([client(0, "QUIT", 3)]);
    assert_eq!(scene.flows.len(), 1);
    assert_eq!(scene.flows.next_expiry(), Some(5_900 * SECOND));
}
