//! Plain lists, CIDR lists, netsets and ranges: one or several entries per line, in any mix.
//!
//! An entry is an address, a CIDR, an address with a netmask (`192.0.2.0/255.255.255.0`), or two addresses with `-`,
//! `–` or `to` between them, with or without blanks. What a line means, from left to right:
//! - Blanks are space, tab and the no-break space (U+00A0); `,` and `|` separate too.
//! - `#` and `;` start a comment anywhere; `//` starts one only where a token could start, so that `10.0.0.0//24`
//!   stays an error. A comment behind an entry is its note.
//! - The first token must be an entry.
//! - After an entry and *blanks*, a token that is no address starts a **note**, which is the rest of the line:
//!   `192.0.2.1 seen in a trap`. A token that looks like a mistyped address (`192.0.2.1 192.0.2.300`) is an error,
//!   not a note.
//! - After `,` or `|` another entry is announced: anything else there is an error.
//! - First address, last address and prefix length, separated by blanks, are a line of DShield's list, which means a
//!   network and not two hosts: an error that says so.

use super::address::{AddressError, Prefix};
use super::collect::Collector;
use super::error::LineCause;
use super::extent::{Extent, is_address};
use super::lines::{self, Fault, LATIN1_NBSP, NBSP, trim};

/// Reads all lines of a document.
pub(super) fn parse(text: &[u8], out: &mut Collector<'_>) {
    lines::each(text, out, |line, number, out| {
        // Nearly all lines of a large list are a bare address or CIDR.
        match Prefix::parse(line) {
            Ok(prefix) => out.add(number, line, prefix).map_err(|cause| (line, cause)),
            Err(_) => parse_line(line, number, out),
        }
    });
}

fn parse_line<'t>(line: &'t [u8], number: u32, out: &mut Collector<'_>) -> Result<(), Fault<'t>> {
    if line.contains(&b'\r') {
        return Err((line, LineCause::CarriageReturn));
    }
    if is_dshield(line) {
        return Err((line, LineCause::DshieldAsPlain));
    }
    let mut rest = line;
    let mut after_entry = false;
    loop {
        let separated = skip_separators(&mut rest);
        if rest.is_empty() {
            return Ok(());
        }
        if matches!(rest, [b'#' | b';', ..] | [b'/', b'/', ..]) {
            comment(rest, number, after_entry, out);
            return Ok(());
        }
        let start = rest;
        let token = take_token(&mut rest);
        match entry(token, &mut rest) {
            Ok(extent) => {
                let written = &start[..start.len() - rest.len()];
                out.add_extent(number, written, extent).map_err(|cause| (written, cause))?;
            }
            Err((text, _)) if text == token && after_entry && !separated => {
                return note(token, start, number, out);
            }
            Err((text, cause)) => return Err((text, cause.into())),
        }
        after_entry = true;
    }
}

/// What `token` and, if it is the beginning of a range, what follows it stand for. The error names the offending text.
fn entry<'t>(token: &'t [u8], rest: &mut &'t [u8]) -> Result<Extent, (&'t [u8], AddressError)> {
    // `192.0.2.1- 192.0.2.9`
    if let Some(first) = token.strip_suffix(b"-")
        && is_address(first)
    {
        skip_blanks(rest);
        let last = take_token(rest);
        return Extent::range(first, last).map_err(|cause| (last, cause));
    }
    let extent = Extent::parse(token).map_err(|cause| (token, cause))?;
    let mut ahead = *rest;
    skip_blanks(&mut ahead);
    let mut last = take_token(&mut ahead);
    if matches!(last, b"-" | b"to") || last == "–".as_bytes() {
        skip_blanks(&mut ahead);
        last = take_token(&mut ahead);
    } else if let Some(behind) = last.strip_prefix(b"-") {
        last = behind;
    } else {
        return Ok(extent);
    }
    if !looks_like_address(last) && !is_address(last) {
        // `192.0.2.1 - spammer`: a note.
        return Ok(extent);
    }
    *rest = ahead;
    Extent::range(token, last).map_err(|cause| (last, cause))
}

fn comment(text: &[u8], number: u32, after_entry: bool, out: &mut Collector<'_>) {
    out.summary.comments += 1;
    if after_entry {
        let marks = text.iter().take_while(|b| matches!(b, b'#' | b';' | b'/')).count();
        out.note(number, trim(&text[marks..]));
    }
}

/// Takes what begins with `token`, which is no entry, as a note, unless it looks like a mistake.
fn note<'t>(token: &'t [u8], text: &'t [u8], number: u32, out: &mut Collector<'_>) -> Result<(), Fault<'t>> {
    if looks_like_address(token) {
        return Err((token, Extent::parse(token).err().unwrap_or(AddressError::NotAnAddress).into()));
    }
    out.summary.notes += 1;
    out.note(number, trim(text));
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

/// Whether a line begins with the first and last address of a network and its prefix length.
fn is_dshield(line: &[u8]) -> bool {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let (Some(first), Some(last), Some(length)) = (fields.next(), fields.next(), fields.next()) else {
        return false;
    };
    let network = [first, b"/", length].concat();
    match (Prefix::parse(&network), Extent::range(first, last)) {
        (Ok(prefix), Ok(Extent::V4 { last, .. })) => {
            !prefix.has_host_bits() && prefix.network().broadcast() == std::net::IpAddr::V4(last.into())
        }
        _ => false,
    }
}

/// Skips blanks and separators; says whether a `,` or `|` was among them.
fn skip_separators(rest: &mut &[u8]) -> bool {
    let mut separated = false;
    loop {
        skip_blanks(rest);
        match **rest {
            [b',' | b'|', ref tail @ ..] => {
                separated = true;
                *rest = tail;
            }
            _ => return separated,
        }
    }
}

fn skip_blanks(rest: &mut &[u8]) {
    while let [b' ' | b'\t' | LATIN1_NBSP, tail @ ..] | [0xc2, 0xa0, tail @ ..] = *rest {
        *rest = tail;
    }
}

/// Takes the bytes up to the next blank, separator or comment.
fn take_token<'t>(rest: &mut &'t [u8]) -> &'t [u8] {
    let ends = |at: usize| match rest[at] {
        b' ' | b'\t' | b',' | b'|' | b'#' | b';' => true,
        LATIN1_NBSP => at == 0 || rest[at - 1].is_ascii(),
        _ => rest[at..].starts_with(NBSP),
    };
    let end = (0..rest.len()).find(|at| ends(*at)).unwrap_or(rest.len());
    let (token, tail) = rest.split_at(end);
    *rest = tail;
    token
}
