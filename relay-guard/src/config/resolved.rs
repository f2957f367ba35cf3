//! The configuration as the program may rely on it: complete, checked, in the program's own types.

mod dnsbl;
mod inspection;

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use relay_guard_common::action::Action;
use serde::{Deserialize, Serialize};

use crate::feeds::catalogue::Feed;
use crate::feeds::source::Source;
use crate::lists::ParseOptions;
use crate::policy::{Answers, Applies, HostName, Limit, ListRule, PortChoice};

pub use dnsbl::{Dnsbl, Lookups, MAX_THRESHOLDS, MAX_ZONES, Threshold, ZoneConfig};
pub use inspection::{Budgets, ContainmentStep, Envelopes, Inspection, MAX_STEPS, StepAction};

/// The most lists that a configuration may name; there are more places in a set of lists
/// ([`crate::policy::places::MAX_PLACES`]) because a list may have several parts.
pub const MAX_CONFIGURED_LISTS: usize = 64;

/// The most A values of one list that may have an action of their own.
pub const MAX_MAPPED_VALUES: usize = 16;

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether verdicts are carried out.
    pub mode: Mode,
    /// The interfaces of both sides.
    pub interfaces: Interfaces,
    /// The TCP ports that are judged.
    pub ports: Ports,
    /// Hosts that the administrator has something to say about.
    pub hosts: Hosts,
    /// The lists, in the order of the file; names are unique.
    pub lists: Vec<ListConfig>,
    /// What is asked of DNSBLs, and what is done about their answers.
    pub dnsbl: Dnsbl,
    /// What is looked at of sessions, and what is done about hosts that send like bots.
    pub inspection: Inspection,
    /// What holds for all answers.
    pub answers: Answering,
    /// The daemon's own directories and habits.
    pub daemon: Daemon,
    /// How much of everything there may be.
    pub limits: Limits,
    /// Networks that lists and bans do not touch.
    pub protected: ProtectedNetworks,
    /// What is written and does nothing.
    pub idle: Vec<IdleKeys>,
}

/// Keys that are good by themselves and do nothing, because the action is not one that they are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleKeys {
    /// Whose keys they are: `list NAME`, `threshold SCORE`, `signal NAME` or `containment SCORE`.
    pub of: String,
    /// At least one.
    pub keys: Vec<&'static str>,
    /// What is done instead.
    pub because: String,
    /// With which they would do something.
    pub meant: &'static str,
}

impl fmt::Display for IdleKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, keys, because, meant } = self;
        let verb = if keys.len() == 1 { "does" } else { "do" };
        let keys = keys.join(", ");
        write!(f, "{of}: {keys} {verb} nothing: {because}; did you mean {meant}?")
    }
}

/// What the program does about what it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Counts and reports; every packet passes.
    #[default]
    Observe,
    /// Drops and answers as policy says, and contains hosts that send like bots.
    Enforce,
}

impl Mode {
    /// The word for it in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

/// The guarded interfaces by name; at least one, none on both sides or twice. They need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interfaces {
    /// Towards the internet.
    pub outside: Vec<String>,
    /// Towards the guarded hosts.
    pub inside: Vec<String>,
}

/// TCP ports in host byte order, sorted, without duplicates, 1 to 16 of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Ports on which inbound SMTP is judged.
    pub guarded: Vec<u16>,
    /// Ports on which outbound SMTP is judged.
    pub watched: Vec<u16>,
}

/// Hosts as prefixes without host bits, sorted, without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Servers that receive mail for us.
    pub own_servers: Vec<IpNet>,
    /// Declared mail servers: they may send, and are contained only if the configuration says so.
    pub mail_servers: Vec<IpNet>,
    /// Excepted hosts, such as monitoring: never contained.
    pub excepted: Vec<IpNet>,
}

