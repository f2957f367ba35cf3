//! Things in the order in which they were put in, each of which can be found and taken out by its place at no cost.

/// No place.
const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Node<T> {
    before: u32,
    after: u32,
    /// None while the place is free; `after` is then the next free one.
    value: Option<T>,
}

/// A list that is linked through its places. It grows to the most that it ever held, and no further.
#[derive(Clone, Debug)]
pub struct Order<T> {
    nodes: Vec<Node<T>>,
    free: u32,
    first: u32,
    last: u32,
    len: usize,
}

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: NONE, first: NONE, last: NONE, len: 0 }
    }
}

impl<T> Order<T> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Puts one behind all others; the place that it has until it is taken out.
    pub fn push(&mut self, value: T) -> u32 {
        let node = Node { before: self.last, after: NONE, value: Some(value) };
        let place = if self.free == NONE {
            self.nodes.push(node);
            (self.nodes.len() - 1) as u32
        } else {
            let place = self.free;
            self.free = self.nodes[place as usize].after;
            self.nodes[place as usize] = node;
            place
        };
        match self.nodes.get_mut(self.last as usize) {
            Some(last) => last.after = place,
            None => self.first = place,
        }
        self.last = place;
        self.len += 1;
        place
    }

    /// Takes out what is at a place.
    pub fn remove(&mut self, place: u32) -> Option<T> {
        let node = self.nodes.get_mut(place as usize)?;
        let value = node.value.take()?;
        let (before, after) = (node.before, node.after);
        node.after = self.free;
        self.free = place;
        match self.nodes.get_mut(before as usize) {
            Some(node) => node.after = after,
            None => self.first = after,
        }
        match self.nodes.get_mut(after as usize) {
            Some(node) => node.before = before,
            None => self.last = before,
        }
        self.len -= 1;
        Some(value)
    }

    /// What is at a place.
    #[must_use]
    pub fn get(&self, place: u32) -> Option<&T> {
        self.nodes.get(place as usize)?.value.as_ref()
    }

    /// What is at a place, to be changed there.
    pub fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.nodes.get_mut(place as usize)?.value.as_mut()
    }

    /// The place of that which is there for the longest time.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// The place of that which came next.
    #[must_use]
    pub fn after(&self, place: u32) -> Option<u32> {
        let node = self.nodes.get(place as usize).filter(|node| node.value.is_some())?;
        (node.after != NONE).then_some(node.after)
    }

    /// All places, from the first.
    pub fn places(&self) -> impl Iterator<Item = u32> {
        std::iter::successors(self.first(), |place| self.after(*place))
    }

    /// All, from the first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.places().filter_map(|place| self.get(place))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u16),
        Remove(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![any::<u16>().prop_map(Step::Push), any::<usize>().prop_map(Step::Remove)]
    }

    proptest! {
        #[test]
        fn it_is_a_queue_from_which_any_can_be_taken(steps in proptest::collection::vec(step(), 0..200)) {
            let (mut order, mut model) = (Order::default(), VecDeque::new());
            let mut most = 0;
            for step in steps {
                match step {
                    Step::Push(value) => {
                        let place = order.push(value);
                        prop_assert!(model.iter().all(|(known, _)| *known != place), "a place of its own");
                        model.push_back((place, value));
                    }
                    Step::Remove(any) if !model.is_empty() => {
                        let (place, value) = model.remove(any % model.len()).expect("within");
                        prop_assert_eq!(order.remove(place), Some(value));
                        prop_assert_eq!((order.remove(place), order.get(place), order.after(place)), (None, None, None));
                    }
                    Step::Remove(_) => {}
                }
                most = most.max(model.len());
                prop_assert!(order.iter().eq(model.iter().map(|(_, value)| value)));
                prop_assert!(order.places().eq(model.iter().map(|(place, _)| *place)));
                prop_assert_eq!(order.len(), model.len());
                prop_assert_eq!(order.first(), model.front().map(|(place, _)| *place));
                prop_assert!(order.nodes.len() <= most, "free places are used again");
            }
        }
    }
}
