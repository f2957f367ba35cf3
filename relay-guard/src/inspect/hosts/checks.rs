//! Servers that a host only looks at: it connects, reads the greeting and leaves, as monitoring does. The kernel counts them like
//! all others, and only their sessions tell what they were; so what only the kernel saw waits for these.

use relay_guard_common::host::SKETCH_BITS;

use super::seen::{TICK_S, TWO_HOURS, estimate};
use crate::inspect::observation::{Protocol, Reply, Session};

/// Ticks for which what the kernel saw waits for its session, and at most twice that.
const PATIENCE: u32 = 60 / TICK_S as u32;

/// A bit for each place of the kernel's sketch.
pub type Places = [u64; SKETCH_BITS as usize / 64];

const NOWHERE: Places = [0; SKETCH_BITS as usize / 64];

/// Whether a session is a look at a server, and no more: it was seen whole, the server was willing, and there was no mail in it, no
/// encryption, no authentication and nothing odd.
#[must_use]
pub fn is_check(session: &Session) -> bool {
    session.complete
        && session.ended.is_some()
        && matches!(session.protocol, Protocol::Smtp | Protocol::Silent)
        && session.greeting.as_ref().is_some_and(|greeting| !Reply::is_negative(greeting))
        && session.transactions == 0
        && session.tls.is_none()
        && session.auth.is_none()
        && session.slips.total() == 0
}

/// Servers by the places of their hashes.
#[derive(Clone, Debug)]
pub struct Checks {
    /// Looked at in this period of two hours, and in the one before.
    checked: [Places; 2],
    period: u32,
    /// Seen by the kernel in this minute, and in the one before.
    waiting: [Places; 2],
    since: u32,
}

impl Checks {
    pub const fn new(tick: u32) -> Self {
        Self { checked: [NOWHERE; 2], period: tick / TWO_HOURS, waiting: [NOWHERE; 2], since: tick }
    }

    /// Takes note of a server, by its hash, that was only looked at.
    pub fn note(&mut self, server: u32, tick: u32) {
        let periods = (tick / TWO_HOURS).saturating_sub(self.period);
        if periods > 0 {
            self.checked = [NOWHERE, if periods == 1 { self.checked[0] } else { NOWHERE }];
            self.period = tick / TWO_HOURS;
        }
        let place = server % SKETCH_BITS;
        self.checked[0][place as usize / 64] |= 1 << (place % 64);
    }

    /// Takes the kernel's sketch of servers that it tried.
    pub fn wait(&mut self, sketch: &[u64], tick: u32) {
        if self.waiting == [NOWHERE; 2] {
            self.since = tick;
        }
        for (waiting, bits) in self.waiting[0].iter_mut().zip(sketch) {
            *waiting |= bits;
        }
    }

    /// The servers that have waited for long enough, and were not only looked at.
    pub fn waited(&mut self, tick: u32) -> Places {
        if tick.saturating_sub(self.since) < PATIENCE {
            return NOWHERE;
        }
        self.since = tick;
        let mut waited = self.waiting[1];
        self.waiting = [NOWHERE, self.waiting[0]];
        for (at, bits) in waited.iter_mut().enumerate() {
            *bits &= !(self.checked[0][at] | self.checked[1][at]);
        }
        waited
    }

    /// How many servers were only looked at in the last two hours or four, estimated.
    #[must_use]
    pub fn count(&self, tick: u32) -> u32 {
        let kept = 2_usize.saturating_sub((tick / TWO_HOURS).saturating_sub(self.period) as usize);
        let places = 0..NOWHERE.len();
        let used = |at| self.checked[..kept].iter().fold(0_u64, |all, bits| all | bits[at]).count_ones();
        estimate(places.map(used).sum::<u32>() as usize, SKETCH_BITS as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(place: usize) -> Places {
        let mut places = NOWHERE;
        places[place / 64] |= 1 << (place % 64);
        places
    }

    #[test]
    fn what_the_kernel_saw_waits_until_its_session_may_have_told() {
        let mut checks = Checks::new(0);
        checks.wait(&of(70), 100);
        checks.wait(&of(71), 101);
        assert_eq!(checks.waited(100 + PATIENCE - 1), NOWHERE);
        assert_eq!(checks.waited(100 + PATIENCE), NOWHERE);
        checks.note(71 + SKETCH_BITS, 100 + PATIENCE);
        assert_eq!(checks.waited(100 + 2 * PATIENCE), of(70), "the other one was only looked at");
        assert_eq!(checks.waited(100 + 3 * PATIENCE), NOWHERE, "once");
    }

    #[test]
    fn looks_are_remembered_for_two_hours_at_least() {
        let mut checks = Checks::new(0);
        checks.note(5, TWO_HOURS - 1);
        assert_eq!(
            [0, TWO_HOURS, 2 * TWO_HOURS - 1, 2 * TWO_HOURS].map(|tick| checks.count(tick)),
            [1, 1, 1, 0]
        );
        checks.note(6, TWO_HOURS);
        assert_eq!(checks.count(TWO_HOURS), 2);
        checks.note(7, 3 * TWO_HOURS);
        assert_eq!(checks.count(3 * TWO_HOURS), 1);
    }
}
