//! What `replay` says, as JSON: one object for each transaction, session, host, source and file.
//!
//! The fields of a transaction are those that Zeek has in its `smtp.log` under the same or a similar name.

use std::net::IpAddr;

use serde::Serialize;

use super::{Listing, PacketTally, Shown, named::Names};
use crate::inspect::{
    HostKind,
    hosts::{Change, HostView, Reading},
    ladder::HostState,
    observation::{Auth, Ended, Reply, Session, Slips, Tls, Transaction, Unseen},
};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Line {
    /// A transaction is over.
    Transaction(TransactionLine),
    /// A session is over.
    Session(Box<SessionLine>),
    /// What is thought of an inside host.
    Host(Box<HostLine>),
    /// What configured lists say of a source.
    Verdict(VerdictLine),
    /// A file was read.
    File(FileLine),
}

/// Between whom a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "they are what they are called")]
pub struct Ends {
    pub client: IpAddr,
    pub client_port: u16,
    pub server: IpAddr,
    pub server_port: u16,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransactionLine {
    /// Between whom.
    #[serde(flatten)]
    pub ends: Ends,
    /// Which of the session's it is, from 1.
    pub depth: u32,
    /// How the client called itself; none if that was not seen.
    pub helo: Option<String>,
    /// The sender, empty for the null sender; none if MAIL was not seen.
    pub mail_from: Option<String>,
    /// All recipients that were tried, in order.
    pub rcpt_to: Vec<String>,
    /// Those of them that the server refused.
    pub rcpt_rejected: Vec<String>,
    /// Code and text of the last reply to it.
    pub last_reply: Option<String>,
    /// Whether it is encrypted.
    pub tls: bool,
    /// Whether all of it was seen.
    pub complete: bool,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionLine {
    /// Between whom.
    #[serde(flatten)]
    pub ends: Ends,
    /// When its first payload was seen, seconds since the epoch.
    pub began: f64,
    /// How long it took until its last segment, seconds.
    pub duration: f64,
    /// How it ended: `orderly`, `reset` or `unseen`.
    pub ended: &'static str,
    /// What it turned out to be.
    pub protocol: &'static str,
    /// The greeting.
    pub greeting: Option<String>,
    /// How the client called itself at last.
    pub helo: Option<String>,
    /// Whether it said HELO, not EHLO.
    pub plain_helo: bool,
    /// How often it called itself something else than before.
    pub helo_changes: u32,
    /// What the server offered.
    pub extensions: Vec<String>,
    /// The client spoke before the greeting was there.
    pub talked_first: bool,
    /// The authentication that counted.
    pub auth: Option<AuthLine>,
    /// What became of TLS.
    pub tls: Option<TlsLine>,
    /// Transactions.
    pub transactions: u32,
    /// Replies of 400 to 499.
    pub refused_for_now: u32,
    /// Replies of 500 to 599.
    pub refused_for_good: u32,
    /// The first of them.
    pub refused_with: Vec<String>,
    /// Sins against the protocol.
    pub slips: SlipsLine,
    /// Octets of payload that the client sent.
    pub client_octets: u64,
    /// Octets of payload that the server sent.
    pub server_octets: u64,
    /// What is not known.
    pub unseen: UnseenLine,
    /// Whether nothing is missing but content of messages and what is encrypted.
    pub complete: bool,
}

/// An authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuthLine {
    /// The mechanism.
    pub mechanism: String,
    /// Whether the server took it.
    pub accepted: Option<bool>,
}

/// TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsLine {
    /// Whether the server agreed.
    pub accepted: Option<bool>,
    /// The server name that the client asked for.
    pub server_name: Option<String>,
    /// The protocols that it offered.
    pub alpn: Vec<String>,
    /// The fingerprint of its ClientHello.
    pub ja4: Option<String>,
}

/// As [`Slips`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields of `Slips`")]
pub struct SlipsLine {
    pub bare_lf: u32,
    pub unknown_commands: u32,
    pub out_of_order: u32,
    pub unoffered_pipelining: u32,
    pub long_lines: u32,
    pub binary: u32,
    pub bad_arguments: u32,
}

/// As [`Unseen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields of `Unseen`")]
pub struct UnseenLine {
    pub beginning: bool,
    pub client_lost: u64,
    pub server_lost: u64,
    pub client_skipped: u64,
    pub server_skipped: u64,
}

