//! Both directions: nothing comes before what its sender had received.

use super::{super::PATIENCE_NS, *};

#[test]
fn a_reply_waits_for_its_command() {
    let mut scene = Scene::new();
    scene.take(acknowledging(segment(Server, 0, b"250 a\n"), 4));
    assert_eq!((scene.heard(), scene.octets.pending), (vec![], 6));
    scene.take(acknowledging(segment(Client, 0, b"EHLO"), 0));
    assert_eq!(scene.heard(), [client("EHLO"), server("250 a\n")]);
}

#[test]
fn a_command_waits_for_the_reply_that_its_sender_had_seen() {
    let mut scene = Scene::new();
    scene.take(acknowledging(segment(Client, 0, b"EHLO"), 3));
    scene.take(acknowledging(segment(Server, 0, b"220"), 0));
    assert_eq!(scene.heard(), [server("220"), client("EHLO")]);
}

#[test]
fn turns_that_came_backwards_are_put_in_order() {
    let mut scene = Scene::new();
    scene.take(acknowledging(segment(Server, 6, b"250"), 8));
    scene.take(acknowledging(segment(Client, 4, b"MAIL"), 6));
    scene.take(acknowledging(segment(Server, 3, b"251"), 4));
    scene.take(acknowledging(segment(Client, 0, b"EHLO"), 3));
    assert_eq!(scene.heard(), []);
    scene.take(acknowledging(segment(Server, 0, b"220"), 0));
    let turns = [server("220"), client("EHLO"), server("251"), client("MAIL"), server("250")];
    assert_eq!(scene.heard(), turns);
}

#[test]
fn a_lost_command_is_a_gap_before_its_reply() {
    let mut scene = Scene::new();
    scene.take(acknowledging(segment(Server, 0, b"250"), 4));
    assert_eq!(scene.dialogue.deadline(), Some(PATIENCE_NS));
    scene.wait(PATIENCE_NS - 1);
    assert_eq!(scene.heard(), []);
    scene.wait(1);
    assert_eq!(scene.heard(), [Heard::Gap(Client, 4, false), server("250")]);
    assert_eq!(scene.octets.lost, 4);
}

#[test]
fn what_its_receiver_acknowledged_does_not_come_again() {
    let mut scene = Scene::new();
    scene.take(acknowledging(segment(Client, 6, b"b"), 0));
    scene.wait(2 * PATIENCE_NS);
    assert_eq!(scene.heard(), [], "nobody has acknowledged it: it may come again");
    scene.take(acknowledging(segment(Server, 0, b""), 7));
    assert_eq!(scene.dialogue.deadline(), Some(3 * PATIENCE_NS), "it may have been overtaken");
    scene.wait(PATIENCE_NS);
    assert_eq!(scene.heard(), [Heard::Gap(Client, 6, false), client("b")]);
}

#[test]
fn acknowledgments_that_go_on_do_not_put_off_a_gap_for_ever() {
    let mut scene = Scene::new();
    scene.client(1, &"x".repeat(100));
    for acknowledged in 2..22 {
        assert_eq!(scene.heard(), []);
        scene.take(acknowledging(segment(Server, 0, b""), acknowledged));
        scene.wait(PATIENCE_NS - 1);
    }
    scene.take(acknowledging(segment(Server, 0, b""), 22));
    scene.wait(20);
    assert_eq!(scene.heard().first(), Some(&Heard::Gap(Client, 1, false)));
}

#[test]
fn a_reply_to_what_was_left_out_is_not_held_back() {
    let mut scene = Scene::new();
    scene.client(0, "DATA");
    scene.take(acknowledging(segment(Server, 0, b"354"), 4));
    scene.take(Segment { skipped_other: true, ..acknowledging(segment(Server, 3, b"250"), 900) });
    scene.take(Segment { skipped_own: true, ..acknowledging(segment(Client, 900, b"QUIT"), 6) });
    let turns = [client("DATA"), server("354"), Heard::Gap(Client, 896, true), server("250"), client("QUIT")];
    assert_eq!(scene.heard(), turns);
}

#[test]
fn what_came_of_what_was_left_out_keeps_its_place() {
    let mut scene = Scene::new();
    scene.take(acknowledging(segment(Client, 2, b"cd"), 0));
    scene.take(acknowledging(segment(Client, 6, b"gh"), 0));
    scene.take(Segment { skipped_other: true, ..acknowledging(segment(Server, 0, b"250"), 7) });
    let gap = |octets| Heard::Gap(Client, octets, true);
    assert_eq!(scene.heard(), [gap(2), client("cd"), gap(2), client("gh"), server("250")]);
}

#[test]
fn acknowledgments_that_wait_for_each_other_end_as_gaps() {
    let mut scene = Scene::new();
    scene.take(acknowledging(segment(Client, 0, b"ab"), 3));
    scene.take(acknowledging(segment(Server, 0, b"cd"), 3));
    scene.wait(PATIENCE_NS);
    assert_eq!(scene.heard(), [server("cd"), Heard::Gap(Server, 1, false), client("ab")]);
}

#[test]
fn times_never_go_back() {
    let mut scene = Scene::new();
    let mut times = Vec::new();
    for (time_ns, at) in [(50, 4), (70, 0), (60, 8)] {
        let segment = Segment { time_ns, ..segment(Client, at, b"EHLO") };
        scene.dialogue.take(&segment, &mut scene.octets, &mut |_, now_ns, _: Piece<'_>| times.push(now_ns));
    }
    assert_eq!(times, [70, 70, 70]);
}

#[test]
fn replies_in_the_middle_of_a_gap_keep_their_places() {
    let lost = |skipped| {
        [
            Heard::Gap(Client, 4, skipped),
            server("250"),
            Heard::Gap(Client, 5, skipped),
            server("251"),
            Heard::Gap(Client, 1, skipped),
            client("RCPT"),
        ]
    };
    let replies =
        [acknowledging(segment(Server, 0, b"250"), 4), acknowledging(segment(Server, 3, b"251"), 9)];
    let mut scene = Scene::new();
    scene.take(acknowledging(segment(Client, 10, b"RCPT"), 6));
    for reply in replies {
        scene.take(reply);
    }
    scene.flush();
    assert_eq!(scene.heard(), lost(false));
    let mut scene = Scene::new();
    for reply in replies {
        scene.take(reply);
    }
    scene.take(Segment { skipped_own: true, ..acknowledging(segment(Client, 10, b"RCPT"), 6) });
    assert_eq!(scene.heard(), lost(true));
}

#[test]
fn of_two_gaps_the_earlier_one_comes_first() {
    let mut scene = Scene::new();
    scene.client(0, "EHLO");
    scene.take(acknowledging(segment(Client, 10, b"RCPT"), 6));
    scene.take(acknowledging(segment(Server, 3, b"250"), 4));
    scene.take(acknowledging(segment(Server, 6, b""), 14));
    scene.wait(PATIENCE_NS);
    let lost = |from, octets| Heard::Gap(from, octets, false);
    assert_eq!(
        scene.heard(),
        [client("EHLO"), lost(Server, 3), server("250"), lost(Client, 6), client("RCPT")]
    );
}
