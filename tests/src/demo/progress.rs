//! Progress as lines, for logs and pipes.

use std::time::Duration;

use super::flow::Role;
use super::snapshot::Snapshot;

/// How often figures are printed.
const INTERVAL: Duration = Duration::from_secs(3);

/// Prints two lines every now and then, and events as they come, to standard error.
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
            eprintln!("{}", figures(snapshot));
        }
    }
}

fn figures(snapshot: &Snapshot) -> String {
    let delivered = |role: Role| {
        let sum = snapshot.sum(role);
        format!("{}/{}", sum.delivered, sum.attempts)
    };
    let refused = snapshot.sum(Role::Refused);
    format!(
        "[{:4.1} s] inbound: clean {} delivered, {} dropped, {}/{} told why\n         \
         outbound: server {}, monitoring {}, zombie {} delivered",
        snapshot.elapsed.as_secs_f64(),
        delivered(Role::Clean),
        snapshot.sum(Role::Listed).blocked,
        refused.refused,
        refused.attempts,
        delivered(Role::Declared),
        delivered(Role::Excepted),
        delivered(Role::Zombie),
    )
}
