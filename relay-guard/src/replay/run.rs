//! Packets in, lines out: what inspection says of a capture, at the capture's own time.

use std::{collections::HashMap, net::IpAddr};

use super::{
    Listings, Segments, Shown, Summary,
    capture::Packet,
    hosts::Hosts,
    lines::{Line, SessionLine, TransactionLine, VerdictLine},
    named::Named,
    segments::PacketTally,
};
use crate::{
    config::Config,
    inspect::{Inspection, flows::Limits, hosts::Rules, observation::Observation},
};

/// Sessions at a time: several times what a gateway has, as captures of many hosts are put together.
const MAX_SESSIONS: usize = 1 << 18;

/// After the last packet this much time passes, so that what it meant is judged.
const JUDGED_NS: u64 = 1_500_000_000;

/// Sources whose verdict is told, at most.
pub const MAX_SOURCES: usize = 1 << 20;

/// Between two looks at what is due there is at least so much time of the capture.
const GRAIN_NS: u64 = 100_000_000;
/// Looks at what is due between two packets, at most: half a day of a host that is judged every five seconds. What is due later is
/// done when the next packet comes.
const MAX_LOOKS: u32 = 10_000;

/// What is wanted of a replay.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// What holds, also where nobody wrote a configuration.
    pub config: &'a Config,
    /// Ports of SMTP servers, beside those of the configuration.
    pub ports: &'a [u16],
    /// The configured lists, if sources are to be judged by them.
    pub listings: Option<Listings>,
    /// What makes hashes of addresses.
    pub key: [u8; 16],
}

/// A replay of one or more captures, one after the other.
pub struct Replay {
    segments: Segments,
    inspection: Inspection,
    hosts: Hosts,
    shown: Shown,
    named: Named,
    listings: Option<Listings>,
    /// Each source, and the port that it wanted first.
    sources: HashMap<IpAddr, u16>,
    sources_left_out: u64,
    summary: Summary,
    /// Nothing is looked at before.
    looked_ns: u64,
}

impl Replay {
    /// Nothing has been read yet.
    #[must_use]
    pub fn new(wanted: Wanted<'_>) -> Self {
        let Wanted { config, ports, listings, key } = wanted;
        let watched = [&config.ports.watched[..], ports].concat();
        // What is in files is shown, whoever it is of.
        let limits = Limits { sessions: MAX_SESSIONS, parts: 1, ..Limits::default() };
        let rules = Rules::of(config, key, config.dnsbl.lookups.own_addresses.clone());
        Self {
            segments: Segments::new(config.ports.guarded.iter().chain(&watched).copied()),
            inspection: Inspection::new(limits, rules),
            hosts: Hosts::new(config, watched),
            shown: Shown::new(config.inspection.envelopes, key),
            named: Named::default(),
            listings,
            sources: HashMap::new(),
            sources_left_out: 0,
            summary: Summary::default(),
            looked_ns: 0,
        }
    }

    /// Another file begins: its times may be earlier than those of the one before.
    pub const fn begin_file(&mut self) {
        self.segments.begin_file();
    }

    /// Takes a packet, and appends what is known by it.
    pub fn packet(&mut self, packet: &Packet<'_>, out: &mut Vec<Line>) {
        let Some(segment) = self.segments.segment(packet) else { return };
        if self.listings.is_some() {
            let has_room = self.sources.len() < MAX_SOURCES;
            let source = segment.flow.client.into();
            if has_room || self.sources.contains_key(&source) {
                self.sources.entry(source).or_insert(segment.flow.server_port);
            } else {
                self.sources_left_out += 1;
            }
        }
        self.advance(segment.time_ns, out);
        self.hosts.segment(&segment);
        let shown = Told { summary: &mut self.summary, shown: &self.shown, named: &mut self.named, out };
        self.inspection.segment(&segment, |address| self.hosts.kind(address), shown.taker());
        // There is nothing whose capture could be steered.
        drop(self.inspection.flow_commands());
    }

    /// Does what is due before a time, at the time when it is due.
    fn advance(&mut self, now_ns: u64, out: &mut Vec<Line>) {
        for _ in 0..MAX_LOOKS {
            let due = self.inspection.poll_timeout().into_iter().chain(self.hosts.due_ns()).min();
            let Some(at_ns) = due.map(|due| due.max(self.looked_ns)).filter(|at_ns| *at_ns <= now_ns) else {
                return;
            };
            self.look(at_ns, out);
        }
        self.look(now_ns, out);
    }

    fn look(&mut self, at_ns: u64, out: &mut Vec<Line>) {
        self.looked_ns = at_ns.saturating_add(GRAIN_NS);
        self.hosts.sample(&mut self.inspection, at_ns);
        let shown = Told { summary: &mut self.summary, shown: &self.shown, named: &mut self.named, out };
        let commands = self.inspection.poll(at_ns, |address| self.hosts.kind(address), shown.taker());
        drop(self.inspection.flow_commands());
        self.hosts.carry_out(commands, self.inspection.engine(), at_ns);
    }

