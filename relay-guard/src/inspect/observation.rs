//! What inspection has seen of SMTP: transactions and sessions, for signals, for `hosts` and for `replay`.
//!
//! Texts are as they came, cut to the bounds of [`smtp`](super::smtp), and may hold any octet that is no control character (those
//! are shown as `?`, what is no UTF-8 as `U+FFFD`). Content of messages is in none of them, nor is any secret.

use std::fmt;

use relay_guard_common::flow::FlowKey;

/// Something that has been seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// A transaction is over.
    Transaction(Box<Transaction>),
    /// A session is over, or no longer readable and will not be again: then it comes once more at its end, with
    /// [`Session::ended`].
    Session(Box<Session>),
}

impl Observation {
    /// Of which connection.
    #[must_use]
    pub const fn flow(&self) -> &FlowKey {
        match self {
            Self::Transaction(transaction) => &transaction.flow,
            Self::Session(session) => &session.flow,
        }
    }
}

/// A reply of a server (RFC 5321 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its code, 200 to 599.
    pub code: u16,
    /// The text of its last line.
    pub text: Box<str>,
}

impl fmt::Display for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.code, self.text)
    }
}

impl Reply {
    /// Whether it refuses for good.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// Whether it refuses for good or for now.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.code >= 400
    }
}

/// One MAIL … RCPT … DATA unit of a session (RFC 5321 §3.3), or what stands for all that a session does after STARTTLS.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// Between whom.
    pub flow: FlowKey,
    /// Which of the session's it is, from 1.
    pub depth: u32,
    /// When MAIL was seen, nanoseconds of the segments' clock.
    pub began_ns: u64,
    /// When it was over.
    pub ended_ns: u64,
    /// The argument of the last EHLO or HELO; none if none was seen.
    pub helo: Option<Box<str>>,
    /// The sender, without angle brackets; empty for the null sender; none if MAIL was not seen.
    pub mail_from: Option<Box<str>>,
    /// The declared size (`SIZE=`, RFC 1870), octets.
    pub declared_size: Option<u64>,
    /// The reply to MAIL.
    pub mail_reply: Option<Reply>,
    /// Those recipients that were attempted, in order, as far as there is room.
    pub recipients: Vec<Recipient>,
    /// Attempted recipients for whom there was no room.
    pub recipients_left_out: u32,
    /// What became of the message itself, if it came to that.
    pub data: Option<Data>,
    /// The last reply to a command of this transaction, or to its data.
    pub last_reply: Option<Reply>,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it is encrypted: nothing but what came before STARTTLS is known of it.
    pub tls: bool,
    /// Whether all of it was seen: no command or reply of it is missing, and it ended in order.
    pub complete: bool,
}

/// A recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The address, without angle brackets.
    pub address: Box<str>,
    /// What the server said; none if that was not seen.
    pub reply: Option<Reply>,
}

/// A message's transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Octets of content on the wire, with dots doubled and without the final `.` line for DATA; of all chunks for BDAT
    /// (RFC 3030). As far as sequence numbers tell, also where content was not captured.
    pub octets: u64,
    /// Whether it was transferred by BDAT.
    pub chunked: bool,
    /// Whether its end was seen, so that `octets` is exact. If not, what was sent behind it may be counted with it.
    pub whole: bool,
    /// The reply to DATA itself, 354 if the server wanted the message; none for BDAT.
    pub go_ahead: Option<Reply>,
    /// The reply to the message.
    pub reply: Option<Reply>,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The server took the message.
    Accepted,
    /// The server refused the message, the sender, or every recipient.
    Refused,
    /// The client gave it up: RSET, another EHLO, QUIT, or the connection's end.
    Abandoned,
    /// That was not seen.
    Unknown,
}

/// What a connection turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// SMTP, or what tried to be.
    Smtp,
    /// TLS from the first octet on.
    Tls,
    /// HTTP.
    Http,
    /// SSH.
    Ssh,
    /// Something else.
    Other,
    /// Nothing was said, or too little to tell.
    Silent,
}

impl Protocol {
    /// The word for it in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::Other => "other",
            Self::Silent => "silent",
        }
    }
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// By QUIT, or by FIN of either side.
    Orderly,
    /// By a reset.
    Reset,
    /// Nothing was seen of it for too long, or its capture ended: nothing is known of its end.
    Unseen,
}

