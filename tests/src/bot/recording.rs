//! Visits written into a capture file, as if somebody had listened on the inside of the gateway for as long as it takes.
//!
//! No lab, no sockets: what is said is what would be said in the lab ([`dialogue`]).

use std::fs::File;
use std::io::BufWriter;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use pcap_file::pcap::{PcapPacket, PcapWriter};

use super::dialogue::{End, dialogue};
use super::visit::Visit;
use crate::bench::Random;
use crate::frames::{Frame, flags};
use crate::smtp::ServerOptions;

/// From a segment to the one that answers it.
const LATENCY: Duration = Duration::from_millis(15);
/// Longest payload of a segment.
const SEGMENT: usize = 1400;
/// When recordings begin, by the calendar: 2026-01-05, a Monday.
const EPOCH: Duration = Duration::from_secs(1_767_571_200);

/// Frames with their times.
#[derive(Debug)]
pub struct Recording {
    server: ServerOptions,
    frames: Vec<(Duration, Vec<u8>)>,
    random: Random,
}

impl Recording {
    /// An empty one, in which all servers are like this.
    #[must_use]
    pub fn new(server: ServerOptions) -> Self {
        Self { server, frames: Vec::new(), random: Random::new(0x5e55_1011) }
    }

    /// Adds visits, each at its time.
    pub fn add(&mut self, visits: &[Visit]) {
        for visit in visits {
            let port = 32_768 + self.random.below(28_000) as u16;
            let mut line = Line {
                ends: [SocketAddr::new(visit.source, port), visit.server],
                next: [self.random.next() as u32, self.random.next() as u32],
                now: EPOCH + visit.at,
                frames: &mut self.frames,
            };
            line.session(visit, &self.server);
        }
    }

    /// How many frames there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Writes all of it, in the order of time, as pcap with Ethernet frames.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(mut self, path: &Path) -> Result<()> {
        // Stable: frames of one moment stay in order.
        self.frames.sort_by_key(|(at, _)| *at);
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut writer = PcapWriter::new(BufWriter::new(file))?;
        for (at, frame) in &self.frames {
            writer.write_packet(&PcapPacket::new(*at, frame.len() as u32, frame))?;
        }
        Ok(())
    }
}

const CLIENT: usize = End::Client as usize;
const SERVER: usize = End::Server as usize;

/// A connection while it is written.
struct Line<'a> {
    ends: [SocketAddr; 2],
    /// The sequence number that each sends next.
    next: [u32; 2],
    now: Duration,
    frames: &'a mut Vec<(Duration, Vec<u8>)>,
}

impl Line<'_> {
    fn session(&mut self, visit: &Visit, server: &ServerOptions) {
        self.send(CLIENT, flags::SYN, &[]);
        self.send(SERVER, flags::SYN | flags::ACK, &[]);
        self.send(CLIENT, flags::ACK, &[]);
        for (end, text) in dialogue(visit, server) {
            self.say(end as usize, &text);
        }
        self.send(CLIENT, flags::FIN | flags::ACK, &[]);
        self.send(SERVER, flags::FIN | flags::ACK, &[]);
        self.send(CLIENT, flags::ACK, &[]);
    }

    fn say(&mut self, from: usize, text: &str) {
        for piece in text.as_bytes().chunks(SEGMENT) {
            self.send(from, flags::PSH | flags::ACK, piece);
        }
    }

    fn send(&mut self, from: usize, flags: u8, payload: &[u8]) {
        let to = 1 - from;
        let acknowledged = if flags & flags::ACK == 0 { 0 } else { self.next[to] };
        let frame = Frame::tcp(self.ends[from], self.ends[to])
            .flags(flags)
            .numbers(self.next[from], acknowledged)
            .payload(payload)
            .build();
        self.frames.push((self.now, frame));
        self.now += LATENCY;
        let control = u32::from(flags & flags::SYN != 0) + u32::from(flags & flags::FIN != 0);
        self.next[from] = self.next[from].wrapping_add(payload.len() as u32 + control);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot;

    #[test]
    fn a_session_is_written_as_it_would_be_spoken() {
        let visit =
            Visit::new(Duration::from_secs(60), [10, 0, 1, 66].into(), ([203, 0, 113, 1], 25).into(), "a.b")
                .letter("c@d.example", &["nobody@e.example".to_owned(), "f@e.example".to_owned()]);
        let mut recording = Recording::new(bot::server_options());
        recording.add(std::slice::from_ref(&visit));
        let texts: Vec<String> = recording
            .frames
            .iter()
            .map(|(_, frame)| String::from_utf8_lossy(&frame[14 + 20 + 20..]).into_owned())
            .filter(|text| !text.is_empty())
            .collect();
        assert_eq!(
            texts.iter().map(|text| text.split_whitespace().next().unwrap_or_default()).collect::<Vec<_>>(),
            [
                "220",
                "EHLO",
                "250-mx.remote.example",
                "MAIL",
                "250",
                "RCPT",
                "550",
                "RCPT",
                "250",
                "DATA",
                "354",
                "From:",
                "250",
                "QUIT",
                "221"
            ]
        );
        assert_eq!(recording.frames[0].0, EPOCH + Duration::from_secs(60));
        assert!(recording.frames.is_sorted_by_key(|(at, _)| *at));
    }
}
