//! The one writer of verdicts: the administrator's entries and the engine's containments, as the kernel holds them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use relay_guard_common::{
    action::Action,
    reason::Reason,
    verdict::{Steering, Verdict},
};

use super::clock::Moment;
use crate::{
    datapath::{Datapath, DatapathError},
    policy::{Capacity, Effective, Entry, StoreError, VerdictStore},
};

/// Where verdicts take effect. The kernel's maps are one such place; a store that gateways share could be another.
pub trait VerdictSink {
    /// Writes the verdict of one address.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn put(&mut self, address: IpAddr, verdict: Verdict) -> Result<(), DatapathError>;
    /// Removes the verdict of one address.
    fn remove(&mut self, address: IpAddr);
    /// Makes the administrator's prefixes these.
    ///
    /// # Errors
    /// If they cannot be kept.
    fn set_prefixes(&mut self, prefixes: &[(IpNet, Steering)]) -> Result<(), DatapathError>;
}

impl VerdictSink for Datapath {
    fn put(&mut self, address: IpAddr, verdict: Verdict) -> Result<(), DatapathError> {
        self.put_verdict(address, verdict)
    }

    fn remove(&mut self, address: IpAddr) {
        self.remove_verdict(address);
    }

    fn set_prefixes(&mut self, prefixes: &[(IpNet, Steering)]) -> Result<(), DatapathError> {
        Self::set_prefixes(self, prefixes)
    }
}

/// All verdicts, and what of them is written.
#[derive(Debug)]
pub struct Verdicts {
    store: VerdictStore,
    file: PathBuf,
    /// Containments: until when, nanoseconds of `CLOCK_MONOTONIC`.
    contained: BTreeMap<IpAddr, u64>,
    /// What happens to contained hosts' connections, and the response that says so.
    containment: (Action, u16),
    moment: Moment,
    written: BTreeMap<IpAddr, Verdict>,
    written_prefixes: Vec<(IpNet, Steering)>,
}

