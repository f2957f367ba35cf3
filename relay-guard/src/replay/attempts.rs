//! Connection attempts of inside hosts, counted as the kernel counts them where it sees the packets itself.

use std::{
    collections::{HashMap, HashSet},
    iter::repeat_with,
    net::IpAddr,
};

use relay_guard_common::{
    flow::Party,
    host::{ATTEMPTS, Attempt, HostCounters, HostRecord},
    shared::SharedU64,
};

use crate::inspect::segment::Segment;

/// What is counted of each host.
#[derive(Debug)]
pub(super) struct Attempts {
    hosts: HashMap<IpAddr, Box<HostCounters>>,
    /// Which attempts of all hosts were counted.
    slots: Vec<SharedU64>,
    /// Those of which something was counted since this was last asked.
    changed: HashSet<IpAddr>,
    most: usize,
    window_ns: u64,
    left_out: u64,
}

impl Attempts {
    /// Counts attempts of at most so many hosts, in windows of this length.
    pub(super) fn new(most: usize, window_ns: u64) -> Self {
        let slots = repeat_with(SharedU64::default).take(ATTEMPTS).collect();
        Self { hosts: HashMap::new(), slots, changed: HashSet::new(), most, window_ns, left_out: 0 }
    }

    /// Counts a segment of a host's connection, if it is one of a handshake.
    pub(super) fn count(&mut self, host: IpAddr, segment: &Segment<'_>) {
        // An answer acknowledges the SYN's own place in the sequence.
        let sequence = match segment.from {
            Party::Client => segment.sequence,
            Party::Server => segment.acknowledgment.unwrap_or(0).wrapping_sub(1),
        };
        let (peer, host_port) = (segment.flow.server, segment.flow.client_port);
        let attempt = Attempt { host: host.into(), peer, host_port, sequence };
        let slot = &self.slots[attempt.place() as usize];
        let is_answer = segment.flags.is_syn_ack() || segment.flags.is_reset();
        match segment.from {
            Party::Client if segment.flags.is_syn() => {
                if self.hosts.len() >= self.most && !self.hosts.contains_key(&host) {
                    self.left_out += 1;
                    return;
                }
                let counters = self.hosts.entry(host).or_default();
                counters.on_syn(&attempt, slot, segment.time_ns, self.window_ns, false);
                self.changed.insert(host);
            }
            Party::Server if is_answer => {
                let Some(counters) = self.hosts.get(&host) else { return };
                if segment.flags.is_reset() {
                    counters.on_reset(&attempt, slot);
                } else {
                    counters.on_syn_ack(&attempt, slot, false);
                }
                self.changed.insert(host);
            }
            Party::Client | Party::Server => {}
        }
    }

    /// What was counted of all hosts, or of those of which something was counted since this was last asked. In the order of
    /// addresses, so that the same capture is always judged in the same way.
    pub(super) fn take_records(&mut self, of_all: bool) -> Vec<(IpAddr, HostRecord)> {
        let changed = std::mem::take(&mut self.changed);
        let mut hosts: Vec<IpAddr> =
            if of_all { self.hosts.keys().copied().collect() } else { changed.into_iter().collect() };
        hosts.sort_unstable();
        let record = |host| self.hosts.get(&host).map(|counters| (host, counters.record()));
        hosts.into_iter().filter_map(record).collect()
    }

    /// Whether no host is known.
    pub(super) fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Forgets a host.
    pub(super) fn forget(&mut self, host: IpAddr) {
        self.hosts.remove(&host);
        self.changed.remove(&host);
    }

    /// SYNs of hosts for which there was no room.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use relay_guard_common::{address::Address, flow::FlowKey, parse::Flags};

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const SYN: u8 = Flags::SYN;
    const SYN_ACK: u8 = Flags::SYN | Flags::ACK;
    const RESET: u8 = Flags::RST | Flags::ACK;

    fn host(number: u8) -> IpAddr {
        [10, 0, 0, number].into()
    }

    /// A segment between a host and a server, at a second.
    fn count(attempts: &mut Attempts, at: u64, (client, server): (u8, u8), from: Party, flags: u8) {
        let flow =
            FlowKey::new((Address::from(host(client)), 40_000), (Address::v4([203, 0, 113, server]), 25));
        let (sequence, acknowledgment) = match from {
            Party::Client => (u32::from(server), None),
            Party::Server => (900, Some(u32::from(server) + 1)),
        };
        let segment = Segment {
            time_ns: at * SECOND,
            flow,
            from,
            sequence,
            acknowledgment,
            flags: Flags(flags),
            len: 0,
            payload: &[],
            opening: None,
            skipped_own: false,
            skipped_other: false,
        };
        attempts.count(host(client), &segment);
    }

    #[test]
    fn handshakes_are_counted_as_the_kernel_does() {
        let mut attempts = Attempts::new(10, 60 * SECOND);
        for (at, ends, from, flags) in [
            (1, (1, 1), Party::Client, SYN),
            // Once more.
            (2, (1, 1), Party::Client, SYN),
            (3, (1, 1), Party::Server, SYN_ACK),
            (4, (1, 2), Party::Client, SYN),
            (5, (1, 2), Party::Server, RESET),
            // Of a connection that is there.
            (6, (1, 1), Party::Server, RESET),
            (7, (1, 3), Party::Client, SYN),
            // Answers to somebody who never asked.
            (8, (2, 3), Party::Server, SYN_ACK),
            (70, (1, 4), Party::Client, SYN),
        ] {
            count(&mut attempts, at, ends, from, flags);
        }
        let records = attempts.take_records(false);
        assert_eq!(records.len(), 1);
        assert!(attempts.take_records(false).is_empty());
        assert_eq!(attempts.take_records(true), records);
        let (address, record) = &records[0];
        assert_eq!(*address, host(1));
        assert_eq!((record.attempts, record.established, record.refused), (4, 1, 1));
        assert_eq!((record.previous.attempts, record.current.attempts), (3, 1));
        assert_eq!(record.last_seen_ns, 70 * SECOND);
    }

    #[test]
    fn hosts_are_bounded_and_can_be_forgotten() {
        let mut attempts = Attempts::new(2, 60 * SECOND);
        for client in [1, 2, 3, 3, 1] {
            count(&mut attempts, 1, (client, 1), Party::Client, SYN);
        }
        assert_eq!((attempts.take_records(true).len(), attempts.left_out()), (2, 2));
        attempts.forget(host(1));
        count(&mut attempts, 2, (3, 1), Party::Client, SYN);
        assert_eq!((attempts.take_records(true).len(), attempts.left_out()), (2, 2));
        assert!(!attempts.is_empty());
    }
}
