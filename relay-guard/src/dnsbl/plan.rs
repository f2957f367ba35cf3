//! Whom to ask about whom, and what it weighs: the configuration as lookups need it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use relay_guard_common::class::MAX_PORT_GROUPS;

use super::catalogue;
use super::filter::AnswerFilter;
use super::meaning::{self, Meaning};
use super::question::{Fault, Records};
use super::zone::ZoneName;
use crate::config::{Dnsbl, Lookups, MAX_ZONES, ZoneConfig};

/// A mask with a bit for each entry of `[[dnsbl]]`, in the order of the configuration.
pub type EntryMask = u32;

/// A mask with a bit for each zone of a [`Plan`].
pub type ZoneMask = u32;

/// The bits that are set in a mask, from the lowest.
pub fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
        mask &= mask - 1;
        Some(bit)
    })
}

/// An entry of `[[dnsbl]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name that is shown.
    pub name: String,
    /// Its zone: an index into [`Plan::zones`].
    pub zone: usize,
    /// What a listing adds.
    pub weight: i32,
    /// Which answers count.
    pub answers: AnswerFilter,
    /// Whether it says anything of IPv4 sources, and of IPv6 sources.
    pub families: [bool; 2],
    /// A bit for each group of ports where it weighs something.
    pub groups: u8,
}

/// A zone, which is asked once for all entries about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Whom to ask.
    pub name: ZoneName,
    /// The entries about it.
    pub entries: EntryMask,
    /// Whether it is asked about IPv4 sources, and about IPv6 sources.
    pub families: [bool; 2],
    /// How short and how long its answers are believed.
    pub ttl: (Duration, Duration),
    /// Whether it has the test points of RFC 5782 §5.
    pub test_points: bool,
    /// Questions per second to it.
    pub per_second: Option<u32>,
    /// Answers by which it says that it was asked too often, beside 127.255.255.255, as the catalogue knows it.
    pub quota: &'static [Ipv4Addr],
}

impl Zone {
    /// What a result of a question to it means.
    #[must_use]
    pub fn meaning<'a>(&self, result: &'a Result<Records, Fault>) -> Meaning<'a> {
        meaning::of(result, self.quota)
    }
}

/// 0 for IPv4, 1 for IPv6: the index of everything that is kept for each family.
#[must_use]
pub const fn family(address: IpAddr) -> usize {
    match address {
        IpAddr::V4(_) => 0,
        IpAddr::V6(_) => 1,
    }
}

/// What is asked and what it weighs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// How lookups are made.
    pub lookups: Lookups,
    /// In the order of the configuration; at most [`MAX_ZONES`].
    pub entries: Vec<Entry>,
    /// Each zone once, in the order in which entries name them.
    pub zones: Vec<Zone>,
    /// The scores at which something is done, lowest first.
    pub thresholds: Vec<i32>,
    /// The entries that say something of a family at a group of ports.
    weighing: [[EntryMask; MAX_PORT_GROUPS]; 2],
    /// The zones that are asked about a family.
    asked: [ZoneMask; 2],
    /// Entries with a negative weight.
    vouching: EntryMask,
}

impl Plan {
    /// The plan of a configuration. `groups` are the guarded ports (host byte order) of each group for inbound SMTP: ports
    /// that an entry tells apart are in different groups. Entries beyond [`MAX_ZONES`] are left out, as are groups beyond
    /// [`MAX_PORT_GROUPS`].
    #[must_use]
    pub fn new(dnsbl: &Dnsbl, groups: &[Vec<u16>]) -> Self {
        let mut plan = Self {
            lookups: dnsbl.lookups.clone(),
            thresholds: dnsbl.thresholds.iter().map(|threshold| threshold.score).collect(),
            ..Self::default()
        };
        for config in dnsbl.zones.iter().take(MAX_ZONES) {
            plan.add(config, groups);
        }
        plan
    }

    fn add(&mut self, config: &ZoneConfig, groups: &[Vec<u16>]) {
        let weighs_at = |ports: &Vec<u16>| ports.iter().any(|port| config.ports.holds(*port));
        let at = groups.iter().take(MAX_PORT_GROUPS).enumerate().filter(|(_, ports)| weighs_at(ports));
        let groups = at.fold(0, |mask, (group, _)| mask | 1_u8 << group);
        // Where it weighs nothing there is nothing to ask.
        let families = [config.ipv4, config.ipv6].map(|asked| asked && groups != 0);
        let index = self.entries.len();
        let bit: EntryMask = 1 << index;
        let zone = self.place(config, families, bit);
        for (family, says) in families.into_iter().enumerate() {
            if says {
                self.asked[family] |= 1 << zone;
                for group in bits(u32::from(groups)) {
                    self.weighing[family][group] |= bit;
                }
            }
        }
        if config.weight < 0 {
            self.vouching |= bit;
        }
        self.entries.push(Entry {
            name: config.name.clone(),
            zone,
            weight: config.weight,
            answers: config.answers.clone(),
            families,
            groups,
        });
    }

