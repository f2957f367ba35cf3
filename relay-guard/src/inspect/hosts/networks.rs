//! IPv6 networks whose hosts take ever other addresses: to whom a /64 belongs, 2^64 addresses do, and one for each connection makes a
//! host that nothing is known of each time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use relay_guard_common::address::mix64;

use super::{
    seen::{REMEMBERED, Seen, TWO_HOURS},
    slots::Slots,
};

/// Networks that are looked at; the one that sent nothing for longest makes room.
pub const MAX_NETWORKS: usize = 1024;
/// Places of the sketch of a network's addresses.
const SOURCES: usize = 4096;
/// Places of that of new ones, and of that of servers, which is the kernel's.
const PLACES: usize = 1024;
/// Octets of all of them, at most.
pub const MAX_NETWORKS_BYTES: usize = MAX_NETWORKS * BYTES;
/// Octets of one: its slot, and its place in a table of which a half may be free.
const BYTES: usize =
    size_of::<Network>() + Slots::<Box<Network>>::SLOT_BYTES + 2 * (size_of::<(u64, u32)>() + 1);

/// The network of an address, if there is one to look at: the /64, written as its first address.
///
/// No host has that first address (RFC 4291 §2.6.1); what is sent from it is the network's.
#[must_use]
pub fn network_of(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address.to_canonical() else { return None };
    Some(Ipv6Addr::from(u128::from(upper(address)) << 64).into())
}

const fn upper(address: Ipv6Addr) -> u64 {
    (address.to_bits() >> 64) as u64
}

/// What is remembered of a network.
#[derive(Debug)]
struct Network {
    upper: u64,
    /// Addresses that sent, and those of them that had not for two days.
    sources: Seen<SOURCES>,
    new: Seen<PLACES>,
    servers: Seen<PLACES>,
    /// The tick in which its figure was looked at last, and new addresses since that tick began.
    looked_at: u32,
    new_since: u32,
}

impl Network {
    const fn new(upper: u64, tick: u32) -> Self {
        Self {
            upper,
            sources: Seen::new(tick),
            new: Seen::new(tick),
            servers: Seen::new(tick),
            looked_at: u32::MAX,
            new_since: 0,
        }
    }

    /// New addresses in two hours, as far as they wrote to as many servers: a network whose hosts hand their mail to one server is
    /// like any other.
    fn rotating(&self, tick: u32) -> u32 {
        // Where all places are taken, none is new. No honest network comes to that many.
        let is_full = self.sources.count(REMEMBERED, tick) >= SOURCES as u32;
        let new = if is_full { self.sources.count(TWO_HOURS, tick) } else { self.new.count(TWO_HOURS, tick) };
        new.min(self.servers.count(TWO_HOURS, tick))
    }
}

/// The networks that sent lately.
#[derive(Debug, Default)]
pub struct Networks {
    by_upper: HashMap<u64, u32>,
    networks: Slots<Box<Network>>,
}

impl Networks {
    /// Takes note of an address that wrote to these servers (hashes), or tried to. The figure of its network, if it is worth a look:
    /// once in a tick, and whenever new addresses have doubled in it.
    pub fn note(
        &mut self,
        source: IpAddr,
        servers: impl Iterator<Item = u32>,
        key: &[u8; 16],
        tick: u32,
    ) -> Option<u32> {
        let IpAddr::V6(source) = source else { return None };
        let slot = self.slot(upper(source), tick);
        self.networks.touch(slot);
        let network = self.networks.get_mut(slot)?;
        let hash = keyed(source, key);
        let is_new = network.sources.note(hash, tick);
        if is_new {
            network.new.note(hash, tick);
        }
        servers.for_each(|server| {
            network.servers.note(server, tick);
        });
        if std::mem::replace(&mut network.looked_at, tick) != tick {
            network.new_since = 0;
            return Some(network.rotating(tick));
        }
        network.new_since += u32::from(is_new);
        (is_new && network.new_since.is_power_of_two()).then(|| network.rotating(tick))
    }

    /// The figure of a network by now.
    pub fn rotating(&self, network: IpAddr, tick: u32) -> u32 {
        let IpAddr::V6(network) = network else { return 0 };
        let slot = self.by_upper.get(&upper(network));
        slot.and_then(|slot| self.networks.get(*slot)).map_or(0, |network| network.rotating(tick))
    }

    /// Forgives a network its new addresses, which are known from now on.
    pub fn forgive(&mut self, network: IpAddr, tick: u32) {
        let IpAddr::V6(network) = network else { return };
        if let Some(slot) = self.by_upper.get(&upper(network))
            && let Some(network) = self.networks.get_mut(*slot)
        {
            (network.new, network.servers) = (Seen::new(tick), Seen::new(tick));
        }
    }

    /// Octets of what is there.
    pub const fn memory(&self) -> usize {
        self.networks.len() * BYTES
    }

