//! Progress as lines, for logs and pipes.

use std::time::Duration;

use super::flow::Role;
use super::snapshot::Snapshot;

/// How often a line is printed.
const INTERVAL: Duration = Duration::from_secs(2);

/// Prints a line every two seconds, and events as they come, to standard error.
#[derive(Debug, Default)]
pub(super) struct Progress {
    next: Duration,
    events_shown: usize,
}

impl Progress {
    pub(super) fn update(&mut self, snapshot: &Snapshot) {
        for event in snapshot.events.iter().skip(self.events_shown) {
            eprintln!("[{:4.1} s] {}", event.at.as_secs_f64(), event.text);
        }
        self.events_shown = snapshot.events.len();
        if snapshot.elapsed >= self.next {
            self.next = snapshot.elapsed + INTERVAL;
            eprintln!("{}", line(snapshot));
        }
    }
}

fn line(snapshot: &Snapshot) -> String {
    let delivered = |role: Role| {
        let sum = snapshot.sum(role);
        format!("{}/{}", sum.delivered, sum.attempts)
    };
    let listed = snapshot.sum(Role::Listed);
    format!(
        "[{:4.1} s] delivered: clean {}, listed {} ({} blocked), server {}, monitoring {}, zombie {}",
        snapshot.elapsed.as_secs_f64(),
        delivered(Role::Clean),
        delivered(Role::Listed),
        listed.blocked,
        delivered(Role::Declared),
        delivered(Role::Excepted),
        delivered(Role::Zombie),
    )
}
