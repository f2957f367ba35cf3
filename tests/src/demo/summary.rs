//! The table at the end, within 80 columns.

use std::fmt::{self, Write as _};

use super::flow::Role;
use super::report::Report;
use super::snapshot::Row;

/// The table and the result, as text with a line end at its end.
pub(super) fn text(report: &Report, rows: &[Row], attached: &str) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write(&mut text, report, rows, attached);
    text
}

fn write(out: &mut String, report: &Report, rows: &[Row], attached: &str) -> fmt::Result {
    writeln!(
        out,
        "{:<16} {:<20} {:>8} {:>9} {:>7} {:>6}",
        "sender", "", "attempts", "delivered", "blocked", "broken"
    )?;
    for row in rows {
        let (role, senders) = (row.role.name(), &row.senders);
        let (attempts, delivered, blocked, broken) = (row.attempts, row.delivered, row.blocked, row.broken);
        let mark = if row.is_wrong() { " WRONG" } else { "" };
        writeln!(
            out,
            "{role:<16} {senders:<20} {attempts:>8} {delivered:>9} {blocked:>7} {broken:>6}{mark}"
        )?;
    }
    writeln!(out)?;
    if let (Some(after), Some(zombie)) = (report.zombie_contained_after_s, zombie(rows)) {
        writeln!(out, "The zombie {zombie} was contained {after:.1} s after its first attempt.")?;
    }
    if !attached.is_empty() {
        writeln!(out, "Attached: {attached}.")?;
    }
    if report.ok {
        return writeln!(out, "All is as it must be.");
    }
    writeln!(out, "Not as it must be:")?;
    report.problems.iter().try_for_each(|problem| writeln!(out, "- {problem}"))
}

fn zombie(rows: &[Row]) -> Option<&str> {
    rows.iter().find(|row| row.role == Role::Zombie).map(|row| row.senders.as_str())
}
