//! Protected networks: addresses that lists and bans do not touch, whatever anybody says of them.
//!
//! Each kind has a place of its own in the sets of lists, so that a class says what protects its addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{ListSlot, ranges::Lists, special::SPECIAL_BLOCKS};
use crate::{
    config::{Hosts, ProtectedNetworks},
    lists::Span,
};

/// What protects an address, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProtectedKind {
    /// A declared mail server: may send.
    MailServer,
    /// An excepted host.
    Excepted,
    /// A server that receives mail for us.
    OwnServer,
    /// An address of this machine.
    OwnAddress,
    /// A network that this machine is connected to.
    Connected,
    /// A network that the configuration protects.
    Network,
    /// A block of the special-purpose registries.
    SpecialPurpose,
}

/// The first place that is none of a list's.
pub(super) const FIRST_PROTECTED_SLOT: u8 = 120;

impl ProtectedKind {
    /// All kinds, the most telling first.
    pub const ALL: [Self; 7] = [
        Self::MailServer,
        Self::Excepted,
        Self::OwnServer,
        Self::OwnAddress,
        Self::Connected,
        Self::Network,
        Self::SpecialPurpose,
    ];

    /// Its place in sets of lists.
    ///
    /// # Panics
    /// Never: the places from 120 to 127 are for these.
    #[must_use]
    pub const fn slot(self) -> ListSlot {
        match ListSlot::new(FIRST_PROTECTED_SLOT + self as u8) {
            Some(slot) => slot,
            None => unreachable!(),
        }
    }

    /// The kinds in a set of lists, the most telling first.
    pub fn in_set(set: Lists) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |kind| set & kind.slot().bit() != 0)
    }

    /// The word for it in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MailServer => "mail-server",
            Self::Excepted => "excepted",
            Self::OwnServer => "own-server",
            Self::OwnAddress => "own-address",
            Self::Connected => "connected",
            Self::Network => "network",
            Self::SpecialPurpose => "special-purpose",
        }
    }

    /// Whether such hosts are declared to be ours: mail that goes there does not leave.
    #[must_use]
    pub const fn is_declared(self) -> bool {
        matches!(self, Self::MailServer | Self::Excepted | Self::OwnServer)
    }

    /// Whether such hosts are never contained. The networks are no reason: zombies live in them.
    #[must_use]
    pub const fn spares(self) -> bool {
        self.is_declared() || matches!(self, Self::OwnAddress)
    }
}

/// Everything that is protected. Networks have no host bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// Servers that receive mail for us.
    pub own_servers: Vec<IpNet>,
    /// Declared mail servers.
    pub mail_servers: Vec<IpNet>,
    /// Excepted hosts.
    pub excepted: Vec<IpNet>,
    /// This machine's addresses.
    pub own_addresses: Vec<IpNet>,
    /// Networks that this machine is connected to.
    pub connected: Vec<IpNet>,
    /// Networks that the configuration names.
    pub networks: Vec<IpNet>,
    /// Whether the special-purpose blocks are protected.
    pub special_purpose: bool,
}

/// Spans with the place of the kind that they belong to.
type KindSpans<A> = Vec<(ListSlot, Vec<Span<A>>)>;

impl Protected {
    /// What a configuration protects on a machine with these addresses (each with its interface's prefix).
    #[must_use]
    pub fn new(hosts: &Hosts, wanted: &ProtectedNetworks, addresses: &[IpNet]) -> Self {
        let mut own: Vec<IpNet> = addresses.iter().map(|net| IpNet::from(net.addr())).collect();
        own.sort_unstable();
        own.dedup();
        let (connected, _) = connected_networks(addresses);
        Self {
            own_servers: hosts.own_servers.clone(),
            mail_servers: hosts.mail_servers.clone(),
            excepted: hosts.excepted.clone(),
            own_addresses: if wanted.own_addresses { own } else { Vec::new() },
            connected: if wanted.connected { connected } else { Vec::new() },
            networks: wanted.networks.clone(),
            special_purpose: wanted.special_purpose,
        }
    }

    /// The networks of a kind.
    pub fn nets(&self, kind: ProtectedKind) -> Vec<IpNet> {
        match kind {
            ProtectedKind::MailServer => self.mail_servers.clone(),
            ProtectedKind::Excepted => self.excepted.clone(),
            ProtectedKind::OwnServer => self.own_servers.clone(),
            ProtectedKind::OwnAddress => self.own_addresses.clone(),
            ProtectedKind::Connected => self.connected.clone(),
            ProtectedKind::Network => self.networks.clone(),
            ProtectedKind::SpecialPurpose if self.special_purpose => {
                SPECIAL_BLOCKS.iter().map(|block| block.net).collect()
            }
            ProtectedKind::SpecialPurpose => Vec::new(),
        }
    }

    /// What protects an address: kinds, the most telling first, each with one network of it that holds the address.
    pub fn covering(&self, address: IpAddr) -> impl Iterator<Item = (ProtectedKind, IpNet)> {
        let address = address.to_canonical();
        let holding = move |kind| self.nets(kind).into_iter().find(|net| net.contains(&address));
        ProtectedKind::ALL.into_iter().filter_map(move |kind| Some((kind, holding(kind)?)))
    }

