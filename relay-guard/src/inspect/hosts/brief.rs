//! Recent sessions of a host, as the administrator is shown them.

use std::net::IpAddr;

use relay_guard_common::flow::FlowKey;

use super::{Rules, envelopes::kept};
use crate::inspect::observation::{Protocol, Reply, Session, Transaction};
use crate::inspect::shown_text;

/// Recent sessions of a host that are kept.
pub const MAX_RECENT: usize = 16;
/// Octets of a text that are kept.
const MAX_TEXT: usize = 160;

/// A session, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// When it was seen first, nanoseconds.
    pub began_ns: u64,
    /// When something was seen of it last.
    pub last_ns: u64,
    /// Its server.
    pub server: IpAddr,
    /// The server's port.
    pub server_port: u16,
    /// The client's port.
    pub client_port: u16,
    /// What it turned out to be.
    pub protocol: Protocol,
    /// Whether it is over.
    pub over: bool,
    /// Whether it is encrypted, so that nothing else of it is known.
    pub tls: bool,
    /// Whether nothing is missing but content and what is encrypted.
    pub complete: bool,
    /// By what it introduced itself.
    pub helo: Option<Box<str>>,
    /// The last sender, as envelopes are kept; empty for the null sender.
    pub sender: Option<Box<str>>,
    /// Transactions.
    pub transactions: u32,
    /// Recipients of all of them.
    pub recipients: u32,
    /// Those that were refused for good.
    pub refused: u32,
    /// The last reply to a transaction, or the greeting if that refused.
    pub reply: Option<Box<str>>,
}

impl Brief {
    fn new(flow: &FlowKey, began_ns: u64) -> Self {
        Self {
            began_ns,
            last_ns: began_ns,
            server: flow.server.into(),
            server_port: flow.server_port,
            client_port: flow.client_port,
            protocol: Protocol::Smtp,
            over: false,
            tls: false,
            complete: false,
            helo: None,
            sender: None,
            transactions: 0,
            recipients: 0,
            refused: 0,
            reply: None,
        }
    }

    fn is_of(&self, flow: &FlowKey) -> bool {
        !self.over
            && self.client_port == flow.client_port
            && self.server_port == flow.server_port
            && self.server == IpAddr::from(flow.server)
    }

    fn note_transaction(&mut self, transaction: &Transaction, refused: u32, rules: &Rules) {
        self.last_ns = transaction.ended_ns;
        self.tls |= transaction.tls;
        if transaction.tls {
            return;
        }
        self.transactions += 1;
        self.recipients += transaction.recipients.len() as u32 + transaction.recipients_left_out;
        self.refused += refused;
        if let Some(helo) = &transaction.helo {
            self.helo = Some(cut(helo));
        }
        if let Some(sender) = &transaction.mail_from {
            self.sender = Some(cut(&kept(sender, rules.envelopes, &rules.key)));
        }
        if let Some(reply) = &transaction.last_reply {
            let recipients = transaction.recipients.iter().map(|recipient| &*recipient.address);
            self.set_reply(reply, &recipients.chain(transaction.mail_from.as_deref()), rules);
        }
    }

    /// Keeps a reply, in which those who are `known` are shown like envelopes are.
    fn set_reply<'a>(
        &mut self,
        reply: &Reply,
        known: &(impl Iterator<Item = &'a str> + Clone),
        rules: &Rules,
    ) {
        let text = shown_text(&reply.text, known, rules.envelopes, &rules.key);
        self.reply = Some(cut(&format!("{} {text}", reply.code)));
    }

    fn note_session(&mut self, session: &Session, rules: &Rules) {
        self.began_ns = session.began_ns;
        self.last_ns = session.last_ns;
        self.protocol = session.protocol;
        self.over = session.ended.is_some();
        self.tls |= session.tls.as_ref().is_some_and(|tls| tls.accepted == Some(true));
        self.complete = session.complete;
        if let Some(helo) = &session.helo {
            self.helo = Some(cut(helo));
        }
        if let (None, Some(greeting)) = (&self.reply, &session.greeting)
            && greeting.is_negative()
        {
            self.set_reply(greeting, &std::iter::empty(), rules);
        }
    }
}

/// The recent sessions of a host, the latest last.
#[derive(Clone, Debug, Default)]
pub struct Recent(Vec<Brief>);

impl Recent {
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Brief> {
        self.0.iter()
    }

    pub const fn len(&self) -> usize {
        self.0.len()
    }

    pub fn note_transaction(&mut self, transaction: &Transaction, refused: u32, rules: &Rules, room: bool) {
        if let Some(brief) = self.of(&transaction.flow, transaction.began_ns, room) {
            brief.note_transaction(transaction, refused, rules);
        }
    }

    pub fn note_session(&mut self, session: &Session, rules: &Rules, room: bool) {
        if let Some(brief) = self.of(&session.flow, session.began_ns, room) {
            brief.note_session(session, rules);
        }
    }

    /// The one of this flow, made if there is none. Without `room` the oldest makes way; none if there is none either.
    fn of(&mut self, flow: &FlowKey, began_ns: u64, room: bool) -> Option<&mut Brief> {
        if let Some(at) = self.0.iter().rposition(|brief| brief.is_of(flow)) {
            return self.0.get_mut(at);
        }
        if self.0.len() >= MAX_RECENT || (!room && !self.0.is_empty()) {
            self.0.remove(0);
        } else if !room {
            return None;
        }
        self.0.push(Brief::new(flow, began_ns));
        self.0.last_mut()
    }
}

/// Texts of strangers have an end.
fn cut(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(MAX_TEXT)].into()
}
