//! Inside hosts that send mail: how they are judged, why, and what is done about them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Inside hosts, highest score first.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Hosts {
    /// By what they are judged.
    #[serde(flatten)]
    pub judging: Judging,
    /// How many hosts are known.
    #[serde(default)]
    pub total: u64,
    /// The hosts, as many as are told at once.
    pub hosts: Vec<Host>,
}

/// By what hosts are judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Judging {
    /// Whether hosts are judged.
    pub enabled: bool,
    /// `observe` or `enforce`: in the first, nobody is contained.
    pub mode: String,
    /// Length of the window over which attempts and servers are counted, seconds.
    pub window_s: u64,
    /// Whether declared mail servers are contained like others.
    pub contain_mail_servers: bool,
    /// What is done at which score, lowest first.
    pub steps: Vec<ContainmentStep>,
}

/// A step of containment, as it is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct ContainmentStep {
    /// From which score on it is taken.
    pub score: u32,
    /// `report`, `limit`, `refuse`, `reset`, `tarpit` or `drop`.
    pub action: String,
    /// For how long, seconds; none if it only reports.
    pub for_s: Option<u64>,
}

/// An inside host.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Host {
    /// Its address; a network's first one.
    pub address: IpAddr,
    /// `host`, `network` (an IPv6 /64, judged by all of its hosts together), `mail-server`, `excepted`, `own-server`, `gateway` or `allowed`.
    pub kind: String,
    /// `quiet`, `reported` (at a step that only reports, or that must not contain it) or `contained`.
    pub state: String,
    /// The sum of its signals' points.
    pub score: u32,
    /// What is done to its connections, if it is contained.
    #[serde(default)]
    pub action: Option<String>,
    /// Until when it is contained, seconds since the epoch.
    pub contained_until: Option<u64>,
    /// Connection attempts in the fuller of the last two windows.
    pub attempts: u64,
    /// Of these, accepted by the server.
    pub established: u64,
    /// Of these, neither accepted nor stopped by us: refused or without an answer (yet).
    pub failed: u64,
    /// Of the failed ones, answered with RST.
    pub refused: u64,
    /// Attempts that the guard stopped.
    pub stopped: u64,
    /// Distinct destinations in the window, estimated.
    pub distinct_destinations: u32,
    /// Connection attempts since the host was first seen.
    pub attempts_total: u64,
    /// Sessions that were looked into, since the host was first seen.
    #[serde(default)]
    pub sessions: u64,
    /// Messages in these.
    #[serde(default)]
    pub messages: u64,
    /// What speaks against it, the most points first.
    #[serde(default)]
    pub signals: Vec<Signal>,
    /// Seconds since it was last seen; none: only an earlier daemon saw it.
    pub idle_s: Option<u64>,
}

/// A signal of a host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Signal {
    /// Its name, as in `[signals.NAME]`.
    pub name: String,
    /// Its figure; that which its points were given for, if they fade.
    pub figure: u32,
    /// Whether the figure has fallen since, and what is left are points that fade.
    pub fading: bool,
    /// The points that it gives now.
    pub points: u32,
    /// In words: `212 servers in 10 min`.
    pub text: String,
}

/// All that is known of a host.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HostDetail {
    /// By what it is judged.
    pub judging: Judging,
    /// What `hosts` says of it.
    #[serde(flatten)]
    pub host: Host,
    /// What it has done, newest first: its last sessions.
    pub recent: Vec<RecentSession>,
    /// Changes of its state, newest first.
    pub history: Vec<HostEvent>,
    /// How often in a row it came again soon after it was released.
    pub relapses: u32,
    /// Whether its sessions are remembered: there is a bound on how many hosts are looked at closely.
    pub followed: bool,
}

/// A session that was looked into. Content of messages is in none, and envelopes are shown as `inspection.envelopes` says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RecentSession {
    /// When it was seen first, seconds since the epoch.
    pub began: u64,
    /// When something was seen of it last.
    pub last: u64,
    /// Whether it is over.
    pub over: bool,
    /// With which server.
    pub server: IpAddr,
    /// At which port.
    pub port: u16,
    /// What it was: `smtp`, `tls` (from the first octet on), `http`, `ssh`, `other` or `silent`.
    pub protocol: String,
    /// What the host called itself.
    pub helo: Option<String>,
    /// Whether it is encrypted by STARTTLS: only what came before is known.
    pub starttls: bool,
    /// Messages that were begun.
    pub messages: u32,
    /// Recipients that were attempted.
    pub recipients: u32,
    /// Of these, refused for good.
    pub refused: u32,
    /// The last sender, without brackets; empty for the null sender.
    pub sender: Option<String>,
    /// The last reply about a message, or the greeting if that refused.
    pub reply: Option<String>,
    /// Whether something of it is missing that should have been seen.
    pub incomplete: bool,
}

/// A change of a host's state.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct HostEvent {
    /// When, seconds since the epoch.
    pub at: u64,
    /// The host.
    pub address: IpAddr,
    /// Who it is, as in [`Host::kind`].
    pub kind: String,
    /// Its state before.
    pub from: String,
    /// Its state since.
    pub to: String,
    /// What is done to its connections, if it is contained.
    pub action: Option<String>,
    /// The score.
    pub score: u32,
    /// What spoke against it, the most points first.
    pub signals: Vec<Signal>,
    /// Whether it was the administrator's word.
    #[serde(default)]
    pub by_hand: bool,
}

/// Changes of states, newest first.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HostEvents {
    /// The changes.
    pub events: Vec<HostEvent>,
    /// How many are kept.
    pub kept_at_most: u64,
}

/// Asks for a host to be released.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// The host.
    pub address: IpAddr,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Released {
    /// Whether it was contained.
    pub released: bool,
    /// Whether what it did was forgotten: nothing is known of a host that has sent nothing.
    pub forgiven: bool,
}

/// How inspection is going. Counts are since the daemon began, losses since the kernel's maps were made.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Inspection {
    /// Whether outbound sessions are looked into.
    pub outbound: bool,
    /// Whether inbound sessions are looked into.
    pub inbound: bool,
    /// Sessions that are followed now.
    pub sessions: u64,
    /// Segments that were captured, or parts of long ones.
    pub segments: u64,
    /// Sessions that are over, outbound.
    pub sessions_total: u64,
    /// Transactions that are over, outbound.
    pub transactions_total: u64,
    /// Sessions that are over, inbound.
    #[serde(default)]
    pub inbound_sessions_total: u64,
    /// Connections in the kernel's table, when it was last counted.
    pub flows: u64,
    /// Room in the kernel's table (`limits.flows`).
    pub flows_limit: u64,
    /// Size of the ring (`limits.capture_bytes`).
    pub ring_bytes: u64,
    /// Hosts that something is known of.
    pub hosts: u64,
    /// Room for these (`limits.tracked_hosts`).
    pub hosts_limit: u64,
    /// Memory that all of it takes outside of the kernel, bytes.
    pub memory_bytes: u64,
    /// What could not be seen or kept, by name; those that are not zero.
    pub losses: std::collections::BTreeMap<String, u64>,
}
