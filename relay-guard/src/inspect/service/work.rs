//! The thread's loop: the only place where inspection has a clock.

use std::{net::IpAddr, sync::Arc, time::Duration};

use relay_guard_common::{address::Address, flow::Order, host::HostRecord, role::Direction};
use tokio::sync::mpsc;

use super::{Batch, Beginning, Contained, Kernel, Output, Report, Request, Seen, tables::Reading};
use crate::{
    daemon::{monotonic_ns, unix_s},
    datapath::FlowEntry,
    inspect::{
        Inspection, Kinds, Sample,
        flows::{Flows, Limits},
        hosts::{Command, Moment, Rules},
        observation::Observation,
        segment::FlowCommand,
        smtp::Session,
    },
};

/// Segments taken at once, so that a flood of them leaves room for everything else.
const SEGMENTS_AT_ONCE: usize = 1024;

/// Outputs that may wait for the loop; with more, nothing is taken in.
const OUTPUTS_WAITING: usize = 65_536;

/// How long a connection that nobody knows stays in the kernel's table after it was last seen, nanoseconds: longer than any that
/// somebody knows. An earlier daemon left it, or what told of it was lost.
const FLOW_IDLE_NS: u64 = 1_200_000_000_000;

/// The longest sleep.
const FOREVER: Duration = Duration::from_secs(3600);

impl Seen {
    fn count(&mut self, heard: &Observation) {
        match heard {
            Observation::Transaction(_) => self.transactions += 1,
            // One that cannot be read any more is told of then, and at its end.
            Observation::Session(session) => self.sessions += u64::from(session.ended.is_some()),
        }
    }
}

/// What the thread has.
pub(super) struct Work<K> {
    kernel: K,
    /// Sessions of hosts of ours, and the hosts.
    outbound: Inspection,
    outbound_seen: Seen,
    /// Sessions of strangers with our servers; nobody is judged by them yet.
    inbound: Flows<Session>,
    inbound_heard: Vec<Observation>,
    inbound_seen: Seen,
    kinds: Arc<Kinds>,
    /// Which rules it judges by.
    rules: u64,
    pub(super) outputs: Vec<Output>,
    /// Connections in the kernel's table when it was last read.
    flows: u64,
}

/// This thread's ends of the channels.
pub(super) struct Ends {
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) readings: mpsc::Receiver<Reading>,
    pub(super) batches: mpsc::Sender<Batch>,
}

/// Of the kernel's flows one in so many has no session, so that new connections find room.
const SPARE: usize = 16;

/// This moment, on the engine's clock and by the calendar.
fn moment() -> Moment {
    Moment { now_ns: monotonic_ns(), unix_s: unix_s() }
}

impl<K: Kernel> Work<K> {
    pub(super) fn new(kernel: K, beginning: Beginning) -> Self {
        let Beginning { rules, kinds, sessions, saved, contained } = beginning;
        // The kernel's table is as large: the longest idle must go here before that one is full.
        let limits = Limits { sessions: sessions - sessions / SPARE, ..Limits::default() };
        let mut outbound = Inspection::new(limits, rules);
        let engine = outbound.engine_mut();
        engine.restore(&saved, moment());
        for Contained { address, step, until_ns } in contained {
            engine.adopt(address, step, until_ns, monotonic_ns());
        }
        let mut work = Self {
            kernel,
            outbound,
            outbound_seen: Seen::default(),
            inbound: Flows::new(limits),
            inbound_heard: Vec::new(),
            inbound_seen: Seen::default(),
            kinds,
            rules: 0,
            outputs: Vec::new(),
            flows: 0,
        };
        work.judge_all();
        work
    }

    /// Works until nobody holds the other ends any more, or the kernel's ring cannot be read.
    pub(super) async fn serve(mut self, mut ends: Ends) {
        loop {
            self.settle(monotonic_ns());
            let due = self.until_due(monotonic_ns());
            let takes_in = self.outputs.len() < OUTPUTS_WAITING;
            tokio::select! {
                biased;
                request = ends.requests.recv() => match request {
                    Some(request) => self.answer(request),
                    None => return,
                },
                permit = ends.batches.reserve(), if !self.outputs.is_empty() => match permit {
                    Ok(permit) => permit.send(self.batch()),
                    Err(_) => return,
                },
                Some(reading) = ends.readings.recv(), if takes_in => {
                    self.take_reading(reading);
                    // Where there are many hosts, the next reading may be there already.
                    self.take_segments();
                }
                ready = self.kernel.ready(), if takes_in => match ready {
                    Ok(()) => self.take_segments(),
                    Err(error) => return tracing::error!("the ring of captures cannot be read: {error}"),
                },
                () = tokio::time::sleep(due) => {}
            }
        }
    }

    /// How long nothing is due.
    fn until_due(&self, now_ns: u64) -> Duration {
        let due_ns = self.outbound.poll_timeout().into_iter().chain(self.inbound.next_expiry()).min();
        due_ns.map_or(FOREVER, |due_ns| Duration::from_nanos(due_ns.saturating_sub(now_ns))).min(FOREVER)
    }

