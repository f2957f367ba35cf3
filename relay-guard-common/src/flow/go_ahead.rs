//! The server's go-ahead for a message (354, RFC 5321 §4.2.3): what the client sends next is content.
//!
//! It may be the last of several replies in one segment (RFC 2920), so it is looked for at the beginnings of the lines at the
//! segment's end. A segment is read into a window of words: in front of its payload, if it is all there, stands an LF.

/// Words of the window.
pub const WINDOW_DOUBLES: usize = 17;
/// Where payload begins in the window, octets.
pub const WINDOW_START: usize = 8;
/// The most octets of payload in the window: more than a line that says 354 has.
pub const WINDOW_LEN: u32 = 128;

/// What stands before payload that is all there: nothing, and an LF.
pub const LINE_BEGINS: u64 = u64::from_ne_bytes(*b"\0\0\0\0\0\0\0\n");

/// LF and the code.
const GO_AHEAD: u32 = u32::from_le_bytes(*b"\n354");

const ONES: u64 = 0x0101_0101_0101_0101;
const LF: u64 = ONES * b'\n' as u64;

/// Whether a line in a window begins with the code. Octets that hold nothing are 0.
#[inline(always)]
#[must_use]
pub fn says_go_ahead(window: &[u64; WINDOW_DOUBLES]) -> bool {
    for index in 0..WINDOW_DOUBLES {
        let double = u64::from_le(window[index]);
        let differs = double ^ LF;
        // Nearly all words have no LF in them: then no octet of these is 0.
        if differs.wrapping_sub(ONES) & !differs & (ONES << 7) == 0 {
            continue;
        }
        let next = if index + 1 < WINDOW_DOUBLES { u64::from_le(window[index + 1]) } else { 0 };
        if is_in(double, next) {
            return true;
        }
    }
    false
}

/// Whether LF and the code begin in a word, which another one follows.
#[inline(always)]
const fn is_in(double: u64, next: u64) -> bool {
    let mut octet = 0;
    while octet < 8 {
        // In two steps: none is by as many bits as there are.
        let follows = next << (56 - 8 * octet) << 8;
        if (double >> (8 * octet) | follows) as u32 == GO_AHEAD {
            return true;
        }
        octet += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn window(lines: &[u8]) -> [u64; WINDOW_DOUBLES] {
        let mut octets = [0; WINDOW_DOUBLES * 8];
        octets[..WINDOW_START].copy_from_slice(&LINE_BEGINS.to_ne_bytes());
        octets[WINDOW_START..][..lines.len()].copy_from_slice(lines);
        let (doubles, _) = octets.as_chunks();
        core::array::from_fn(|index| u64::from_ne_bytes(doubles[index]))
    }

    #[test]
    fn lines_that_tell_to_go_ahead() {
        for (lines, expected) in [
            ("354 End data with <CR><LF>.<CR><LF>\r\n", true),
            ("354\r\n", true),
            ("354-Go\r\n354 ahead\r\n", true),
            ("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n", true),
            ("250 Ok\n354", true),
            ("250 Ok\r\n", false),
            ("250 354 octets\r\n", false),
            ("550-354\r\n550 no\r\n", false),
            ("503 5.5.1 Error: 354\r\n", false),
            ("1354\r\n", false),
            ("35", false),
            ("", false),
        ] {
            assert_eq!(says_go_ahead(&window(lines.as_bytes())), expected, "{lines:?}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_search_of_octets(
            lines in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'3'), Just(b'5'), Just(b'4'), any::<u8>()], 0..=WINDOW_LEN as usize)
        ) {
            let expected = [b"\n", &lines[..]].concat().windows(4).any(|four| four == b"\n354");
            prop_assert_eq!(says_go_ahead(&window(&lines)), expected);
        }
    }
}
