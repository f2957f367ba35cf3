//! Who an inside host is, and what the kernel counted of it.

use std::net::IpAddr;

use relay_guard_common::host::HostRecord;

/// Who a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// An inside host like any other.
    Host,
    /// An IPv6 network, a /64, that is judged by all of its hosts together: never contained. Its address is its first one.
    Network,
    /// A declared mail server: contained only if the configuration says so.
    MailServer,
    /// Excepted by the administrator: never contained.
    Excepted,
    /// One of our servers: never contained.
    OwnServer,
    /// The gateway itself: never contained.
    Gateway,
    /// Allowed by the administrator's word: never contained.
    Allowed,
}

impl HostKind {
    /// The word for it in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Network => "network",
            Self::MailServer => "mail-server",
            Self::Excepted => "excepted",
            Self::OwnServer => "own-server",
            Self::Gateway => "gateway",
            Self::Allowed => "allowed",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        use HostKind::{Allowed, Excepted, Gateway, Host, MailServer, Network, OwnServer};
        let all = [Host, Network, MailServer, Excepted, OwnServer, Gateway, Allowed];
        all.into_iter().find(|kind| kind.name() == name)
    }

    /// A network where `is_network`, unless something is said of it.
    #[must_use]
    pub const fn or_network(self, is_network: bool) -> Self {
        if is_network && matches!(self, Self::Host) { Self::Network } else { self }
    }

    /// An address of this kind in words: a network is written as one.
    #[must_use]
    pub fn shown(self, address: IpAddr) -> String {
        if matches!(self, Self::Network) { format!("{address}/64") } else { address.to_string() }
    }

    /// Whether the engine may contain it, declared mail servers aside.
    #[must_use]
    pub const fn may_be_contained(self) -> bool {
        matches!(self, Self::Host)
    }

    /// Whether it is there to send or receive mail for others: writing to many servers is its work.
    #[must_use]
    pub const fn is_mail_server(self) -> bool {
        matches!(self, Self::MailServer | Self::OwnServer)
    }

    /// Whether mail that goes there is handed to a server of ours, which is no sign of anything.
    #[must_use]
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::MailServer | Self::OwnServer | Self::Gateway)
    }
}

/// A host as the kernel counted it.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// Its address.
    pub address: IpAddr,
    /// Who it is.
    pub kind: HostKind,
    /// What was counted.
    pub record: &'a HostRecord,
}
