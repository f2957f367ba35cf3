//! The table at the end, within 80 columns.

use std::fmt::{self, Write as _};

use super::flow::Role;
use super::report::Report;
use super::snapshot::{Row, wrapped};

/// Columns of a terminal.
const LINE: usize = 80;
const INDENT: &str = "  ";

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
        "{:<15} {:<18} {:>6} {:>9} {:>7} {:>7} {:>6}",
        "sender", "", "tried", "delivered", "blocked", "refused", "broken"
    )?;
    for row in rows {
        let (role, senders) = (row.role.name(), &row.senders);
        let [tried, delivered, blocked, refused, broken] =
            [row.attempts, row.delivered, row.blocked, row.refused, row.broken];
        let mark = if row.is_wrong() { " WRONG" } else { "" };
        writeln!(
            out,
            "{role:<15} {senders:<18} {tried:>6} {delivered:>9} {blocked:>7} {refused:>7} {broken:>6}{mark}"
        )?;
    }
    writeln!(out)?;
    refusals(out, report)?;
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

/// What refused senders have read, and what the guard shows of them.
fn refusals(out: &mut String, report: &Report) -> fmt::Result {
    let (received, missing) = (report.refusals_received, report.refusals_missing);
    let all = received + missing;
    if let Some(refusal) = &report.refusal_as_received {
        writeln!(
            out,
            "Told why in SMTP's own words: {received} of {all} refused attempts. One sender read:"
        )?;
        indented(out, refusal)?;
    }
    if let Some(sender) = &report.refused_sender_shown {
        writeln!(out, "The administrator sees, by `relay-guard status --refused`:")?;
        indented(out, sender)?;
    }
    Ok(())
}

/// A text in lines of its own.
fn indented(out: &mut String, text: &str) -> fmt::Result {
    wrapped(text, LINE - INDENT.len()).iter().try_for_each(|line| writeln!(out, "{INDENT}{line}"))
}

fn zombie(rows: &[Row]) -> Option<&str> {
    rows.iter().find(|row| row.role == Role::Zombie).map(|row| row.senders.as_str())
}
