//! What changes for sources when something changes for zones: their health, the plan, what the administrator says, what was
//! known before a restart.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use relay_guard_common::ask::may_be_listed;

use crate::config::MAX_ZONES;
use crate::dnsbl::cache::Cached;
use crate::dnsbl::health::Change;
use crate::dnsbl::plan::{EntryMask, Plan, family};
use crate::dnsbl::score::{Findings, Scored, evaluate};

use super::verdict::{asked_again, cached};
use super::zone_state::ZoneState;
use super::{Command, Engine, Event, Now, Saved};

impl Engine {
    /// Follows a change of a zone's health, if there is one.
    pub(super) fn changed(&mut self, zone: usize, change: Option<Change>, now: Now) {
        let Some(change) = change else { return };
        self.count_good();
        if matches!(change, Change::Suspended(_)) {
            self.zones[zone].suspensions += 1;
        }
        // That its listings are false may come out when it has been suspended for something else.
        if let Change::Suspended(why) | Change::StillSuspended(why) = &change {
            let tainted = why.taints_listings();
            self.lose(zone, tainted, now);
            if tainted {
                self.retract(zone, now);
            }
        }
        let vouches = self.plan.zones[zone].entries & self.plan.vouching() != 0;
        self.commands.push(Command::Event(Event { zone: self.plan.shown(zone), vouches, change }));
    }

    fn count_good(&mut self) {
        let good = self.zones.iter().enumerate().filter(|(_, zone)| zone.health.is_good());
        self.good = good.fold(0, |mask, (zone, _)| mask | 1 << zone);
        self.ask_bits = self.plan.ask_bits(self.good);
    }

    /// Sources that are being asked about do not wait for a zone any more; what it said already does not count if its
    /// listings are tainted. To them it is a zone that could not say.
    fn lose(&mut self, zone: usize, tainted: bool, now: Now) {
        let (bit, entries) = (1 << zone, self.plan.zones[zone].entries);
        for place in self.sources.places() {
            let Some(source) = self.sources.get_mut(place) else { continue };
            let concerned = if tainted { source.asked } else { source.waiting };
            if concerned & bit != 0 {
                source.lose(bit, entries);
                self.settle(place, now);
            }
        }
    }

    /// Takes back what a zone made of verdicts that hold.
    fn retract(&mut self, zone: usize, now: Now) {
        let entries = self.plan.zones[zone].entries;
        let retry_ns = now.after(self.plan.lookups.retry);
        let (plan, commands) = (&self.plan, &mut self.commands);
        self.cache.update(|known| {
            if known.findings.listed & entries == 0 || known.until_ns <= now.monotonic_ns {
                return None;
            }
            let Findings { listed, unknown } = known.findings;
            let findings = Findings { listed: listed & !entries, unknown: unknown | entries };
            let scored = evaluate(plan, known.address, findings, known.until_ns.min(retry_ns), 0);
            commands.push(Command::Verdict(scored));
            Some(cached(&scored))
        });
    }

    /// Another plan holds from now on. Zones that stay keep their health. What is known of sources is judged anew, and all
    /// verdicts are given again; of those about which a zone was not asked that is new, they have expired. If no entry
    /// stays, all is forgotten. Sources that are being asked about are asked about anew.
    pub fn set_plan(&mut self, plan: Arc<Plan>, now: Now) {
        let old = std::mem::replace(&mut self.plan, plan);
        let mut states: Vec<Option<ZoneState>> =
            std::mem::take(&mut self.zones).into_iter().map(Some).collect();
        for zone in &self.plan.zones {
            let known = old.zones.iter().position(|old| old.name == zone.name);
            let kept = known.and_then(|index| Some((&old.zones[index], states[index].take()?)));
            let state = kept.map(|(old, mut state)| {
                state.follow(old, zone, now.monotonic_ns);
                state
            });
            self.zones.push(state.unwrap_or_else(|| ZoneState::new(zone, now.monotonic_ns)));
        }
        let (before, lookups) = (&old.lookups, &self.plan.lookups);
        if (&before.resolvers, before.timeout) != (&lookups.resolvers, lookups.timeout) {
            self.resolvers_changed(now);
        }
        self.count_good();
        self.commands.retain(|command| matches!(command, Command::Forget(_) | Command::Event(_)));
        let moved = Moved::new(&old, &self.plan);
        let matched = std::mem::replace(&mut self.matched, [0; MAX_ZONES]);
        for (entry, before) in moved.from.iter().enumerate() {
            self.matched[entry] = before.map_or(0, |before| matched[before]);
        }
        self.judge_anew(&moved, now);
        self.sources.start_over();
        self.fill(now);
    }

