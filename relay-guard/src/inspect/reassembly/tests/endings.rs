//! FIN and resets.

use super::{
    super::{PATIENCE_NS, State},
    *,
};
use crate::inspect::observation::Ended;

fn flagged(segment: Segment<'_>, flags: u8) -> Segment<'_> {
    Segment { flags: Flags(Flags::ACK | flags), ..segment }
}

fn fin(segment: Segment<'_>) -> Segment<'_> {
    flagged(segment, Flags::FIN)
}

#[test]
fn a_connection_is_over_when_both_have_ended() {
    let mut scene = Scene::new();
    scene.take(acknowledging(fin(segment(Client, 0, b"QUIT")), 0));
    assert_eq!(scene.dialogue.state(), State::HalfClosed);
    scene.take(acknowledging(segment(Server, 0, b"221"), 5));
    scene.take(acknowledging(fin(segment(Server, 3, b"")), 5));
    assert_eq!(scene.dialogue.state(), State::Closed(Ended::Orderly));
    assert_eq!(scene.heard(), [client("QUIT"), server("221")]);
    assert_eq!(scene.octets.lost, 0, "a FIN is no octet");
}

#[test]
fn an_end_waits_for_what_comes_before_it() {
    let mut scene = Scene::new();
    scene.take(acknowledging(fin(segment(Server, 3, b"")), 5));
    scene.take(acknowledging(fin(segment(Client, 4, b"")), 0));
    scene.take(acknowledging(segment(Server, 0, b"221"), 4));
    assert_eq!((scene.dialogue.state(), scene.heard()), (State::Open, vec![]));
    scene.client(0, "QUIT");
    assert_eq!(scene.dialogue.state(), State::Closed(Ended::Orderly));
    assert_eq!(scene.heard(), [client("QUIT"), server("221")]);
}

#[test]
fn a_lost_tail_is_a_gap_before_the_end() {
    let mut scene = Scene::new();
    scene.take(acknowledging(fin(segment(Client, 4, b"")), 0));
    scene.take(acknowledging(segment(Server, 0, b""), 5));
    scene.wait(PATIENCE_NS);
    assert_eq!(scene.heard(), [Heard::Gap(Client, 4, false)]);
    assert_eq!(scene.dialogue.state(), State::HalfClosed);
}

#[test]
fn an_end_far_ahead_is_none_until_all_before_it_has_come() {
    for at in [1, 1_000, 1_000_000, super::super::MAX_AHEAD as u32] {
        let mut scene = Scene::new();
        scene.take(acknowledging(segment(Server, 0, b"220"), 0));
        scene.take(acknowledging(fin(segment(Client, at, b"")), 3));
        scene.wait(120 * PATIENCE_NS);
        scene.flush();
        assert_eq!((scene.heard(), scene.dialogue.state()), (vec![server("220")], State::Open), "{at}");
        assert_eq!(scene.dialogue.deadline(), None, "{at}");
        scene.take(acknowledging(segment(Client, 0, b"EHLO x"), 3));
        scene.take(acknowledging(segment(Server, 3, b"250"), 6));
        scene.wait(120 * PATIENCE_NS);
        assert_eq!(scene.heard(), [client("EHLO x"), server("250")], "{at}");
        assert_eq!((scene.dialogue.state(), scene.octets.lost), (State::Open, 0), "{at}");
    }
}

#[test]
fn an_end_is_believed_when_the_other_party_has_all_before_it() {
    for acknowledged in [4, 5] {
        let mut scene = Scene::new();
        scene.take(acknowledging(fin(segment(Client, 4, b"")), 0));
        scene.wait(120 * PATIENCE_NS);
        assert_eq!((scene.heard(), scene.dialogue.state()), (vec![], State::Open));
        scene.take(acknowledging(segment(Server, 0, b"221"), acknowledged));
        scene.wait(PATIENCE_NS);
        assert_eq!(scene.heard(), [Heard::Gap(Client, 4, false), server("221")], "{acknowledged}");
        assert_eq!(scene.dialogue.state(), State::HalfClosed);
    }
}

#[test]
fn the_nearer_end_counts_while_the_other_is_in_doubt() {
    let mut scene = Scene::new();
    scene.take(acknowledging(fin(segment(Client, 1_000_000, b"")), 0));
    scene.take(acknowledging(fin(segment(Client, 0, b"QUIT")), 0));
    scene.take(acknowledging(fin(segment(Client, 2, b"")), 0));
    assert_eq!((scene.heard(), scene.dialogue.state()), (vec![client("QUIT")], State::HalfClosed));
    let mut scene = Scene::new();
    scene.client(4, "more");
    scene.take(acknowledging(fin(segment(Client, 1_000, b"")), 0));
    scene.take(acknowledging(fin(segment(Client, 6, b"")), 0));
    scene.client(0, "QUIT");
    assert_eq!((scene.heard(), scene.octets.dropped), (vec![client("QUITmore")], 0), "that has come already");
}

#[test]
fn an_end_of_the_past_does_not_hide_that_of_what_goes_on() {
    let mut scene = Scene::new();
    scene.take(acknowledging(fin(segment(Client, 0, b"")), 0));
    assert_eq!(scene.dialogue.state(), State::HalfClosed);
    scene.client(0, "EHLO");
    assert_eq!(scene.dialogue.state(), State::Open);
    scene.take(acknowledging(fin(segment(Client, 0, b"")), 0));
    scene.take(acknowledging(fin(segment(Client, 4, b"QUIT")), 0));
    assert_eq!((scene.heard(), scene.dialogue.state()), (vec![client("EHLOQUIT")], State::HalfClosed));
}

#[test]
fn an_end_amid_what_is_left_out_makes_no_loss() {
    let skipping = |segment| Segment { skipped_own: true, ..segment };
    let mut scene = Scene::new();
    scene.client(0, "DATA");
    scene.take(skipping(acknowledging(fin(segment(Client, 100, b"")), 0)));
    assert_eq!(scene.dialogue.state(), State::HalfClosed);
    scene.take(skipping(acknowledging(segment(Client, 5_000, b"QUIT"), 0)));
    assert_eq!(scene.heard(), [client("DATA"), Heard::Gap(Client, 4_996, true), client("QUIT")]);
    assert_eq!((scene.octets.lost, scene.dialogue.state()), (0, State::Open));
}

#[test]
fn whoever_goes_on_has_not_ended() {
    let mut scene = Scene::new();
    scene.client(2, "cdef");
    scene.client(8, "x");
    scene.take(acknowledging(fin(segment(Client, 4, b"")), 0));
    assert_eq!((scene.octets.pending, scene.octets.dropped), (2, 3));
    scene.client(3, "def");
    scene.client(0, "ab");
    scene.client(4, "more");
    assert_eq!(scene.heard(), [client("abcdefre")]);
    assert_eq!((scene.octets.dropped, scene.octets.duplicate), (3, 3));
    assert_eq!(scene.dialogue.state(), State::Open);
}

#[test]
fn an_end_is_taken_once() {
    let mut scene = Scene::new();
    scene.take(acknowledging(fin(segment(Client, 0, b"QUIT")), 0));
    scene.take(acknowledging(fin(segment(Client, 0, b"QUIT")), 0));
    scene.take(acknowledging(fin(segment(Client, 9, b"")), 0));
    assert_eq!((scene.dialogue.state(), scene.heard()), (State::HalfClosed, vec![client("QUIT")]));
    assert_eq!(scene.dialogue.deadline(), None);
}

#[test]
fn a_reset_ends_both_directions_at_once() {
    let mut scene = Scene::new();
    scene.client(0, "QUIT");
    scene.take(flagged(segment(Client, 4, b""), Flags::RST));
    assert_eq!(scene.dialogue.state(), State::Closed(Ended::Reset));
    assert_eq!(scene.dialogue.reset_by(), Some(Client));
}

#[test]
fn a_reset_ahead_is_believed_when_it_is_reached() {
    let mut scene = Scene::new();
    scene.take(flagged(segment(Server, 6, b""), Flags::RST));
    scene.wait(60 * PATIENCE_NS);
    assert_eq!((scene.dialogue.state(), scene.heard()), (State::HalfClosed, vec![]), "nothing is made up");
    scene.take(acknowledging(segment(Server, 0, b"220"), 0));
    assert_eq!(scene.dialogue.state(), State::HalfClosed);
    scene.take(acknowledging(segment(Server, 3, b"250"), 0));
    assert_eq!(scene.dialogue.state(), State::Closed(Ended::Reset));
    assert_eq!((scene.heard(), scene.dialogue.reset_by()), (vec![server("220250")], Some(Server)));
}

#[test]
fn a_reset_that_is_passed_was_none() {
    for at in [0, 2, 3, 5, 9, 1_000_000] {
        let mut scene = Scene::new();
        scene.client(0, "EHLO");
        scene.take(flagged(segment(Client, at, b""), Flags::RST));
        scene.client(4, " x");
        scene.take(acknowledging(segment(Server, 0, b"250"), 6));
        scene.client(6, "MAIL FROM");
        assert_eq!(scene.heard(), [client("EHLO x"), server("250"), client("MAIL FROM")], "{at}");
        assert_eq!((scene.dialogue.reset_by(), scene.octets.lost), (None, 0), "{at}");
    }
}

#[test]
fn a_reset_after_the_end_is_one() {
    let mut scene = Scene::new();
    scene.take(acknowledging(fin(segment(Client, 0, b"QUIT")), 0));
    scene.take(flagged(segment(Client, 5, b""), Flags::RST));
    assert_eq!(scene.dialogue.state(), State::Closed(Ended::Reset));
}

#[test]
fn a_reset_does_not_cut_off_what_has_come() {
    let mut scene = Scene::new();
    scene.client(4, "more");
    scene.take(flagged(segment(Client, 2, b"why"), Flags::RST));
    scene.client(0, "QUIT");
    assert_eq!(scene.heard(), [client("QUITmore")]);
    assert_eq!(scene.dialogue.state(), State::Open, "it was passed");
    assert_eq!(scene.octets.dropped, 3, "what a reset carries is not said to the other party");
}

#[test]
fn a_reset_out_of_the_window_is_none() {
    let mut scene = Scene::new();
    let far = super::super::MAX_AHEAD as u32 + 1;
    assert_eq!(scene.take(flagged(segment(Client, far, b""), Flags::RST)), Taken::Stray);
    scene.wait(u64::MAX / 2);
    assert_eq!(scene.dialogue.state(), State::Open);
}