impl Verdicts {
    /// The verdicts saved in a state directory.
    ///
    /// # Errors
    /// If the file cannot be read, or holds more entries than there may be. A damaged file is moved aside, with a
    /// warning: it must not keep the daemon from starting.
    pub fn load(state_dir: &Path, capacity: Capacity) -> Result<Self, String> {
        let file = state_dir.join("verdicts.json");
        let store = match fs::read(&file) {
            Ok(json) => match VerdictStore::from_json(&json, capacity) {
                Ok(store) => store,
                Err(error @ StoreError::Full { .. }) => return Err(format!("{}: {error}", file.display())),
                Err(error) => set_aside(&file, &error, capacity)?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => VerdictStore::new(capacity),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        };
        Ok(Self {
            store,
            file,
            contained: BTreeMap::new(),
            containment: (Action::Drop, 0),
            moment: Moment::now(),
            written: BTreeMap::new(),
            written_prefixes: Vec::new(),
        })
    }

    /// The administrator's entries.
    #[must_use]
    pub const fn store(&self) -> &VerdictStore {
        &self.store
    }

    /// How many addresses and prefixes have a verdict in the kernel.
    #[must_use]
    pub fn written(&self) -> (u32, u32) {
        (self.written.len() as u32, self.written_prefixes.len() as u32)
    }

    /// Takes over what an earlier daemon wrote, so that it is not written twice and what is over is removed; the
    /// containments among it.
    ///
    /// # Errors
    /// If the kernel's map cannot be read.
    pub fn adopt(&mut self, datapath: &Datapath, now_ns: u64) -> Result<Vec<(IpAddr, u64)>, DatapathError> {
        self.written.extend(datapath.verdicts()?);
        let earlier = datapath.earlier_verdicts();
        for (address, verdict) in
            self.written.iter().map(|(address, verdict)| (*address, *verdict)).chain(earlier)
        {
            if verdict.rules[0].reason == Reason::Contained as u8 && verdict.until > now_ns {
                self.contained.insert(address, verdict.until);
            }
        }
        Ok(self.contained.iter().map(|(address, until)| (*address, *until)).collect())
    }

    /// Puts an entry of the administrator and saves.
    ///
    /// # Errors
    /// If it is refused or cannot be saved; then nothing is changed.
    pub fn put(&mut self, entry: Entry) -> Result<(), String> {
        let mut store = self.store.clone();
        store.put(entry).map_err(|error| error.to_string())?;
        self.replace(store)
    }

    /// Removes an entry of the administrator and saves; the entry.
    ///
    /// # Errors
    /// If the change cannot be saved; then nothing is changed.
    pub fn remove(&mut self, net: IpNet) -> Result<Option<Entry>, String> {
        let mut store = self.store.clone();
        let removed = store.remove(net);
        if removed.is_some() {
            self.replace(store)?;
        }
        Ok(removed)
    }

    fn replace(&mut self, store: VerdictStore) -> Result<(), String> {
        save(&self.file, &store).map_err(|error| format!("{}: {error}", self.file.display()))?;
        self.store = store;
        Ok(())
    }

    /// Contains a host until then, or no longer.
    pub fn contain(&mut self, address: IpAddr, until_ns: Option<u64>) {
        match until_ns {
            Some(until_ns) => self.contained.insert(address, until_ns),
            None => self.contained.remove(&address),
        };
    }

    /// What happens to contained hosts' connections from the next [`sync`](Self::sync) on: an action, and the place of the
    /// response that it answers with.
    pub const fn contain_by(&mut self, action: Action, response: u16) {
        self.containment = (action, response);
    }

    /// The places of responses that verdicts name, or may at any moment: they must not be rewritten.
    #[must_use]
    pub fn responses(&self) -> BTreeSet<u16> {
        self.written
            .values()
            .flat_map(|verdict| verdict.rules.map(|rule| rule.param))
            .chain([self.containment.1])
            .collect()
    }

    /// Drops entries that are over. Whether there were any.
    pub fn expire(&mut self, now_unix_s: u64) -> bool {
        let over = self.store.expire(now_unix_s);
        for entry in &over {
            tracing::info!(net = %entry.net, kind = %entry.kind, reason = entry.reason, "verdict is over");
        }
        if !over.is_empty()
            && let Err(error) = save(&self.file, &self.store)
        {
            tracing::warn!("{}: {error}", self.file.display());
        }
        !over.is_empty()
    }

    /// Writes what differs from what is written. Goes on where the kernel refuses; the first error.
    ///
    /// # Errors
    /// The kernel's first refusal.
    pub fn sync(&mut self, sink: &mut impl VerdictSink) -> Result<(), DatapathError> {
        if self.moment.has_drifted() {
            self.moment = Moment::now();
        }
        let wanted = self.wanted();
        // What goes first makes room for what comes.
        self.written.retain(|address, _| {
            let stays = wanted.contains_key(address);
            if !stays {
                sink.remove(*address);
            }
            stays
        });
        let mut first_error = None;
        for (address, verdict) in wanted {
            if self.written.get(&address) == Some(&verdict) {
                continue;
            }
            match sink.put(address, verdict) {
                Ok(()) => drop(self.written.insert(address, verdict)),
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        let prefixes: Vec<_> = self
            .store
            .effective_prefixes()
            .into_iter()
            .map(|(net, effective)| (net, self.steering(effective)))
            .collect();
        if prefixes != self.written_prefixes {
            sink.set_prefixes(&prefixes)?;
            self.written_prefixes = prefixes;
        }
        first_error.map_or(Ok(()), Err)
    }

    fn wanted(&self) -> BTreeMap<IpAddr, Verdict> {
        let (action, param) = self.containment;
        let ban = |until| Verdict::ban(action, Reason::Contained, until).with_param(param);
        let mut wanted: BTreeMap<IpAddr, Verdict> =
            self.contained.iter().map(|(address, until)| (*address, ban(*until))).collect();
        for (address, effective) in self.store.effective_hosts() {
            wanted.entry(address).or_default().steering = self.steering(effective);
        }
        wanted
    }

    fn steering(&self, effective: Effective) -> Steering {
        Steering {
            allow_until: self.moment.to_monotonic(effective.allow_until),
            block_until: self.moment.to_monotonic(effective.block_until),
        }
    }

    /// The Unix time (s) of a time of `CLOCK_MONOTONIC` (ns).
    #[must_use]
    pub fn to_unix(&self, monotonic_ns: u64) -> u64 {
        self.moment.to_unix(monotonic_ns)
    }
}

fn set_aside(file: &Path, error: &StoreError, capacity: Capacity) -> Result<VerdictStore, String> {
    let aside = file.with_extension("json.damaged");
    fs::rename(file, &aside).map_err(|rename| format!("{}: {error}, and: {rename}", file.display()))?;
    tracing::error!("{}: {error}; moved to {}", file.display(), aside.display());
    Ok(VerdictStore::new(capacity))
}

/// Writes the file whole or not at all.
fn save(file: &Path, store: &VerdictStore) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let json = store.to_json().map_err(io::Error::other)?;
    let beside = file.with_extension("json.new");
    let mut new = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    new.write_all(json.as_bytes())?;
    new.sync_all()?;
    fs::rename(beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::VerdictKind;

    /// A sink that remembers.
    #[derive(Default)]
    struct Memory {
        hosts: BTreeMap<IpAddr, Verdict>,
        prefixes: Vec<(IpNet, Steering)>,
        writes: usize,
        full: bool,
    }

    impl VerdictSink for Memory {
        fn put(&mut self, address: IpAddr, verdict: Verdict) -> Result<(), DatapathError> {
            if self.full {
                return Err(DatapathError::Map { what: "write a verdict", error: "full".to_owned() });
            }
            self.writes += 1;
            self.hosts.insert(address, verdict);
            Ok(())
        }

        fn remove(&mut self, address: IpAddr) {
            self.hosts.remove(&address);
        }

        fn set_prefixes(&mut self, prefixes: &[(IpNet, Steering)]) -> Result<(), DatapathError> {
            self.prefixes = prefixes.to_vec();
            Ok(())
        }
    }

    const CAPACITY: Capacity = Capacity { hosts: 10, prefixes: 10 };

    fn entry(net: &str, kind: VerdictKind, until: Option<u64>) -> Entry {
        Entry { net: net.parse().expect("a CIDR"), kind, until, reason: String::new(), added: 1 }
    }

    #[test]
    fn writes_only_what_changed() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut verdicts = Verdicts::load(directory.path(), CAPACITY).expect("nothing saved");
        let mut memory = Memory::default();
        verdicts.put(entry("192.0.2.1/32", VerdictKind::Block, None)).expect("room");
        verdicts.put(entry("10.0.0.0/8", VerdictKind::Allow, None)).expect("room");
        verdicts.sync(&mut memory).expect("memory takes all");
        verdicts.sync(&mut memory).expect("memory takes all");
        assert_eq!((memory.writes, memory.hosts.len(), memory.prefixes.len()), (1, 1, 1));
        let host: IpAddr = "192.0.2.1".parse().expect("an address");
        assert_eq!(memory.hosts[&host].steering.block_until, u64::MAX);
        verdicts.contain(host, Some(77));
        verdicts.sync(&mut memory).expect("memory takes all");
        assert_eq!((memory.hosts[&host].until, memory.hosts[&host].steering.block_until), (77, u64::MAX));
        verdicts.contain(host, None);
        verdicts.remove("192.0.2.1/32".parse().expect("a CIDR")).expect("saved");
        verdicts.sync(&mut memory).expect("memory takes all");
        assert!(memory.hosts.is_empty());
    }

    #[test]
    fn contained_hosts_are_answered_and_blocks_are_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut verdicts = Verdicts::load(directory.path(), CAPACITY).expect("nothing saved");
        let mut memory = Memory::default();
        let [zombie, blocked] =
            ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().expect("an address"));
        verdicts.contain(zombie, Some(77));
        verdicts.put(entry("192.0.2.2/32", VerdictKind::Block, None)).expect("room");
        verdicts.contain_by(Action::Refuse, 9);
        verdicts.sync(&mut memory).expect("memory takes all");
        let expected = Verdict::ban(Action::Refuse, Reason::Contained, 77).with_param(9);
        assert_eq!(memory.hosts[&zombie], expected);
        assert_eq!(memory.hosts[&blocked].rules, Verdict::default().rules);
        // The place is named until it is written that it is not.
        verdicts.contain_by(Action::Tarpit, 0);
        assert_eq!(verdicts.responses(), BTreeSet::from([0, 9]));
        verdicts.sync(&mut memory).expect("memory takes all");
        assert_eq!(memory.hosts[&zombie], Verdict::ban(Action::Tarpit, Reason::Contained, 77));
        assert_eq!(verdicts.responses(), BTreeSet::from([0]));
        verdicts.contain_by(Action::Refuse, 5);
        assert!(verdicts.responses().contains(&5), "it may be written at any moment");
    }

