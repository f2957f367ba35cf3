//! The configuration file, as a value that tests change before it is written.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use serde::Serialize;
use toml::{Table, Value};

use crate::lab::{Lab, addresses as addr};
use crate::namespace::BPFFS;

/// The run directory, in the lab's.
pub(super) const RUN_DIR: &str = "run";

/// A configuration. [`GuardConfig::for_lab`] is one that fits a lab, with the program's own defaults where a lab has
/// nothing to say.
#[derive(Debug, Clone, Serialize)]
pub struct GuardConfig {
    /// `enforce` or `observe`.
    pub mode: &'static str,
    /// Which interface is on which side.
    pub interfaces: Interfaces,
    /// Which ports are judged; `None` leaves the section out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Ports>,
    /// Hosts with a meaning.
    pub hosts: Hosts,
    /// How inside hosts are looked into, as in the file: `window`, `half_life` and so on. Empty leaves the section out.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub inspection: Table,
    /// How signals weigh; those that are not here are left to the program.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub signals: BTreeMap<&'static str, SignalRule>,
    /// What is answered, and how much; `None` leaves the section out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    /// Where the daemon keeps its things.
    pub daemon: Daemon,
    /// How much of everything there may be; `None` leaves the section out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What lists do not touch.
    pub protected: Protected,
    /// The lists.
    pub lists: Vec<List>,
    /// How DNSBLs are asked, as in the file: `resolvers`, `hold` and so on. Empty leaves the section out.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub lookups: Table,
    /// The DNSBLs that are asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dnsbl: Vec<Zone>,
    /// What follows from what they say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// What the scores of inside hosts come to; empty leaves it to the program.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containment: Vec<Step>,
}

/// The section `[interfaces]`.
#[derive(Debug, Clone, Serialize)]
pub struct Interfaces {
    /// Towards the internet.
    pub outside: Vec<String>,
    /// Towards the guarded hosts.
    pub inside: Vec<String>,
}

/// The section `[ports]`.
#[derive(Debug, Clone, Serialize)]
pub struct Ports {
    /// Inbound.
    pub guarded: Vec<u16>,
    /// Outbound.
    pub watched: Vec<u16>,
}

/// The section `[hosts]`.
#[derive(Debug, Clone, Serialize)]
pub struct Hosts {
    /// Own mail servers that receive.
    pub own_servers: Vec<IpAddr>,
    /// Declared mail servers: may send.
    pub mail_servers: Vec<IpAddr>,
    /// Hosts that are never contained.
    pub excepted: Vec<IpAddr>,
}

/// One `[[lists]]`.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    /// Its name.
    pub name: String,
    /// Its file; empty for a list that comes from elsewhere, which `keys` say.
    #[serde(skip_serializing_if = "is_empty")]
    pub file: PathBuf,
    /// `drop`, `tarpit`, `reset`, `refuse`, `limit`, `observe` or `allow`; empty to leave it to the program.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub action: &'static str,
    /// Every other key: `url`, `directory`, `max_age`, `refuse_at`, `text`, `limit_per_minute` and so on.
    #[serde(flatten)]
    pub keys: Table,
}

impl List {
    /// A list from nowhere yet.
    #[must_use]
    pub fn new(name: &str, action: &'static str) -> Self {
        Self { name: name.to_owned(), file: PathBuf::new(), action, keys: Table::new() }
    }

    /// The same with one more key, or with another value of it.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(key.to_owned(), value.into());
        self
    }
}

fn is_empty(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// One `[[dnsbl]]`.
#[derive(Debug, Clone, Serialize)]
pub struct Zone {
    /// The zone that is asked.
    pub zone: String,
    /// Every other key: `name`, `weight`, `answers`, `families`, `ports` and so on.
    #[serde(flatten)]
    pub keys: Table,
}

impl Zone {
    /// One as the program takes it if it is told nothing else.
    #[must_use]
    pub fn new(zone: &str) -> Self {
        Self { zone: zone.to_owned(), keys: Table::new() }
    }

    /// The same with one more key, or with another value of it.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(key.to_owned(), value.into());
        self
    }
}

