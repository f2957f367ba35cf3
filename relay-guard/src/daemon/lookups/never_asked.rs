//! About whom nobody is asked, whatever the kernel wants to know: it asks of sources of which it knows nothing, so these are
//! sources of which something became known a moment ago. Zones must not hear of our own networks.

use std::net::IpAddr;

use ipnet::IpNet;
use relay_guard_common::ask::may_be_listed;

use crate::policy::{Protected, ProtectedKind, VerdictKind, VerdictStore};

/// Who is never asked about at one moment.
#[derive(Debug)]
pub(super) struct NeverAsked<'a> {
    own: Vec<IpAddr>,
    protected: Vec<IpNet>,
    administrator: &'a VerdictStore,
}

impl<'a> NeverAsked<'a> {
    /// Our own addresses (of interfaces with their prefix lengths and indices), what is protected, and what the
    /// administrator allows.
    pub(super) fn new(
        addresses: &[(IpNet, u32)],
        protected: &Protected,
        administrator: &'a VerdictStore,
    ) -> Self {
        Self {
            own: addresses.iter().map(|(net, _)| net.addr()).collect(),
            protected: ProtectedKind::ALL.into_iter().flat_map(|kind| protected.nets(kind)).collect(),
            administrator,
        }
    }

    /// Whether an address is among them. It has no IPv4-mapped form.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        !may_be_listed(address.into())
            || self.own.contains(&address)
            || self.protected.iter().any(|net| net.contains(&address))
            || !self.administrator.is_empty() && self.is_allowed(address)
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.administrator.covering(address).any(|entry| entry.kind == VerdictKind::Allow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Capacity, Entry};

    #[test]
    fn nobody_is_asked_about_who_is_known() {
        let net = |text: &str| text.parse::<IpNet>().expect(text);
        let mut store = VerdictStore::new(Capacity { hosts: 9, prefixes: 9 });
        for (text, kind) in [
            ("198.51.100.0/24", VerdictKind::Allow),
            ("198.51.100.7/32", VerdictKind::Block),
            ("192.0.2.9/32", VerdictKind::Block),
        ] {
            let entry = Entry { net: net(text), kind, until: None, reason: String::new(), added: 1 };
            store.put(entry).expect("room");
        }
        let protected = Protected {
            mail_servers: vec![net("203.0.113.25/32")],
            networks: vec![net("2001:db8:7::/48")],
            ..Protected::default()
        };
        let addresses = [(net("203.0.113.1/24"), 2), (net("2001:db8::1/64"), 2)];
        let never = NeverAsked::new(&addresses, &protected, &store);
        for (address, expected) in [
            ("203.0.113.1", true),
            ("203.0.113.2", false),
            ("203.0.113.25", true),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
            ("2001:db8:7::2", true),
            ("198.51.100.7", true),
            ("192.0.2.9", false),
            ("10.1.2.3", true),
            ("127.0.0.1", true),
            ("fe80::1", true),
        ] {
            assert_eq!(never.holds(address.parse().expect(address)), expected, "{address}");
        }
    }
}
