//! What lines leave behind.

use crate::inspect::smtp::MAX_LINE;
use crate::inspect::smtp::line::{Line, Read};

#[test]
fn nothing_of_a_line_that_was_cut_is_left_in_memory() {
    let mut line = Line::default();
    assert!(matches!(line.read(b"AUTH PLAIN sec"), (Read::Part, b"")));
    assert!(line.room().starts_with(b"AUTH PLAIN sec"));
    assert!(matches!(line.read(b"ret\r\nQUIT"), (Read::Whole(b"AUTH PLAIN secret\r"), b"QUIT")));
    line.wipe();
    assert!(line.is_empty() && line.room().iter().all(|octet| *octet == 0));
}

#[test]
fn a_line_that_is_whole_takes_no_room() {
    let mut line = Line::default();
    assert!(matches!(line.read(b"QUIT\r\n"), (Read::Whole(b"QUIT\r"), b"")));
    assert_eq!(line.memory(), 0);
}

#[test]
fn a_long_line_is_cut_at_the_same_place_however_it_comes() {
    let long = vec![b'x'; MAX_LINE + 10];
    let mut whole = Line::default();
    let (Read::Long(line), rest) = whole.read(&long) else { panic!("not long") };
    assert_eq!((line.len(), rest.len()), (MAX_LINE, 10));
    let mut cut = Line::default();
    assert!(matches!(cut.read(&long[..MAX_LINE]), (Read::Part, b"")));
    let (Read::Long(line), rest) = cut.read(&long[MAX_LINE..]) else { panic!("not long") };
    assert_eq!((line.len(), rest.len()), (MAX_LINE, 10));
}
