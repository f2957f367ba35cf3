//! The table.

use std::collections::{BTreeSet, HashMap};

use super::{
    Counters, FINISHED_NS, HALF_CLOSED_NS, Limits, Listener, OPENED_NS,
    by_use::{ByUse, Queue},
    marks::{Ages, Finished, Opened},
    tracked::Tracked,
};
use crate::inspect::{
    observation::Ended,
    reassembly::{MAX_DIALOGUE_BYTES, State, Taken},
    segment::{FlowCommand, Segment},
};
use relay_guard_common::{
    address::Address,
    flow::{FlowKey, Party},
    parse::Flags,
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
const INDEX_BYTES: usize = 3 * size_of::<(FlowKey, Place)>() + 3 * size_of::<(u64, u32)>() + 64;

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
pub struct Flows<L> {
    limits: Limits,
    /// The hash is keyed at random at the start, so that nobody can choose addresses that collide.
    places: HashMap<FlowKey, Place>,
    sessions: Vec<Option<Box<Tracked<L>>>>,
    free: Vec<u32>,
    by_use: ByUse,
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
            self.commands.push(FlowCommand::End(tracked.flow));
            count += 1;
        }
        self.due_ns = self.first_due();
        count
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

    fn handle_live(&mut self, slot: u32, segment: &Segment<'_>, out: &mut Vec<L::Heard>) {
        let Some(tracked) = self.sessions[slot as usize].as_mut() else { return };
        if tracked.is_other(segment) {
            self.end(slot, Cause::Replaced, out);
            return self.handle_unknown(segment, out);
        }
        let taken = tracked.take(segment, &mut self.counters.octets, out);
        self.counters.stray += u64::from(taken == Taken::Stray);
        if tracked.is_astray() {
            self.end(slot, Cause::Replaced, out);
            return self.begin(segment, Opened::default(), out);
        }
        tracked.last_ns = self.now_ns;
        let queue = match tracked.dialogue.state() {
            _ if tracked.condemned => Queue::HalfClosed,
            State::HalfClosed => Queue::HalfClosed,
            State::Open | State::Closed(_) => Queue::Open,
        };
        self.by_use.touch(slot, queue);
        self.due_ns = self.due_ns.min(self.idle_at(slot, queue));
        self.settle(slot, out);
        self.make_room(out);
    }

    fn handle_opened(&mut self, opened: Opened, number: u64, segment: &Segment<'_>, out: &mut Vec<L::Heard>) {
        let is_reset = segment.flags.0 & Flags::RST != 0;
        match Opened::by(segment) {
            _ if is_reset => {
                self.places.remove(&segment.flow);
                self.pass_by(segment);
            }
            Some(_) if segment.len > 0 => self.handle_unknown(segment, out),
            Some(handshake) if opened.differs(&handshake) => self.open(segment.flow, handshake),
            Some(handshake) => self.learn(segment.flow, opened, handshake, number),
            None if segment.len > 0 => {
                let began = segment.opening.map_or(opened, Opened::from);
                let fits = began.fits(segment);
                self.begin(segment, if fits { began } else { Opened::default() }, out);
            }
            None if segment.from == Party::Client => {
                let handshake = Opened { client: None, server: segment.acknowledgment };
                self.learn(segment.flow, opened, handshake, number);
            }
            None => {}
        }
    }

    /// A segment of a connection of which nothing is known that could matter.
    fn handle_unknown(&mut self, segment: &Segment<'_>, out: &mut Vec<L::Heard>) {
        let is_over = segment.flags.0 & Flags::RST != 0 || segment.flags.is_contradictory();
        match Opened::by(segment) {
            _ if is_over => {
                self.counters.unrelated += 1;
                self.pass_by(segment);
            }
            Some(handshake) if segment.len == 0 => self.open(segment.flow, handshake),
            Some(handshake) => self.begin(segment, handshake, out),
            None if segment.len > 0 => {
                let began = segment.opening.map(Opened::from).filter(|began| began.fits(segment));
                self.begin(segment, began.unwrap_or_default(), out);
            }
            None => {
                self.counters.unrelated += 1;
                self.pass_by(segment);
            }
        }
    }

    /// A segment that begins nothing: if it was captured, the kernel has a flow of which nobody wants to know.
    fn pass_by(&mut self, segment: &Segment<'_>) {
        let octets = (segment.payload.len()).min(segment.len as usize) as u64;
        self.counters.octets.received += octets;
        self.counters.octets.dropped += octets;
        if segment.len > 0 || segment.flags.0 & (Flags::FIN | Flags::RST) != 0 {
            self.commands.push(FlowCommand::Forget(segment.flow));
        }
    }

    /// Adds what a handshake tells to what is known of it.
    fn learn(&mut self, flow: FlowKey, opened: Opened, handshake: Opened, number: u64) {
        let known =
            Opened { client: opened.client.or(handshake.client), server: opened.server.or(handshake.server) };
        self.places.insert(flow, Place::Opened(known, number));
    }

    fn open(&mut self, flow: FlowKey, handshake: Opened) {
        let number = self.mark(flow, |flows| &mut flows.opened);
        self.places.insert(flow, Place::Opened(handshake, number));
    }

    /// Makes room for a mark and gives it a number.
    fn mark(&mut self, flow: FlowKey, ages: impl Fn(&mut Self) -> &mut Ages) -> u64 {
        while ages(self).len() >= self.limits.sessions {
            let oldest = ages(self).pop();
            self.counters.forgotten += u64::from(self.forget(oldest));
        }
        self.marks += 1;
        let (now_ns, number) = (self.now_ns, self.marks);
        ages(self).push(now_ns, number, flow);
        self.due_ns = self.due_ns.min(ages(self).due_ns().unwrap_or(u64::MAX));
        number
    }

    /// Forgets a connection without a session, unless it has become another since.
    fn forget(&mut self, mark: Option<(u64, FlowKey)>) -> bool {
        let Some((number, flow)) = mark else { return false };
        let is_same = match self.places.get(&flow) {
            Some(Place::Opened(_, other) | Place::Finished(_, other)) => *other == number,
            Some(Place::Live(_)) | None => false,
        };
        is_same && self.places.remove(&flow).is_some()
    }

    fn begin(&mut self, segment: &Segment<'_>, began: Opened, out: &mut Vec<L::Heard>) {
        while self.len() >= self.limits.sessions && self.evict(out) {}
        let mut tracked = Box::new(Tracked::new(segment.flow, began, segment.time_ns));
        let taken = tracked.take(segment, &mut self.counters.octets, out);
        tracked.last_ns = self.now_ns;
        self.counters.begun += 1;
        self.counters.begun_in_the_middle += u64::from(began == Opened::default());
        self.counters.stray += u64::from(taken == Taken::Stray);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len() as u32 - 1
        });
        self.sessions[slot as usize] = Some(tracked);
        self.places.insert(segment.flow, Place::Live(slot));
        self.by_use.insert(slot, Queue::Open);
        self.due_ns = self.due_ns.min(self.idle_at(slot, Queue::Open));
        self.settle(slot, out);
        self.make_room(out);
    }

    /// Brings the books up to date after something happened in a session; ends it if it is over.
    fn settle(&mut self, slot: u32, out: &mut Vec<L::Heard>) {
        let Some(tracked) = self.sessions[slot as usize].as_mut() else { return };
        if let State::Closed(_) = tracked.dialogue.state() {
            return self.end(slot, Cause::Closed, out);
        }
        if !tracked.enough && !tracked.listener.wants_more() {
            tracked.enough = true;
            self.commands.push(FlowCommand::Enough(tracked.flow));
        }
        let bytes = tracked.memory();
        self.bytes = self.bytes - tracked.bytes + bytes;
        tracked.bytes = bytes;
        let deadline = tracked.dialogue.deadline();
        if deadline != tracked.deadline {
            if let Some(before) = std::mem::replace(&mut tracked.deadline, deadline) {
                self.waiting.remove(&(before, slot));
            }
            if let Some(deadline) = deadline {
                self.waiting.insert((deadline, slot));
                self.due_ns = self.due_ns.min(deadline);
            }
        }
    }

    /// Ends sessions until all of them have room; the last one may stay.
    fn make_room(&mut self, out: &mut Vec<L::Heard>) {
        while self.bytes > self.limits.bytes && self.len() > 1 && self.evict(out) {}
    }

    /// Ends the session of which nothing was seen for the longest time, first of those that have half ended.
    fn evict(&mut self, out: &mut Vec<L::Heard>) -> bool {
        let oldest = self.by_use.oldest(Queue::HalfClosed).or_else(|| self.by_use.oldest(Queue::Open));
        oldest.inspect(|slot| self.end(*slot, Cause::Evicted, out)).is_some()
    }

    fn end(&mut self, slot: u32, cause: Cause, out: &mut Vec<L::Heard>) {
        let Some(mut tracked) = self.sessions[slot as usize].take() else { return };
        let how = tracked.outlook();
        tracked.end(how, &mut self.counters.octets, out);
        self.free.push(slot);
        self.by_use.remove(slot);
        self.bytes -= tracked.bytes;
        if let Some(deadline) = tracked.deadline {
            self.waiting.remove(&(deadline, slot));
        }
        self.commands.push(FlowCommand::Forget(tracked.flow));
        self.places.remove(&tracked.flow);
        let count = match (cause, how) {
            (Cause::Closed, Ended::Reset) => &mut self.counters.reset,
            (Cause::Closed, _) => &mut self.counters.ended,
            (Cause::Idle, Ended::Orderly) => &mut self.counters.ended,
            (Cause::Idle, _) => &mut self.counters.idle,
            (Cause::Replaced, _) => &mut self.counters.replaced,
            (Cause::Evicted, _) => &mut self.counters.evicted,
            (Cause::Finish, _) => &mut self.counters.unfinished,
        };
        *count += 1;
        if how != Ended::Unseen {
            self.remember(&tracked);
        }
    }

    fn remember(&mut self, tracked: &Tracked<L>) {
        let finished = Finished {
            began: tracked.began,
            ends: tracked.dialogue.ends(),
            reset_by: tracked.dialogue.reset_by(),
        };
        let number = self.mark(tracked.flow, |flows| &mut flows.finished);
        self.places.insert(tracked.flow, Place::Finished(finished, number));
    }
}
