//! Sessions in the order in which they were last noted to be in use: moving one costs the same, however many there are.

/// No session.
const NONE: u32 = u32::MAX;

/// The queues: each session is in one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// Both parties may speak.
    Open = 0,
    /// One has said all that it has to say.
    HalfClosed = 1,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    before: u32,
    behind: u32,
    queue: Queue,
}

/// Doubly linked lists through an array. Apart from the sessions, so that neighbours of one are touched without touching sessions.
#[derive(Debug, Default)]
pub(super) struct ByUse {
    links: Vec<Link>,
    /// First and last of each queue.
    ends: [Option<(u32, u32)>; 2],
}

impl ByUse {
    /// The session of a queue that was not used for the longest time.
    pub fn oldest(&self, queue: Queue) -> Option<u32> {
        self.ends[queue as usize].map(|(first, _)| first)
    }

    /// Puts a session that is in no queue at a queue's end.
    pub fn insert(&mut self, slot: u32, queue: Queue) {
        let place = slot as usize;
        if self.links.len() <= place {
            self.links.resize(place + 1, Link { before: NONE, behind: NONE, queue });
        }
        let ends = &mut self.ends[queue as usize];
        let last = ends.map_or(NONE, |(_, last)| last);
        *ends = Some((ends.map_or(slot, |(first, _)| first), slot));
        self.links[place] = Link { before: last, behind: NONE, queue };
        if last != NONE {
            self.links[last as usize].behind = slot;
        }
    }

    /// Takes a session out of its queue.
    pub fn remove(&mut self, slot: u32) {
        let Link { before, behind, queue } = self.links[slot as usize];
        if before != NONE {
            self.links[before as usize].behind = behind;
        }
        if behind != NONE {
            self.links[behind as usize].before = before;
        }
        let ends = &mut self.ends[queue as usize];
        *ends = ends.and_then(|(first, last)| match (first == slot, last == slot) {
            (true, true) => None,
            (true, false) => Some((behind, last)),
            (false, true) => Some((first, before)),
            (false, false) => Some((first, last)),
        });
    }

    /// Notes that a session is used now, and belongs into this queue.
    pub fn touch(&mut self, slot: u32, queue: Queue) {
        if self.ends[queue as usize].is_none_or(|(_, last)| last != slot) {
            self.remove(slot);
            self.insert(slot, queue);
        }
    }

    /// Heap octets.
    pub fn memory(&self) -> usize {
        self.links.capacity() * size_of::<Link>()
    }
}