    /// A protected network that shares addresses with `net`, and what protects it; the most telling.
    #[must_use]
    pub fn overlapping(&self, net: IpNet) -> Option<(ProtectedKind, IpNet)> {
        let overlaps = |other: &IpNet| other.contains(&net) || net.contains(other);
        ProtectedKind::ALL
            .into_iter()
            .find_map(|kind| Some((kind, self.nets(kind).into_iter().find(overlaps)?)))
    }

    /// All networks as spans, each kind in its place.
    pub(super) fn spans(&self) -> (KindSpans<u32>, KindSpans<u128>) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for kind in ProtectedKind::ALL {
            let (mut of_v4, mut of_v6) = (Vec::new(), Vec::new());
            for net in self.nets(kind) {
                match net {
                    IpNet::V4(net) => of_v4.push(span(net.network().into(), net.broadcast().into())),
                    IpNet::V6(net) => of_v6.push(span(net.network().into(), net.broadcast().into())),
                }
            }
            v4.push((kind.slot(), of_v4));
            v6.push((kind.slot(), of_v6));
        }
        (v4, v6)
    }
}

/// A span that stands in no file.
const fn span<A>(first: A, last: A) -> Span<A> {
    Span { first, last, line: 0 }
}

/// The widest networks that an interface makes protected, as prefix lengths: wider ones are mistakes, and would
/// protect half the internet.
const WIDEST_CONNECTED: (u8, u8) = (8, 32);

/// The networks that a machine with these addresses (each with its interface's prefix) is connected to, sorted; and those
/// that are too wide to be protected. Single addresses make no network.
#[must_use]
pub fn connected_networks(addresses: &[IpNet]) -> (Vec<IpNet>, Vec<IpNet>) {
    let mut nets: Vec<IpNet> =
        addresses.iter().filter(|net| net.prefix_len() < net.max_prefix_len()).map(IpNet::trunc).collect();
    nets.sort_unstable();
    nets.dedup();
    nets.into_iter().partition(|net| match net {
        IpNet::V4(net) => net.prefix_len() >= WIDEST_CONNECTED.0,
        IpNet::V6(net) => net.prefix_len() >= WIDEST_CONNECTED.1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap_or_else(|_| panic!("{text}"))).collect()
    }

    #[test]
    fn kinds_have_places_of_their_own() {
        let all = ProtectedKind::ALL.map(|kind| kind.slot().bit());
        assert_eq!(all.iter().fold(0, |set, bit| set | bit).count_ones(), 7);
        assert!(all.iter().all(|bit| *bit >= 1 << FIRST_PROTECTED_SLOT));
        for kind in ProtectedKind::ALL {
            assert_eq!(ProtectedKind::in_set(kind.slot().bit() | 1).collect::<Vec<_>>(), [kind]);
        }
        assert_eq!(ProtectedKind::in_set(Lists::MAX).collect::<Vec<_>>(), ProtectedKind::ALL);
    }

    #[test]
    fn the_most_telling_kind_is_named() {
        let protected = Protected {
            mail_servers: nets(&["10.0.0.25/32"]),
            own_addresses: nets(&["10.0.0.1/32", "8.8.8.8/32"]),
            connected: nets(&["10.0.0.0/24"]),
            special_purpose: true,
            ..Protected::default()
        };
        let kinds = |text: &str| {
            let address = text.parse().expect(text);
            protected.covering(address).map(|(kind, _)| kind.name()).collect::<Vec<_>>()
        };
        assert_eq!(kinds("10.0.0.25"), ["mail-server", "connected", "special-purpose"]);
        assert_eq!(kinds("::ffff:10.0.0.1"), ["own-address", "connected", "special-purpose"]);
        assert_eq!(kinds("8.8.8.8"), ["own-address"]);
        assert!(kinds("8.8.4.4").is_empty() && kinds("2a00::1").is_empty());
        for (net, expected) in [
            ("10.0.0.0/8", Some(("mail-server", "10.0.0.25/32"))),
            ("10.0.0.16/30", Some(("connected", "10.0.0.0/24"))),
            ("10.9.0.0/16", Some(("special-purpose", "10.0.0.0/8"))),
            ("fd00::1/128", Some(("special-purpose", "fc00::/7"))),
            ("9.0.0.0/8", None),
        ] {
            let found = protected.overlapping(net.parse().expect(net));
            let expected = expected.map(|(kind, net)| (kind, net.parse().expect(net)));
            assert_eq!(found.map(|(kind, net)| (kind.name(), net)), expected, "{net}");
        }
        let open = Protected { special_purpose: false, ..protected.clone() };
        assert_eq!(open.overlapping("10.9.0.0/16".parse().expect("a CIDR")), None);
    }

    #[test]
    fn networks_of_interfaces() {
        let addresses = nets(&[
            "192.168.7.9/24",
            "192.168.7.10/24",
            "203.0.113.9/32",
            "10.1.2.3/8",
            "11.0.0.1/7",
            "0.0.0.0/0",
            "2001:db8::5/64",
            "2001:db8::6/128",
            "2a00::1/29",
        ]);
        let (connected, too_wide) = connected_networks(&addresses);
        assert_eq!(connected, nets(&["10.0.0.0/8", "192.168.7.0/24", "2001:db8::/64"]));
        assert_eq!(too_wide, nets(&["0.0.0.0/0", "10.0.0.0/7", "2a00::/29"]));
    }
}
