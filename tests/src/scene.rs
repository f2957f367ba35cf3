//! The stage of most tests: a lab with a mail server behind the gateway and mail servers all over the internet, and
//! the few questions that tests ask of it again and again.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use tokio::runtime;
use tokio::task::JoinSet;

use crate::guard::GuardConfig;
use crate::lab::{Lab, addresses as addr, addresses::nth};
use crate::namespace::Namespace;
use crate::smtp::{Delivery, Outcome, ServerOptions, SmtpServer};

/// How long a sender waits that is expected to be dropped: too short for its SYN to be repeated. That nothing came of
/// it is asked of the server.
pub const IN_VAIN: Duration = Duration::from_millis(300);

/// A lab with servers.
#[derive(Debug)]
pub struct Scene {
    /// The own mail server, on port 25 and on port 587.
    pub own: SmtpServer,
    /// Every mail server of the internet.
    pub remote: SmtpServer,
    // Last, so that it is dropped last.
    /// The lab.
    pub lab: Lab,
}

/// Senders that [`Scene::config`] lists, one of each family.
#[must_use]
pub fn listed(n: u32) -> [IpAddr; 2] {
    [nth(addr::LISTED_V4, n), nth(addr::LISTED_V6, n)]
}

/// Senders that nobody lists.
#[must_use]
pub fn clean(n: u32) -> [IpAddr; 2] {
    [nth(addr::CLEAN_V4, n), nth(addr::CLEAN_V6, n)]
}

/// More senders that nobody lists, for second lists and entries of the administrator.
#[must_use]
pub fn spare(n: u32) -> [IpAddr; 2] {
    [nth(addr::SPARE_V4, n), nth(addr::SPARE_V6, n)]
}

/// Lines of a list that holds [`listed`] senders and nobody else.
#[must_use]
pub fn listed_lines() -> String {
    format!("# senders that must not\n{}\n{}\n", addr::LISTED_V4, addr::LISTED_V6)
}

impl Scene {
    /// Builds the lab and starts the servers.
    ///
    /// # Errors
    /// See [`Lab::new`].
    pub fn new() -> Result<Self> {
        let lab = Lab::new()?;
        let own: Vec<_> =
            [addr::SMTP, 587].into_iter().flat_map(|port| addr::MAIL_SERVER.sockets(port)).collect();
        Ok(Self {
            own: SmtpServer::start(&lab.mail, &own, ServerOptions::default())?,
            remote: SmtpServer::start_everywhere(
                &lab.internet,
                addr::SMTP,
                ServerOptions::named("mx.remote.example"),
            )?,
            lab,
        })
    }

    /// A configuration that enforces one list, `drops`, with [`listed_lines`].
    ///
    /// # Errors
    /// When the list cannot be written.
    pub fn config(&self) -> Result<GuardConfig> {
        let mut config = GuardConfig::for_lab(&self.lab);
        config.add_list(&self.lab, "drops", "drop", &listed_lines())?;
        Ok(config)
    }

    /// A message from the internet to the own mail server.
    #[must_use]
    pub fn inbound(source: IpAddr) -> Delivery {
        Delivery::new(source, SocketAddr::new(addr::MAIL_SERVER.like(source), addr::SMTP))
    }

    /// A message from an inside host to the `n`th mail server of the internet.
    #[must_use]
    pub fn outbound(source: IpAddr, n: u32) -> Delivery {
        let server =
            if source.is_ipv4() { nth(addr::REMOTE_SERVERS_V4, n) } else { nth(addr::REMOTE_SERVERS_V6, n) };
        Delivery::new(source, SocketAddr::new(server, addr::SMTP))
    }

    /// Delivers a message from each of these senders on the internet.
    ///
    /// # Panics
    /// When one of them is not delivered.
    #[track_caller]
    pub fn assert_deliver(&self, sources: impl IntoIterator<Item = IpAddr>) {
        let deliveries: Vec<_> = sources.into_iter().map(Self::inbound).collect();
        assert_delivered(&self.lab.internet, &deliveries);
    }

    /// Lets each of these senders on the internet try, in vain.
    ///
    /// # Panics
    /// When one of them gets any answer, or the own server has seen one.
    #[track_caller]
    pub fn assert_blocked(&self, sources: impl IntoIterator<Item = IpAddr>) {
        let sources: Vec<_> = sources.into_iter().collect();
        let seen = |source: IpAddr| self.own.ledger().connections_from(|peer| peer == source);
        let before: Vec<_> = sources.iter().map(|source| seen(*source)).collect();
        let deliveries: Vec<_> =
            sources.iter().map(|source| Self::inbound(*source).connect_timeout(IN_VAIN)).collect();
        assert_unanswered(&self.lab.internet, &deliveries);
        let after: Vec<_> = sources.iter().map(|source| seen(*source)).collect();
        assert_eq!(before, after, "the server has seen one of {sources:?}");
    }
}

/// Makes all these attempts at once, in `namespace`.
///
/// # Panics
/// When an attempt does.
#[must_use]
pub fn attempt_all(namespace: &Namespace, deliveries: &[Delivery]) -> Vec<Outcome> {
    namespace.run(|| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut attempts = JoinSet::new();
            for (number, delivery) in deliveries.iter().cloned().enumerate() {
                attempts.spawn(async move { (number, delivery.attempt().await) });
            }
            let mut outcomes = attempts.join_all().await;
            outcomes.sort_by_key(|(number, _)| *number);
            outcomes.into_iter().map(|(_, outcome)| outcome).collect()
        })
    })
}

/// Makes all these attempts at once, in `namespace`.
///
/// # Panics
/// When one is not delivered.
#[track_caller]
pub fn assert_delivered(namespace: &Namespace, deliveries: &[Delivery]) {
    for (delivery, outcome) in deliveries.iter().zip(attempt_all(namespace, deliveries)) {
        assert_eq!(outcome, Outcome::Delivered, "{} to {}", delivery.source, delivery.server);
    }
}

/// Makes these attempts one after the other, in `namespace`: for tests of what is counted, as the kernel's counts of
/// attempts under way at the same time may be off by a few.
///
/// # Panics
/// When one is not delivered.
#[track_caller]
pub fn assert_delivered_in_turn(namespace: &Namespace, deliveries: &[Delivery]) {
    for delivery in deliveries {
        assert_delivered(namespace, std::slice::from_ref(delivery));
    }
}

/// Makes all these attempts at once, in `namespace`.
///
/// # Panics
/// When one gets any answer.
#[track_caller]
pub fn assert_unanswered(namespace: &Namespace, deliveries: &[Delivery]) {
    for (delivery, outcome) in deliveries.iter().zip(attempt_all(namespace, deliveries)) {
        assert_eq!(outcome, Outcome::ConnectTimeout, "{} to {}", delivery.source, delivery.server);
    }
}
