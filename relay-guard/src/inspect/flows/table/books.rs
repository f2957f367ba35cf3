//! Keeping the books: sessions begin and end, marks come and go, all of them counted and within bounds.

use relay_guard_common::{address::Address, flow::FlowKey};

use super::{Cause, Flows, Place};
use crate::inspect::{
    flows::{
        Listener,
        by_use::Queue,
        marks::{Ages, Finished, Opened},
        tracked::Tracked,
    },
    observation::Ended,
    reassembly::{State, Taken},
    segment::{FlowCommand, Segment},
};

impl<L: Listener> Flows<L> {
    /// Makes room for a mark and gives it a number.
    pub(super) fn mark(&mut self, flow: FlowKey, ages: impl Fn(&mut Self) -> &mut Ages) -> u64 {
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
    pub(super) fn forget(&mut self, mark: Option<(u64, FlowKey)>) -> bool {
        let Some((number, flow)) = mark else { return false };
        let is_same = match self.places.get(&flow) {
            Some(Place::Opened(_, other) | Place::Finished(_, other)) => *other == number,
            Some(Place::Live(_)) | None => false,
        };
        is_same && self.places.remove(&flow).is_some()
    }

    pub(super) fn begin(&mut self, segment: &Segment<'_>, began: Opened, out: &mut Vec<L::Heard>) {
        self.make_room_for(segment.flow.client, out);
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
        self.shares.insert(slot, segment.flow.client);
        self.due_ns = self.due_ns.min(self.idle_at(slot, Queue::Open));
        self.settle(slot, out);
        self.make_room(slot, out);
    }

    /// Brings the books up to date after something happened in a session; ends it if it is over.
    pub(super) fn settle(&mut self, slot: u32, out: &mut Vec<L::Heard>) {
        let Some(tracked) = self.sessions[slot as usize].as_mut() else { return };
        if let State::Closed(_) = tracked.dialogue.state() {
            return self.end(slot, Cause::Closed, out);
        }
        if !tracked.enough && !tracked.listener.wants_more() {
            tracked.enough = true;
            self.commands.push(FlowCommand::Enough(tracked.connection()));
        }
        let (before, bytes) = (tracked.bytes, tracked.memory());
        if bytes != before {
            self.bytes = self.bytes - before + bytes;
            self.shares.resize(slot, before, bytes);
            tracked.bytes = bytes;
        }
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

    /// Ends sessions until there is room for another one of a client's.
    fn make_room_for(&mut self, client: Address, out: &mut Vec<L::Heard>) {
        if self.limits.parts > 1
            && let (share, Some(oldest)) = self.shares.of_client(client)
            && share.sessions >= self.part_of(self.limits.sessions)
        {
            self.end(oldest, Cause::Evicted, out);
        }
        while self.len() >= self.limits.sessions && self.evict(out) {}
    }

    /// Ends sessions until all of them have room, and its client not too much, after one was used; the last one may stay.
    pub(super) fn make_room(&mut self, used: u32, out: &mut Vec<L::Heard>) {
        while self.sessions[used as usize].is_some()
            && let (share, Some(oldest)) = self.shares.of_session(used)
            && share.bytes > self.part_of(self.limits.bytes)
            && oldest != used
        {
            self.end(oldest, Cause::Evicted, out);
        }
        while self.bytes > self.limits.bytes && self.len() > 1 && self.evict(out) {}
    }

    /// One client's part of something.
    fn part_of(&self, limit: usize) -> usize {
        (limit / self.limits.parts.max(1)).max(1)
    }

    /// Ends the session of which nothing was seen for the longest time, first of those that have half ended.
    pub(super) fn evict(&mut self, out: &mut Vec<L::Heard>) -> bool {
        let oldest = self.by_use.oldest(Queue::HalfClosed).or_else(|| self.by_use.oldest(Queue::Open));
        oldest.inspect(|slot| self.end(*slot, Cause::Evicted, out)).is_some()
    }

    pub(super) fn end(&mut self, slot: u32, cause: Cause, out: &mut Vec<L::Heard>) {
        let Some(mut tracked) = self.sessions[slot as usize].take() else { return };
        let how = tracked.outlook();
        tracked.end(how, &mut self.counters.octets, out);
        self.free.push(slot);
        self.by_use.remove(slot);
        self.shares.remove(slot, tracked.flow.client, tracked.bytes);
        self.bytes -= tracked.bytes;
        if let Some(deadline) = tracked.deadline {
            self.waiting.remove(&(deadline, slot));
        }
        self.commands.push(FlowCommand::Forget(tracked.connection()));
        self.places.remove(&tracked.flow);
        let count = match (cause, how) {
            (Cause::Closed, Ended::Reset) => &mut self.counters.reset,
            (Cause::Idle, Ended::Unseen | Ended::Reset) => &mut self.counters.idle,
            (Cause::Closed | Cause::Idle, _) => &mut self.counters.ended,
            (Cause::Replaced, _) => &mut self.counters.replaced,
            (Cause::Evicted, _) => &mut self.counters.evicted,
            (Cause::Finish, _) => &mut self.counters.unfinished,
        };
        *count += 1;
        if how != Ended::Unseen {
            self.remember(&tracked);
        }
    }

    pub(super) fn remember(&mut self, tracked: &Tracked<L>) {
        let finished = Finished {
            began: tracked.began,
            ends: tracked.dialogue.ends(),
            reset_by: tracked.dialogue.reset_by(),
        };
        let number = self.mark(tracked.flow, |flows| &mut flows.finished);
        self.places.insert(tracked.flow, Place::Finished(finished, number));
    }
}
