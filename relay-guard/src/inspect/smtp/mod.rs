//! A session of SMTP (RFC 5321) as somebody sees it who stands beside the wire: from pieces of both streams to what was said.
//!
//! [`Session`] takes the pieces in the order in which they were said ([`reassembly`](super::reassembly) sees to that), pairs
//! commands with replies, and gives out [`Observation`]s. How the streams are cut into pieces makes no difference. It believes
//! nobody: whatever comes is taken in bounded room, and what does not fit is counted. What was not seen is not made up: replies
//! that may belong to one of several commands belong to none.
//!
//! Content of messages and secrets of AUTH are passed over where they are, and never kept. The module knows no clock, and nothing
//! of scores.

mod client;
mod command;
mod content;
mod encryption;
mod facts;
mod line;
mod message;
mod open;
mod path;
mod pending;
mod reply;
mod server;
mod text;
mod transactions;

use relay_guard_common::flow::FlowKey;

use self::content::Content;
use self::facts::Facts;
use self::line::Line;
use self::pending::{Kind, Queue};
use self::transactions::Transactions;
use super::observation::{self, Ended, Observation, Protocol};
use super::reassembly::Piece;
use super::tls::HelloReader;

pub use super::reassembly::Begins;
pub(super) use text::text;

/// Octets of a line that are looked at, without its LF: more than any command of RFC 5321 §4.5.3.1.4 with the parameters of all
/// extensions. Of longer lines the beginning counts.
pub const MAX_LINE: usize = 2048;

/// Octets of an address that are kept: 64 of the local part, 255 of the domain (RFC 5321 §4.5.3.1), and the `@`.
pub const MAX_ADDRESS: usize = 320;

/// Octets of the client's name that are kept.
pub const MAX_HELO: usize = 255;

/// Octets of a reply's text that are kept: what a reply line may have (RFC 5321 §4.5.3.1.5).
pub const MAX_REPLY_TEXT: usize = 512;

/// Recipients that are kept, of all open transactions.
pub const MAX_RECIPIENTS: usize = 1000;

/// Octets of recipients' addresses, and of the replies to these, that all open transactions keep. What else a transaction keeps
/// has room of its own. Recipients for whom there is no room are counted; where a reply is cut, the transaction is not complete.
pub const MAX_RECIPIENT_TEXT: usize = 96 << 10;

/// Transactions that are open at the same time; one is, unless the client does not wait for replies.
pub const MAX_OPEN: usize = 8;

/// Commands that wait for replies.
pub const MAX_PENDING: usize = 1024;

/// Keywords of EHLO that are kept, and octets of each.
pub const MAX_EXTENSIONS: usize = 32;

/// Octets of a keyword that are kept.
pub const MAX_KEYWORD: usize = 32;

/// Replies that refuse, as many as are kept with the session.
pub const MAX_REFUSED_WITH: usize = 8;

/// Heap octets of a session, at most.
pub const MAX_SESSION_BYTES: usize = 256 << 10;

/// What the client's next octets are.
enum Reading {
    /// Commands.
    Commands,
    /// The rest of a line that is not looked at: a response to a challenge of AUTH, or what is too long. This will wait for its
    /// reply.
    RestOfLine(Kind),
    /// Content behind DATA, of the transaction with this depth.
    Content { content: Content, depth: u32, go_ahead: GoAhead },
    /// So many octets of a chunk.
    Chunk { left: u64, depth: u32, is_last: bool },
    /// Nobody knows, until the server has answered.
    Anything,
    /// TLS, or what may be: its ClientHello.
    Hello(Box<HelloReader>),
    /// What comes after a ClientHello on which nobody had agreed: what the server says to it will tell.
    PerhapsTls,
    /// Nothing that can be read.
    Opaque,
}

/// What is known of the reply to DATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GoAhead {
    /// It has not come.
    Awaited,
    /// The server wants the message.
    Given,
    /// Something of the server's is missing since: it may even have answered the message.
    Unclear,
    /// The server has answered the message before it was over.
    Answered,
}

/// A session.
pub struct Session {
    facts: Facts,
    queue: Queue,
    transactions: Transactions,
    reading: Reading,
    client_line: Line,
    server_line: Line,
    /// Lines of the reply that has begun.
    reply_lines: u32,
    /// The server's line that comes next, or goes on, may lack its beginning.
    server_is_cut: bool,
    /// The rest of the server's line is passed over.
    server_skips: bool,
    /// Commands of the client's were not seen since the last transaction ended.
    commands_lost: bool,
    /// The client has said a line, or what was no line.
    client_spoke: bool,
    /// The server has said a line.
    server_spoke: bool,
    /// The server has said a line of a reply: what it is asked is SMTP, whatever the client says.
    server_is_smtp: bool,
    /// The server has agreed to TLS, which has not begun.
    tls_is_agreed: bool,
    /// The server has not yet answered TLS in the clear.
    may_be_tls: bool,
    is_over: bool,
}

