//! What a server has seen, for the test to read while it runs.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;

use crate::wait;

/// An accepted TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The client.
    pub peer: SocketAddr,
    /// The address it connected to: with a server on all addresses, which of them.
    pub local: SocketAddr,
}

/// A message the server has taken responsibility for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The connection it came by.
    pub connection: Connection,
    /// The name in EHLO or HELO.
    pub helo: String,
    /// The envelope sender; empty for the null sender.
    pub from: String,
    /// The envelope recipients.
    pub to: Vec<String>,
    /// The content, dots unstuffed, every line ended by CRLF.
    pub content: Vec<u8>,
}

/// Connections and messages of one server, bounded: past [`Ledger::LIMIT`] of each only the counters go on.
#[derive(Debug, Default)]
pub struct Ledger {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: Vec<Connection>,
    messages: Vec<Message>,
    connections_total: usize,
    messages_total: usize,
}

impl Ledger {
    /// How many connections, and how many messages, are kept.
    pub const LIMIT: usize = 100_000;

    /// All accepted connections, oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.lock().connections.clone()
    }

    /// All accepted messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.lock().messages.clone()
    }

    /// How many connections there were.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.lock().connections_total
    }

    /// How many messages there were.
    #[must_use]
    pub fn message_count(&self) -> usize {
        self.lock().messages_total
    }

    /// How many connections came from addresses that `matches` says yes to.
    #[must_use]
    pub fn connections_from(&self, matches: impl Fn(IpAddr) -> bool) -> usize {
        self.lock().connections.iter().filter(|connection| matches(connection.peer.ip())).count()
    }

    /// How many messages came from addresses that `matches` says yes to.
    #[must_use]
    pub fn messages_from(&self, matches: impl Fn(IpAddr) -> bool) -> usize {
        self.lock().messages.iter().filter(|message| matches(message.connection.peer.ip())).count()
    }

    /// Waits until at least `count` messages have come.
    ///
    /// # Errors
    /// When fewer have come after `within`.
    pub fn wait_for_messages(&self, count: usize, within: Duration) -> Result<()> {
        let what = format!("message {count} at the lab's SMTP server");
        wait::until(&what, within, || Ok((self.message_count() >= count).then_some(())))
    }

    pub(super) fn enter_connection(&self, connection: Connection) {
        let mut state = self.lock();
        state.connections_total += 1;
        if state.connections.len() < Self::LIMIT {
            state.connections.push(connection);
        }
    }

    pub(super) fn enter_message(&self, message: Message) {
        let mut state = self.lock();
        state.messages_total += 1;
        if state.messages.len() < Self::LIMIT {
            state.messages.push(message);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change above is a single push or addition, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
