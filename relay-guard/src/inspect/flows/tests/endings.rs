//! How sessions end, and what comes afterwards.

use super::*;
use crate::inspect::flows::{FINISHED_NS, HALF_CLOSED_NS};

/// A session in which both have said something and ended: 3 octets of the server's, 4 of the client's.
fn finished() -> Scene {
    let mut scene = Scene::new();
    scene.take([opened(server(0, "220", 0)), fin(client(0, "QUIT", 3)), fin(server(3, "", 5))]);
    assert_eq!(scene.heard().last(), Some(&over(Ended::Orderly)));
    scene
}

#[test]
fn a_session_ends_with_both_parties() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), fin(client(0, "QUIT", 3))]);
    assert_eq!((scene.flows.len(), scene.heard().len()), (1, 3));
    scene.take([fin(server(3, "221", 5))]);
    assert_eq!(scene.heard(), [said(Server, "221"), over(Ended::Orderly)]);
    assert_eq!((scene.flows.len(), scene.counters().ended), (0, 1));
}

#[test]
fn a_reset_ends_it_at_once_with_what_waited() {
    let mut scene = Scene::new();
    scene.take([opened(server(0, "220", 0)), server(6, "250", 0), reset(client(0, "", 3))]);
    let missing = Event::Missing(Server, 3, false);
    let heard = [begun(), said(Server, "220"), missing, said(Server, "250"), over(Ended::Reset)];
    assert_eq!(scene.heard(), heard);
    assert_eq!(scene.counters().reset, 1);
}

#[test]
fn what_comes_after_the_end_begins_no_session() {
    let late = [
        client(5, "", 4),
        fin(server(3, "", 5)),
        fin(client(0, "QUIT", 3)),
        opened(server(0, "220", 0)),
        reset(client(5, "", 0)),
        syn_ack(0, 0),
    ];
    for segment in late {
        let mut scene = finished();
        scene.take([segment]);
        assert_eq!((scene.heard(), scene.flows.len()), (vec![], 0), "{segment:?}");
        assert_eq!(scene.counters().late, 1, "{segment:?}");
    }
}

#[test]
fn what_cannot_be_of_the_finished_connection_is_of_another() {
    let far = 70_000_000;
    let other = Opening { client: OPENING.client + 1, ..OPENING };
    let cases: &[(&[Segment<'_>], Event)] = &[
        (&[syn(9), syn_ack(9, 9), server(9, "220", 9)], begun()),
        (&[syn_ack(9, 9), server(9, "220", 9)], begun()),
        (&[Segment { opening: Some(other), ..server(0, "220", 1) }], begun()),
        (&[client(4, "more", 3)], begun_in_the_middle()),
        (&[client(far, "more", far)], begun_in_the_middle()),
        (&[client(0u32.wrapping_sub(far), "more", 0)], begun_in_the_middle()),
    ];
    for (segments, begin) in cases {
        let mut scene = finished();
        scene.take(segments.iter().copied());
        assert_eq!(scene.heard().first(), Some(begin), "{segments:?}");
    }
}

#[test]
fn after_a_reset_the_other_party_may_go_on_for_a_while() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), reset(client(0, "", 3)), server(3, "250 more", 0)]);
    assert_eq!(scene.heard(), [begun_in_the_middle(), said(Server, "220"), over(Ended::Reset)]);
    assert_eq!((scene.counters().late, scene.flows.len()), (1, 0));
    scene.take([client(0, "MAIL", 3)]);
    assert_eq!(scene.heard(), [begun_in_the_middle(), said(Client, "MAIL")], "the reset was none");
}

#[test]
fn a_finished_connection_is_remembered_for_a_while() {
    let mut scene = finished();
    scene.wait(FINISHED_NS - 1).take([client(0, "QUIT", 3)]);
    assert_eq!(scene.heard(), []);
    scene.wait(1).take([client(0, "QUIT", 3)]);
    assert_eq!(scene.heard(), [begun_in_the_middle(), said(Client, "QUIT")]);
}