/// An inside host: what is the worst that was thought of it, and what is in the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostLine {
    /// Its address.
    pub host: IpAddr,
    /// Who it is by what is declared.
    pub kind: &'static str,
    /// The highest state that it reached: `quiet`, `reported` or `contained`.
    pub state: &'static str,
    /// What the configuration wants done at that state.
    pub step: Option<&'static str>,
    /// Its score then.
    pub score: u32,
    /// What made it up, most points first.
    pub signals: Vec<SignalLine>,
    /// Sessions that were judged.
    pub sessions: u32,
    /// Transactions that were judged.
    pub transactions: u32,
    /// When it was seen first and last, seconds since the epoch; none if it is forgotten.
    pub seen: Option<[f64; 2]>,
    /// Where it stands when the capture is over.
    pub at_end: StandingLine,
    /// Its first changes of state.
    pub changes: Vec<ChangeLine>,
}

/// Where a host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "as with `HostLine`")]
pub struct StandingLine {
    pub state: &'static str,
    pub step: Option<&'static str>,
    pub score: u32,
}

/// A signal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SignalLine {
    /// Its name in the configuration.
    pub signal: &'static str,
    /// Its figure.
    pub figure: u32,
    /// The points that it gave.
    pub points: f64,
    /// The figure in words.
    pub text: String,
}

/// A change of a host's state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangeLine {
    /// When, seconds since the epoch.
    pub at: f64,
    /// The state before.
    pub from: &'static str,
    /// The state that it reached.
    pub to: &'static str,
    /// What the configuration wants done at it.
    pub step: Option<&'static str>,
    /// Its score then.
    pub score: u32,
    /// What made it up, most points first.
    pub signals: Vec<SignalLine>,
}

/// What configured lists say of a source of inbound mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerdictLine {
    /// The address.
    pub source: IpAddr,
    /// What they say.
    #[serde(flatten)]
    pub listing: Listing,
}

/// A file that was read, as far as it could be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileLine {
    /// Its name.
    pub file: String,
    /// What became of its packets.
    #[serde(flatten)]
    pub packets: PacketTally,
    /// Why no more could be read of it.
    pub error: Option<String>,
}

impl TransactionLine {
    /// The line of a transaction.
    #[must_use]
    pub fn of(transaction: &Transaction, shown: &Shown) -> Self {
        let addresses = transaction.recipients.iter().map(|recipient| &*recipient.address);
        let refused = transaction
            .recipients
            .iter()
            .filter(|recipient| recipient.reply.as_ref().is_some_and(Reply::is_negative))
            .map(|recipient| &*recipient.address);
        let known = addresses.clone().chain(transaction.mail_from.as_deref());
        let last_reply = transaction.last_reply.as_ref();
        Self {
            ends: Ends::of(&transaction.flow),
            depth: transaction.depth,
            helo: owned(transaction.helo.as_deref()),
            mail_from: transaction.mail_from.as_ref().map(|sender| shown.address(sender)),
            rcpt_to: addresses.map(|address| shown.address(address)).collect(),
            rcpt_rejected: refused.map(|address| shown.address(address)).collect(),
            last_reply: last_reply.map(|reply| shown.text(&said(reply), &known)),
            tls: transaction.tls,
            complete: transaction.complete,
        }
    }
}

impl SessionLine {
    /// The line of a session that is over.
    #[must_use]
    pub fn of(session: &Session, shown: &Shown, named: &Names) -> Self {
        let reply = |reply: &Reply| {
            // Who may be in the text is not known: then there is none.
            if named.is_cut { reply.code.to_string() } else { shown.text(&said(reply), &named.iter()) }
        };
        Self {
            ends: Ends::of(&session.flow),
            began: seconds(session.began_ns),
            duration: seconds(session.last_ns.saturating_sub(session.began_ns)),
            ended: ended(session.ended.unwrap_or(Ended::Unseen)),
            protocol: session.protocol.name(),
            greeting: session.greeting.as_ref().map(reply),
            helo: owned(session.helo.as_deref()),
            plain_helo: session.plain_helo,
            helo_changes: session.helo_changes,
            extensions: session.extensions.iter().map(ToString::to_string).collect(),
            talked_first: session.talked_first,
            auth: session.auth.as_ref().map(AuthLine::of),
            tls: session.tls.as_ref().map(TlsLine::of),
            transactions: session.transactions,
            refused_for_now: session.refusals[0],
            refused_for_good: session.refusals[1],
            refused_with: session.refused_with.iter().map(reply).collect(),
            slips: SlipsLine::of(session.slips),
            client_octets: session.client_octets,
            server_octets: session.server_octets,
            unseen: UnseenLine::of(session.unseen),
            complete: session.complete,
        }
    }
}