    /// The zone of an entry, which is a new one or one that other entries are about too.
    fn place(&mut self, config: &ZoneConfig, families: [bool; 2], bit: EntryMask) -> usize {
        let known = self.zones.iter().position(|zone| zone.name == config.zone);
        let Some(index) = known else {
            self.zones.push(Zone {
                name: config.zone.clone(),
                entries: bit,
                families,
                ttl: config.ttl,
                test_points: config.test_points,
                per_second: config.per_second,
                quota: catalogue::known(&config.zone).map_or(&[], |known| known.quota),
            });
            return self.zones.len() - 1;
        };
        let zone = &mut self.zones[index];
        zone.entries |= bit;
        zone.families = [zone.families[0] | families[0], zone.families[1] | families[1]];
        zone.ttl = (zone.ttl.0.min(config.ttl.0), zone.ttl.1.min(config.ttl.1));
        zone.test_points &= config.test_points;
        zone.per_second = match (zone.per_second, config.per_second) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        index
    }

    /// The entries that say something of an address at a group of ports, which counts modulo [`MAX_PORT_GROUPS`].
    #[must_use]
    pub const fn weighing(&self, address: IpAddr, group: usize) -> EntryMask {
        self.weighing[family(address)][group % MAX_PORT_GROUPS]
    }

    /// The zones that are asked about an address.
    #[must_use]
    pub const fn asked(&self, address: IpAddr) -> ZoneMask {
        self.asked[family(address)]
    }

    /// The longest time for which what is known of an address is believed: as the zones allow that are asked about it.
    #[must_use]
    pub fn longest(&self, address: IpAddr) -> Duration {
        bits(self.asked(address)).map(|zone| self.zones[zone].ttl.1).min().unwrap_or_default()
    }

    /// Entries whose listings speak for a source.
    #[must_use]
    pub const fn vouching(&self) -> EntryMask {
        self.vouching
    }

    /// The entries about any of some zones.
    #[must_use]
    pub fn entries_of(&self, zones: ZoneMask) -> EntryMask {
        bits(zones).filter_map(|zone| self.zones.get(zone)).fold(0, |mask, zone| mask | zone.entries)
    }

    /// A zone as it is shown: by the names of its entries.
    #[must_use]
    pub fn shown(&self, zone: usize) -> String {
        let entries = self.zones.get(zone).map_or(0, |zone| zone.entries);
        bits(entries).map(|entry| self.entries[entry].name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The bits of [`Settings::ask`](relay_guard_common::settings::Settings::ask), without that for holding, if only some
    /// zones can be asked. There is no bit where their listings, all together, come to no threshold, less what those weigh
    /// that vouch and cannot be asked: nothing could follow from an answer.
    #[must_use]
    pub fn ask_bits(&self, usable: ZoneMask) -> u32 {
        let entries = self.entries_of(usable) & !self.vouching | self.entries_of(!usable) & self.vouching;
        let Some(&lowest) = self.thresholds.first() else { return 0 };
        let reaches = |mask: EntryMask| {
            bits(mask & entries).map(|entry| self.entries[entry].weight).sum::<i32>() >= lowest
        };
        let masks = self.weighing.iter().flatten().enumerate();
        masks.filter(|(_, mask)| reaches(**mask)).fold(0, |ask, (bit, _)| ask | 1 << bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dnsbl::testing::{plan, zone};

    #[test]
    fn what_entries_say_of_one_zone_is_taken_together() {
        let seconds = |(min, max)| (Duration::from_secs(min), Duration::from_secs(max));
        let one = |ttl, test_points, per_second| ZoneConfig {
            ttl: seconds(ttl),
            test_points,
            per_second,
            ..zone("a.example")
        };
        let two = [one((60, 300), true, Some(9)), one((30, 600), false, Some(5)), one((90, 90), true, None)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let plan = plan(order.map(|index| two[index].clone()).to_vec(), &[1]);
            let [zone] = &plan.zones[..] else { panic!("{:?}", plan.zones) };
            assert_eq!((zone.ttl, zone.test_points, zone.per_second), (seconds((30, 90)), false, Some(5)));
            assert_eq!((zone.entries, plan.shown(0)), (0b111, "a, a, a".to_owned()));
        }
    }

    #[test]
    fn there_are_no_more_than_can_be_told_apart() {
        let zones = (0..MAX_ZONES + 3).map(|number| zone(&format!("zone{number}.example"))).collect();
        let plan = plan(zones, &[1]);
        assert_eq!((plan.entries.len(), plan.zones.len()), (MAX_ZONES, MAX_ZONES));
        assert_eq!(plan.entries_of(u32::MAX), u32::MAX);
        assert_eq!(bits(0x8000_0101).collect::<Vec<_>>(), [0, 8, 31]);
    }
}
