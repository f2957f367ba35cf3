//! How things are printed: tables that fit 80 columns, colours only at a terminal, errors on one line.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use ipnet::IpNet;
use serde::Serialize;

/// Prints an error as `relay-guard: what: cause` on one line of stderr.
pub(super) fn failure(error: &anyhow::Error) {
    let text = format!("{error:#}").replace('\n', " ");
    let _ = writeln!(io::stderr(), "relay-guard: {text}");
}

/// Prints a line on stdout. A reader that has gone away (`| head`) is no error.
pub(super) fn line(text: impl AsRef<str>) {
    let _ = writeln!(io::stdout(), "{}", text.as_ref());
}

/// Prints a value as JSON on stdout.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// How a word is shown at a terminal.
#[derive(Clone, Copy)]
pub(super) enum Tone {
    Good,
    Warn,
    Bad,
    Dim,
    Bold,
}

/// A word in colour, at a terminal that wants colours; padded before, so that tables stay straight.
pub(super) fn tint(text: &str, tone: Tone) -> String {
    let wanted = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if !wanted {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "31",
        Tone::Dim => "2",
        Tone::Bold => "1",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Columns of a terminal that a table with a column that gives way fits.
const LINE: usize = 80;
/// The least characters that such a column keeps.
const LEAST: usize = 12;

/// Which end of a text says less, and is cut where there is no room.
#[derive(Clone, Copy)]
pub(super) enum Cut {
    /// Of a path.
    Start,
    /// Of a sentence.
    End,
}

/// A table: columns as wide as their longest cell, numbers to the right.
pub(super) struct Table {
    header: Vec<&'static str>,
    right: Vec<bool>,
    yielding: Option<(usize, Cut)>,
    rows: Vec<Vec<(String, Option<Tone>)>>,
}

impl Table {
    /// A table with these columns; a name with a leading `>` is of numbers.
    pub(super) fn new(columns: &[&'static str]) -> Self {
        Self {
            header: columns.iter().map(|name| name.trim_start_matches('>')).collect(),
            right: columns.iter().map(|name| name.starts_with('>')).collect(),
            yielding: None,
            rows: Vec::new(),
        }
    }

    /// Cuts the cells of this column, from 0, where lines would not fit a terminal.
    pub(super) fn yielding(mut self, column: usize, cut: Cut) -> Self {
        self.yielding = Some((column, cut));
        self
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<(String, Option<Tone>)>) {
        self.rows.push(cells);
    }

    /// Prints the table, indented by two.
    pub(super) fn print(&self) {
        for text in self.lines() {
            line(text);
        }
    }

    /// The table's lines, the header first.
    pub(super) fn lines(&self) -> Vec<String> {
        let widths = self.widths();
        let header = self.header.iter().map(|name| ((*name).to_owned(), Some(Tone::Dim))).collect::<Vec<_>>();
        let rows = std::iter::once(&header).chain(&self.rows);
        rows.map(|row| {
            let last = row.len().saturating_sub(1);
            let cells = row.iter().enumerate().map(|(column, (cell, tone))| {
                let width = widths.get(column).copied().unwrap_or(0);
                let cell = match self.yielding {
                    Some((yielding, Cut::Start)) if yielding == column => &shorten_start(cell, width),
                    Some((yielding, Cut::End)) if yielding == column => &shorten(cell, width),
                    _ => cell,
                };
                let padded = match (self.right.get(column), column == last) {
                    (Some(true), _) => format!("{cell:>width$}"),
                    (_, true) => cell.clone(),
                    _ => format!("{cell:<width$}"),
                };
                tone.map_or_else(|| padded.clone(), |tone| tint(&padded, tone))
            });
            format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
        })
        .collect()
    }

    /// The width of each column, in characters.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|name| name.chars().count()).collect();
        for row in &self.rows {
            for (width, (cell, _)) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        // Two blanks stand before each column.
        let line: usize = widths.iter().map(|width| 2 + width).sum();
        if let Some((column, _)) = self.yielding {
            let over = line.saturating_sub(LINE);
            widths[column] = widths[column].saturating_sub(over).max(widths[column].min(LEAST));
        }
        widths
    }
}

/// A plain cell.
pub(super) fn cell(text: impl std::fmt::Display) -> (String, Option<Tone>) {
    (format!("{text}"), None)
}

/// A number with thousands apart: 1234567 is 1 234 567.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(" ")
}

/// Bytes in the largest unit that keeps three digits.
pub(super) fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut amount = value as f64;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{value} B") } else { format!("{amount:.1} {}", UNITS[unit]) }
}

/// A span of time in its two largest units.
pub(super) fn duration(seconds: u64) -> String {
    let text = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Seconds since the epoch.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A time (seconds since the epoch) as it lies ahead or behind.
pub(super) fn when(unix_s: u64) -> String {
    let now = now();
    if unix_s > now {
        format!("in {}", duration(unix_s - now))
    } else {
        format!("{} ago", duration(now - unix_s))
    }
}

/// How long a time (seconds since the epoch) is past, in its largest unit.
pub(super) fn age(unix_s: u64) -> String {
    short(now().saturating_sub(unix_s))
}

/// How long a time (seconds since the epoch) is ahead, in its largest unit.
pub(super) fn until(unix_s: u64) -> String {
    match unix_s.saturating_sub(now()) {
        0 => "now".to_owned(),
        ahead => short(ahead),
    }
}

/// A span of time in its largest unit: 3725 is 1h.
pub(super) fn short(seconds: u64) -> String {
    const UNITS: [(u64, char); 4] = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
    let (size, unit) = UNITS.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, 's'));
    format!("{}{unit}", seconds / size)
}

