//! All that the daemon holds, and what it does with it. Sockets, signals and waiting are the loop's ([`run`](mod@super::run)).

use std::{collections::VecDeque, path::PathBuf, time::Instant};

use ipnet::IpNet;
use relay_guard_common::{
    address::Address,
    event::Event,
    flow::{Budgets, INSPECT_INBOUND, INSPECT_OUTBOUND},
    settings::Settings,
};

use super::{
    answering::Keys,
    clock::{Tick, monotonic_ns, unix_s},
    inspection::Inspection,
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
    inspect::RefusedSenders,
    policy::{Entry, VerdictKind},
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
    pub(super) inspection: Inspection,
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

/// Which SMTP the kernel looks into, as in [`Settings::inspect`].
const fn inspected(inspection: &config::Inspection) -> u32 {
    match (inspection.enabled, inspection.inbound) {
        (false, _) => 0,
        (true, false) => INSPECT_OUTBOUND,
        (true, true) => INSPECT_OUTBOUND | INSPECT_INBOUND,
    }
}

/// How much the kernel captures of a connection.
const fn budgets(inspection: &config::Inspection) -> Budgets {
    let config::Budgets { client_bytes, server_bytes, turn_bytes } = inspection.budgets;
    Budgets { turn: turn_bytes, client: client_bytes, server: server_bytes, reserved: 0 }
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
            window_ns: u64::try_from(self.config.inspection.window.as_nanos()).unwrap_or(u64::MAX),
            heartbeat_ns: monotonic_ns(),
            inspect: inspected(&self.config.inspection),
            budgets: budgets(&self.config.inspection),
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
        self.verdicts.contain_by(self.published.containment());
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
        self.follow_inspection();
        let now = Tick::now();
        self.save_lookups(now.monotonic_s);
        self.save_inspection(now.monotonic_s);
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
        if expired {
            self.inspection.kinds_changed();
        }
        let written = if expired || self.trouble.is_some() { self.try_sync_verdicts() } else { self.beat() };
        let turned = self.turn_keys_over();
        let told = self.write_own_addresses();
        written.and(turned).and(told)
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
        self.inspection.kinds_changed();
        self.follow_inspection();
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
        self.inspection.kinds_changed();
        self.follow_inspection();
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
        if removed.is_some() {
            self.sync_verdicts();
            self.inspection.kinds_changed();
            self.follow_inspection();
        }
        let released = net.prefix_len() == net.max_prefix_len() && self.release_by_hand(net.addr());
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
