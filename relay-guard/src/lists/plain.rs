//! Plain lists, CIDR lists and netsets: addresses and CIDRs, one or several per line.
//!
//! What a line means, from left to right:
//! - Blanks are space, tab and the no-break space (U+00A0); `,` and `|` separate too.
//! - `#` and `;` start a comment anywhere; `//` starts one only where a token could start, so that `10.0.0.0//24`
//!   stays an error.
//! - The first token must be an address or a CIDR.
//! - After an address and *blanks*, a token that is no address starts a **note**, which is the rest of the line:
//!   `192.0.2.1 seen in a trap`. A token that looks like a mistyped address (`192.0.2.1 192.0.2.300`, and also
//!   `192.0.2.1 - 192.0.2.9`) is an error, not a note.
//! - After `,` or `|` another address is announced: anything else there is an error.

use super::address::{AddressError, Prefix};
use super::collect::Collector;
use super::error::LineCause;

/// The second and last byte of a no-break space in UTF-8; the first is `NBSP_LEAD`.
const NBSP_TAIL: u8 = 0xa0;
const NBSP_LEAD: u8 = 0xc2;

/// Reads all lines of `bytes`, which are UTF-8 without a byte order mark.
pub(super) fn parse(bytes: &[u8], out: &mut Collector<'_>) {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() {
        return;
    }
    let mut number = 0_u32;
    for line in bytes.split(|b| *b == b'\n') {
        number = number.saturating_add(1);
        out.summary.lines += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > out.options.max_line_bytes {
            out.error(number, line, LineCause::TooLong { limit: out.options.max_line_bytes });
        } else if let Err((text, cause)) = parse_line(line, number, out) {
            out.error(number, text, cause);
        }
        if out.is_over_full() {
            return;
        }
    }
}

/// A fault, with the text that has it.
type Fault<'t> = (&'t [u8], LineCause);

fn parse_line<'t>(line: &'t [u8], number: u32, out: &mut Collector<'_>) -> Result<(), Fault<'t>> {
    // Nearly all lines of a large list are a bare address or CIDR.
    if let Ok(prefix) = Prefix::parse(line) {
        return out.add(number, line, prefix).map_err(|cause| (line, cause));
    }
    if line.contains(&b'\r') {
        return Err((line, LineCause::CarriageReturn));
    }
    let mut rest = line;
    let mut after_address = false;
    loop {
        let separated = skip_separators(&mut rest);
        if rest.is_empty() {
            return Ok(());
        }
        if matches!(rest, [b'#' | b';', ..] | [b'/', b'/', ..]) {
            out.summary.comments += 1;
            return Ok(());
        }
        let token = take_token(&mut rest);
        match Prefix::parse(token) {
            Ok(prefix) => out.add(number, token, prefix).map_err(|cause| (token, cause))?,
            Err(_) if after_address && !separated => return note(token, rest, out),
            Err(cause) => return Err((token, cause.into())),
        }
        after_address = true;
    }
}

/// Takes `token`, which is no address, and the `rest` of the line as a note, unless they look like a mistake.
fn note<'t>(token: &'t [u8], mut rest: &'t [u8], out: &mut Collector<'_>) -> Result<(), Fault<'t>> {
    if looks_like_address(token) {
        return Err((token, Prefix::parse(token).err().unwrap_or(AddressError::NotAnAddress).into()));
    }
    if matches!(token, b"-" | b"to") || token == "–".as_bytes() {
        skip_separators(&mut rest);
        let next = take_token(&mut rest);
        if looks_like_address(next) || Prefix::parse(next).is_ok() {
            return Err((next, AddressError::Range.into()));
        }
    }
    out.summary.notes += 1;
    Ok(())
}

/// Whether a token that is no address was probably meant to be one: hexadecimal digits, and a digit first with three
/// dots, or a `::`, or more colons than a time of day has.
fn looks_like_address(token: &[u8]) -> bool {
    let count = |wanted: u8| token.iter().filter(|b| **b == wanted).count();
    let digits = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'x' | b'X' | b':' | b'.' | b'/' | b'-');
    let dotted = token.first().is_some_and(u8::is_ascii_digit) && count(b'.') >= 3;
    let colons = count(b':') > 2 || token.windows(2).any(|pair| pair == b"::");
    token.iter().all(digits) && (dotted || colons)
}

/// Skips blanks and separators; says whether a `,` or `|` was among them.
fn skip_separators(rest: &mut &[u8]) -> bool {
    let mut separated = false;
    loop {
        match **rest {
            [b' ' | b'\t', ref tail @ ..] | [NBSP_LEAD, NBSP_TAIL, ref tail @ ..] => *rest = tail,
            [b',' | b'|', ref tail @ ..] => {
                separated = true;
                *rest = tail;
            }
            _ => return separated,
        }
    }
}

/// Takes the bytes up to the next blank, separator or comment.
fn take_token<'t>(rest: &mut &'t [u8]) -> &'t [u8] {
    let ends = |at: usize| match rest[at] {
        b' ' | b'\t' | b',' | b'|' | b'#' | b';' => true,
        NBSP_LEAD => rest.get(at + 1) == Some(&NBSP_TAIL),
        _ => false,
    };
    let end = (0..rest.len()).find(|at| ends(*at)).unwrap_or(rest.len());
    let (token, tail) = rest.split_at(end);
    *rest = tail;
    token
}
