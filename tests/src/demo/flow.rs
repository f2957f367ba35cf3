//! A flow: who sends to whom, how often, and how each attempt ended.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::scenario;
use crate::lab::addresses::{SMTP, nth};
use crate::smtp::{Delivery, Outcome};

/// What a sender is to the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// On the internet, on no list.
    Clean,
    /// On the internet, on a list that drops.
    Listed,
    /// On the internet, on a list that refuses.
    Refused,
    /// Inside, declared as a mail server.
    Declared,
    /// Inside, excepted from the search for zombies.
    Excepted,
    /// Inside, an ordinary host that sends as little as those do.
    Workstation,
    /// Inside, and infected.
    Zombie,
}

impl Role {
    /// What the screen calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean sender",
            Self::Listed => "dropped sender",
            Self::Refused => "refused sender",
            Self::Declared => "mail server",
            Self::Excepted => "monitoring host",
            Self::Workstation => "workstation",
            Self::Zombie => "zombie",
        }
    }

    /// Whether it sends from the internet to the own server, and not the other way.
    pub(super) fn is_inbound(self) -> bool {
        matches!(self, Self::Clean | Self::Listed | Self::Refused)
    }
}

/// Where a flow's clients run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The internet namespace.
    Internet,
    /// The inside namespace.
    Inside,
    /// The mail server's namespace.
    Mail,
}

/// A steady stream of deliveries.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) role: Role,
    pub(super) place: Place,
    /// The senders: one address, or a network of which they use one after another.
    pub(super) sources: IpNet,
    /// The servers, likewise.
    pub(super) servers: IpNet,
    /// Time between attempts.
    pub(super) pace: Duration,
    /// When the first attempt is made, counted from the begin of all traffic.
    pub(super) wakes: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) tally: Tally,
}

impl Flow {
    /// The `n`th message.
    pub(super) fn delivery(&self, n: u32) -> Delivery {
        let server = SocketAddr::new(turn(self.servers, n), SMTP);
        let source = turn(self.sources, n);
        Delivery {
            connect_timeout: self.connect_timeout,
            reply_timeout: Duration::from_secs(5),
            ..Delivery::new(source, server)
        }
    }

    /// How the screen names its senders: `10.0.1.66`, `198.51.100.0/24`.
    pub(super) fn senders(&self) -> String {
        match self.single_source() {
            Some(address) => address.to_string(),
            None => self.sources.to_string(),
        }
    }

    /// Its sender, when it has only one.
    pub(super) fn single_source(&self) -> Option<IpAddr> {
        (self.sources.prefix_len() == self.sources.max_prefix_len()).then(|| self.sources.addr())
    }
}

/// Address `n` of a network in turn, without the first and the last of an IPv4 network, which some hosts avoid.
fn turn(net: IpNet, n: u32) -> IpAddr {
    match net {
        IpNet::V4(v4) if v4.prefix_len() == 24 => nth(v4, n % 254 + 1),
        other => nth(other, n + 1),
    }
}

/// One attempt that has ended.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) source: IpAddr,
    pub(super) started: Instant,
    pub(super) outcome: Outcome,
}

impl Attempt {
    /// Whether it was told why, in the very words that its list has for this sender.
    pub(super) fn is_told_why(&self) -> bool {
        self.outcome == scenario::refusal(self.source)
    }
}

/// All attempts of one flow.
#[derive(Debug, Default)]
pub(super) struct Tally {
    started: AtomicUsize,
    ended: Mutex<Vec<Attempt>>,
}

impl Tally {
    pub(super) fn start(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self, attempt: Attempt) {
        self.ended().push(attempt);
    }

    /// Attempts begun.
    pub(super) fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    /// Attempts ended in a way that `matches` says yes to.
    pub(super) fn count(&self, matches: impl Fn(&Attempt) -> bool) -> usize {
        self.ended().iter().filter(|attempt| matches(attempt)).count()
    }

    /// Messages delivered.
    pub(super) fn delivered(&self) -> usize {
        self.count(|attempt| attempt.outcome.is_delivered())
    }

    /// Attempts that never became a connection.
    pub(super) fn blocked(&self) -> usize {
        self.count(|attempt| !attempt.outcome.has_connected())
    }

    /// Attempts that were told why they were refused.
    pub(super) fn told_why(&self) -> usize {
        self.count(Attempt::is_told_why)
    }

    /// The first refusal that came, as the client has read it.
    pub(super) fn refusal(&self) -> Option<String> {
        let ended = self.ended();
        let first = ended.iter().find(|attempt| attempt.is_told_why())?;
        match &first.outcome {
            Outcome::Rejected { code, text, .. } => Some(format!("{code} {text}")),
            _ => None,
        }
    }

    /// Attempts that became a connection, whatever came of it.
    pub(super) fn passed(&self) -> usize {
        self.count(|attempt| attempt.outcome.has_connected())
    }

    /// Attempts that ended without delivery, and how the first of them did.
    pub(super) fn failures(&self) -> (usize, Option<Outcome>) {
        self.unlike(|attempt| attempt.outcome.is_delivered())
    }

    /// Attempts that ended in a way that `wanted` says no to, and how the first of them did.
    pub(super) fn unlike(&self, wanted: impl Fn(&Attempt) -> bool) -> (usize, Option<Outcome>) {
        let ended = self.ended();
        let mut failed = ended.iter().filter(|attempt| !wanted(attempt));
        let first = failed.next().map(|attempt| attempt.outcome.clone());
        (usize::from(first.is_some()) + failed.count(), first)
    }

    fn ended(&self) -> MutexGuard<'_, Vec<Attempt>> {
        // Only whole attempts are pushed, so a panic elsewhere leaves nothing half done.
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