/// Networks that lists and bans do not touch, beside declared [`Hosts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedNetworks {
    /// The blocks of the special-purpose registries (RFC 6890).
    pub special_purpose: bool,
    /// This machine's addresses.
    pub own_addresses: bool,
    /// The networks of this machine's interfaces.
    pub connected: bool,
    /// Others, without host bits, sorted, without duplicates.
    pub networks: Vec<IpNet>,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListConfig {
    /// Its name: 1 to 48 of `a-z`, `0-9`, `.`, `_`, `-`; a file name of its own.
    pub name: String,
    /// Where it comes from; paths as they can be opened: relative only if the configuration's own path is.
    pub source: Source,
    /// The entry of the catalogue that it is, if it is one.
    pub feed: Option<&'static Feed>,
    /// How often it is fetched; files and directories are watched instead.
    pub interval: Duration,
    /// It is never fetched more often than this.
    pub floor: Duration,
    /// Content that was not refreshed for longer weighs nothing; none: it always does.
    pub max_age: Option<Duration>,
    /// By which factor it may shrink or grow at once; 0 is any.
    pub max_change: u32,
    /// What happens to addresses in it.
    pub action: ListAction,
    /// What happens to entries with these A values instead (zones of rbldnsd).
    pub actions: Vec<(Ipv4Addr, ListAction)>,
    /// Whom it judges.
    pub applies: Applies,
    /// Where it does; ports are sorted.
    pub ports: PortChoice,
    /// What is said in its name.
    pub answers: Arc<Answers>,
    /// How it is read.
    pub options: ParseOptions,
}

impl ListConfig {
    /// What its parts do: first that of all entries without a part of their own, then those of A values.
    pub fn parts(&self) -> impl Iterator<Item = (Option<Ipv4Addr>, ListRule)> {
        let rule = |action| ListRule {
            action,
            applies: self.applies,
            ports: self.ports.clone(),
            answers: Arc::clone(&self.answers),
        };
        let valued = self.actions.iter().map(|(value, action)| (Some(*value), *action));
        std::iter::once((None, self.action)).chain(valued).map(move |(value, action)| (value, rule(action)))
    }

    /// Which of its [`parts`](Self::parts) entries with a value belong to, counted from 0.
    #[must_use]
    pub fn part_of(&self, value: Option<Ipv4Addr>) -> usize {
        self.actions.iter().position(|(known, _)| Some(*known) == value).map_or(0, |index| index + 1)
    }
}

/// What a list does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ListAction {
    /// Connections from its addresses are dropped.
    #[default]
    Drop,
    /// They are accepted, and their windows kept closed.
    Tarpit,
    /// They are answered with a TCP RST.
    Reset,
    /// They are refused in SMTP's own words.
    Refuse,
    /// They pass up to a rate.
    Limit,
    /// They are counted and reported.
    Observe,
    /// They pass, whatever other lists say.
    Allow,
}

impl ListAction {
    /// All of them: those that act strongest first, then that which lets pass.
    pub const ALL: [Self; 7] =
        [Self::Drop, Self::Tarpit, Self::Reset, Self::Refuse, Self::Limit, Self::Observe, Self::Allow];

    /// The word for it in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.acts() {
            Some(action) => action.name(),
            None => "allow",
        }
    }

    /// What it does to a connection; `None` if it lets it pass whatever others do.
    #[must_use]
    pub const fn acts(self) -> Option<Action> {
        match self {
            Self::Drop => Some(Action::Drop),
            Self::Tarpit => Some(Action::Tarpit),
            Self::Reset => Some(Action::Reset),
            Self::Refuse => Some(Action::Refuse),
            Self::Limit => Some(Action::Limit),
            Self::Observe => Some(Action::Observe),
            Self::Allow => None,
        }
    }

    /// Whether it refuses in SMTP's own words, be it what is over a limit.
    #[must_use]
    pub fn refuses(self, limit: Limit) -> bool {
        match self {
            Self::Refuse => true,
            Self::Limit => limit.then == Action::Refuse,
            Self::Drop | Self::Tarpit | Self::Reset | Self::Observe | Self::Allow => false,
        }
    }
}

/// Whether something is sent back when this is done.
fn answers(action: Action, limit: Limit) -> bool {
    match action {
        Action::Reset | Action::Refuse | Action::Tarpit => true,
        Action::Limit => limit.then != Action::Drop,
        Action::Pass | Action::Observe | Action::Drop => false,
    }
}

impl From<Action> for ListAction {
    fn from(action: Action) -> Self {
        match action {
            Action::Pass => Self::Allow,
            Action::Observe => Self::Observe,
            Action::Drop => Self::Drop,
            Action::Reset => Self::Reset,
            Action::Refuse => Self::Refuse,
            Action::Tarpit => Self::Tarpit,
            Action::Limit => Self::Limit,
        }
    }
}

/// What holds for all answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answering {
    /// The name that a greeting says; none: this machine's.
    pub name: Option<HostName>,
    /// Answers per second, 1 to a million: all together.
    pub per_second: u32,
    /// Answers per second to one source prefix.
    pub per_second_per_prefix: u32,
    /// Leading bits of an IPv4 source that are one prefix, 1 to 32.
    pub prefix_v4: u8,
    /// Leading bits of an IPv6 source that are one prefix, 1 to 128.
    pub prefix_v6: u8,
    /// Answers of the tarpit per second, which count among the others too.
    pub tarpit_per_second: u32,
}

