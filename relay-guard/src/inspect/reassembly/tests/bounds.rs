//! What waits has its bounds.

use super::{
    super::{MAX_HELD_OCTETS, MAX_HELD_PIECES, stream::MAX_STREAM_BYTES},
    *,
};

#[test]
fn when_there_is_no_room_for_pieces_the_first_hole_is_given_up() {
    let mut scene = Scene::new();
    for piece in 0..MAX_HELD_PIECES as u32 {
        scene.client(1 + 2 * piece, "x");
    }
    assert_eq!(scene.heard(), []);
    assert!(scene.dialogue.memory() <= MAX_STREAM_BYTES);
    scene.client(1 + 2 * MAX_HELD_PIECES as u32, "y");
    assert_eq!(scene.heard(), [Heard::Gap(Client, 1, false), client("x")]);
    assert_eq!((scene.octets.pending, scene.octets.dropped), (MAX_HELD_PIECES as u64, 0));
}

#[test]
fn when_there_is_no_room_for_octets_the_first_hole_is_given_up() {
    let mut scene = Scene::new();
    let long = "x".repeat(MAX_HELD_OCTETS / 2);
    let len = long.len() as u32;
    scene.client(1, &long);
    scene.client(2 + len, &long);
    assert_eq!(scene.heard(), []);
    scene.client(3 + 2 * len, "y");
    assert_eq!(scene.heard(), [Heard::Gap(Client, 1, false), client(&long)]);
    assert_eq!(scene.octets.pending, u64::from(len) + 1);
}

#[test]
fn replies_that_are_held_back_have_bounds_too() {
    let mut scene = Scene::new();
    for piece in 0..=MAX_HELD_PIECES as u32 {
        scene.take(acknowledging(segment(Server, piece, b"x"), 4));
    }
    let all = "x".repeat(MAX_HELD_PIECES + 1);
    assert_eq!(scene.heard(), [Heard::Gap(Client, 4, false), server(&all)]);
}

#[test]
fn what_is_longer_than_all_room_is_dropped_unless_it_is_next() {
    let mut scene = Scene::new();
    let long = "x".repeat(MAX_HELD_OCTETS + 1);
    scene.client(1, &long);
    assert_eq!((scene.heard(), scene.octets.dropped), (vec![], long.len() as u64));
    scene.client(0, &long);
    assert_eq!(scene.heard(), [client(&long)]);
}

#[test]
fn parts_of_a_segment_find_no_room_between_pieces() {
    let mut scene = Scene::new();
    for piece in 0..MAX_HELD_PIECES as u32 - 1 {
        scene.client(1 + 2 * piece, "x");
    }
    scene.client(1, &"y".repeat(8));
    assert_eq!((scene.octets.duplicate, scene.octets.dropped), (4, 3));
    scene.client(0, "z");
    assert_eq!(scene.heard(), [client("zxyx")]);
}

#[test]
fn room_is_given_back() {
    let mut scene = Scene::new();
    scene.client(1, "x");
    assert_ne!(scene.dialogue.memory(), 0);
    scene.client(0, "y");
    assert_eq!(scene.dialogue.memory(), 0);
}