impl Session {
    /// A session of which nothing is known but that it is there.
    #[must_use]
    pub fn new(flow: FlowKey, begins: Begins, now_ns: u64) -> Self {
        let (first, reading) = match begins {
            Begins::AtTheBeginning => (Kind::Greeting, Reading::Commands),
            Begins::InTheMiddle => (Kind::Lost, Reading::Anything),
        };
        Self {
            facts: Facts::new(flow, begins, now_ns),
            queue: Queue::new(first),
            transactions: Transactions::default(),
            reading,
            client_line: Line::default(),
            server_line: Line::default(),
            reply_lines: 0,
            server_is_cut: begins == Begins::InTheMiddle,
            server_skips: false,
            commands_lost: begins == Begins::InTheMiddle,
            client_spoke: false,
            server_spoke: false,
            server_is_smtp: false,
            tls_is_agreed: false,
            may_be_tls: true,
            is_over: false,
        }
    }

    /// Takes what the client said. All that it answers must have been taken before.
    pub fn client(&mut self, now_ns: u64, piece: Piece<'_>, out: &mut Vec<Observation>) {
        let seen = &mut self.facts.seen;
        seen.last_ns = now_ns;
        seen.client_octets = seen.client_octets.saturating_add(piece.octets());
        match piece {
            Piece::Data(octets) => self.client_octets(now_ns, octets, out),
            Piece::Gap { octets, skipped } => self.client_gap(now_ns, octets, skipped, out),
        }
    }

    /// Takes what the server said. All that it answers must have been taken before.
    pub fn server(&mut self, now_ns: u64, piece: Piece<'_>, out: &mut Vec<Observation>) {
        let seen = &mut self.facts.seen;
        seen.last_ns = now_ns;
        seen.server_octets = seen.server_octets.saturating_add(piece.octets());
        match piece {
            Piece::Data(octets) => self.server_octets(now_ns, octets, out),
            Piece::Gap { octets, skipped } => self.server_gap(octets, skipped),
        }
    }

    /// The connection is over: gives out what was not over before, and the session. Further calls do nothing.
    pub fn end(&mut self, now_ns: u64, how: Ended, out: &mut Vec<Observation>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        if self.may_be_encrypted() {
            self.tls_has_begun(now_ns, out);
        }
        self.note_content();
        let how = if self.facts.has_quit { Ended::Orderly } else { how };
        self.transactions.end(now_ns, Some(how), out);
        self.facts.undecided_protocol(self.client_spoke, self.server_spoke);
        self.reading = Reading::Opaque;
        self.give_out(Some(how), out);
    }

    /// Whether more of its payload would tell anything.
    #[must_use]
    pub const fn wants_more(&self) -> bool {
        !matches!(self.reading, Reading::Opaque)
    }

    /// Octets on the heap, at most [`MAX_SESSION_BYTES`].
    #[must_use]
    pub fn memory(&self) -> usize {
        let reading = match &self.reading {
            Reading::Hello(hello) => hello.memory(),
            _ => 0,
        };
        let lines = self.client_line.memory() + self.server_line.memory();
        reading + lines + self.queue.memory() + self.transactions.memory() + self.facts.memory()
    }

    /// Nothing that comes can be read any more: says what was seen so far.
    fn close_eyes(&mut self, now_ns: u64, out: &mut Vec<Observation>) {
        self.reading = Reading::Opaque;
        self.client_line.wipe();
        self.server_line.wipe();
        self.transactions.end(now_ns, None, out);
        self.give_out(None, out);
    }

    fn give_out(&mut self, ended: Option<Ended>, out: &mut Vec<Observation>) {
        let transactions = self.transactions.depth();
        let seen: observation::Session = self.facts.session(transactions, ended);
        out.push(Observation::Session(Box::new(seen)));
        self.facts.seen.again = true;
    }

    /// Whether somebody has spoken SMTP.
    fn is_smtp(&self) -> bool {
        self.facts.seen.protocol == Protocol::Smtp
    }
}

#[cfg(test)]
mod tests;
