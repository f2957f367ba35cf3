//! What is answered in the servers' place, and what came of it.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

/// How often each step of answering was made, by name: `syn` (a connection came that is to be answered), `syn-ack`,
/// `greeted`, `refused` (a recipient, or the greeting), `completed` (the client closed its side), `reset`, `tarpitted`,
/// `limited` (it was over its rate), `capped` (too many answers, or an address that gets none), `unsent` (the driver had
/// no room). Steps that were never made are left out.
pub type Steps = BTreeMap<String, u64>;

/// Packets for which policy wanted an action.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ActionCount {
    /// The action.
    pub action: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// `passed` (it was within a limit), `observed` (it passed only because something is set to observe) or `stopped`.
    pub effect: String,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Senders that were refused, as far as they said who they are and to whom they write: those whose action is `refuse`,
/// and who are not refused in the greeting.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RefusedSenders {
    /// The connections that were heard of last, the newest first.
    pub connections: Vec<RefusedSender>,
    /// How many connections are kept.
    pub kept_at_most: u64,
    /// Lines of envelopes that the kernel answered, but could not tell, since the maps were made.
    pub lines_lost: u64,
}

/// A connection whose sender was refused. Names and addresses are what the sender claims: printable ASCII, everything else
/// as `\x1b`, and `…` at the end of what was too long.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RefusedSender {
    /// When it was first heard of, seconds since the epoch.
    pub first: u64,
    /// When it was last heard of, seconds since the epoch.
    pub last: u64,
    /// Source.
    pub source: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination.
    pub destination: IpAddr,
    /// Destination port.
    pub port: u16,
    /// Interface.
    pub interface: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// Why it was refused.
    pub reason: String,
    /// The lists that had a say.
    pub lists: Vec<String>,
    /// The name in its EHLO or HELO.
    pub helo: Option<String>,
    /// The sender's address in MAIL, empty for the null sender.
    pub from: Option<String>,
    /// The first recipients' addresses in RCPT.
    pub recipients: Vec<String>,
    /// How many recipients there were.
    pub recipients_total: u64,
}

/// What a sender gets in the server's place: asked of the loaded program itself, segment by segment.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Answer {
    /// The dialogue with a client of ours that does not exist.
    pub dialogue: Vec<Exchange>,
}

/// What a client sends, and what it gets.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Exchange {
    /// What the client sends: `SYN`, `ACK`, or its line without the line's end.
    pub client: String,
    /// What it gets: `SYN-ACK`, `RST`, `ACK`, `FIN`, or a line without the line's end. None: nothing.
    pub server: Option<String>,
    /// The text that it gets, octet for octet, the line's end included; empty if it gets none.
    #[serde(default)]
    pub bytes: String,
    /// Whether the connection is closed with it (FIN).
    #[serde(default)]
    pub closes: bool,
    /// How many octets the client may send next; 0 tells it to wait.
    #[serde(default)]
    pub window: Option<u16>,
}
