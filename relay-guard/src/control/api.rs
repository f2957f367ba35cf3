//! What goes over the control socket. Fields are only ever added.

mod answers;
mod dnsbl;
mod hosts;

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use answers::{ActionCount, Answer, Exchange, RefusedSender, RefusedSenders, Steps};
pub use dnsbl::{
    Asks, Dnsbl, DnsblCache, DnsblSummary, DnsblThreshold, DnsblWord, DnsblZone, ForgetRequest, Forgotten,
    Latency, Own, OwnListing,
};
pub use hosts::{
    ContainmentStep, Host, HostDetail, HostEvent, HostEvents, Hosts, Inspection, Judging, RecentSession,
    ReleaseRequest, Released, Signal,
};

/// The daemon at a glance.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Status {
    /// Program version.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// `observe` or `enforce`.
    pub mode: String,
    /// Seconds since the daemon started.
    pub uptime_s: u64,
    /// What became of an earlier daemon's kernel maps: `fresh`, `adopted` or `replaced`.
    pub start: String,
    /// The configured interfaces.
    pub interfaces: Vec<Interface>,
    /// The lists.
    pub lists: Vec<List>,
    /// The live table.
    pub table: Table,
    /// Sums over all interfaces since the maps were made.
    pub totals: Totals,
    /// Every counter that is not zero.
    pub counters: Vec<Counter>,
    /// What actions came to, other than to let pass; those that are not zero.
    #[serde(default)]
    pub actions: Vec<ActionCount>,
    /// Steps of answering, for all lists and contained hosts together. A restart of the daemon may lose a part.
    #[serde(default)]
    pub answers: Steps,
    /// What the kernel could not tell or keep, by name.
    pub losses: BTreeMap<String, u64>,
    /// How many verdicts are in force.
    pub verdicts: Verdicts,
    /// Lookups of unknown sources; none if none are configured.
    #[serde(default)]
    pub dnsbl: Option<DnsblSummary>,
    /// How inspection is going; none if it does not say.
    #[serde(default)]
    pub inspection: Option<Inspection>,
    /// Inside hosts by state.
    pub hosts: BTreeMap<String, u64>,
    /// The last connection attempts that were not simply passed, newest first.
    pub recent: Vec<Attempt>,
    /// What the administrator should look at.
    pub warnings: Vec<String>,
}

/// A configured interface.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// `outside` or `inside`.
    pub side: String,
    /// `attached`, `absent` or `failed`.
    pub state: String,
    /// `native`, `generic` or `tc`, if attached.
    pub mode: Option<String>,
    /// `tcx` or `clsact`, if attached.
    pub tc: Option<String>,
    /// Its index, if it is there.
    pub ifindex: Option<u32>,
    /// Why it is not attached, or not in native mode.
    pub why: Option<String>,
}

/// A list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct List {
    /// Its name.
    pub name: String,
    /// Where it comes from: a path, a URL, a command; nothing secret in it.
    pub file: String,
    /// What kind of source that is: `file`, `directory`, `http` or `command`.
    pub source: String,
    /// The format that it was read as.
    pub format: String,
    /// What it does.
    pub action: String,
    /// Whom it judges: `inbound`, `outbound` or `both`.
    pub direction: String,
    /// The ports on which it does; all that are judged without it.
    pub ports: Option<Vec<u16>>,
    /// `good`; `waiting` (nothing has come yet); `stale` (the last good copy is in force, see `error`); `ageing` (it
    /// will soon weigh nothing); `expired` (it weighs nothing).
    pub state: String,
    /// Whether it is being read or fetched at this moment.
    pub busy: bool,
    /// Its entries.
    pub entries: u64,
    /// The IPv4 addresses that it holds.
    pub addresses_v4: u64,
    /// The IPv6 addresses that it holds, about.
    pub addresses_v6: f64,
    /// When its content was read, seconds since the epoch.
    pub loaded_at: u64,
    /// When its content was last known to be the newest, seconds since the epoch.
    pub refreshed_at: Option<u64>,
    /// When it is fetched next, seconds since the epoch; files and directories are watched instead.
    pub next_at: Option<u64>,
    /// When it will weigh nothing if it is not refreshed, seconds since the epoch.
    pub expires_at: Option<u64>,
    /// Packets of its addresses that it decided, or had a part in deciding.
    pub packets: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Steps of answering its addresses, counted as the packets are.
    #[serde(default)]
    pub steps: Steps,
    /// Why its source is not what is in force, if it is not.
    pub error: Option<String>,
    /// Since when, seconds since the epoch.
    pub error_since: Option<u64>,
    /// Attempts that failed one after the other, up to now.
    pub failures: u32,
}

/// All lists.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Lists {
    /// The lists, in the order of the configuration.
    pub lists: Vec<List>,
    /// The live table.
    pub table: Table,
}

/// Asks for lists to be read or fetched now.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefreshRequest {
    /// Only this list.
    pub name: Option<String>,
    /// Even if it was fetched a moment ago.
    pub force: bool,
    /// Take the new content however much it differs from the old.
    pub accept: bool,
}

/// What came of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Refreshed {
    /// One for each list.
    pub lists: Vec<RefreshedList>,
}

/// What came of a refresh of one list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RefreshedList {
    /// The list.
    pub name: String,
    /// `changed`, `unchanged`, `not-yet` or `failed`.
    pub outcome: String,
    /// In words.
    pub message: String,
}

