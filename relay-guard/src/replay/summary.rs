//! What was seen, in figures: for people, and bounded whatever there is.

use std::{collections::HashMap, net::IpAddr};

use crate::inspect::observation::{Outcome, Protocol, Reply, Session, Transaction};

/// Clients with figures of their own, at most.
pub const MAX_CLIENTS: usize = 65_536;

/// Figures of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// All transactions that could be read.
    pub all: u64,
    /// The server took it.
    pub accepted: u64,
    /// The server refused it, its sender or all its recipients.
    pub refused: u64,
    /// The client gave it up.
    pub abandoned: u64,
    /// What became of it was not seen.
    pub unknown: u64,
    /// Recipients that were tried.
    pub recipients: u64,
    /// Recipients that were refused.
    pub refused_recipients: u64,
}

/// Figures of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its sessions.
    pub sessions: u64,
    /// Its messages.
    pub messages: Messages,
    /// How it called itself at last.
    pub helo: Option<Box<str>>,
}

/// Figures of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Sessions that are over.
    pub sessions: u64,
    /// Those of which nothing is missing.
    pub complete: u64,
    /// Those that went on encrypted.
    pub encrypted: u64,
    /// Those that were of another protocol, or silent.
    pub not_smtp: u64,
    /// Messages.
    pub messages: Messages,
    /// Each client's.
    clients: HashMap<IpAddr, Client>,
    /// Sessions of clients for which there was no room.
    pub left_out: u64,
}

impl Messages {
    fn count(&mut self, transaction: &Transaction) {
        self.all += 1;
        let outcome = match transaction.outcome {
            Outcome::Accepted => &mut self.accepted,
            Outcome::Refused => &mut self.refused,
            Outcome::Abandoned => &mut self.abandoned,
            Outcome::Unknown => &mut self.unknown,
        };
        *outcome += 1;
        let refused = transaction
            .recipients
            .iter()
            .filter(|recipient| recipient.reply.as_ref().is_some_and(Reply::is_negative));
        self.recipients += transaction.recipients.len() as u64 + u64::from(transaction.recipients_left_out);
        self.refused_recipients += refused.count() as u64;
    }
}

impl Summary {
    /// Counts a transaction. What stands for all that is encrypted is no message.
    pub fn transaction(&mut self, transaction: &Transaction) {
        if transaction.tls {
            return;
        }
        self.messages.count(transaction);
        if let Some(client) = self.client(transaction.flow.client.into()) {
            client.messages.count(transaction);
        }
    }

    /// Counts a session that is over.
    pub fn session(&mut self, session: &Session) {
        self.sessions += 1;
        self.complete += u64::from(session.complete);
        self.encrypted += u64::from(
            session.protocol == Protocol::Tls
                || session.tls.as_ref().is_some_and(|tls| tls.accepted == Some(true)),
        );
        self.not_smtp += u64::from(!matches!(session.protocol, Protocol::Smtp | Protocol::Tls));
        match self.client(session.flow.client.into()) {
            Some(client) => {
                client.sessions += 1;
                client.helo = session.helo.clone().or(client.helo.take());
            }
            None => self.left_out += 1,
        }
    }

    fn client(&mut self, address: IpAddr) -> Option<&mut Client> {
        let has_room = self.clients.len() < MAX_CLIENTS || self.clients.contains_key(&address);
        has_room.then(|| self.clients.entry(address).or_default())
    }

    /// The clients, those with most messages and then most sessions first.
    #[must_use]
    pub fn clients(&self) -> Vec<(IpAddr, &Client)> {
        let mut clients: Vec<_> = self.clients.iter().map(|(address, client)| (*address, client)).collect();
        clients.sort_unstable_by_key(|(address, client)| {
            (std::cmp::Reverse((client.messages.all, client.sessions)), *address)
        });
        clients
    }
}
