//! Octets of a session as text that may be shown. They come from whoever wants to send: nothing of them is believed.

use memchr::memchr2;

/// Octets as text of at most `most` octets: control characters as `?`, what is no UTF-8 as U+FFFD.
pub(crate) fn text(octets: &[u8], most: usize) -> Box<str> {
    match plain(octets) {
        Some(plain) if plain.len() <= most => plain.into(),
        _ => cleaned(octets, most),
    }
}

/// Octets as they are, if all of them are printable ASCII.
fn plain(octets: &[u8]) -> Option<&str> {
    let printable = octets.iter().fold(true, |all, octet| all & matches!(octet, b' '..=b'~'));
    if printable { std::str::from_utf8(octets).ok() } else { None }
}

fn cleaned(octets: &[u8], most: usize) -> Box<str> {
    let mut text = String::with_capacity(octets.len().min(most));
    for character in String::from_utf8_lossy(octets).chars() {
        let shown = if character.is_control() { '?' } else { character };
        if text.len() + shown.len_utf8() > most {
            break;
        }
        text.push(shown);
    }
    text.into_boxed_str()
}

/// Octets without the blanks (spaces and tabs) at both ends.
pub(super) fn trimmed(octets: &[u8]) -> &[u8] {
    octets.trim_ascii()
}

/// The first word, and what comes behind its blank.
pub(super) fn first_word(octets: &[u8]) -> (&[u8], &[u8]) {
    match memchr2(b' ', b'\t', octets) {
        Some(at) => (&octets[..at], &octets[at + 1..]),
        None => (octets, &[]),
    }
}

/// How many octets are control characters other than a tab.
pub(super) fn control_characters(octets: &[u8]) -> u32 {
    let count = octets.iter().filter(|octet| octet.is_ascii_control() && **octet != b'\t').count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A number in decimal digits alone.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