/// The live table.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Table {
    /// Disjoint IPv4 ranges.
    pub v4_ranges: u64,
    /// Disjoint IPv6 ranges.
    pub v6_ranges: u64,
    /// Classes.
    pub classes: u64,
    /// Its size in the kernel.
    pub bytes: u64,
    /// Whether another one is being compiled, because lists or protected networks have changed.
    #[serde(default)]
    pub pending: bool,
}

/// Sums of packets.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Totals {
    /// All packets seen.
    pub packets: u64,
    /// Inbound SMTP.
    pub inbound: u64,
    /// Of these, stopped.
    pub inbound_stopped: u64,
    /// Of these, passed only because something is set to observe.
    pub inbound_observed: u64,
    /// Outbound SMTP.
    pub outbound: u64,
    /// Of these, stopped.
    pub outbound_stopped: u64,
    /// Of these, passed only because something is set to observe.
    pub outbound_observed: u64,
    /// Packets that could not be parsed, and passed.
    pub unparsable: u64,
}

/// One counter.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Counter {
    /// Why.
    pub reason: String,
    /// `inbound`, `outbound` or `unknown`.
    pub direction: String,
    /// `passed`, `observed` or `stopped`.
    pub effect: String,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// How many verdicts are in force.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Verdicts {
    /// The administrator's entries.
    pub administrator: u64,
    /// Contained hosts.
    pub contained: u64,
}

/// A connection attempt that was not simply passed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Attempt {
    /// When, seconds since the epoch.
    pub at: u64,
    /// Source.
    pub source: IpAddr,
    /// Destination.
    pub destination: IpAddr,
    /// Destination port.
    pub port: u16,
    /// Interface.
    pub interface: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// What policy wanted.
    pub action: String,
    /// Why.
    pub reason: String,
    /// The lists that hold the source.
    pub lists: Vec<String>,
    /// What really happened.
    pub effect: String,
}

/// Why an address is treated as it is: asked of the loaded program itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Explanation {
    /// The address.
    pub address: IpAddr,
    /// The port asked about.
    pub port: u16,
    /// `observe` or `enforce`.
    pub mode: String,
    /// As the source of a connection from outside; `None` if the port is not guarded.
    pub inbound: Option<Judgement>,
    /// As an inside host that sends mail; `None` if the port is not watched.
    pub outbound: Option<Judgement>,
    /// As where outbound mail goes, whoever sends it; `None` if the port is not watched.
    #[serde(default)]
    pub destination: Option<Judgement>,
    /// What DNSBLs said of it; none if none are configured.
    #[serde(default)]
    pub dnsbl: Option<DnsblWord>,
    /// What keeps lists from touching it, the most telling first.
    #[serde(default)]
    pub protected: Vec<Protection>,
    /// Entries of the administrator that cover the address.
    pub verdicts: Vec<Verdict>,
    /// What the configuration declares it to be, if anything.
    pub declared: Option<String>,
    /// Until when it is contained, seconds since the epoch.
    pub contained_until: Option<u64>,
    /// What is done to its connections then.
    #[serde(default)]
    pub contained_by: Option<String>,
}

/// A protected network.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Protection {
    /// `mail-server`, `excepted`, `own-server`, `own-address`, `connected`, `network` or `special-purpose`.
    pub kind: String,
    /// The network.
    pub net: IpNet,
    /// What a special-purpose block is for, and the document that says so.
    pub note: Option<String>,
}

/// The loaded program's answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Judgement {
    /// What policy wants.
    pub action: String,
    /// Why.
    pub reason: String,
    /// What would really happen.
    pub effect: String,
    /// The class that decided, 0 if none did.
    pub class: u32,
    /// The lists of the class, with the line of the entry.
    pub lists: Vec<Listing>,
    /// What the sender gets in the server's place (in mode `observe`: would get), if it gets anything.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer: Option<Answer>,
}

/// Where an address stands in a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Listing {
    /// The list.
    pub list: String,
    /// What the list does.
    pub action: String,
    /// Its file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The line's text, if a copy of what is in force is kept.
    pub text: Option<String>,
    /// What the line says of the entry: a reference, a reason, a name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// The A value that a zone answers with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<std::net::Ipv4Addr>,
}

/// An entry of the administrator.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Verdict {
    /// Address or CIDR.
    pub net: IpNet,
    /// `allow` or `block`.
    pub kind: String,
    /// Until when, seconds since the epoch; for good without it.
    pub until: Option<u64>,
    /// Why.
    pub reason: String,
    /// When it was made, seconds since the epoch.
    pub added: u64,
}

/// All entries of the administrator.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct VerdictList {
    /// The entries.
    pub verdicts: Vec<Verdict>,
}

/// Asks for an entry.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictRequest {
    /// Address or CIDR.
    pub net: IpNet,
    /// `allow` or `block`.
    pub kind: crate::policy::VerdictKind,
    /// For how many seconds; for good without it.
    #[serde(default)]
    pub for_s: Option<u64>,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// An entry was taken.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct VerdictAnswer {
    /// The entry as it stands.
    pub verdict: Verdict,
    /// What the administrator should know about it.
    pub warnings: Vec<String>,
}

/// An entry was removed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RemoveAnswer {
    /// Whether there was anything to remove.
    pub removed: bool,
    /// The entry, if it was the administrator's.
    pub verdict: Option<Verdict>,
    /// Whether a containment was ended.
    pub released: bool,
}

/// Something was done.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Done {
    /// What.
    pub done: String,
}

/// Something was refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Failure {
    /// Why, in one line.
    pub error: String,
}