#[test]
fn a_silent_session_ends() {
    let mut scene = Scene::new();
    let idle_ns = Limits::default().idle_ns;
    scene.take([server(0, "220", 0)]).wait(idle_ns - 1).take([client(0, "NOOP", 3)]).wait(idle_ns - 1);
    assert_eq!(scene.flows.len(), 1);
    scene.wait(1);
    assert_eq!(scene.heard().last(), Some(&over(Ended::Unseen)));
    assert_eq!((scene.flows.len(), scene.counters().idle), (0, 1));
    scene.take([client(0, "NOOP", 3)]);
    assert_eq!(scene.flows.len(), 1, "it was not over");
}

#[test]
fn a_half_closed_session_does_not_wait_long() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), fin(client(0, "QUIT", 3))]).wait(HALF_CLOSED_NS - 1);
    assert_eq!(scene.flows.len(), 1);
    scene.wait(1);
    assert_eq!(scene.heard().last(), Some(&over(Ended::Orderly)));
    assert_eq!(scene.counters().ended, 1);
}

#[test]
fn what_is_due_is_done_when_a_segment_brings_the_time() {
    let mut scene = Scene::new();
    scene.take([on(7, server(0, "220", 0)), client(0, "EHLO", 3), client(5, "x", 3)]);
    scene.now_ns = 10 * SECOND;
    scene.take([on(7, client(0, "QUIT", 3))]);
    let missing = Event::Missing(Client, 1, false);
    assert_eq!(scene.heard(), [begun_in_the_middle(), said(Client, "EHLO"), missing, said(Client, "x")]);
    scene.now_ns = 909 * SECOND;
    scene.take([on(8, server(0, "220", 0))]);
    assert_eq!(scene.heard(), [over(Ended::Unseen)]);
    assert_eq!(scene.flows.len(), 2);
}

#[test]
fn at_the_end_all_sessions_end() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), client(2, "IT", 3), on(7, fin(server(0, "421", 0)))]).finish();
    let of_another = [(7, begun_in_the_middle()), (7, said(Server, "421")), (7, over(Ended::Orderly))];
    let heard = scene.all_heard();
    assert!(of_another.iter().all(|event| heard.contains(event)), "{heard:?}");
    let missing = Event::Missing(Client, 2, false);
    scene.heard = heard;
    let expected =
        [begun_in_the_middle(), said(Server, "220"), missing, said(Client, "IT"), over(Ended::Unseen)];
    assert_eq!(scene.heard(), expected);
    assert_eq!((scene.flows.len(), scene.counters().unfinished), (0, 2));
}

#[test]
fn a_session_that_goes_on_uncaptured_stays() {
    let idle_ns = Limits::default().idle_ns;
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), on(7, server(0, "220", 0))]).wait(idle_ns - 1);
    scene.flows.note_alive(&flow(PORT), 500 * SECOND);
    scene.flows.note_alive(&flow(9), 500 * SECOND);
    scene.wait(1);
    assert_eq!((scene.flows.len(), scene.counters().idle), (1, 1), "nobody saw the other one");
    scene.wait(500 * SECOND - 1).take([client(0, "NOOP", 3)]);
    assert_eq!(scene.heard()[2..], [said(Client, "NOOP")]);
    scene.flows.note_alive(&flow(PORT), 600 * SECOND);
    scene.wait(idle_ns - 1);
    assert_eq!(scene.flows.len(), 1, "its last segment was seen later than that");
    scene.wait(1);
    assert_eq!(scene.heard(), [over(Ended::Unseen)]);
}

#[test]
fn a_half_closed_session_may_go_on_uncaptured() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), fin(server(3, "", 0))]).wait(HALF_CLOSED_NS - 1);
    scene.flows.note_alive(&flow(PORT), 50 * SECOND);
    scene.wait(50 * SECOND);
    assert_eq!(scene.flows.len(), 1);
    scene.wait(1);
    assert_eq!(scene.heard().last(), Some(&over(Ended::Orderly)));
}