/// What slipped in a session: sins against RFC 5321 and its kin that mail servers do not commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Slips {
    /// Commands that ended in a bare LF (§2.3.8), and messages whose end had one: those of which the server took it for the end.
    /// Lines of content are not counted.
    pub bare_lf: u32,
    /// Commands that no server knows.
    pub unknown_commands: u32,
    /// Commands where they may not be, such as RCPT before MAIL.
    pub out_of_order: u32,
    /// Commands sent before the reply to the one before, where the server had not offered PIPELINING (RFC 2920), or where that
    /// does not help: behind EHLO, AUTH and STARTTLS; and content before the reply to DATA, once for each.
    pub unoffered_pipelining: u32,
    /// Commands longer than any protocol allows ([`MAX_LINE`](super::smtp::MAX_LINE)), or without an end. Responses to AUTH
    /// are not counted.
    pub long_lines: u32,
    /// Octets that are no text: NUL, other control characters.
    pub binary: u32,
    /// Commands with wrong arguments, such as an address without angle brackets.
    pub bad_arguments: u32,
}

impl Slips {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.bare_lf as u64
            + self.unknown_commands as u64
            + self.out_of_order as u64
            + self.unoffered_pipelining as u64
            + self.long_lines as u64
            + self.binary as u64
            + self.bad_arguments as u64
    }
}

/// What is not known of a session, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// The connection was there before we looked.
    pub beginning: bool,
    /// Octets of the client's that were lost on the way to us.
    pub client_lost: u64,
    /// Octets of the server's that were lost on the way to us.
    pub server_lost: u64,
    /// Octets of the client's that were left out on purpose: content, or what was beyond a budget.
    pub client_skipped: u64,
    /// Octets of the server's that were left out on purpose.
    pub server_skipped: u64,
    /// Whether commands were among what was left out of the client's: it said more at once than is looked at, or said them behind
    /// content, before that was answered.
    pub commands_skipped: bool,
}

/// An authentication (RFC 4954): that there was one, never with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// The mechanism's name, in upper case; `OTHER` for one that is none of the registered ones, as it may be a secret in the
    /// wrong place.
    pub mechanism: Box<str>,
    /// Whether the server took it; none if that was not seen.
    pub accepted: Option<bool>,
}

/// STARTTLS (RFC 3207), or TLS from the first octet on, and what of it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Whether the server agreed; none if that was not seen.
    pub accepted: Option<bool>,
    /// The server name that the client asked for (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// The protocols that it offered (RFC 7301).
    pub alpn: Vec<Box<str>>,
    /// The fingerprint of its ClientHello, JA4 (`t13d1516h2_8daaf6152771_e5627efa2ab1`).
    pub ja4: Option<Box<str>>,
}

impl Tls {
    /// Octets on the heap.
    #[must_use]
    pub fn memory(&self) -> usize {
        let texts = self.server_name.iter().chain(&self.alpn).chain(&self.ja4).map(|text| text.len());
        texts.sum::<usize>() + self.alpn.capacity() * size_of::<Box<str>>()
    }
}

/// A session, from its connection to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Between whom.
    pub flow: FlowKey,
    /// When its first payload was seen, nanoseconds of the segments' clock.
    pub began_ns: u64,
    /// When its last segment was seen.
    pub last_ns: u64,
    /// How it ended; none if it goes on.
    pub ended: Option<Ended>,
    /// Whether it was told of before, when it could no longer be read: this is its end.
    pub again: bool,
    /// What it turned out to be.
    pub protocol: Protocol,
    /// The greeting (§4.3.1).
    pub greeting: Option<Reply>,
    /// The last EHLO or HELO's argument.
    pub helo: Option<Box<str>>,
    /// Whether the client said HELO, not EHLO.
    pub plain_helo: bool,
    /// How often EHLO or HELO came with another argument than the time before.
    pub helo_changes: u32,
    /// The keywords that the server offered to EHLO, in upper case.
    pub extensions: Vec<Box<str>>,
    /// The client spoke before the greeting was there.
    pub talked_first: bool,
    /// The first authentication that the server took, or else the last one.
    pub auth: Option<Auth>,
    /// What became of TLS, if the client wanted it.
    pub tls: Option<Tls>,
    /// Transactions.
    pub transactions: u32,
    /// Replies that refuse, by their first digit: 4xx, 5xx.
    pub refusals: [u32; 2],
    /// The first replies that refuse, as far as there is room: those that speak of a list take the place of the last ones that do
    /// not. Replies to AUTH and to what is no command are without text, because they may repeat a secret.
    pub refused_with: Vec<Reply>,
    /// Sins against the protocol.
    pub slips: Slips,
    /// Octets of payload that the client sent, as far as sequence numbers tell.
    pub client_octets: u64,
    /// Octets of payload that the server sent.
    pub server_octets: u64,
    /// What is not known.
    pub unseen: Unseen,
    /// Whether nothing is missing but content of messages and what is encrypted.
    pub complete: bool,
}