    fn slot(&mut self, upper: u64, tick: u32) -> u32 {
        if let Some(slot) = self.by_upper.get(&upper) {
            return *slot;
        }
        let oldest = self.networks.oldest_first().next().map(|(slot, _)| slot);
        let full = self.networks.len() >= MAX_NETWORKS;
        if let Some(oldest) = oldest.filter(|_| full)
            && let Some(network) = self.networks.remove(oldest)
        {
            self.by_upper.remove(&network.upper);
        }
        let slot = self.networks.insert(Box::new(Network::new(upper, tick)));
        self.by_upper.insert(upper, slot);
        slot
    }
}

/// Which place an address falls into is nobody's to choose.
fn keyed(source: Ipv6Addr, key: &[u8; 16]) -> u32 {
    let (first, second) = key.split_at(8);
    let word = |octets: &[u8]| octets.iter().fold(0, |word, octet| word << 8 | u64::from(*octet));
    mix64(mix64(source.to_bits() as u64 ^ word(first)) ^ word(second)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 16] = *b"0123456789abcdef";

    fn source(network: u32, host: u64) -> IpAddr {
        Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(network) << 64 | u128::from(host)).into()
    }

    fn note(networks: &mut Networks, from: IpAddr, to: u32, tick: u32) -> u32 {
        networks.note(from, std::iter::once(mix64(to.into()) as u32), &KEY, tick);
        networks.rotating(from, tick)
    }

    #[test]
    fn a_network_is_its_upper_half() {
        for (address, network) in [
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::")),
            ("2001:db8:1:2::", Some("2001:db8:1:2::")),
            ("10.0.0.1", None),
            ("::ffff:10.0.0.1", None),
        ] {
            let network: Option<IpAddr> = network.map(|text| text.parse().expect(text));
            assert_eq!(network_of(address.parse().expect(address)), network, "{address}");
        }
    }

    #[test]
    fn only_new_addresses_that_write_to_as_many_servers_count() {
        let mut networks = Networks::default();
        for host in 0..300 {
            note(&mut networks, source(1, host), host as u32 % 5, 100);
        }
        assert_eq!(networks.rotating(source(1, 0), 100), 5);
        let mut few = Networks::default();
        (0..300).for_each(|server| {
            note(&mut few, source(1, u64::from(server) % 7), server, 100);
        });
        assert_eq!(few.rotating(source(1, 0), 100), 7);
        // The same addresses a day later are not new.
        let later = 100 + REMEMBERED / 2;
        (0..300).for_each(|server| {
            note(&mut few, source(1, u64::from(server) % 7), server, later);
        });
        assert_eq!(few.rotating(source(1, 0), later), 0);
    }

    /// Who has said it all within a tick is never heard of again.
    #[test]
    fn a_burst_is_looked_at_while_it_lasts() {
        let mut networks = Networks::default();
        let looks: Vec<u32> = (0..300_u32)
            .filter_map(|n| networks.note(source(1, n.into()), std::iter::once(n), &KEY, 100))
            .collect();
        assert!((8..=10).contains(&looks.len()), "{looks:?}");
        assert!(looks.is_sorted() && looks.last().is_some_and(|figure| *figure > 200), "{looks:?}");
    }

    #[test]
    fn however_long_it_goes_on_it_is_seen() {
        let mut networks = Networks::default();
        // One each tick, for three days: 25,920 addresses.
        for number in 0..3 * REMEMBERED / 2 {
            let (from, to) = (source(1, number.into()), mix64(number.into()) as u32);
            let figure =
                networks.note(from, std::iter::once(to), &KEY, 100 + number).expect("once in a tick");
            assert!(number < TWO_HOURS || figure > 150, "{number}: {figure}");
        }
        assert_eq!(networks.rotating(source(1, 0), 100 + 3 * REMEMBERED), 0);
    }

    #[test]
    fn the_longest_quiet_makes_room() {
        let mut networks = Networks::default();
        for network in 0..2 * MAX_NETWORKS as u32 {
            note(&mut networks, source(network, 1), 1, 100);
            note(&mut networks, source(7, 1), 1, 100);
        }
        assert_eq!(networks.networks.len(), MAX_NETWORKS);
        assert_eq!(networks.by_upper.len(), MAX_NETWORKS);
        assert_eq!([7, 8, 2000].map(|network| networks.rotating(source(network, 0), 100)), [1, 0, 1]);
        assert!(networks.memory() <= MAX_NETWORKS_BYTES);
    }

    proptest! {
        /// Against sets: about as many as there are new addresses and servers, whichever are fewer.
        #[test]
        fn figures_are_near_the_truth(
            sessions in proptest::collection::vec((0_u32..3, 0_u64..400, 0_u32..400), 1..600),
        ) {
            let mut networks = Networks::default();
            let mut model = std::collections::BTreeMap::<u32, [std::collections::BTreeSet<u64>; 2]>::new();
            for (network, host, server) in sessions {
                note(&mut networks, source(network, host), server, 100);
                let [hosts, servers] = model.entry(network).or_default();
                hosts.insert(host);
                servers.insert(server.into());
            }
            for (network, [hosts, servers]) in model {
                let truth = hosts.len().min(servers.len());
                let figure = networks.rotating(source(network, 0), 100) as usize;
                prop_assert!(figure.abs_diff(truth) <= truth / 8 + 3, "{} {}", figure, truth);
            }
        }
    }
}