/// The daemon's own directories (absolute) and habits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Where its socket and lock are; gone after a reboot.
    pub run_dir: PathBuf,
    /// Where it keeps what must outlive a reboot.
    pub state_dir: PathBuf,
    /// Where last good copies of lists are kept.
    pub cache_dir: PathBuf,
    /// Where programs, maps and links are pinned; on a BPF file system.
    pub pin_dir: PathBuf,
    /// What SIGTERM does to the filter.
    pub on_stop: OnStop,
    /// Whether the kernel programs log, which costs time; fixed when they are loaded.
    pub log_datapath: bool,
}

/// What becomes of the filter when the daemon is told to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnStop {
    /// It stays and keeps judging with its last tables.
    #[default]
    Keep,
    /// It is taken off the interfaces.
    Detach,
}

/// How much of everything there may be; each at least 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Inside hosts with counters.
    pub inside_hosts: u32,
    /// Exact addresses with a verdict.
    pub verdicts: u32,
    /// CIDRs with an administrator's verdict.
    pub prefix_verdicts: u32,
    /// The largest list file, in bytes.
    pub list_bytes: u64,
    /// The largest compiled table, in bytes.
    pub table_bytes: u64,
    /// Events that the kernel sends to the daemon, per second.
    pub events_per_second: u32,
    /// Lines of refused senders' envelopes that the kernel sends to the daemon, per second.
    pub envelopes_per_second: u32,
    /// Connections that the kernel looks into at once.
    pub flows: u32,
    /// The ring in which captured payload comes from the kernel, in bytes; a power of two.
    pub capture_bytes: u32,
    /// Inside hosts that inspection knows something of.
    pub tracked_hosts: u32,
}

impl Config {
    /// Whether anybody gets an answer: a list, a threshold or containment does more than to drop, and the mode is to enforce
    /// it.
    #[must_use]
    pub fn answers_anybody(&self) -> bool {
        let of_lists = self.lists.iter().flat_map(ListConfig::parts).any(|(_, rule)| {
            rule.action.acts().is_some_and(|action| answers(action, rule.answers.inbound.limit))
        });
        let of_scores =
            self.dnsbl.thresholds.iter().any(|threshold| answers(threshold.action, threshold.limit()));
        self.mode == Mode::Enforce && (of_lists || of_scores || self.inspection.answers_anybody())
    }

    /// The first key that differs in `new` and that a reload cannot apply: it takes a restart.
    pub fn changed_needs_restart(&self, new: &Self) -> Option<&'static str> {
        let (old_daemon, daemon) = (&self.daemon, &new.daemon);
        let (old_limits, limits) = (&self.limits, &new.limits);
        let (old_lookups, lookups) = (&self.dnsbl.lookups, &new.dnsbl.lookups);
        [
            ("daemon.run_dir", old_daemon.run_dir != daemon.run_dir),
            ("daemon.state_dir", old_daemon.state_dir != daemon.state_dir),
            ("daemon.cache_dir", old_daemon.cache_dir != daemon.cache_dir),
            ("daemon.pin_dir", old_daemon.pin_dir != daemon.pin_dir),
            ("daemon.log_datapath", old_daemon.log_datapath != daemon.log_datapath),
            ("limits.inside_hosts", old_limits.inside_hosts != limits.inside_hosts),
            ("limits.verdicts", old_limits.verdicts != limits.verdicts),
            ("limits.prefix_verdicts", old_limits.prefix_verdicts != limits.prefix_verdicts),
            ("limits.list_bytes", old_limits.list_bytes != limits.list_bytes),
            ("limits.table_bytes", old_limits.table_bytes != limits.table_bytes),
            ("limits.events_per_second", old_limits.events_per_second != limits.events_per_second),
            ("limits.envelopes_per_second", old_limits.envelopes_per_second != limits.envelopes_per_second),
            ("limits.flows", old_limits.flows != limits.flows),
            ("limits.capture_bytes", old_limits.capture_bytes != limits.capture_bytes),
            ("limits.tracked_hosts", old_limits.tracked_hosts != limits.tracked_hosts),
            // The kernel's map of verdicts has room for them.
            ("lookups.cache_entries", old_lookups.cache_entries != lookups.cache_entries),
        ]
        .into_iter()
        .find_map(|(key, changed)| changed.then_some(key))
    }
}
