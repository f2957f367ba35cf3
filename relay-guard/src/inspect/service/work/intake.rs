//! What the thread takes in: segments, and what was read of the kernel's tables.

use std::net::IpAddr;

use relay_guard_common::{address::Address, host::HostRecord, role::Direction};

use super::{super::Kernel, Reading, Work};
use crate::{daemon::monotonic_ns, datapath::FlowEntry, inspect::Sample};

/// Segments taken at once, so that a flood of them leaves room for everything else.
const SEGMENTS_AT_ONCE: usize = 1024;

/// How long a connection that nobody knows stays in the kernel's table after it was last seen, nanoseconds: longer than any that
/// somebody knows. An earlier daemon left it, or what told of it was lost.
const FLOW_IDLE_NS: u64 = 1_200_000_000_000;

impl<K: Kernel> Work<K> {
    pub(in super::super) fn take_segments(&mut self) {
        let Self { kernel, outbound, outbound_seen, inbound, inbound_heard, kinds, .. } = self;
        kernel.drain(SEGMENTS_AT_ONCE, &mut |segment, direction| match direction {
            Direction::Inbound => inbound.handle(segment, inbound_heard),
            Direction::Outbound | Direction::Unknown => {
                let kind_of = |address| Some(kinds.of(address));
                outbound.segment(segment, kind_of, |heard| outbound_seen.count(heard));
            }
        });
        self.keep_room();
    }

    /// Both ways share the kernel's table: where they have too many sessions together, the way that has more gives one up.
    fn keep_room(&mut self) {
        let Self { outbound, outbound_seen, inbound, inbound_heard, kinds, .. } = self;
        while outbound.flows().len() + inbound.len() > self.room {
            if inbound.len() > outbound.flows().len() {
                inbound.give_up_one(inbound_heard);
            } else {
                let kind_of = |address| Some(kinds.of(address));
                outbound.give_up_one(monotonic_ns(), kind_of, |heard| outbound_seen.count(heard));
            }
        }
    }

    pub(in super::super) fn take_reading(&mut self, reading: Reading) {
        match reading {
            Reading::Hosts(records, counted) => {
                self.outbound.engine_mut().set_counted(counted);
                self.take_hosts(&records);
            }
            Reading::Flows(flows) => self.take_flows(&flows),
        }
    }

    fn take_hosts<'r>(&mut self, records: &'r [(Address, HostRecord)]) {
        let sample = |(address, record): &'r (Address, HostRecord)| {
            let address = IpAddr::from(*address);
            Sample { address, kind: self.kinds.of(address), record }
        };
        let samples: Vec<Sample<'_>> = records.iter().map(sample).collect();
        self.outbound.samples(&samples, monotonic_ns());
    }

    /// Forgets connections that nobody knows. The others go on, also where nothing of them is captured: while a message is sent,
    /// when all that is said is encrypted, or when a budget is spent.
    fn take_flows(&mut self, flows: &[FlowEntry]) {
        let now_ns = monotonic_ns();
        self.flows = 0;
        for FlowEntry { connection, last_seen_ns, .. } in flows {
            if now_ns.saturating_sub(*last_seen_ns) > FLOW_IDLE_NS {
                self.kernel.forget_flow(connection);
            } else {
                self.flows += 1;
                self.outbound.note_alive(&connection.flow, *last_seen_ns);
                self.inbound.note_alive(&connection.flow, *last_seen_ns);
            }
        }
    }
}
