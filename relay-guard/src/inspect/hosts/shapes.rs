//! Envelope shapes: those of one host, and those that several hosts have in common.
//!
//! A shape of a host that went to few servers says nothing: printers and monitoring look alike, and write to one server each. Only
//! shapes that went to several servers are compared between hosts.

use std::collections::HashMap;

use super::seen::{TICK_S, estimate};

/// Shapes of a host that are told apart; the one with the fewest servers makes room.
const SHAPES: usize = 6;
/// Ticks after which what was noted is the former hour's.
const HOUR: u32 = 3600 / TICK_S as u32;
/// To so many servers a shape must have gone before it is compared with other hosts'.
const COMPARED_FROM: u32 = 3;
/// Ticks for which a host counts among those of a shape.
const MEMBERSHIP: u32 = 2 * HOUR;

/// Shapes that are compared at once; the one unused for longest makes room.
pub const MAX_SHARED: usize = 4096;
/// Hosts of a shape that are counted; more make no difference.
pub const MAX_MEMBERS: usize = 64;

#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    hash: u64,
    /// A bit for each server, of this hour and of the one before.
    servers: [u64; 2],
    /// The tick in which it was noted last.
    last: u32,
}

impl Shape {
    const NONE: Self = Self { hash: 0, servers: [0; 2], last: 0 };

    /// Bits of servers by which so many hours are over.
    fn bits(&self, over: u32) -> u32 {
        let kept = 2_usize.saturating_sub(over as usize);
        self.servers[..kept].iter().fold(0, |all, bits| all | bits).count_ones()
    }
}

/// The shapes of one host, of the last hour or two.
#[derive(Clone, Debug)]
pub struct HostShapes {
    shapes: [Shape; SHAPES],
    hour: u32,
}

impl HostShapes {
    pub const fn new(tick: u32) -> Self {
        Self { shapes: [Shape::NONE; SHAPES], hour: tick / HOUR }
    }

    /// Takes note of a shape that went to a server, by hashes. To which it went, a bit for each; none if just the same was noted in
    /// this tick before.
    pub fn note(&mut self, hash: u64, server: u32, tick: u32) -> Option<u64> {
        self.turn(tick);
        let at = self.shapes.iter().position(|shape| shape.hash == hash).unwrap_or_else(|| {
            let fewest = (0..SHAPES).min_by_key(|at| self.shapes[*at].bits(0)).unwrap_or(0);
            self.shapes[fewest] = Shape { hash, ..Shape::NONE };
            fewest
        });
        let Shape { servers: [now, before], last, .. } = &mut self.shapes[at];
        let noted = *now;
        *now |= 1 << (server % 64);
        let is_news = *now != noted || *last != tick;
        *last = tick;
        is_news.then_some(*now | *before)
    }

    /// The most servers that one shape went to.
    pub fn most_servers(&self, tick: u32) -> u32 {
        let over = self.over(tick);
        let most = self.shapes.iter().map(|shape| shape.bits(over)).max().unwrap_or(0);
        estimate(most as usize, 64)
    }

    /// The shapes that are compared with other hosts'.
    pub fn compared(&self, tick: u32) -> impl Iterator<Item = u64> {
        let over = self.over(tick);
        self.shapes.iter().filter(move |shape| shape.bits(over) >= COMPARED_FROM).map(|shape| shape.hash)
    }

    const fn over(&self, tick: u32) -> u32 {
        (tick / HOUR).saturating_sub(self.hour)
    }

    fn turn(&mut self, tick: u32) {
        for _ in 0..self.over(tick).min(2) {
            for shape in &mut self.shapes {
                shape.servers = [0, shape.servers[0]];
            }
        }
        self.hour = self.hour.max(tick / HOUR);
    }
}

#[derive(Debug, Default)]
struct Shared {
    /// Hosts, by hash, and when each was last seen with it.
    members: Vec<(u32, u32)>,
    /// A bit for each server that they wrote to, of this hour and of the one before.
    servers: [u64; 2],
    hour: u32,
    last: u32,
}

/// Octets of a shape and its place, from above.
pub const MAX_SHARED_BYTES: usize = 2 * size_of::<Shared>() + MAX_MEMBERS * size_of::<(u32, u32)>();

/// Shapes that hosts have in common.
#[derive(Debug, Default)]
pub struct SharedShapes {
    shapes: HashMap<u64, Shared>,
}

