//! Packets in, lines out: what inspection says of a capture, at the capture's own time.

use std::{collections::HashMap, net::IpAddr};

use super::{
    Listings, Segments, Shown, Summary,
    capture::Packet,
    lines::{Line, SessionLine, TransactionLine, VerdictLine},
    segments::PacketTally,
};
use crate::inspect::{
    flows::{Flows, Limits},
    observation::Observation,
    smtp,
};

/// Sources whose verdict is told, at most.
pub const MAX_SOURCES: usize = 1 << 20;

/// What is wanted of a replay.
#[derive(Debug)]
pub struct Wanted {
    /// Ports of SMTP servers.
    pub ports: Vec<u16>,
    /// How addresses are shown.
    pub shown: Shown,
    /// The configured lists, if sources are to be judged by them.
    pub listings: Option<Listings>,
}

/// A replay of one or more captures, one after the other.
pub struct Replay {
    segments: Segments,
    flows: Flows<smtp::Session>,
    shown: Shown,
    listings: Option<Listings>,
    /// Each source, and the port that it wanted first.
    sources: HashMap<IpAddr, u16>,
    sources_left_out: u64,
    summary: Summary,
    heard: Vec<Observation>,
}

impl Replay {
    /// Nothing has been read yet.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        let Wanted { ports, shown, listings } = wanted;
        Self {
            segments: Segments::new(ports),
            flows: Flows::new(Limits::default()),
            shown,
            listings,
            sources: HashMap::new(),
            sources_left_out: 0,
            summary: Summary::default(),
            heard: Vec::new(),
        }
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
        self.flows.handle(&segment, &mut self.heard);
        let _ = self.flows.commands();
        self.tell(out);
    }

    /// The last capture is over: appends what is only known at the end.
    pub fn finish(&mut self, out: &mut Vec<Line>) {
        self.flows.finish(self.segments.now_ns(), &mut self.heard);
        let _ = self.flows.commands();
        self.tell(out);
        let Some(listings) = &self.listings else { return };
        let mut sources: Vec<_> = self.sources.drain().collect();
        sources.sort_unstable();
        let line = |(source, port)| VerdictLine { source, listing: listings.of(source, port) };
        out.extend(sources.into_iter().map(line).map(Line::Verdict));
    }

    fn tell(&mut self, out: &mut Vec<Line>) {
        for observation in self.heard.drain(..) {
            match observation {
                Observation::Transaction(transaction) => {
                    self.summary.transaction(&transaction);
                    out.push(Line::Transaction(TransactionLine::of(&transaction, &self.shown)));
                }
                // Of a session that is not over more is to come.
                Observation::Session(session) if session.ended.is_none() => {}
                Observation::Session(session) => {
                    self.summary.session(&session);
                    out.push(Line::Session(Box::new(SessionLine::of(&session, &self.shown))));
                }
            }
        }
    }

    /// What became of the packets.
    #[must_use]
    pub const fn tally(&self) -> &PacketTally {
        self.segments.tally()
    }

    /// What was seen.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }
}
