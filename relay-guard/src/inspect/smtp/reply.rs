//! Lines of a server's (RFC 5321 §4.2.1).

use super::text::trimmed;

/// A line of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplyLine<'a> {
    /// The code, 200 to 599.
    pub(super) code: u16,
    /// Whether it is the reply's last line.
    pub(super) is_last: bool,
    /// What comes behind.
    pub(super) text: &'a [u8],
}

/// Reads a line without its end; nothing if it is none of a reply.
pub(super) fn read(line: &[u8]) -> Option<ReplyLine<'_>> {
    let ([first @ b'2'..=b'5', second @ b'0'..=b'9', third @ b'0'..=b'9'], rest) =
        line.split_first_chunk()?
    else {
        return None;
    };
    let digit = |octet: &u8| u16::from(octet - b'0');
    let code = digit(first) * 100 + digit(second) * 10 + digit(third);
    let (is_last, text) = match rest.split_first() {
        None => (true, rest),
        Some((b'-', text)) => (false, text),
        Some((b' ' | b'\t', text)) => (true, text),
        Some(_) => return None,
    };
    Some(ReplyLine { code, is_last, text: trimmed(text) })
}