impl SharedShapes {
    /// Takes note that a host (by hash) sent a message of this shape, and to which servers it has: a bit for each.
    pub fn note(&mut self, hash: u64, host: u32, servers: u64, tick: u32) {
        if servers.count_ones() < COMPARED_FROM {
            return;
        }
        if self.shapes.len() >= MAX_SHARED && !self.shapes.contains_key(&hash) {
            self.make_room(tick);
        }
        let shared =
            self.shapes.entry(hash).or_insert_with(|| Shared { hour: tick / HOUR, ..Shared::default() });
        for _ in 0..(tick / HOUR).saturating_sub(shared.hour).min(2) {
            shared.servers = [0, shared.servers[0]];
        }
        shared.hour = shared.hour.max(tick / HOUR);
        shared.last = tick;
        shared.servers[0] |= servers;
        match shared.members.iter_mut().find(|(member, _)| *member == host) {
            Some((_, last)) => *last = tick,
            None => shared.admit(host, tick),
        }
    }

    /// How many hosts have a shape in common, if they wrote to three servers each: a fleet of printers writes to the same ones.
    pub fn hosts(&self, hash: u64, tick: u32) -> u32 {
        let Some(shared) = self.shapes.get(&hash) else { return 0 };
        let members =
            shared.members.iter().filter(|(_, last)| tick.saturating_sub(*last) <= MEMBERSHIP).count();
        let used = (shared.servers[0] | shared.servers[1]).count_ones();
        (members as u32).min(estimate(used as usize, 64) / COMPARED_FROM)
    }

    /// How many shapes there are.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Those that are over go; if there are none, the one unused for longest.
    fn make_room(&mut self, tick: u32) {
        self.shapes.retain(|_, shared| tick.saturating_sub(shared.last) <= MEMBERSHIP);
        if self.shapes.len() >= MAX_SHARED {
            let oldest = self.shapes.iter().min_by_key(|(_, shared)| shared.last).map(|(hash, _)| *hash);
            oldest.map(|hash| self.shapes.remove(&hash));
        }
    }
}

impl Shared {
    fn admit(&mut self, host: u32, tick: u32) {
        if self.members.len() < MAX_MEMBERS {
            self.members.push((host, tick));
        } else if let Some(oldest) = self.members.iter_mut().min_by_key(|(_, last)| *last) {
            *oldest = (host, tick);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_a_shape_are_those_of_two_hours() {
        let mut shapes = HostShapes::new(0);
        for server in 0..20 {
            shapes.note(1, server, 10);
            shapes.note(2, 0, 10);
        }
        // An estimate: one or two more than there are.
        let near_20 = 20..=25;
        assert!(near_20.contains(&shapes.most_servers(10)), "{}", shapes.most_servers(10));
        assert!(near_20.contains(&shapes.most_servers(2 * HOUR - 1)));
        assert_eq!(shapes.most_servers(2 * HOUR), 0);
        assert_eq!(shapes.compared(10).collect::<Vec<_>>(), [1]);
        for hash in 10..30 {
            shapes.note(hash, 3, 20);
        }
        assert!(near_20.contains(&shapes.most_servers(20)), "one that went to many is not pushed out");
    }

    #[test]
    fn only_hosts_that_write_to_many_count() {
        let mut shared = SharedShapes::default();
        for host in 0..20 {
            // All to the same five servers; each to three of its own; two of its own, which is not worth a comparison.
            shared.note(1, host, 0b11111, 5);
            shared.note(2, host, 0b111 << (3 * host), 5);
            shared.note(3, host, 0b11 << (3 * host), 5);
        }
        assert!(shared.hosts(1, 5) <= 1, "{}", shared.hosts(1, 5));
        assert_eq!(shared.hosts(2, 5), 20);
        assert_eq!(shared.hosts(2, 5 + MEMBERSHIP + 1), 0);
        assert_eq!((shared.hosts(3, 5), shared.hosts(4, 5)), (0, 0));
    }

    #[test]
    fn there_is_an_end_to_shapes_and_their_hosts() {
        let mut shared = SharedShapes::default();
        for hash in 0..MAX_SHARED as u64 + 10 {
            shared.note(hash, 1, 7, hash as u32 / 100);
        }
        assert_eq!(shared.len(), MAX_SHARED);
        for host in 0..MAX_MEMBERS as u32 * 2 {
            shared.note(99_999, host, 7, 50);
        }
        assert!(shared.shapes.values().all(|shape| shape.members.len() <= MAX_MEMBERS));
    }
}