/// One `[[thresholds]]`.
#[derive(Debug, Clone, Serialize)]
pub struct Threshold {
    /// From which score on.
    pub score: u32,
    /// As a list's.
    pub action: &'static str,
    /// Every other key: `text`, `refuse_at` and so on.
    #[serde(flatten)]
    pub keys: Table,
}

impl Threshold {
    /// One with the program's own words.
    #[must_use]
    pub fn new(score: u32, action: &'static str) -> Self {
        Self { score, action, keys: Table::new() }
    }

    /// The same with one more key, or with another value of it.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(key.to_owned(), value.into());
        self
    }
}

/// Names of all signals.
const SIGNALS: [&str; 22] = [
    "attempts",
    "destinations",
    "new-servers",
    "daily-servers",
    "failed-attempts",
    "refusing-servers",
    "helo-changes",
    "helo-no-name",
    "helo-bare-address",
    "helo-of-others",
    "talks-first",
    "sender-domains",
    "recipients-per-message",
    "refused-recipients",
    "refused-messages",
    "listed-replies",
    "null-senders",
    "protocol-slips",
    "same-shape",
    "shared-shape",
    "machine-pace",
    "busy-sender",
];

/// One key of `[signals]`; what is `None` is left to the program.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct SignalRule {
    /// Points, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// The figure up to which there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// The figure from which on there are all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u32>,
}

impl SignalRule {
    /// One that is no sign.
    pub const OFF: Self = Self { weight: Some(0), from: None, at: None };

    /// One with `weight` points for whatever is more than `fine`.
    #[must_use]
    pub const fn beyond(fine: u32, weight: u32) -> Self {
        Self { weight: Some(weight), from: Some(fine), at: Some(fine + 1) }
    }
}

/// One `[[containment]]`.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// From which score on.
    pub score: u32,
    /// `report`, `limit`, `refuse`, `reset`, `tarpit` or `drop`.
    pub action: &'static str,
    /// Every other key: `for`, `text`, `limit_per_minute` and so on.
    #[serde(flatten)]
    pub keys: Table,
}

impl Step {
    /// One with the program's own words.
    #[must_use]
    pub fn new(score: u32, action: &'static str) -> Self {
        Self { score, action, keys: Table::new() }
    }

    /// The same with one more key, or with another value of it.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(key.to_owned(), value.into());
        self
    }

    /// The same for so long: `10s`, `1h`.
    #[must_use]
    pub fn lasting(self, time: &str) -> Self {
        self.with("for", time)
    }
}

/// The section `[answers]`; what is `None` is left to the program.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Answers {
    /// Whose name the greeting says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whom a refused sender may write to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// What listed sources are told where their list has no text of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What contained inside hosts are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound_text: Option<String>,
    /// All answers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// Answers to one source prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second_per_prefix: Option<u32>,
    /// Leading bits of an IPv4 source that are one prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_v4: Option<u8>,
    /// Leading bits of an IPv6 source that are one prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_v6: Option<u8>,
    /// Answers of the tarpit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tarpit_per_second: Option<u32>,
}

/// The section `[daemon]`.
#[derive(Debug, Clone, Serialize)]
pub struct Daemon {
    /// The control socket and the lock.
    pub run_dir: PathBuf,
    /// What outlives a restart.
    pub state_dir: PathBuf,
    /// Last good copies of lists.
    pub cache_dir: PathBuf,
    /// Pinned programs, maps and links.
    pub pin_dir: PathBuf,
    /// `keep` or `detach`: what SIGTERM does to the filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_stop: Option<&'static str>,
}