    /// The last capture is over: appends what is only known at the end.
    pub fn finish(&mut self, out: &mut Vec<Line>) {
        let now_ns = self.segments.now_ns();
        let shown = Told { summary: &mut self.summary, shown: &self.shown, named: &mut self.named, out };
        self.inspection.finish(now_ns, |address| self.hosts.kind(address), shown.taker());
        // Hosts are not judged more often than once in a second.
        let end_ns = now_ns.saturating_add(JUDGED_NS);
        self.advance(end_ns, out);
        let hosts = self.hosts.lines(self.inspection.engine(), end_ns);
        out.extend(hosts.into_iter().map(|line| Line::Host(Box::new(line))));
        let Some(listings) = &self.listings else { return };
        let mut sources: Vec<_> = self.sources.drain().collect();
        sources.sort_unstable();
        let line = |(source, port)| VerdictLine { source, listing: listings.of(source, port) };
        out.extend(sources.into_iter().map(line).map(Line::Verdict));
    }

    /// What became of the packets.
    #[must_use]
    pub const fn tally(&self) -> &PacketTally {
        self.segments.tally()
    }

    /// What there was no room for, so that something may be missing: how many of what. Empty for nearly all captures.
    #[must_use]
    pub fn shortages(&self) -> Vec<(u64, &'static str)> {
        let (flows, engine) = (self.inspection.flows().counters(), self.inspection.engine().counters());
        let shortages = [
            (flows.evicted, "sessions ended early"),
            (flows.forgotten, "handshakes were forgotten"),
            (self.hosts.attempts_left_out(), "connection attempts were not counted"),
            (engine.hosts_pushed_out, "hosts were forgotten"),
            (engine.details_pushed_out + engine.unfollowed, "hosts were not looked at closely"),
            (self.sources_left_out, "segments of sources have no verdict"),
            (self.summary.left_out, "sessions are of clients without figures"),
        ];
        shortages.into_iter().filter(|(count, _)| *count > 0).collect()
    }

    /// How often the times of packets went back for good.
    #[must_use]
    pub const fn steps_back(&self) -> u64 {
        self.segments.steps_back()
    }

    /// What was seen.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }
}

/// Where observations go.
struct Told<'a> {
    summary: &'a mut Summary,
    shown: &'a Shown,
    named: &'a mut Named,
    out: &'a mut Vec<Line>,
}

impl<'a> Told<'a> {
    fn taker(self) -> impl FnMut(&Observation) + 'a {
        let Self { summary, shown, named, out } = self;
        move |observation| match observation {
            Observation::Transaction(transaction) => {
                summary.transaction(transaction);
                if shown.hides() {
                    named.note(transaction);
                }
                out.push(Line::Transaction(TransactionLine::of(transaction, shown)));
            }
            // Of a session that is not over more is to come.
            Observation::Session(session) if session.ended.is_none() => {}
            Observation::Session(session) => {
                summary.session(session);
                let named = named.take(&session.flow);
                out.push(Line::Session(Box::new(SessionLine::of(session, shown, &named))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Envelopes,
        inspect::hosts::testing::{Message, SECOND, server},
    };

    /// What is said of two sessions at once, each with a message to Jane; the second is with somebody else's server.
    fn told(how: Envelopes) -> Vec<Line> {
        let (mut summary, mut named, mut out) = (Summary::default(), Named::default(), Vec::new());
        let shown = Shown::new(how, [7; 16]);
        let message = Message {
            recipients: vec!["jane.doe@there.example".into()],
            to_recipients: "550 jane.doe: no such user".into(),
            ..Message::default()
        };
        let told = Told { summary: &mut summary, shown: &shown, named: &mut named, out: &mut out };
        let mut take = told.taker();
        let transactions = [1, 2].map(|to| message.transaction(server(to)));
        transactions.iter().for_each(|one| take(&Observation::Transaction(Box::new(one.clone()))));
        for transaction in &transactions {
            let session = message.session_of(transaction.flow, SECOND);
            take(&Observation::Session(Box::new(session)));
        }
        drop(take);
        out
    }

    #[test]
    fn no_line_has_a_name_where_envelopes_are_hidden() {
        for (how, is_named) in
            [(Envelopes::Plain, true), (Envelopes::Masked, false), (Envelopes::Hashed, false)]
        {
            let lines = told(how);
            assert_eq!(lines.len(), 4);
            for line in lines {
                let json = serde_json::to_string(&line).expect("a line");
                assert_eq!(json.contains("jane.doe"), is_named, "{json}");
            }
        }
    }
}
