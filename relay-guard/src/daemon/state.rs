//! All that the daemon holds, and what it does with it. Sockets, signals and waiting are the loop's ([`run`](mod@super::run)).

use std::{collections::VecDeque, net::IpAddr, path::PathBuf, time::Instant};

use ipnet::IpNet;
use relay_guard_common::{address::Address, event::Event, host::HostRecord, settings::Settings};

use super::{
    answering::Keys,
    clock::{Tick, monotonic_ns, unix_s},
    interfaces::InterfaceSet,
    lists::ListSet,
    lookups::Lookups,
    netlink::Links,
    policy::{PublishError, Published},
    verdicts::Verdicts,
};
use crate::{
    config::{self, Config, Mode},
    control::api,
    datapath::{Adoption, Datapath, DatapathError},
    feeds::source::Fetcher,
    inspect::{Command, Engine, HostKind, RefusedSenders, Rules, Sample, Thresholds, signals::Signal},
    policy::{
        Entry, VerdictKind,
        compile::{Declaration, declaration},
    },
};

/// Connection attempts kept for `status`.
const RECENT: usize = 32;

/// The daemon.
#[derive(Debug)]
pub(super) struct State {
    pub(super) config: Config,
    pub(super) config_path: PathBuf,
    pub(super) datapath: Datapath,
    pub(super) lists: ListSet,
    pub(super) published: Published,
    pub(super) interfaces: InterfaceSet,
    pub(super) verdicts: Verdicts,
    pub(super) lookups: Lookups,
    pub(super) engine: Engine,
    /// Keys of sequence numbers.
    pub(super) keys: Keys,
    /// The addresses that the kernel knows for ones to which nothing is answered; none if that is uncertain.
    pub(super) own_addresses: Option<Vec<Address>>,
    /// This machine's addresses with their prefix lengths, and the indices of their interfaces.
    pub(super) addresses: Vec<(IpNet, u32)>,
    pub(super) recent: VecDeque<api::Attempt>,
    pub(super) refused: RefusedSenders,
    pub(super) started: Instant,
    /// Why lists that changed could not be put in force, if they could not; the table before them is.
    pub(super) unpublished: Option<String>,
    /// Interfaces that answers may not leave, as warnings.
    pub(super) unheard: Vec<String>,
    /// What the kernel refused the last time, if it did. It is tried again at every tick.
    pub(super) trouble: Option<String>,
}

/// How the engine is to judge under a configuration.
pub(super) fn rules(config: &Config) -> Rules {
    let config::Inspection { enabled, window, weights, steps, .. } = &config.inspection;
    let nanoseconds = |duration: &std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let hour = std::time::Duration::from_secs(3600);
    Rules {
        thresholds: Thresholds {
            window_ns: nanoseconds(window),
            attempts: weights.of(Signal::Attempts).from,
            destinations: weights.of(Signal::Destinations).from,
        },
        enabled: *enabled,
        contain: config.mode == Mode::Enforce,
        contain_for_ns: nanoseconds(&steps.last().map_or(hour, |step| step.lasts)),
    }
}

impl State {
    /// Writes the settings with a fresh heartbeat.
    pub(super) fn beat(&mut self) -> Result<(), DatapathError> {
        let (verdicts, prefixes) = self.verdicts.written();
        let settings = Settings {
            enforce: u32::from(self.config.mode == Mode::Enforce),
            verdicts,
            prefixes,
            destinations: u32::from(self.published.judges_destinations()),
            window_ns: rules(&self.config).thresholds.window_ns,
            heartbeat_ns: monotonic_ns(),
            ..Settings::default()
        };
        self.datapath.set_settings(self.lookups.settings(&self.config.dnsbl, settings))
    }

    /// Writes verdicts. What the kernel refuses is no reason to fail: it is noticed, and written when there is room.
    pub(super) fn sync_verdicts(&mut self) {
        let synced = self.try_sync_verdicts();
        self.notice(synced);
    }

    /// Writes verdicts, then their counts: the kernel looks for verdicts only while there are some.
    fn try_sync_verdicts(&mut self) -> Result<(), DatapathError> {
        let (action, response) = self.published.containment();
        self.verdicts.contain_by(action, response);
        let synced = self.verdicts.sync(&mut self.datapath);
        self.beat()?;
        synced
    }

    /// What is done once a second. What the kernel refuses (a map may be full) is told when it is news, and does not
    /// end the daemon: everything else goes on.
    pub(super) fn tick(&mut self) {
        let ticked = self.try_tick();
        self.notice(ticked);
        self.follow_lookups();
        let now = Tick::now();
        self.save_lookups(now.monotonic_s);
        self.look_at_own_addresses(now);
    }