    /// Other resolvers are asked from now on, or the same are waited for longer: zones are tested with them at once, those
    /// that are believed too.
    pub fn resolvers_changed(&mut self, now: Now) {
        for zone in &mut self.zones {
            zone.health.resolvers_changed(now.monotonic_ns);
        }
    }

    fn judge_anew(&mut self, moved: &Moved, now: Now) {
        if moved.from.iter().all(Option::is_none) {
            self.forget(None);
            return;
        }
        let (plan, commands) = (&self.plan, &mut self.commands);
        self.cache.update(|known| {
            let Findings { listed, unknown } = known.findings;
            let findings = Findings { listed: moved.mask(listed), unknown: moved.mask(unknown) };
            let lacks = moved.lacks[family(known.address)];
            let life = if lacks { Duration::ZERO } else { plan.longest(known.address) };
            let until_ns = known.until_ns.min(now.after(life));
            let scored = asked_again(plan, evaluate(plan, known.address, findings, until_ns, 0), now);
            commands.push(Command::Verdict(scored));
            Some(cached(&scored))
        });
    }

    /// Takes in what was known before a restart, as far as it holds, and gives the verdicts. That a source was clean is worth
    /// to be known even if it holds no longer.
    pub fn restore(&mut self, saved: impl IntoIterator<Item = Saved>, now: Now) {
        let known: EntryMask = self.plan.entries_of(u32::MAX);
        for saved in saved {
            if !saved.is_worth_keeping() || !may_be_listed(saved.address.into()) {
                continue;
            }
            let Saved { address, remaining_ms, listed, unknown } = saved;
            let findings = Findings { listed: listed & known, unknown: unknown & known };
            let remaining = Duration::from_millis(remaining_ms).min(self.plan.longest(address));
            let scored = evaluate(&self.plan, address, findings, now.after(remaining), 0);
            self.keep(asked_again(&self.plan, scored, now));
        }
    }

    /// What is to be [restored](Self::restore) after a restart, the oldest first.
    pub fn saved(&self, now: Now) -> impl Iterator<Item = Saved> + '_ {
        let saved = self.cache.iter().map(move |known| {
            let remaining_ms = known.until_ns.saturating_sub(now.monotonic_ns) / 1_000_000;
            let Findings { listed, unknown } = known.findings;
            Saved { address: known.address, remaining_ms, listed, unknown }
        });
        saved.filter(Saved::is_worth_keeping)
    }

    /// Forgets what is known of a source, or of all.
    pub fn forget(&mut self, address: Option<IpAddr>) {
        let forgotten = match address.map(|address| address.to_canonical()) {
            Some(address) if self.cache.remove(address) => vec![address],
            Some(_) => Vec::new(),
            None => self.cache.clear(),
        };
        self.commands.extend(forgotten.into_iter().map(Command::Forget));
    }

    /// The verdict on a source, expired or not.
    #[must_use]
    pub fn cached(&self, address: IpAddr) -> Option<Scored> {
        let Cached { address, until_ns, findings, .. } = *self.cache.get(address.to_canonical())?;
        Some(evaluate(&self.plan, address, findings, until_ns, 0))
    }
}

/// Where the entries of a plan were in the one before.
#[derive(Debug)]
struct Moved {
    /// Of each entry.
    from: Vec<Option<usize>>,
    /// Whether a source of a family would be asked about at an entry that was not there.
    lacks: [bool; 2],
}

impl Moved {
    fn new(old: &Plan, new: &Plan) -> Self {
        let zone = |plan: &Plan, entry: usize| plan.zones[plan.entries[entry].zone].name.clone();
        let mut from = Vec::new();
        let mut lacks = [false; 2];
        for (index, entry) in new.entries.iter().enumerate() {
            let same = |before: &usize| {
                let known = &old.entries[*before];
                let asked = |family: usize| !entry.families[family] || known.families[family];
                known.answers == entry.answers
                    && zone(old, *before) == zone(new, index)
                    && asked(0)
                    && asked(1)
            };
            let before = (0..old.entries.len()).find(same);
            if before.is_none() {
                lacks = [lacks[0] | entry.families[0], lacks[1] | entry.families[1]];
            }
            from.push(before);
        }
        Self { from, lacks }
    }

    /// What a mask of the plan before is in this one.
    fn mask(&self, before: EntryMask) -> EntryMask {
        let from = self.from.iter().enumerate();
        from.filter(|(_, old)| old.is_some_and(|old| before >> old & 1 == 1))
            .fold(0, |mask, (new, _)| mask | 1 << new)
    }
}
