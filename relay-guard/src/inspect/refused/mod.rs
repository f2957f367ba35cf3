//! Refused senders: lines of envelopes put together to connections, the last of which are kept. Who was refused writing to
//! whom is how a false listing is noticed. Pure: lines and the names of lists are arguments.

mod line;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, net::IpAddr};

use relay_guard_common::{
    address::Address, class::CLEAN, reason::Reason, respond::envelope::EnvelopeLine, role::Direction,
};

use self::line::{Said, octets, said};

pub use self::line::MAX_TEXT;

/// Connections kept; the one that has been silent for longest goes first.
pub const MAX_REFUSED: usize = 256;

/// Recipients kept of a connection; the others are only counted.
pub const MAX_RECIPIENTS: usize = 8;

/// A connection that was silent for so long has ended, nanoseconds: no reply is waited for longer (RFC 5321 §4.5.3.2).
/// What comes with the same addresses and ports after that is another one.
pub const IDLE_NS: u64 = 10 * 60 * 1_000_000_000;

/// What tells connections apart: source, destination, and their ports.
type Ends = (Address, Address, u16, u16);

/// A connection whose sender was refused, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    ends: Ends,
    /// The line before, to know it when it comes again.
    before: (u8, Vec<u8>),
    /// When its first line was answered, nanoseconds of `CLOCK_MONOTONIC`.
    pub first_ns: u64,
    /// When its last line was.
    pub last_ns: u64,
    /// The interface that it came in on.
    pub ifindex: u32,
    /// Which way it went.
    pub direction: Direction,
    /// Why it was refused.
    pub reason: Reason,
    /// The lists that had a say.
    pub lists: Vec<String>,
    /// The last name that the sender gave itself. Escaped, as all texts here: printable ASCII, but for a `…` where they were
    /// cut.
    pub helo: Option<String>,
    /// The last sender's address; empty for the null sender.
    pub from: Option<String>,
    /// The first recipients.
    pub recipients: Vec<String>,
    /// How many recipients there were, those that are not kept included.
    pub recipients_total: u64,
}

impl Refused {
    fn new(line: &EnvelopeLine, lists: Vec<String>) -> Self {
        let direction = Direction::from_u8(line.direction).unwrap_or(Direction::Unknown);
        Self {
            ends: ends(line),
            before: (0, Vec::new()),
            first_ns: line.time_ns,
            last_ns: line.time_ns,
            ifindex: line.ifindex,
            direction,
            reason: reason(line.class, direction),
            lists,
            helo: None,
            from: None,
            recipients: Vec::new(),
            recipients_total: 0,
        }
    }

    /// Who sent.
    #[must_use]
    pub fn source(&self) -> IpAddr {
        self.ends.0.into()
    }

    /// Whom it was for.
    #[must_use]
    pub fn destination(&self) -> IpAddr {
        self.ends.1.into()
    }

    /// Source and destination port, host byte order.
    #[must_use]
    pub const fn ports(&self) -> (u16, u16) {
        (self.ends.2, self.ends.3)
    }

    /// Whether a line of this time may still be one of it.
    const fn is_open(&self, time_ns: u64) -> bool {
        time_ns.saturating_sub(self.last_ns) < IDLE_NS
    }

    fn take(&mut self, said: Said) {
        match said {
            Said::Hello(name) => self.helo = Some(name),
            Said::Sender(address) => self.from = Some(address),
            Said::Recipient(address) => {
                self.recipients_total += 1;
                if self.recipients.len() < MAX_RECIPIENTS {
                    self.recipients.push(address);
                }
            }
        }
    }
}

/// The last connections whose senders were refused.
#[derive(Debug, Default)]
pub struct RefusedSenders {
    /// The one that was heard of last comes first.
    connections: VecDeque<Refused>,
}

impl RefusedSenders {
    /// Takes a line. `lists` names those that had a say, and is asked once for a connection. The connection, if the line
    /// says something new: a client repeats its line until it has the answer.
    pub fn take(&mut self, line: &EnvelopeLine, lists: impl FnOnce() -> Vec<String>) -> Option<&Refused> {
        let what = said(line)?;
        let ends = ends(line);
        let place =
            self.connections.iter().position(|known| known.ends == ends && known.is_open(line.time_ns));
        let mut connection = match place.and_then(|place| self.connections.remove(place)) {
            Some(known) => known,
            None => Refused::new(line, lists()),
        };
        let before = (line.verb, octets(line).to_vec());
        let is_new = connection.before != before;
        connection.last_ns = connection.last_ns.max(line.time_ns);
        if is_new {
            connection.before = before;
            connection.take(what);
        }
        self.connections.truncate(MAX_REFUSED - 1);
        self.connections.push_front(connection);
        self.connections.front().filter(|_| is_new)
    }

    /// All that are kept, the one that was heard of last first.
    pub fn iter(&self) -> impl Iterator<Item = &Refused> {
        self.connections.iter()
    }
}

const fn ends(line: &EnvelopeLine) -> Ends {
    (line.source, line.destination, line.source_port, line.destination_port)
}

/// Why a line was answered: the kernel tells the class, and only lists have one. Those who are contained are inside.
const fn reason(class: u32, direction: Direction) -> Reason {
    match (class, direction) {
        (CLEAN, Direction::Inbound) => Reason::DnsblListed,
        (CLEAN, _) => Reason::Contained,
        (_, Direction::Outbound) => Reason::ListedDestination,
        _ => Reason::Listed,
    }
}