    /// Keeps what the kernel refused, if it did, for `status`; logs it when it is news.
    pub(super) fn notice(&mut self, result: Result<(), DatapathError>) {
        let trouble = result.err().map(|error| error.to_string());
        match (&trouble, &self.trouble) {
            (Some(new), old) if Some(new) != old.as_ref() => tracing::error!("{new}; trying again"),
            (None, Some(old)) => tracing::info!("no longer: {old}"),
            _ => {}
        }
        self.trouble = trouble;
    }

    /// Does each thing, whatever became of the others; the first error.
    fn try_tick(&mut self) -> Result<(), DatapathError> {
        let expired = self.verdicts.expire(unix_s());
        let judged = self.judge_hosts();
        let changed = expired || self.trouble.is_some() || matches!(judged, Ok(true));
        let written = if changed { self.try_sync_verdicts() } else { self.beat() };
        let turned = self.turn_keys_over();
        let told = self.write_own_addresses();
        judged.map(drop).and(written).and(turned).and(told)
    }

    /// Judges inside hosts. Whether verdicts changed.
    fn judge_hosts(&mut self) -> Result<bool, DatapathError> {
        let records = self.host_records()?;
        let samples: Vec<_> = records.iter().map(|(address, record)| self.sample(*address, record)).collect();
        let commands = self.engine.handle(&samples, monotonic_ns());
        Ok(self.carry_out(commands))
    }

    /// Carries out what the engine wants. Whether verdicts changed.
    pub(super) fn carry_out(&mut self, commands: Vec<Command>) -> bool {
        let mut changed = false;
        for command in commands {
            match command {
                Command::Report { address, kind, figures } => {
                    let what = figures.describe(&rules(&self.config).thresholds);
                    if kind.may_be_contained() {
                        tracing::warn!(host = %address, "zombie: {what}");
                    } else {
                        tracing::warn!(host = %address, kind = kind.name(), "sends like a zombie, and is never contained: {what}");
                    }
                }
                Command::Contain { address, until_ns } => {
                    tracing::warn!(host = %address, until = self.verdicts.to_unix(until_ns), "contained");
                    self.verdicts.contain(address, Some(until_ns));
                    changed = true;
                }
                Command::Release { address } => {
                    tracing::info!(host = %address, "released");
                    self.release(address);
                    changed = true;
                }
                Command::Forget { address } => self.datapath.forget_host(address.into()),
            }
        }
        changed
    }

    /// Ends a containment. What the host did is forgiven with it: it is counted anew.
    fn release(&mut self, address: IpAddr) {
        self.verdicts.contain(address, None);
        self.datapath.forget_host(address.into());
    }

    /// The kernel's records, and empty ones for contained hosts that have none: their maps were replaced.
    pub(super) fn host_records(&self) -> Result<Vec<(IpAddr, HostRecord)>, DatapathError> {
        let mut records: Vec<(IpAddr, HostRecord)> =
            self.datapath.hosts()?.into_iter().map(|(address, record)| (address.into(), record)).collect();
        for address in self.engine.contained() {
            if records.iter().all(|(known, _)| *known != address) {
                records.push((address, HostRecord::new(monotonic_ns())));
            }
        }
        Ok(records)
    }

