//! Who is who among the inside hosts, as it stands at a moment.

use std::{
    collections::{BTreeSet, HashSet},
    net::IpAddr,
};

use ipnet::IpNet;

use super::HostKind;
use crate::{
    config::Hosts,
    policy::compile::{Declaration, declaration},
};

/// Whom the configuration declares, which addresses are this machine's, and whom the administrator allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    declared: Hosts,
    own: HashSet<IpAddr>,
    allowed: HashSet<IpNet>,
    /// Lengths of the prefixes that are allowed, IPv4 and IPv6.
    lengths: [BTreeSet<u8>; 2],
}

impl Kinds {
    /// The kinds of hosts by what is declared, by this machine's addresses and by what is allowed (without host bits, IPv4 as
    /// IPv4).
    #[must_use]
    pub fn new(
        declared: &Hosts,
        own: impl IntoIterator<Item = IpAddr>,
        allowed: impl IntoIterator<Item = IpNet>,
    ) -> Self {
        let allowed: HashSet<IpNet> = allowed.into_iter().collect();
        let lengths = |v6: bool| {
            let of_family = allowed.iter().filter(|net| net.addr().is_ipv6() == v6);
            of_family.map(IpNet::prefix_len).collect()
        };
        let lengths = [lengths(false), lengths(true)];
        Self { declared: declared.clone(), own: own.into_iter().collect(), allowed, lengths }
    }

    /// Who a host is.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> HostKind {
        let address = address.to_canonical();
        match declaration(&self.declared, address) {
            Some(Declaration::MailServer) => HostKind::MailServer,
            Some(Declaration::Excepted) => HostKind::Excepted,
            Some(Declaration::OwnServer) => HostKind::OwnServer,
            None if self.own.contains(&address) => HostKind::Gateway,
            None if self.is_allowed(address) => HostKind::Allowed,
            None => HostKind::Host,
        }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        let holds =
            |length: &u8| IpNet::new(address, *length).is_ok_and(|net| self.allowed.contains(&net.trunc()));
        lengths.iter().any(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    #[test]
    fn each_host_is_what_says_most_about_it() {
        let declared = Hosts {
            own_servers: nets(&["10.0.1.25/32"]),
            mail_servers: nets(&["10.0.1.25/32", "10.0.1.26/32"]),
            excepted: nets(&["10.0.2.0/24"]),
        };
        let own = ["10.0.1.1", "2001:db8::1"].map(|text| text.parse().expect(text));
        let allowed = nets(&["10.0.3.0/24", "10.0.4.7/32", "2001:db8:5::/48", "10.0.1.0/24"]);
        let kinds = Kinds::new(&declared, own, allowed);
        for (address, expected) in [
            ("10.0.1.26", HostKind::MailServer),
            ("10.0.1.25", HostKind::MailServer),
            ("10.0.2.9", HostKind::Excepted),
            ("10.0.1.1", HostKind::Gateway),
            ("2001:db8::1", HostKind::Gateway),
            ("10.0.1.2", HostKind::Allowed),
            ("10.0.3.255", HostKind::Allowed),
            ("10.0.4.7", HostKind::Allowed),
            ("::ffff:10.0.4.7", HostKind::Allowed),
            ("10.0.4.8", HostKind::Host),
            ("2001:db8:5::9", HostKind::Allowed),
            ("2001:db8:6::9", HostKind::Host),
            ("10.0.5.1", HostKind::Host),
        ] {
            assert_eq!(kinds.of(address.parse().expect(address)), expected, "{address}");
        }
    }

    #[test]
    fn all_of_a_family_may_be_allowed() {
        let kinds = Kinds::new(&Hosts::default(), [], nets(&["0.0.0.0/0"]));
        assert_eq!(kinds.of(IpAddr::from([10, 0, 0, 1])), HostKind::Allowed);
        assert_eq!(kinds.of("2001:db8::1".parse().expect("an address")), HostKind::Host);
    }
}
