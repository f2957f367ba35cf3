//! Documents line by line, for the readers whose entries are lines.

use super::collect::Collector;
use super::error::LineCause;

/// A fault, with the text that has it.
pub(super) type Fault<'t> = (&'t [u8], LineCause);

/// Calls `read` for each line of `text`, without its end and with its number from 1, and keeps the faults. Stops early
/// when reading on is of no use.
pub(super) fn each<'t>(
    text: &'t [u8],
    out: &mut Collector<'_>,
    mut read: impl FnMut(&'t [u8], u32, &mut Collector<'_>) -> Result<(), Fault<'t>>,
) {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() {
        return;
    }
    let mut number = 0_u32;
    for line in text.split(|b| *b == b'\n') {
        number = number.saturating_add(1);
        out.summary.lines += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > out.options.max_line_bytes {
            out.error(number, line, LineCause::TooLong { limit: out.options.max_line_bytes });
        } else if let Err((text, cause)) = read(line, number, out) {
            out.error(number, text, cause);
        }
        if out.is_done() {
            return;
        }
    }
}

/// As [`each`], for what is left of a line between blanks, if anything is. A line with a carriage return inside is a
/// fault: what follows it could be taken for a note.
pub(super) fn each_trimmed<'t>(
    text: &'t [u8],
    out: &mut Collector<'_>,
    mut read: impl FnMut(&'t [u8], u32, &mut Collector<'_>) -> Result<(), Fault<'t>>,
) {
    each(text, out, |line, number, out| {
        if line.contains(&b'\r') {
            return Err((line, LineCause::CarriageReturn));
        }
        let line = trim(line);
        if line.is_empty() { Ok(()) } else { read(line, number, out) }
    });
}

/// The number of lines of a document, as [`each`] counts them.
pub(super) fn count(text: &[u8]) -> usize {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() { 0 } else { text.split(|b| *b == b'\n').count() }
}

/// Takes blanks, no-break spaces too, off both ends.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    loop {
        let before = text.len();
        text = text.trim_ascii();
        text = text.strip_prefix(NBSP).unwrap_or(text);
        text = text.strip_suffix(NBSP).unwrap_or(text);
        if let [LATIN1_NBSP, tail @ ..] = text {
            text = tail;
        }
        if let [head @ .., last, LATIN1_NBSP] = text
            && last.is_ascii()
        {
            text = &text[..=head.len()];
        }
        if text.len() == before {
            return text;
        }
    }
}

/// A no-break space (U+00A0) in UTF-8.
pub(super) const NBSP: &[u8] = b"\xc2\xa0";

/// A no-break space in Latin-1. In UTF-8 the byte also ends other characters, never behind an ASCII one.
pub(super) const LATIN1_NBSP: u8 = 0xa0;

/// Splits at the first blank; the rest comes without blanks at its ends.
pub(super) fn split_blank(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let (head, tail) = text.split_at(end);
    (head, trim(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_of_all_kinds_are_trimmed() {
        for (text, expected) in [
            (&b"  a b\t"[..], &b"a b"[..]),
            (b"\xc2\xa0 a \xc2\xa0\xc2\xa0", b"a"),
            (b"\xa0a\xa0 \xa0", b"a"),
            ("à".as_bytes(), "à".as_bytes()),
            (b"\xa0", b""),
            (b"\xc2\xa0", b""),
            (b"", b""),
        ] {
            assert_eq!(trim(text), expected, "{text:?}");
        }
    }
}
