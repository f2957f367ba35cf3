//! Spamhaus DROP as text: one CIDR per line, its record behind `;`.
//!
//! ```text
//! ; Spamhaus DROP List 2024/05/01
//! 1.10.16.0/20 ; SBL256894
//! ```

use super::collect::Collector;
use super::error::LineCause;
use super::extent::Extent;
use super::lines::{self, trim};

/// Reads all lines of a document.
pub(super) fn parse(text: &[u8], out: &mut Collector<'_>) {
    lines::each_trimmed(text, out, |line, number, out| {
        let semicolon = line.iter().position(|b| *b == b';');
        let (entry, note) = line.split_at(semicolon.unwrap_or(line.len()));
        out.summary.comments += usize::from(semicolon.is_some());
        let entry = trim(entry);
        if entry.is_empty() {
            return Ok(());
        }
        let extent = Extent::parse(entry).map_err(|cause| (entry, LineCause::from(cause)))?;
        out.add_extent(number, entry, extent).map_err(|cause| (entry, cause))?;
        out.note(number, trim(note.strip_prefix(b";").unwrap_or(note)));
        Ok(())
    });
}