    /// Does what is due, and what follows from what was taken in.
    fn settle(&mut self, now_ns: u64) {
        if self.outbound.poll_timeout().is_some_and(|due_ns| due_ns <= now_ns) {
            self.poll(now_ns);
        }
        if self.inbound.next_expiry().is_some_and(|due_ns| due_ns <= now_ns) {
            self.inbound.expire(now_ns, &mut self.inbound_heard);
        }
        self.inbound_heard.drain(..).for_each(|heard| self.inbound_seen.count(&heard));
        for command in self.outbound.flow_commands().chain(self.inbound.commands()) {
            match command {
                FlowCommand::Enough(flow) => self.kernel.order(&flow, Order::Enough),
                FlowCommand::End(flow) => self.kernel.order(&flow, Order::End),
                FlowCommand::Forget(flow) => self.kernel.forget_flow(&flow),
            }
        }
    }

    /// Takes in what the engine wants done.
    fn poll(&mut self, now_ns: u64) {
        let (kinds, seen) = (&self.kinds, &mut self.outbound_seen);
        let kind_of = |address| Some(kinds.of(address));
        for command in self.outbound.poll(now_ns, kind_of, |heard| seen.count(heard)) {
            match command {
                Command::Forget { address } => self.kernel.forget_host(address.into()),
                // What is to be done about connections is said beside it.
                Command::EndSessions { .. } => {}
                Command::Release { address } => {
                    // What it did is forgiven: it is counted anew.
                    self.kernel.forget_host(address.into());
                    self.outputs.push(Output::Command(command));
                }
                Command::Changed { .. } | Command::Contain { .. } => {
                    self.outputs.push(Output::Command(command));
                }
            }
        }
    }

    /// Has all hosts judged now, and says who is contained.
    fn judge_all(&mut self) {
        self.poll(monotonic_ns());
        let contained = self.outbound.engine().contained();
        let contained =
            contained.map(|(address, step, until_ns)| Contained { address, step, until_ns }).collect();
        self.outputs.push(Output::Contained(contained));
    }

    fn batch(&mut self) -> Batch {
        Batch { rules: self.rules, outputs: std::mem::take(&mut self.outputs) }
    }

    fn take_segments(&mut self) {
        let Self { kernel, outbound, outbound_seen, inbound, inbound_heard, kinds, .. } = self;
        kernel.drain(SEGMENTS_AT_ONCE, &mut |segment, direction| match direction {
            Direction::Inbound => inbound.handle(segment, inbound_heard),
            Direction::Outbound | Direction::Unknown => {
                let kind_of = |address| Some(kinds.of(address));
                outbound.segment(segment, kind_of, |heard| outbound_seen.count(heard));
            }
        });
    }

    fn take_reading(&mut self, reading: Reading) {
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

    /// Forgets connections that nobody knows.
    fn take_flows(&mut self, flows: &[FlowEntry]) {
        let now_ns = monotonic_ns();
        let is_left = |entry: &&FlowEntry| now_ns.saturating_sub(entry.last_seen_ns) > FLOW_IDLE_NS;
        let mut left = 0;
        for entry in flows.iter().filter(is_left) {
            self.kernel.forget_flow(&entry.flow);
            left += 1;
        }
        self.flows = flows.len() as u64 - left;
    }

    // Whoever asked may have gone away meanwhile.
    fn answer(&mut self, request: Request) {
        let now_ns = monotonic_ns();
        let engine = self.outbound.engine_mut();
        match request {
            Request::Rules(rules) => self.follow(*rules),
            Request::Kinds(kinds) => {
                self.kinds = kinds;
                let kinds = &self.kinds;
                engine.set_kinds(|address| kinds.of(address), now_ns);
            }
            Request::Release(address, answer) => {
                let is_known = engine.view(address, now_ns).is_some();
                engine.release(address, now_ns);
                self.kernel.forget_host(address.into());
                let _ = answer.send(is_known);
            }
            Request::Hosts(most, answer) => {
                let hosts = engine.sizes().hosts as u64;
                let _ = answer.send((hosts, engine.views(most, now_ns)));
            }
            Request::Host(address, answer) => {
                let _ = answer.send(engine.view(address, now_ns));
            }
            Request::Report(answer) => {
                let _ = answer.send(self.report());
            }
            Request::Saved(answer) => {
                let _ = answer.send(engine.saved(moment()));
            }
        }
    }

    pub(super) fn follow(&mut self, rules: Rules) {
        self.rules += 1;
        // Steps have other numbers; who is contained is said below.
        self.outputs.retain(|output| matches!(output, Output::Command(Command::Changed { .. })));
        self.outbound.engine_mut().set_rules(rules, monotonic_ns());
        self.judge_all();
    }

    fn report(&self) -> Report {
        let (flows, engine) = (self.outbound.flows(), self.outbound.engine());
        let (outbound, inbound) = (flows.counters(), self.inbound.counters());
        let (counters, sizes) = (engine.counters(), engine.sizes());
        Report {
            sessions: (flows.len() + self.inbound.len()) as u64,
            segments: outbound.segments + inbound.segments,
            outbound: self.outbound_seen,
            inbound: self.inbound_seen,
            flows: self.flows,
            hosts: sizes.hosts as u64,
            standing: (engine.reported().count() as u64, engine.contained().count() as u64),
            memory: (sizes.bytes + flows.memory() + self.inbound.memory()) as u64,
            losses: vec![
                ("sessions-evicted", outbound.evicted + inbound.evicted),
                ("hosts-evicted", counters.hosts_pushed_out),
                ("hosts-not-followed", counters.details_pushed_out + counters.unfollowed),
                ("states-not-kept", counters.histories_pushed_out + counters.unladdered),
            ],
        }
    }
}
