//! The one writer of verdicts: the administrator's entries, the engine's containments and what DNSBLs say, as the kernel
//! holds them.
//!
//! The administrator's words and containments are few: [`Verdicts::sync`] looks at all of them. Verdicts of DNSBLs are many,
//! come one at a time and are written as they come. One address has one entry for all of it: a containment takes the place of
//! what DNSBLs say, the administrator's word stands beside either.

mod containments;
mod scored;
mod scores;
mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use relay_guard_common::{
    reason::Reason,
    verdict::{Steering, Verdict},
};

pub use self::containments::{Containment, Step};
use self::{containments::Containments, scored::ScoredVerdicts, written::Written};
use super::{clock::Moment, file};
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
    contained: Containments,
    moment: Moment,
    /// The administrator's words and containments as they were synced last.
    firm: BTreeMap<IpAddr, Verdict>,
    /// What DNSBLs say.
    scored: ScoredVerdicts,
    written: Written,
    /// Addresses whose entry may not be what it is to be: the kernel refused it, or an earlier daemon wrote it.
    unsettled: BTreeSet<IpAddr>,
    /// Whether what DNSBLs said was removed, and they have not begun to say it anew.
    withdrawn: bool,
    written_prefixes: Vec<(IpNet, Steering)>,
}

/// What an earlier daemon left.
#[derive(Debug, Default)]
pub struct Adopted {
    /// Contained hosts. Their steps are what [`Verdicts::contain_by`] makes of them.
    pub contained: Vec<IpAddr>,
    /// What DNSBLs said of sources, without the administrator's word.
    pub scored: Vec<(IpAddr, Verdict)>,
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
            contained: Containments::default(),
            moment: Moment::now(),
            firm: BTreeMap::new(),
            scored: ScoredVerdicts::default(),
            written: Written::default(),
            unsettled: BTreeSet::new(),
            withdrawn: false,
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

    /// Takes over what an earlier daemon wrote, so that it is not written twice and what is over is removed. What DNSBLs
    /// said stays written until they are said to have said other things ([`end_scores`](Self::end_scores)).
    ///
    /// # Errors
    /// If the kernel's map cannot be read.
    pub fn adopt(&mut self, datapath: &Datapath, now_ns: u64) -> Result<Adopted, DatapathError> {
        let found = datapath.verdicts()?;
        for (address, verdict) in &found {
            self.written.insert(*address, *verdict);
            self.unsettled.insert(*address);
            if scored::is_scored(verdict) {
                self.scored.put(*address, scored::alone(*verdict));
            }
        }
        Ok(self.sort(found.into_iter().chain(datapath.earlier_verdicts()), now_ns))
    }

    /// Containments, which hold, and what DNSBLs said.
    fn sort(&mut self, found: impl Iterator<Item = (IpAddr, Verdict)>, now_ns: u64) -> Adopted {
        let mut adopted = Adopted::default();
        for (address, verdict) in found {
            if verdict.rules[0].reason == Reason::Contained as u8 && verdict.until > now_ns {
                self.contained.adopt(address, &verdict);
            } else if scored::is_scored(&verdict) {
                adopted.scored.push((address, scored::alone(verdict)));
            }
        }
        adopted.contained = self.contained.iter().map(|(address, _)| address).collect();
        // Some entries are written before all are synced: the administrator's word stays in them.
        self.firm = self.firm_now();
        // Maps that take others' places are empty.
        self.unsettled.extend(self.firm.keys());
        adopted
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

    /// Contains a host, or no longer. Whether that is a change.
    pub fn contain(&mut self, address: IpAddr, containment: Option<Containment>) -> bool {
        self.contained.set(address, containment)
    }

    /// These hosts are contained, and no others. Whether that is a change.
    pub fn contain_only(&mut self, contained: &[(IpAddr, Containment)]) -> bool {
        self.contained.replace(contained)
    }

    /// How a host is contained, if it is.
    #[must_use]
    pub fn containment(&self, address: IpAddr) -> Option<Containment> {
        self.contained.get(address)
    }

    /// The contained hosts.
    pub fn contained(&self) -> impl ExactSizeIterator<Item = (IpAddr, Containment)> {
        self.contained.iter()
    }

    /// What happens to contained hosts' connections from the next [`sync`](Self::sync) on, by the step of each.
    pub fn contain_by(&mut self, steps: &[Step]) {
        self.contained.set_steps(steps);
    }

    /// The places of responses that verdicts name, or may at any moment: they must not be rewritten.
    #[must_use]
    pub fn responses(&self) -> BTreeSet<u16> {
        let refused = self.unsettled.iter().filter_map(|address| self.wanted(*address));
        // Written as soon as a containment in their place ends.
        let hidden = self.firm.keys().filter_map(|address| self.scored.get(*address).copied());
        let named = refused.chain(hidden).flat_map(|verdict| verdict.rules.map(|rule| rule.param));
        self.written.places().chain(named).chain(self.contained.places()).collect()
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
        let firm = self.firm_now();
        let before = std::mem::replace(&mut self.firm, firm);
        let mut changed = std::mem::take(&mut self.unsettled);
        let differs = |(address, verdict): &(&IpAddr, &Verdict)| self.firm.get(*address) != Some(*verdict);
        changed.extend(before.iter().filter(differs).map(|(address, _)| *address));
        changed.extend(self.firm.keys().filter(|address| !before.contains_key(address)));
        // What goes first makes room for what comes.
        let (come, go): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|address| self.wanted(*address).is_some());
        let mut first_error = None;
        for address in go.into_iter().chain(come) {
            if let Err(error) = self.settle(address, sink) {
                first_error.get_or_insert(error);
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

    /// Writes what is to be said of an address, if it is not what is written.
    fn settle(&mut self, address: IpAddr, sink: &mut impl VerdictSink) -> Result<(), DatapathError> {
        let wanted = self.wanted(address);
        if wanted.as_ref() == self.written.get(address) {
            self.unsettled.remove(&address);
            return Ok(());
        }
        let Some(verdict) = wanted else {
            sink.remove(address);
            self.written.remove(address);
            self.unsettled.remove(&address);
            return Ok(());
        };
        match sink.put(address, verdict) {
            Ok(()) => {
                self.written.insert(address, verdict);
                self.unsettled.remove(&address);
                Ok(())
            }
            Err(error) => {
                self.unsettled.insert(address);
                Err(error)
            }
        }
    }

    /// All that is to be said of an address.
    fn wanted(&self, address: IpAddr) -> Option<Verdict> {
        match (self.firm.get(&address), self.scored.get(address)) {
            (Some(firm), Some(scored)) if firm.until == 0 => {
                Some(Verdict { steering: firm.steering, ..*scored })
            }
            (Some(firm), _) => Some(*firm),
            (None, scored) => scored.copied(),
        }
    }

    /// What the administrator and the engine say by now.
    fn firm_now(&self) -> BTreeMap<IpAddr, Verdict> {
        let mut firm: BTreeMap<IpAddr, Verdict> = self.contained.verdicts().collect();
        for (address, effective) in self.store.effective_hosts() {
            firm.entry(address).or_default().steering = self.steering(effective);
        }
        firm
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
    let json = store.to_json().map_err(io::Error::other)?;
    file::replace(file, json.as_bytes())
}

#[cfg(test)]
mod tests;
