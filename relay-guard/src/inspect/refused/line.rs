//! One line of an envelope as text. It comes from whoever wants to send: nothing of it is believed, and nothing of it
//! reaches a terminal or a log as it is.

use relay_guard_common::respond::{
    envelope::{ENVELOPE_LINE_LEN, EnvelopeLine},
    verb::Verb,
};

/// The most characters of a name or address that are kept: what the longest path has (RFC 5321 §4.5.3.1.3).
pub const MAX_TEXT: usize = 256;

/// Octets of a verb.
const VERB: usize = 4;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// EHLO or HELO, with a name.
    Hello(String),
    /// MAIL, with the sender's address; empty for the null sender.
    Sender(String),
    /// RCPT, with a recipient's address.
    Recipient(String),
}

/// The octets of a line that count, without its end.
pub(super) fn octets(line: &EnvelopeLine) -> &[u8] {
    let octets = &line.line[..usize::from(line.len).min(ENVELOPE_LINE_LEN)];
    let end = octets.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
    &octets[..end.unwrap_or(octets.len())]
}

/// What a line says; nothing if it is of another verb.
pub(super) fn said(line: &EnvelopeLine) -> Option<Said> {
    const HELLO: u8 = Verb::Hello as u8;
    const MAIL: u8 = Verb::Mail as u8;
    const RCPT: u8 = Verb::Rcpt as u8;
    let arguments = octets(line).get(VERB..).unwrap_or_default();
    match line.verb {
        HELLO => Some(Said::Hello(text(first_word(arguments)))),
        MAIL => Some(Said::Sender(text(path(arguments, b"FROM")))),
        RCPT => Some(Said::Recipient(text(path(arguments, b"TO")))),
        _ => None,
    }
}

/// The address in angle brackets; without brackets, the first word that is not the keyword.
fn path<'a>(arguments: &'a [u8], keyword: &[u8]) -> &'a [u8] {
    if let Some(start) = arguments.iter().position(|octet| *octet == b'<') {
        let path = &arguments[start + 1..];
        return &path[..path_len(path)];
    }
    let arguments = arguments.trim_ascii_start();
    let rest = match arguments.split_at_checked(keyword.len()) {
        // `TO:` and `TO :` are keywords, the beginning of `tom@example.com` is none.
        Some((word, rest)) if word.eq_ignore_ascii_case(keyword) => {
            rest.trim_ascii_start().strip_prefix(b":").unwrap_or(arguments)
        }
        _ => arguments,
    };
    first_word(rest)
}

/// Where a path ends: at the first bracket outside of a quoted string (RFC 5321 §4.1.2), or with the line.
fn path_len(path: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in path.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return at,
            _ => {}
        }
    }
    path.len()
}

fn first_word(octets: &[u8]) -> &[u8] {
    let octets = octets.trim_ascii_start();
    let end = octets.iter().position(u8::is_ascii_whitespace);
    &octets[..end.unwrap_or(octets.len())]
}

/// Octets as text: printable ASCII as it is, a backslash doubled, all else as `\x1b`. At most [`MAX_TEXT`] characters, the
/// last one `…` where something was cut.
fn text(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for octet in octets {
        let shown = match octet {
            b'\\' => r"\\".to_owned(),
            b' '..=b'~' => char::from(*octet).to_string(),
            _ => format!("\\x{octet:02x}"),
        };
        // Room for the mark is kept.
        if text.len() + shown.len() >= MAX_TEXT {
            text.push('…');
            return text;
        }
        text.push_str(&shown);
    }
    text
}