    pub(super) fn sample<'r>(&self, address: IpAddr, record: &'r HostRecord) -> Sample<'r> {
        Sample { address, kind: self.kind_of(address), record }
    }

    fn kind_of(&self, address: IpAddr) -> HostKind {
        match declaration(&self.config.hosts, address) {
            Some(Declaration::MailServer) => HostKind::MailServer,
            Some(Declaration::Excepted) => HostKind::Excepted,
            Some(Declaration::OwnServer) => HostKind::OwnServer,
            None if self.addresses.iter().any(|(net, _)| net.addr() == address) => HostKind::Gateway,
            None if self.is_allowed(address) => HostKind::Allowed,
            None => HostKind::Host,
        }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.verdicts.store().covering(address).any(|entry| entry.kind == VerdictKind::Allow)
    }

    /// Brings interfaces in line with the devices that are there, and tells once where answers may not leave.
    pub(super) fn reconcile(&mut self, links: &Links) -> Result<(), DatapathError> {
        let reconciled = self.interfaces.reconcile(&links.devices, &mut self.datapath);
        let unheard =
            if self.config.answers_anybody() { self.interfaces.unheard(&links.one_way) } else { Vec::new() };
        for warning in unheard.iter().filter(|warning| !self.unheard.contains(warning)) {
            tracing::warn!("{warning}");
        }
        self.unheard = unheard;
        reconciled
    }

    /// Reads the configuration and what has changed of its lists, and puts them in force; if anything fails, nothing has
    /// changed. What the kernel refuses after that is written by the next tick.
    pub(super) async fn reload(&mut self, fetcher: &Fetcher, now: Tick) -> Result<String, String> {
        let new = config::load(&self.config_path).map_err(|error| error.to_string())?;
        if let Some(key) = self.config.changed_needs_restart(&new) {
            return Err(format!("{key} has changed, which takes a restart"));
        }
        let lists = ListSet::load(&new, &self.lists, fetcher, now).await;
        let lists =
            lists.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        if self.unpublished.is_some() {
            self.published.forget_draft();
        }
        let adopted = self.adopt_config(new, lists, now).await;
        if adopted.is_err() {
            // What verdicts are judged by may be uncertain.
            self.follow_lookups();
        }
        self.lists = adopted.map_err(|error| error.to_string())?;
        self.lists.prune_cache();
        self.unpublished = None;
        self.interfaces = InterfaceSet::of(&self.config.interfaces, &self.interfaces);
        let commands = self.engine.set_rules(rules(&self.config));
        self.carry_out(commands);
        self.follow_lookups();
        self.sync_verdicts();
        Ok(format!("reloaded {}: {} lists", self.config_path.display(), self.config.lists.len()))
    }

    /// Makes a configuration the one in force, with its lists. If that fails, the one before it is; what the kernel then has
    /// of the new rules is overwritten as soon as lists are looked at again.
    async fn adopt_config(
        &mut self,
        new: Config,
        lists: ListSet,
        now: Tick,
    ) -> Result<ListSet, PublishError> {
        let before = std::mem::replace(&mut self.config, new.clone());
        if let Err(error) = self.write_answering() {
            self.config = before;
            return Err(error.into());
        }
        let in_force = self.put_in_force(&new, lists, now).await;
        if in_force.is_err() {
            self.config = before;
            if let Err(error) = self.write_answering() {
                self.notice(Err(error));
            }
        }
        in_force
    }

    /// Puts an entry of the administrator in force.
    pub(super) fn put_verdict(&mut self, request: api::VerdictRequest) -> Result<api::VerdictAnswer, String> {
        let added = unix_s();
        let until = match request.for_s {
            Some(0) => return Err("a verdict for 0 seconds is none; give a longer time".to_owned()),
            Some(seconds) => Some(added.saturating_add(seconds)),
            None => None,
        };
        let net = normal(request.net);
        let entry = Entry { net, kind: request.kind, until, reason: request.reason, added };
        self.verdicts.put(entry)?;
        self.sync_verdicts();
        let stored = self.verdicts.store().get(net).ok_or("the entry is gone again")?;
        Ok(api::VerdictAnswer {
            verdict: super::report::verdict(stored),
            warnings: self.warnings_about(stored),
        })
    }

    fn warnings_about(&self, entry: &Entry) -> Vec<String> {
        let mut warnings: Vec<String> = self.trouble.iter().cloned().collect();
        if entry.kind == VerdictKind::Block
            && let Some((kind, net)) = self.published.protected().overlapping(entry.net)
        {
            let why = if kind.is_declared() {
                "declared in the configuration".to_owned()
            } else {
                format!("protected ({})", kind.name())
            };
            warnings.push(format!("{net} is {why}; the block holds all the same"));
        }
        if self.config.mode == Mode::Observe {
            warnings.push("mode is observe: nothing is dropped until it is enforce".to_owned());
        }
        let by_allow = self.verdicts.store().iter().find(|other| {
            other.kind == VerdictKind::Allow && other.net != entry.net && other.net.contains(&entry.net)
        });
        if entry.kind == VerdictKind::Block
            && let Some(allow) = by_allow
        {
            warnings.push(format!("{} is allowed, and an allow wins over every block", allow.net));
        }
        warnings
    }

    /// Removes an entry of the administrator, or ends a containment.
    pub(super) fn remove_verdict(&mut self, net: IpNet) -> Result<api::RemoveAnswer, String> {
        let net = normal(net);
        let removed = self.verdicts.remove(net)?;
        let released = net.prefix_len() == net.max_prefix_len() && self.engine.release(net.addr());
        if released {
            self.release(net.addr());
        }
        if removed.is_some() || released {
            self.sync_verdicts();
        }
        let verdict = removed.as_ref().map(super::report::verdict);
        Ok(api::RemoveAnswer { removed: removed.is_some() || released, verdict, released })
    }

    /// Takes an event of the kernel.
    pub(super) fn note(&mut self, event: &Event) {
        let attempt = self.attempt(event);
        tracing::debug!(
            source = %attempt.source,
            port = attempt.port,
            action = attempt.action,
            reason = attempt.reason,
            effect = attempt.effect,
            "connection attempt"
        );
        self.recent.push_front(attempt);
        self.recent.truncate(RECENT);
    }

    /// What became of an earlier daemon's maps, in a word.
    pub(super) const fn start_word(&self) -> &'static str {
        match self.datapath.adoption() {
            Adoption::Fresh => "fresh",
            Adoption::Adopted => "adopted",
            Adoption::Replaced => "replaced",
        }
    }
}

/// Without host bits; IPv4-mapped IPv6 as IPv4.
fn normal(net: IpNet) -> IpNet {
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
            Some(v4) => IpNet::new_assert(v4.into(), v6.prefix_len() - 96).trunc(),
            None => net.trunc(),
        },
        _ => net.trunc(),
    }
}
