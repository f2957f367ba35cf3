//! IP reputation lists of Suricata: `address,category,score`.
//!
//! ```text
//! 1.1.1.0/24,6,88
//! ```
//!
//! An address may have several rows, one for each category. A score of 0 says that there is nothing against the
//! address in that category: the row is left out and counted.

use super::collect::Collector;
use super::error::LineCause;
use super::extent::Extent;
use super::lines::{self, Fault, trim};

/// The largest category and score that the format has.
const MAX_CATEGORY: u8 = 60;
const MAX_SCORE: u8 = 127;

/// A row: the address, and what is said of it.
pub(super) struct Row {
    pub(super) extent: Extent,
    category: u8,
    score: u8,
}

/// Reads all lines of a document.
pub(super) fn parse(text: &[u8], out: &mut Collector<'_>) {
    lines::each_trimmed(text, out, |line, number, out| {
        if line.starts_with(b"#") {
            out.summary.comments += 1;
            return Ok(());
        }
        let row = row(line)?;
        if row.score == 0 {
            out.skip(number, line, "a score of 0");
            return Ok(());
        }
        out.add_extent(number, line, row.extent).map_err(|cause| (line, cause))?;
        out.summary.notes += 1;
        out.note(number, format!("category {}, score {}", row.category, row.score).as_bytes());
        Ok(())
    });
}

/// Reads a row: exactly three fields.
pub(super) fn row(line: &[u8]) -> Result<Row, Fault<'_>> {
    let mut fields = line.split(|b| *b == b',').map(trim);
    let (Some(entry), Some(category), Some(score), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err((line, LineCause::ReputationColumns));
    };
    let extent = Extent::parse(entry).map_err(|cause| (entry, LineCause::from(cause)))?;
    let category = number(category, MAX_CATEGORY)?;
    let score = number(score, MAX_SCORE)?;
    Ok(Row { extent, category, score })
}

fn number(text: &[u8], max: u8) -> Result<u8, Fault<'_>> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let value = std::str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse::<u8>().ok());
    value.filter(|value| *value <= max).ok_or((text, LineCause::NumberRange { max }))
}
