//! Changes of hosts' states, as far as there is room.

use std::collections::VecDeque;

use crate::control::api::HostEvent;

/// Changes that are kept, of all hosts together.
pub(super) const MAX_EVENTS: usize = 1000;

/// The last changes.
#[derive(Debug, Default)]
pub(super) struct Events(VecDeque<HostEvent>);

impl Events {
    /// Those that were saved, newest first.
    pub(super) fn restored(events: Vec<HostEvent>) -> Self {
        Self(events.into_iter().take(MAX_EVENTS).collect())
    }

    /// Takes note of one.
    pub(super) fn note(&mut self, event: HostEvent) {
        self.0.truncate(MAX_EVENTS - 1);
        self.0.push_front(event);
    }

    /// All of them, newest first.
    pub(super) fn newest_first(&self) -> Vec<HostEvent> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept() {
        let event = |at| HostEvent {
            at,
            address: "10.0.0.1".parse().expect("an address"),
            kind: "host".to_owned(),
            from: "quiet".to_owned(),
            to: "reported".to_owned(),
            action: None,
            score: 50,
            signals: Vec::new(),
            by_hand: false,
        };
        let mut events = Events::restored((0..2 * MAX_EVENTS as u64).map(event).collect());
        events.note(event(7777));
        let kept = events.newest_first();
        assert_eq!((kept.len(), kept[0].at, kept[1].at), (MAX_EVENTS, 7777, 0));
        assert_eq!(kept.last().map(|event| event.at), Some(MAX_EVENTS as u64 - 2));
    }
}
