//! P2P blocklists: a name, the last colon of the line, and a range.
//!
//! ```text
//! Org: Name:4.53.2.12-4.53.2.15
//! ```
//!
//! IPv4 only, as the format has it. Names may be Latin-1 and are the entries' notes.

use super::collect::Collector;
use super::error::LineCause;
use super::extent::Extent;
use super::lines::{self, Fault, trim};

/// Reads all lines of a document.
pub(super) fn parse(text: &[u8], out: &mut Collector<'_>) {
    lines::each_trimmed(text, out, |line, number, out| {
        if line.starts_with(b"#") {
            out.summary.comments += 1;
            return Ok(());
        }
        let (name, extent) = row(line)?;
        out.add_extent(number, line, extent).map_err(|cause| (line, cause))?;
        if !name.is_empty() {
            out.summary.notes += 1;
            out.note(number, name);
        }
        Ok(())
    });
}

/// The name and range of a line.
pub(super) fn row(line: &[u8]) -> Result<(&[u8], Extent), Fault<'_>> {
    let colon = line.iter().rposition(|b| *b == b':').ok_or((line, LineCause::P2pColon))?;
    let range = trim(&line[colon + 1..]);
    let extent = Extent::parse_field(range).map_err(|cause| (range, LineCause::from(cause)))?;
    Ok((trim(&line[..colon]), extent))
}
