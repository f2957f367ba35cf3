//! Spamhaus DROP as JSON lines: an object for each network, and metadata as the last line.
//!
//! ```text
//! {"cidr":"1.10.16.0/20","sblid":"SBL256894","rir":"apnic"}
//! {"type":"metadata","timestamp":1730000000,"records":1}
//! ```
//!
//! Without the metadata, or with another number of records than it says, the document is truncated.

use std::borrow::Cow;

use serde::Deserialize;

use super::collect::Collector;
use super::error::{DocumentCause, LineCause};
use super::extent::Extent;
use super::lines::{self, Fault};

/// A line: a network or the metadata.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    cidr: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sblid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    rir: Option<Cow<'a, str>>,
    records: Option<u64>,
}

/// What the lines of a document have shown so far.
#[derive(Default)]
struct Seen {
    networks: u64,
    /// The number of records that the metadata gives.
    records: Option<Option<u64>>,
    first_bad: Option<u32>,
    last: u32,
}

/// Reads all lines of a document.
pub(super) fn parse(text: &[u8], out: &mut Collector<'_>) -> Result<(), DocumentCause> {
    let mut seen = Seen::default();
    lines::each_trimmed(text, out, |line, number, out| {
        seen.last = number;
        let read = read(line, number, &mut seen, out);
        if read.is_err() {
            seen.first_bad.get_or_insert(number);
        }
        read
    });
    if out.is_done() { Ok(()) } else { seen.check() }
}

fn read<'t>(line: &'t [u8], number: u32, seen: &mut Seen, out: &mut Collector<'_>) -> Result<(), Fault<'t>> {
    let fault = |cause| (line, cause);
    if seen.records.is_some() {
        return Err(fault(LineCause::AfterMetadata));
    }
    let parsed: Line<'_> = serde_json::from_slice(line).map_err(|_| fault(LineCause::NotJson))?;
    if parsed.kind.as_deref() == Some("metadata") {
        seen.records = Some(parsed.records);
        return Ok(());
    }
    let cidr = parsed.cidr.ok_or(fault(LineCause::NotJson))?;
    let extent = Extent::parse(cidr.as_bytes()).map_err(|cause| fault(cause.into()))?;
    out.add_extent(number, line, extent).map_err(fault)?;
    seen.networks += 1;
    let note: Vec<&str> = [parsed.sblid.as_deref(), parsed.rir.as_deref()].into_iter().flatten().collect();
    out.summary.notes += usize::from(!note.is_empty());
    out.note(number, note.join(" ").as_bytes());
    Ok(())
}

impl Seen {
    /// Whether the document is whole. Bad lines before the last one say more than a missing end.
    fn check(&self) -> Result<(), DocumentCause> {
        let what = match self.records {
            _ if self.first_bad.is_some_and(|bad| bad < self.last) => return Ok(()),
            None => "the last line is not the metadata line".to_owned(),
            Some(None) => "the metadata line gives no number of records".to_owned(),
            Some(Some(records)) if records != self.networks => {
                format!("the metadata line speaks of {records} records, and there are {}", self.networks)
            }
            Some(Some(_)) => return Ok(()),
        };
        Err(DocumentCause::Truncated { what })
    }
}

/// Whether a line is one of such a list.
pub(super) fn is_line(line: &[u8]) -> bool {
    serde_json::from_slice::<Line<'_>>(line).is_ok_and(|line| {
        line.kind.as_deref() == Some("metadata") || (line.cidr.is_some() && line.sblid.is_some())
    })
}
