//! DShield's block list: columns separated by tabs, the network in the first three.
//!
//! ```text
//! Start           End             Netmask Attacks Name    Country email
//! 5.61.209.0      5.61.209.255    24      1234    …
//! ```
//!
//! Columns 1 and 3 are the network; column 2 must be its last address, or the line is refused. What follows is the note.

use super::address::Prefix;
use super::collect::Collector;
use super::error::LineCause;
use super::extent::address;
use super::lines::{self, Fault, trim};

/// Reads all lines of a document.
pub(super) fn parse(text: &[u8], out: &mut Collector<'_>) {
    lines::each_trimmed(text, out, |line, number, out| {
        if line.starts_with(b"#") || is_heading(line) {
            out.summary.comments += 1;
            return Ok(());
        }
        row(line, number, out)
    });
}

/// Whether a line names the columns.
pub(super) fn is_heading(line: &[u8]) -> bool {
    let mut fields = line.split(|b| *b == b'\t').map(trim);
    let is = |field: Option<&[u8]>, name: &[u8]| field.is_some_and(|field| field.eq_ignore_ascii_case(name));
    is(fields.next(), b"start") && is(fields.next(), b"end")
}

/// The network of a row, and what stands behind it.
pub(super) fn network(line: &[u8]) -> Result<(Prefix, &[u8]), Fault<'_>> {
    let mut fields = line.splitn(4, |b| *b == b'\t').map(trim);
    let mut next = || fields.next().ok_or((line, LineCause::DshieldColumns));
    let (first, last, length) = (next()?, next()?, next()?);
    address(first).map_err(|cause| (first, cause.into()))?;
    let written = [first, b"/", length].concat();
    let prefix = Prefix::parse(&written).map_err(|cause| (length, cause.into()))?;
    let end = address(last).map_err(|cause| (last, cause.into()))?;
    if prefix.network().broadcast() != end {
        return Err((line, LineCause::DshieldEnd));
    }
    Ok((prefix, fields.next().unwrap_or_default()))
}

fn row<'t>(line: &'t [u8], number: u32, out: &mut Collector<'_>) -> Result<(), Fault<'t>> {
    let (prefix, note) = network(line)?;
    out.add(number, line, prefix).map_err(|cause| (line, cause))?;
    if !note.is_empty() {
        out.summary.notes += 1;
        out.note(number, note);
    }
    Ok(())
}
