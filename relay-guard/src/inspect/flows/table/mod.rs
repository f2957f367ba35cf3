//! The table.

mod arrivals;
mod books;

use std::collections::{BTreeSet, HashMap};

use relay_guard_common::{address::Address, flow::FlowKey};

use super::{
    Counters, FINISHED_NS, HALF_CLOSED_NS, Limits, Listener, OPENED_NS,
    by_use::{ByUse, Queue},
    marks::{Ages, Finished, Opened},
    shares::{SHARE_BYTES, Shares},
    tracked::Tracked,
};
use crate::inspect::{
    reassembly::MAX_DIALOGUE_BYTES,
    segment::{FlowCommand, Segment},
    smtp,
};

/// What is known of a connection.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// It has a session.
    Live(u32),
    /// Its handshake was seen; a number that tells it from others of the same key.
    Opened(Opened, u64),
    /// It is over.
    Finished(Finished, u64),
}

/// Octets that the index takes for a connection, at most: the map may be less than half full after it has grown, a session has a
/// place in the list of slots and in the order of use, and may wait for something.
const INDEX_BYTES: usize = 3 * size_of::<(FlowKey, Place)>() + 3 * size_of::<(u64, u32)>() + 64 + SHARE_BYTES;

/// Why a session ends that did not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Closed,
    Idle,
    Replaced,
    Evicted,
    Finish,
}

/// All connections.
#[derive(Debug)]
pub struct Flows<L = smtp::Session> {
    limits: Limits,
    /// The hash is keyed at random at the start, so that nobody can choose addresses that collide.
    places: HashMap<FlowKey, Place>,
    sessions: Vec<Option<Box<Tracked<L>>>>,
    free: Vec<u32>,
    by_use: ByUse<Queue>,
    shares: Shares,
    waiting: BTreeSet<(u64, u32)>,
    opened: Ages,
    finished: Ages,
    marks: u64,
    commands: Vec<FlowCommand>,
    counters: Counters,
    bytes: usize,
    now_ns: u64,
    /// Nothing is due before.
    due_ns: u64,
}

impl<L: Listener> Flows<L> {
    /// Octets that a connection takes, at most.
    pub const MAX_FLOW_BYTES: usize =
        size_of::<Tracked<L>>() + MAX_DIALOGUE_BYTES + L::MAX_BYTES + INDEX_BYTES;