impl HostLine {
    /// The line of a host as it is at the end.
    #[must_use]
    pub fn of(view: &HostView) -> Self {
        let state = view.state.name();
        Self {
            host: view.address,
            kind: view.kind.name(),
            state,
            step: None,
            score: view.score,
            signals: view.signals.iter().map(SignalLine::of).collect(),
            sessions: view.sessions,
            transactions: view.transactions,
            seen: Some([seconds(view.first_ns), seconds(view.last_ns)]),
            at_end: StandingLine { state, step: None, score: view.score },
            changes: Vec::new(),
        }
    }

    /// It stood highest in this state, at which this step is wanted, with this score and what made it up.
    pub fn stood(
        &mut self,
        state: HostState,
        step: Option<&'static str>,
        (score, signals): (u32, &[Reading]),
    ) {
        (self.state, self.step, self.score) = (state.name(), step, score);
        self.signals = signals.iter().map(SignalLine::of).collect();
    }

    /// The line of a host of which nothing but its changes is known at the end.
    #[must_use]
    pub const fn forgotten(host: IpAddr, kind: HostKind) -> Self {
        Self {
            host,
            kind: kind.name(),
            state: "quiet",
            step: None,
            score: 0,
            signals: Vec::new(),
            sessions: 0,
            transactions: 0,
            seen: None,
            at_end: StandingLine { state: "quiet", step: None, score: 0 },
            changes: Vec::new(),
        }
    }
}

impl SignalLine {
    fn of(reading: &Reading) -> Self {
        // A tenth of a point is as much as anybody wants to read.
        let points = (f64::from(reading.points) * 10.0).round() / 10.0;
        Self { signal: reading.signal.name(), figure: reading.figure, points, text: reading.to_string() }
    }
}

impl ChangeLine {
    /// The line of a change to a state at which this step is wanted.
    #[must_use]
    pub fn of(change: &Change, step: Option<&'static str>) -> Self {
        Self {
            at: seconds(change.at_ns),
            from: change.from.name(),
            to: change.to.name(),
            step,
            score: change.score,
            signals: change.signals.iter().map(SignalLine::of).collect(),
        }
    }
}

impl Ends {
    fn of(flow: &relay_guard_common::flow::FlowKey) -> Self {
        Self {
            client: flow.client.into(),
            client_port: flow.client_port,
            server: flow.server.into(),
            server_port: flow.server_port,
        }
    }
}

impl AuthLine {
    fn of(auth: &Auth) -> Self {
        Self { mechanism: auth.mechanism.to_string(), accepted: auth.accepted }
    }
}

impl TlsLine {
    fn of(tls: &Tls) -> Self {
        Self {
            accepted: tls.accepted,
            server_name: owned(tls.server_name.as_deref()),
            alpn: tls.alpn.iter().map(ToString::to_string).collect(),
            ja4: owned(tls.ja4.as_deref()),
        }
    }
}

impl SlipsLine {
    const fn of(slips: Slips) -> Self {
        let Slips {
            bare_lf,
            unknown_commands,
            out_of_order,
            unoffered_pipelining,
            long_lines,
            binary,
            bad_arguments,
        } = slips;
        Self {
            bare_lf,
            unknown_commands,
            out_of_order,
            unoffered_pipelining,
            long_lines,
            binary,
            bad_arguments,
        }
    }
}

impl UnseenLine {
    const fn of(unseen: Unseen) -> Self {
        let Unseen { beginning, client_lost, server_lost, client_skipped, server_skipped, .. } = unseen;
        Self { beginning, client_lost, server_lost, client_skipped, server_skipped }
    }
}

/// Code and text of a reply.
fn said(reply: &Reply) -> String {
    reply.to_string().trim_end().to_owned()
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(ToString::to_string)
}

fn seconds(ns: u64) -> f64 {
    // Microseconds are what a number of this size holds exactly enough.
    (ns / 1000) as f64 / 1e6
}

const fn ended(how: Ended) -> &'static str {
    match how {
        Ended::Orderly => "orderly",
        Ended::Reset => "reset",
        Ended::Unseen => "unseen",
    }
}
