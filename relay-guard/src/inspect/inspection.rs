//! All of inspection in one: segments and samples in, commands out. The daemon, `replay` and benchmarks run this, and nothing of
//! it knows which of them does.

use std::net::IpAddr;

use relay_guard_common::{address::Address, flow::FlowKey};

use super::{
    HostKind, Sample,
    flows::{self, Flows},
    hosts::{Command, Engine, Rules},
    observation::Observation,
    segment::{FlowCommand, Segment},
};

/// Connections, and the hosts behind them.
pub struct Inspection {
    flows: Flows,
    engine: Engine,
    /// What was heard of the segments of one call; kept for its place.
    heard: Vec<Observation>,
}

impl Inspection {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(limits: flows::Limits, rules: Rules) -> Self {
        Self { flows: Flows::new(limits), engine: Engine::new(rules), heard: Vec::new() }
    }

    /// Takes a segment. `kind_of` says who an address is, and whether it is an inside host at all: sessions of others are shown,
    /// and nobody is judged by them. Each observation that comes of it is shown to `shown` first.
    pub fn segment(
        &mut self,
        segment: &Segment<'_>,
        kind_of: impl Fn(IpAddr) -> Option<HostKind>,
        shown: impl FnMut(&Observation),
    ) {
        self.flows.handle(segment, &mut self.heard);
        self.judge(segment.time_ns, kind_of, shown);
    }

    /// Notes that a connection was seen to go on at a time, whether anything of it was captured or not.
    pub fn note_alive(&mut self, flow: &FlowKey, seen_ns: u64) {
        self.flows.note_alive(flow, seen_ns);
    }

    /// Ends the session of which nothing was seen for the longest time, for lack of room elsewhere.
    pub fn give_up_one(
        &mut self,
        now_ns: u64,
        kind_of: impl Fn(IpAddr) -> Option<HostKind>,
        shown: impl FnMut(&Observation),
    ) {
        self.flows.give_up_one(&mut self.heard);
        self.judge(now_ns, kind_of, shown);
    }

    /// Takes what the kernel counted of hosts.
    pub fn samples(&mut self, samples: &[Sample<'_>], now_ns: u64) {
        self.engine.sample(samples, now_ns);
    }

    /// Does what is due by now. Sessions of hosts that are stopped from now on are ended, which
    /// [`flow_commands`](Self::flow_commands) then says.
    #[must_use]
    pub fn poll(
        &mut self,
        now_ns: u64,
        kind_of: impl Fn(IpAddr) -> Option<HostKind>,
        shown: impl FnMut(&Observation),
    ) -> Vec<Command> {
        self.flows.expire(now_ns, &mut self.heard);
        self.judge(now_ns, kind_of, shown);
        let commands = self.engine.poll(now_ns);
        for command in &commands {
            if let Command::EndSessions { address } = command {
                self.flows.end_sessions(Address::from(*address));
            }
        }
        commands
    }

    /// When [`poll`](Self::poll) has something to do, nanoseconds, if nothing comes before. It may be past.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        self.engine.poll_timeout().into_iter().chain(self.flows.next_expiry()).min()
    }

    /// All is over: sessions that are not end unseen.
    pub fn finish(
        &mut self,
        now_ns: u64,
        kind_of: impl Fn(IpAddr) -> Option<HostKind>,
        shown: impl FnMut(&Observation),
    ) {
        self.flows.finish(now_ns, &mut self.heard);
        self.judge(now_ns, kind_of, shown);
    }

    /// What the kernel is to be told of connections since the last time.
    pub fn flow_commands(&mut self) -> impl Iterator<Item = FlowCommand> {
        self.flows.commands()
    }

    /// The connections.
    #[must_use]
    pub const fn flows(&self) -> &Flows {
        &self.flows
    }

    /// The hosts.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The hosts, to change rules, take over what was saved, or release one.
    pub const fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    fn judge(
        &mut self,
        now_ns: u64,
        kind_of: impl Fn(IpAddr) -> Option<HostKind>,
        mut shown: impl FnMut(&Observation),
    ) {
        for heard in self.heard.drain(..) {
            shown(&heard);
            if kind_of(heard.flow().client.into()).is_some() {
                // A server that is none of ours is like any other host.
                self.engine.observe(&heard, |address| kind_of(address).unwrap_or(HostKind::Host), now_ns);
            }
        }
    }
}

#[cfg(test)]
mod tests;