    /// A table without connections.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits: Limits { sessions: limits.sessions.clamp(1, u32::MAX as usize - 1), ..limits },
            places: HashMap::new(),
            sessions: Vec::new(),
            free: Vec::new(),
            by_use: ByUse::default(),
            shares: Shares::default(),
            waiting: BTreeSet::new(),
            opened: Ages::new(OPENED_NS),
            finished: Ages::new(FINISHED_NS),
            marks: 0,
            commands: Vec::new(),
            counters: Counters::default(),
            bytes: 0,
            now_ns: 0,
            due_ns: u64::MAX,
        }
    }

    /// Takes a segment in; appends what is heard. Does first what is due at its time.
    pub fn handle(&mut self, segment: &Segment<'_>, out: &mut Vec<L::Heard>) {
        self.counters.segments += 1;
        self.now_ns = self.now_ns.max(segment.time_ns);
        if self.now_ns >= self.due_ns {
            self.expire(self.now_ns, out);
        }
        match self.places.get(&segment.flow) {
            Some(Place::Live(slot)) => self.handle_live(*slot, segment, out),
            Some(Place::Opened(opened, number)) => self.handle_opened(*opened, *number, segment, out),
            Some(Place::Finished(finished, _)) if finished.is_late(segment) && !segment.flags.is_syn() => {
                self.counters.late += 1;
                self.pass_by(segment);
            }
            Some(Place::Finished(..)) | None => self.handle_unknown(segment, out),
        }
    }

    /// Sessions at present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len() - self.free.len()
    }

    /// Whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Octets that sessions and the index take. Of sessions, it is never more than [`Limits::bytes`] and one session's.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes
            + self.places.capacity() * (size_of::<(FlowKey, Place)>() + 1)
            + self.sessions.capacity() * size_of::<usize>()
            + self.free.capacity() * size_of::<u32>()
            + self.waiting.len() * 2 * size_of::<(u64, u32)>()
            + self.by_use.memory()
            + self.shares.memory()
            + self.opened.memory()
            + self.finished.memory()
    }

    /// What is to be done about the capture, since this was last asked: a few commands for each segment and each session that
    /// expired in between.
    pub fn commands(&mut self) -> std::vec::Drain<'_, FlowCommand> {
        self.commands.drain(..)
    }

    /// Orders the end of all sessions of a client: what is captured of them does not matter any more. Says how many these are.
    /// Looks at all sessions.
    pub fn end_sessions(&mut self, client: Address) -> usize {
        let mut count = 0;
        for (slot, tracked) in (0..).zip(&mut self.sessions) {
            let of_client =
                |tracked: &&mut Box<Tracked<L>>| tracked.flow.client == client && !tracked.condemned;
            let Some(tracked) = tracked.as_mut().filter(of_client) else { continue };
            (tracked.condemned, tracked.enough) = (true, true);
            tracked.last_ns = self.now_ns;
            self.by_use.touch(slot, Queue::HalfClosed);
            self.commands.push(FlowCommand::End(tracked.connection()));
            count += 1;
        }
        self.due_ns = self.first_due();
        count
    }

    /// Notes that a connection was seen to go on at a time, by somebody who sees what is not captured, too: its session stays. Of
    /// one without a session it says nothing.
    pub fn note_alive(&mut self, flow: &FlowKey, seen_ns: u64) {
        let Some(Place::Live(slot)) = self.places.get(flow) else { return };
        let slot = *slot;
        let tracked = self.sessions[slot as usize].as_mut().filter(|tracked| tracked.last_ns < seen_ns);
        if let Some(tracked) = tracked {
            tracked.last_ns = seen_ns;
            let queue = tracked.queue();
            self.by_use.touch(slot, queue);
            self.shares.touch(slot);
        }
    }

    /// Ends the session of which nothing was seen for the longest time, for lack of room elsewhere. Whether there was one.
    pub fn give_up_one(&mut self, out: &mut Vec<L::Heard>) -> bool {
        self.evict(out)
    }

    /// When something is due at the earliest, if anything is; then [`expire`](Self::expire) is to be called.
    #[must_use]
    pub fn next_expiry(&self) -> Option<u64> {
        (self.due_ns != u64::MAX).then_some(self.due_ns)
    }

    /// Does what is due: gives up what was waited for, ends sessions of which nothing was seen, forgets connections.
    pub fn expire(&mut self, now_ns: u64, out: &mut Vec<L::Heard>) {
        self.now_ns = self.now_ns.max(now_ns);
        let now_ns = self.now_ns;
        while let Some((_, slot)) = self.waiting.first().copied().filter(|(deadline, _)| *deadline <= now_ns)
        {
            let Some(tracked) = self.sessions[slot as usize].as_mut() else {
                self.waiting.pop_first();
                continue;
            };
            tracked.overdue(now_ns, &mut self.counters.octets, out);
            self.settle(slot, out);
        }
        for queue in [Queue::Open, Queue::HalfClosed] {
            while let Some(slot) =
                self.by_use.oldest(queue).filter(|slot| self.idle_at(*slot, queue) <= now_ns)
            {
                self.end(slot, Cause::Idle, out);
            }
        }
        while self.opened.due_ns().is_some_and(|due| due <= now_ns) {
            let mark = self.opened.pop();
            self.forget(mark);
        }
        while self.finished.due_ns().is_some_and(|due| due <= now_ns) {
            let mark = self.finished.pop();
            self.forget(mark);
        }
        self.due_ns = self.first_due();
    }

    /// Ends everything: the capture is over.
    pub fn finish(&mut self, now_ns: u64, out: &mut Vec<L::Heard>) {
        self.expire(now_ns, out);
        for queue in [Queue::HalfClosed, Queue::Open] {
            while let Some(slot) = self.by_use.oldest(queue) {
                self.end(slot, Cause::Finish, out);
            }
        }
    }

    fn first_due(&self) -> u64 {
        let idle = |queue| self.by_use.oldest(queue).map(|slot| self.idle_at(slot, queue));
        let due = [
            self.waiting.first().map(|(deadline, _)| *deadline),
            idle(Queue::Open),
            idle(Queue::HalfClosed),
            self.opened.due_ns(),
            self.finished.due_ns(),
        ];
        due.into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// When a session is over because nothing was seen of it.
    fn idle_at(&self, slot: u32, queue: Queue) -> u64 {
        let last_ns = self.sessions[slot as usize].as_ref().map_or(0, |tracked| tracked.last_ns);
        last_ns.saturating_add(match queue {
            Queue::Open => self.limits.idle_ns,
            Queue::HalfClosed => HALF_CLOSED_NS.min(self.limits.idle_ns),
        })
    }
}