/// The section `[limits]`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Limits {
    /// Inside hosts with counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside_hosts: Option<u32>,
    /// Connections that are looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flows: Option<u32>,
    /// Bytes of the ring that what is captured of them comes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture_bytes: Option<u32>,
    /// Inside hosts with a score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracked_hosts: Option<u32>,
    /// Exact addresses with a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<u32>,
    /// Bytes of a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_bytes: Option<u32>,
    /// Bytes of the compiled table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_bytes: Option<u32>,
    /// Lines of refused envelopes, per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelopes_per_second: Option<u32>,
}

/// The section `[protected]`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Protected {
    /// Private and other addresses of nobody on the internet.
    pub special_purpose: bool,
    /// The gateway's addresses.
    pub own_addresses: bool,
    /// The networks of the gateway's interfaces.
    pub connected: bool,
    /// Others.
    pub networks: Vec<IpNet>,
}

impl GuardConfig {
    /// Enforcing, with the lab's interfaces, its mail server, its excepted host, and no lists. Special-purpose blocks and
    /// connected networks are not protected: the lab's internet is made of them.
    #[must_use]
    pub fn for_lab(lab: &Lab) -> Self {
        let mail_server = addr::MAIL_SERVER.addresses().to_vec();
        Self {
            mode: "enforce",
            interfaces: Interfaces {
                outside: vec![addr::OUTSIDE.to_owned()],
                inside: vec![addr::INSIDE.to_owned(), addr::SERVERS.to_owned()],
            },
            ports: None,
            hosts: Hosts {
                own_servers: mail_server.clone(),
                mail_servers: mail_server,
                excepted: addr::MONITOR.addresses().to_vec(),
            },
            inspection: Table::new(),
            signals: BTreeMap::new(),
            answers: None,
            daemon: Daemon {
                run_dir: lab.dir().join(RUN_DIR),
                state_dir: lab.dir().join("state"),
                cache_dir: lab.dir().join("cache"),
                pin_dir: PathBuf::from(BPFFS).join("relay-guard"),
                on_stop: None,
            },
            limits: None,
            protected: Protected { own_addresses: true, ..Protected::default() },
            lists: Vec::new(),
            lookups: Table::new(),
            dnsbl: Vec::new(),
            thresholds: Vec::new(),
            containment: Vec::new(),
        }
    }

    /// Has nobody told anything: hosts that are contained are dropped. Answers may not leave the lab's devices, which are veths, and
    /// the guard warns of that.
    #[must_use]
    pub fn without_answers(mut self) -> Self {
        self.containment = vec![Step::new(100, "drop")];
        self
    }

    /// Makes these the only signals.
    pub fn judge_by<const N: usize>(&mut self, signals: [(&'static str, SignalRule); N]) {
        self.signals = SIGNALS.map(|name| (name, SignalRule::OFF)).into();
        self.signals.extend(signals);
    }

    /// Has hosts with more than `fine` of what this signal counts stopped by this step alone, for nothing else; the step is at a
    /// score of 100.
    pub fn stop_beyond(&mut self, signal: &'static str, fine: u32, step: Step) {
        self.judge_by([(signal, SignalRule::beyond(fine, 100))]);
        self.containment = vec![step];
    }

    /// Adds a list with these lines, in a file of its own, and with these keys beside `action`, and returns its path.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_list_with<const N: usize>(
        &mut self,
        lab: &Lab,
        name: &str,
        action: &'static str,
        lines: &str,
        keys: [(&str, Value); N],
    ) -> Result<PathBuf> {
        let file = lab.write_file(&format!("{name}.txt"), lines)?;
        let list = List { file: file.clone(), ..List::new(name, action) };
        self.lists.push(keys.into_iter().fold(list, |list, (key, value)| list.with(key, value)));
        Ok(file)
    }

    /// Adds a list with these lines, in a file of its own, and returns its path.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_list(&mut self, lab: &Lab, name: &str, action: &'static str, lines: &str) -> Result<PathBuf> {
        self.add_list_with(lab, name, action, lines, [])
    }

    /// The text of the file.
    ///
    /// # Errors
    /// When a path is not UTF-8, which TOML cannot express.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).context("cannot write the configuration")
    }
}
