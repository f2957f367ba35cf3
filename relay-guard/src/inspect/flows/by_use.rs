//! Sessions in the order in which they were last noted to be in use: moving one costs the same, however many there are.

/// No session.
const NONE: u32 = u32::MAX;

/// The queues by what is waited for: each session is in one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// Both parties may speak.
    Open = 0,
    /// One has said all that it has to say.
    HalfClosed = 1,
}

impl From<Queue> for usize {
    fn from(queue: Queue) -> Self {
        queue as Self
    }
}

#[derive(Clone, Copy, Debug)]
struct Link<Q> {
    before: u32,
    behind: u32,
    queue: Q,
}

/// Doubly linked lists through an array. Apart from the sessions, so that neighbours of one are touched without touching sessions.
#[derive(Debug)]
pub(super) struct ByUse<Q> {
    links: Vec<Link<Q>>,
    /// First and last of each queue, by its number.
    ends: Vec<Option<(u32, u32)>>,
}

impl<Q> Default for ByUse<Q> {
    fn default() -> Self {
        Self { links: Vec::new(), ends: Vec::new() }
    }
}

impl<Q: Copy + Into<usize>> ByUse<Q> {
    /// The session of a queue that was not used for the longest time.
    pub fn oldest(&self, queue: Q) -> Option<u32> {
        self.ends.get(queue.into()).copied().flatten().map(|(first, _)| first)
    }

    /// The queue of a session that is in one.
    pub fn queue(&self, slot: u32) -> Q {
        self.links[slot as usize].queue
    }

    /// Puts a session that is in no queue at a queue's end.
    pub fn insert(&mut self, slot: u32, queue: Q) {
        let (place, number) = (slot as usize, queue.into());
        if self.links.len() <= place {
            self.links.resize(place + 1, Link { before: NONE, behind: NONE, queue });
        }
        if self.ends.len() <= number {
            self.ends.resize(number + 1, None);
        }
        let ends = &mut self.ends[number];
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
        let ends = &mut self.ends[queue.into()];
        *ends = ends.and_then(|(first, last)| match (first == slot, last == slot) {
            (true, true) => None,
            (true, false) => Some((behind, last)),
            (false, true) => Some((first, before)),
            (false, false) => Some((first, last)),
        });
    }

    /// Notes that a session is used now, and belongs into this queue.
    pub fn touch(&mut self, slot: u32, queue: Q) {
        if self.ends.get(queue.into()).copied().flatten().is_none_or(|(_, last)| last != slot) {
            self.remove(slot);
            self.insert(slot, queue);
        }
    }

    /// Heap octets.
    pub fn memory(&self) -> usize {
        self.links.capacity() * size_of::<Link<Q>>() + self.ends.capacity() * size_of::<Option<(u32, u32)>>()
    }
}
