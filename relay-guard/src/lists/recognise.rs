//! Which format a document is written in, by its content.
//!
//! Looks at the beginning of the document, at most [`SAMPLE_BYTES`] and [`SAMPLE_LINES`]. A format is only recognised
//! where nothing else could be meant; **plain** is what is left, and its strictness refuses what is no plain list:
//! - A configured field is one of JSON if the text begins with `{` or `[`, and else of CSV.
//! - `{` or `[` begins JSON; objects with `cidr` and `sblid` are Spamhaus's.
//! - rbldnsd: one line is enough that no other format has: `$TTL …` (also behind `#`, `;` or `:`), `:127.0.0.2:…`,
//!   `!10.0.0.1`, `10.0.0.1 :5`.
//! - spamd.conf: one line with `:method=` or `:msg=`.
//! - DShield, IP reputation, hosts.deny, P2P, DROP as text: **all** lines looked at must be of that form, comments left
//!   out. A P2P line has a range and does not begin with an address, a line of hosts.deny has no range.
//!
//! A plain list of which every line happens to be read the same by two formats (`192.0.2.0/24 ; SBL1`) is the same list
//! in both.

use super::lines::trim;
use super::options::ParseOptions;
use super::{Format, drop_json, dshield, hosts_deny, ip_reputation, p2p, rbldnsd};
use crate::lists::extent::Extent;

/// How much of a document is looked at, in bytes and in lines that are neither empty nor comments.
const SAMPLE_BYTES: usize = 64 << 10;
const SAMPLE_LINES: usize = 200;

/// The format of a document; never [`Format::Auto`].
pub(super) fn recognise(text: &[u8], options: &ParseOptions) -> Format {
    let start = text.trim_ascii_start();
    let is_json = starts_json(start);
    if options.address_field.is_some() {
        return if is_json { Format::Json } else { Format::Csv };
    }
    if is_json {
        let first = start.split(|b| *b == b'\n').next().unwrap_or_default();
        return if drop_json::is_line(trim(first)) { Format::DropJson } else { Format::Json };
    }
    let lines = sample(text);
    if lines.iter().any(|line| rbldnsd::is_zone_line(line)) {
        return Format::Rbldnsd;
    }
    let rows: Vec<&[u8]> = lines.into_iter().filter(|line| !is_comment(line)).take(SAMPLE_LINES).collect();
    if rows.iter().any(|row| is_spamd_conf(row)) {
        return Format::SpamdConf;
    }
    let all = |is: Test<'_>| !rows.is_empty() && rows.iter().all(|row| is(row));
    let dshield = |row: &[u8]| dshield::is_heading(row) || dshield::network(row).is_ok();
    let reputation = |row: &[u8]| ip_reputation::row(row).is_ok();
    let forms: [(Format, Test<'_>); 5] = [
        (Format::Dshield, &dshield),
        (Format::IpReputation, &reputation),
        (Format::HostsDeny, &hosts_deny::is_rule),
        (Format::P2p, &is_p2p),
        (Format::DropText, &is_drop_text),
    ];
    forms.into_iter().find(|(_, is)| all(is)).map_or(Format::Plain, |(format, _)| format)
}

/// Whether a line is of some form.
type Test<'a> = &'a dyn Fn(&[u8]) -> bool;

/// Whether text begins as JSON with structure does; `[` alone may begin other things.
fn starts_json(text: &[u8]) -> bool {
    match text {
        [b'{', ..] => true,
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start(), [b'{' | b'[' | b']' | b'"', ..]),
        _ => false,
    }
}

/// The first lines that are not empty, without one that the sample cuts.
fn sample(text: &[u8]) -> Vec<&[u8]> {
    let cut = text.len() > SAMPLE_BYTES;
    let text = &text[..text.len().min(SAMPLE_BYTES)];
    let whole = if cut { text.iter().rposition(|b| *b == b'\n').unwrap_or(text.len()) } else { text.len() };
    text[..whole].split(|b| *b == b'\n').map(trim).filter(|line| !line.is_empty()).collect()
}

fn is_comment(line: &[u8]) -> bool {
    line.starts_with(b"#") || line.starts_with(b";")
}

fn is_spamd_conf(line: &[u8]) -> bool {
    let has = |part: &[u8]| line.windows(part.len()).any(|window| window == part);
    has(b":method=") || has(b":msg=")
}

/// A name, which does not begin with an entry of a plain list, and a range.
fn is_p2p(line: &[u8]) -> bool {
    let Ok((name, Extent::V4 { .. } | Extent::V6 { .. })) = p2p::row(line) else { return false };
    let first = name.split(|b| matches!(b, b' ' | b'\t' | b',' | b'|')).next().unwrap_or_default();
    !name.is_empty() && Extent::parse(first).is_err()
}

fn is_drop_text(line: &[u8]) -> bool {
    let Some(at) = line.iter().position(|b| *b == b';') else { return false };
    matches!(Extent::parse(trim(&line[..at])), Ok(Extent::Network(_)))
        && trim(&line[at + 1..]).starts_with(b"SBL")
}
