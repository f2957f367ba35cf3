//! Recent sessions of a host, as the administrator is shown them.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::ops::Range;

use relay_guard_common::{address::Address, flow::FlowKey};

use super::{Rules, envelopes::kept};
use crate::config::Envelopes;
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

/// Texts of a session.
#[derive(Clone, Copy, Debug)]
enum Text {
    Helo,
    Sender,
    Reply,
}

const TEXTS: usize = Text::Reply as usize + 1;
/// The length of a text that is not known.
const UNKNOWN: u8 = u8::MAX;
const _: () = assert!(MAX_TEXT < UNKNOWN as usize, "lengths are of 8 bits");

/// Octets of a recent session as it is kept, and of its texts at most.
pub const KEPT_BYTES: usize = size_of::<Kept>();
pub const KEPT_TEXT_BYTES: usize = TEXTS * MAX_TEXT;

/// A session as it is kept. Its texts lie in one place, which the host's next session takes over.
#[derive(Clone, Debug)]
struct Kept {
    began_ns: u64,
    last_ns: u64,
    server: Address,
    server_port: u16,
    client_port: u16,
    protocol: Protocol,
    over: bool,
    tls: bool,
    complete: bool,
    lengths: [u8; TEXTS],
    transactions: u32,
    recipients: u32,
    refused: u32,
    texts: String,
}

impl Kept {
    /// `texts`: a place for them.
    fn new(flow: &FlowKey, began_ns: u64, mut texts: String) -> Self {
        texts.clear();
        Self {
            began_ns,
            last_ns: began_ns,
            server: flow.server,
            server_port: flow.server_port,
            client_port: flow.client_port,
            protocol: Protocol::Smtp,
            over: false,
            tls: false,
            complete: false,
            lengths: [UNKNOWN; TEXTS],
            transactions: 0,
            recipients: 0,
            refused: 0,
            texts,
        }
    }

    fn is_of(&self, flow: &FlowKey) -> bool {
        !self.over
            && self.client_port == flow.client_port
            && self.server_port == flow.server_port
            && self.server == flow.server
    }

    fn is_known(&self, text: Text) -> bool {
        self.lengths[text as usize] != UNKNOWN
    }

    fn place(&self, text: Text) -> Range<usize> {
        let length = |length: &u8| if *length == UNKNOWN { 0 } else { usize::from(*length) };
        let begin = self.lengths[..text as usize].iter().map(length).sum();
        begin..begin + length(&self.lengths[text as usize])
    }

    fn text(&self, text: Text) -> Option<Box<str>> {
        self.is_known(text).then(|| self.texts[self.place(text)].into())
    }

    /// Texts of strangers have an end. `head` is a few octets.
    fn set(&mut self, text: Text, head: &str, tail: &str) {
        let tail = &tail[..tail.floor_char_boundary(MAX_TEXT.saturating_sub(head.len()))];
        let place = self.place(text);
        if self.is_known(text) && self.texts[place.clone()].strip_prefix(head) == Some(tail) {
            return;
        }
        let length = head.len() + tail.len();
        let more = (self.texts.len() - place.len() + length).saturating_sub(self.texts.len());
        // No more than that: there are many of them.
        self.texts.reserve_exact(more);
        let begin = place.start;
        self.texts.replace_range(place, tail);
        self.texts.insert_str(begin, head);
        self.lengths[text as usize] = length as u8;
    }

    fn set_said(&mut self, code: u16, text: &str) {
        let digits = [100, 10, 1].map(|place| b'0' + (code / place % 10) as u8);
        let code = [digits[0], digits[1], digits[2], b' '];
        self.set(Text::Reply, str::from_utf8(&code).unwrap_or_default(), text);
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
            self.set(Text::Helo, "", helo);
        }
        if let Some(sender) = &transaction.mail_from {
            match rules.envelopes {
                Envelopes::Plain => self.set(Text::Sender, "", sender),
                as_kept => self.set(Text::Sender, "", &kept(sender, as_kept, &rules.key)),
            }
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
        match rules.envelopes {
            Envelopes::Plain => self.set_said(reply.code, &reply.text),
            envelopes => self.set_said(reply.code, &shown_text(&reply.text, known, envelopes, &rules.key)),
        }
    }

