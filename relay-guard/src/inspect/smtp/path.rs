//! Paths and parameters of MAIL and RCPT (RFC 5321 §4.1.1, §4.1.2).

use super::text::{decimal, first_word, trimmed};

/// What comes behind MAIL or RCPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Envelope<'a> {
    /// The mailbox, without brackets and source route; empty for the null sender.
    pub(super) mailbox: &'a [u8],
    /// The value of SIZE (RFC 1870), octets.
    pub(super) size: Option<u64>,
    /// Whether there are any parameters.
    pub(super) has_parameters: bool,
    /// Whether it is written as no mail server writes it: without brackets, with a blank behind the colon.
    pub(super) is_sloppy: bool,
}

/// Reads what comes behind MAIL (`keyword` is `FROM`) or RCPT (`TO`); nothing without the keyword and its colon, or without
/// any path.
pub(super) fn read<'a>(arguments: &'a [u8], keyword: &[u8]) -> Option<Envelope<'a>> {
    let start = arguments.trim_ascii_start();
    let (word, rest) = start.split_at_checked(keyword.len())?;
    if !word.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let after = rest.trim_ascii_start().strip_prefix(b":")?;
    let is_exact = rest.starts_with(b":") && !after.starts_with(b" ") && !after.starts_with(b"\t");
    let path = after.trim_ascii_start();
    let (mailbox, parameters, in_brackets) = match path.strip_prefix(b"<") {
        Some(path) => in_brackets(path),
        None => bare(path)?,
    };
    let parameters = trimmed(parameters);
    Some(Envelope {
        mailbox: without_route(mailbox),
        size: size(parameters),
        has_parameters: !parameters.is_empty(),
        is_sloppy: !is_exact || !in_brackets,
    })
}

/// The path up to the bracket that closes it, and what comes behind.
fn in_brackets(path: &[u8]) -> (&[u8], &[u8], bool) {
    match closing_bracket(path) {
        Some(at) => (&path[..at], &path[at + 1..], true),
        None => {
            let (path, rest) = first_word(path);
            (path, rest, false)
        }
    }
}

fn bare(path: &[u8]) -> Option<(&[u8], &[u8], bool)> {
    let (path, rest) = first_word(path);
    (!path.is_empty()).then_some((path, rest, false))
}

/// Where a path ends: at the first bracket outside of a quoted string.
fn closing_bracket(path: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in path.iter().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    // A quote without an end hides no bracket.
    path.iter().rposition(|octet| *octet == b'>')
}

/// `@a,@b:user@c` means `user@c` (RFC 5321 appendix C).
fn without_route(path: &[u8]) -> &[u8] {
    match path.iter().position(|octet| *octet == b':') {
        Some(colon) if path.starts_with(b"@") => &path[colon + 1..],
        _ => path,
    }
}

fn size(parameters: &[u8]) -> Option<u64> {
    parameters.split(|octet| matches!(octet, b' ' | b'\t')).find_map(|parameter| {
        let (key, value) = parameter.split_at_checked(b"SIZE=".len())?;
        if key.eq_ignore_ascii_case(b"SIZE=") { decimal(value) } else { None }
    })
}