    #[test]
    fn what_the_kernel_refused_is_written_later() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut verdicts = Verdicts::load(directory.path(), CAPACITY).expect("nothing saved");
        let mut memory = Memory { full: true, ..Memory::default() };
        verdicts.contain("192.0.2.1".parse().expect("an address"), Some(77));
        assert!(verdicts.sync(&mut memory).is_err());
        assert_eq!(verdicts.written(), (0, 0));
        memory.full = false;
        verdicts.sync(&mut memory).expect("there is room");
        assert_eq!((memory.hosts.len(), verdicts.written()), (1, (1, 0)));
    }

    #[test]
    fn entries_outlive_the_daemon_and_damage_is_set_aside() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut verdicts = Verdicts::load(directory.path(), CAPACITY).expect("nothing saved");
        verdicts.put(entry("192.0.2.1/32", VerdictKind::Block, Some(5_000_000_000))).expect("room");
        let again = Verdicts::load(directory.path(), CAPACITY).expect("saved");
        assert_eq!(again.store().len(), 1);
        fs::write(directory.path().join("verdicts.json"), "{nonsense").expect("written");
        let damaged = Verdicts::load(directory.path(), CAPACITY).expect("set aside");
        assert!(damaged.store().is_empty());
        assert!(directory.path().join("verdicts.json.damaged").exists());
    }
}