/// A number in at most five characters: 1234567 is 1.2M.
pub(super) fn count(value: u64) -> String {
    const UNITS: [(f64, char); 3] = [(1e9, 'G'), (1e6, 'M'), (1e3, 'k')];
    if value < 10_000 {
        return value.to_string();
    }
    let value = value as f64;
    let (size, unit) = UNITS.into_iter().find(|(size, _)| value >= *size).unwrap_or((1e3, 'k'));
    let scaled = value / size;
    if scaled < 100.0 { format!("{scaled:.1}{unit}") } else { format!("{scaled:.0}{unit}") }
}

/// A host without its prefix length.
pub(super) fn net(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// At most `width` characters, the last one `…` where something was cut.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// At most `width` characters, the first one `…` where something was cut: of a path, the end says most.
pub(super) fn shorten_start(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    std::iter::once('…').chain(text.chars().skip(length + 1 - width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1000), "1 000");
        assert_eq!(number(1_234_567), "1 234 567");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(70 * 1024 * 1024), "70.0 MiB");
        assert_eq!(duration(3_725), "1h 2m");
        assert_eq!(short(3_725), "1h");
        assert_eq!(short(0), "0s");
        assert_eq!(count(9_999), "9999");
        assert_eq!(count(12_345), "12.3k");
        assert_eq!(count(1_234_567), "1.2M");
        assert_eq!(count(600_000_000), "600M");
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("abcd", 4), "abcd");
        assert_eq!(shorten_start("abcdef", 4), "…def");
        assert_eq!(shorten_start("abcd", 4), "abcd");
    }
    #[test]
    fn a_column_gives_way_where_lines_would_not_fit() {
        let lines = |name: &str, note: &str, yielding: Option<(usize, Cut)>| {
            let table = Table::new(&["NAME", ">NUMBER", "NOTE"]);
            let mut table = yielding.map_or(Table::new(&["NAME", ">NUMBER", "NOTE"]), |(column, cut)| {
                table.yielding(column, cut)
            });
            table.row(vec![cell(name), cell(7), cell(note)]);
            table.lines()
        };
        let (long, short) = ("a".repeat(60) + "z", "short");
        assert_eq!(
            lines(short, short, Some((0, Cut::Start))),
            ["  NAME   NUMBER  NOTE", "  short       7  short"]
        );
        let cut = lines(&long, short, Some((0, Cut::Start)));
        assert_eq!(cut[1], format!("  {long}       7  short"), "76 characters fit");
        let wide = lines(&long, &"b".repeat(20), Some((0, Cut::Start)));
        assert_eq!(wide[1].chars().count(), 80);
        assert!(wide[1].starts_with("  …aa") && wide[1].contains("az  "), "{wide:?}");
        let wide = lines(&long, &"b".repeat(20), Some((2, Cut::End)));
        assert!(wide[1].ends_with(&format!("  {}…", "b".repeat(11))), "{wide:?}: no less than 12");
        let wide = lines(&long, &long, None);
        assert!(wide[1].chars().count() > 80);
    }
}