    fn note_session(&mut self, session: &Session, rules: &Rules) {
        self.began_ns = session.began_ns;
        self.last_ns = session.last_ns;
        self.protocol = session.protocol;
        self.over = session.ended.is_some();
        self.tls |= session.tls.as_ref().is_some_and(|tls| tls.accepted == Some(true));
        self.complete = session.complete;
        if let Some(helo) = &session.helo {
            self.set(Text::Helo, "", helo);
        }
        if let Some(greeting) = &session.greeting
            && greeting.is_negative()
            && !self.is_known(Text::Reply)
        {
            self.set_reply(greeting, &std::iter::empty(), rules);
        }
    }

    fn brief(&self) -> Brief {
        Brief {
            began_ns: self.began_ns,
            last_ns: self.last_ns,
            server: self.server.into(),
            server_port: self.server_port,
            client_port: self.client_port,
            protocol: self.protocol,
            over: self.over,
            tls: self.tls,
            complete: self.complete,
            helo: self.text(Text::Helo),
            sender: self.text(Text::Sender),
            transactions: self.transactions,
            recipients: self.recipients,
            refused: self.refused,
            reply: self.text(Text::Reply),
        }
    }
}

/// The recent sessions of a host, the latest last.
#[derive(Clone, Debug, Default)]
pub struct Recent(VecDeque<Kept>);

impl Recent {
    pub fn iter(&self) -> impl Iterator<Item = Brief> {
        self.0.iter().map(Kept::brief)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn note_transaction(&mut self, transaction: &Transaction, refused: u32, rules: &Rules, room: bool) {
        if let Some(kept) = self.of(&transaction.flow, transaction.began_ns, room) {
            kept.note_transaction(transaction, refused, rules);
        }
    }

    pub fn note_session(&mut self, session: &Session, rules: &Rules, room: bool) {
        if let Some(kept) = self.of(&session.flow, session.began_ns, room) {
            kept.note_session(session, rules);
        }
    }

    /// The one of this flow, made if there is none. Without `room` the oldest makes way; none if there is none either.
    fn of(&mut self, flow: &FlowKey, began_ns: u64, room: bool) -> Option<&mut Kept> {
        if let Some(at) = self.0.iter().rposition(|kept| kept.is_of(flow)) {
            return self.0.get_mut(at);
        }
        let texts = if room && self.0.len() < MAX_RECENT { String::new() } else { self.0.pop_front()?.texts };
        self.0.push_back(Kept::new(flow, began_ns, texts));
        self.0.back_mut()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a text of its own for each.
        #[test]
        fn texts_are_kept_apart(steps in proptest::collection::vec((0_usize..3, "[aé]{0,170}", any::<bool>()), 1..30)) {
            let flow = FlowKey::new((Address::v4([10, 0, 0, 1]), 1), (Address::v4([192, 0, 2, 1]), 25));
            let mut kept = Kept::new(&flow, 0, "before".to_owned());
            let mut model: [Option<String>; TEXTS] = [None, None, None];
            for (which, text, is_reply) in steps {
                let (name, text) = match (is_reply, which) {
                    (true, _) => {
                        kept.set_said(550, &text);
                        (Text::Reply, format!("550 {text}"))
                    }
                    (false, 0) => (Text::Helo, text),
                    (false, 1) => (Text::Sender, text),
                    (false, _) => (Text::Reply, text),
                };
                if !is_reply {
                    kept.set(name, "", &text);
                }
                model[name as usize] = Some(text[..text.floor_char_boundary(MAX_TEXT)].to_owned());
                for name in [Text::Helo, Text::Sender, Text::Reply] {
                    let text = kept.text(name).map(String::from);
                    prop_assert_eq!(&text, &model[name as usize]);
                }
                prop_assert!(kept.texts.capacity() <= KEPT_TEXT_BYTES, "{}", kept.texts.capacity());
            }
        }
    }
}
