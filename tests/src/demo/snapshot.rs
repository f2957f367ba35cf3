//! One moment of the demonstration, as both displays and the summary show it.

use std::time::Duration;

use super::flow::{Flow, Role};
use super::observer::Observation;

/// Something that happened, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Since the begin of all traffic.
    pub(super) at: Duration,
    pub(super) text: String,
}

/// What can be shown at a moment.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) elapsed: Duration,
    pub(super) total: Duration,
    pub(super) rows: Vec<Row>,
    /// `out0 native, in0 native`
    pub(super) attached: String,
    pub(super) events: Vec<Event>,
}

/// One flow at that moment.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) role: Role,
    pub(super) senders: String,
    pub(super) attempts: usize,
    pub(super) delivered: usize,
    /// Ended without becoming a connection.
    pub(super) blocked: usize,
    /// Told why they are refused.
    pub(super) refused: usize,
    /// Became a connection, but came to neither.
    pub(super) broken: usize,
    pub(super) contained: bool,
}

impl Row {
    pub(super) fn new(flow: &Flow, observation: &Observation) -> Self {
        // Counted one after the other, so that an attempt may end in between: what became of connections after them.
        let passed = flow.tally.passed();
        let (delivered, refused) = (flow.tally.delivered(), flow.tally.told_why());
        Self {
            role: flow.role,
            senders: flow.senders(),
            attempts: flow.tally.started(),
            delivered,
            blocked: flow.tally.blocked(),
            refused,
            broken: passed.saturating_sub(delivered + refused),
            contained: flow
                .single_source()
                .is_some_and(|address| observation.contained.contains_key(&address)),
        }
    }

    /// Whether its figures are what they must not be.
    pub(super) fn is_wrong(&self) -> bool {
        match self.role {
            Role::Listed => self.delivered + self.refused + self.broken > 0,
            Role::Refused => self.delivered + self.blocked + self.broken > 0,
            Role::Zombie => false,
            Role::Clean | Role::Declared | Role::Excepted | Role::Workstation => {
                self.blocked + self.refused + self.broken > 0 || self.contained
            }
        }
    }
}

/// All interfaces in one line.
pub(super) fn attached(observation: &Observation) -> String {
    let modes = observation.attach_modes.iter();
    modes.map(|(interface, mode)| format!("{interface} {mode}")).collect::<Vec<_>>().join(", ")
}

/// Sums of some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) attempts: usize,
    pub(super) delivered: usize,
    pub(super) blocked: usize,
    pub(super) refused: usize,
}

impl Snapshot {
    pub(super) fn sum(&self, role: Role) -> Sum {
        self.rows.iter().filter(|row| row.role == role).fold(Sum::default(), |sum, row| Sum {
            attempts: sum.attempts + row.attempts,
            delivered: sum.delivered + row.delivered,
            blocked: sum.blocked + row.blocked,
            refused: sum.refused + row.refused,
        })
    }
}

/// A text in lines of at most `width` columns, broken at blanks; a word that is longer has a line of its own.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        for (text, width, lines) in [
            ("550 5.7.1 no", 12, &["550 5.7.1 no"][..]),
            ("550 5.7.1 no", 11, &["550 5.7.1", "no"]),
            ("550 https://long.example/", 9, &["550", "https://long.example/"]),
            ("", 5, &[""]),
        ] {
            assert_eq!(wrapped(text, width), lines, "{text:?} in {width}");
        }
    }
}
