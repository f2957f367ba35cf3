//! What is known of a session as a whole.

use relay_guard_common::flow::FlowKey;

use super::text::text;
use super::{Begins, MAX_EXTENSIONS, MAX_HELO, MAX_KEYWORD, MAX_REFUSED_WITH, MAX_REPLY_TEXT};
use crate::inspect::observation::{Auth, Ended, Protocol, Reply, Session, Slips, Tls, Unseen};

/// The keyword that allows groups of commands (RFC 2920).
const PIPELINING: &str = "PIPELINING";

/// Parts of words in replies that speak of a blocklist. What they mean is judged elsewhere; here they say what is worth keeping.
const TOLD: [&[u8]; 5] = [b"block", b"black", b"list", b"rbl", b"dnsbl"];

/// What is known so far.
pub(super) struct Facts {
    pub(super) seen: Session,
    /// Something that is neither content nor encrypted is missing.
    pub(super) is_damaged: bool,
    /// The client said QUIT.
    pub(super) has_quit: bool,
    /// Groups of commands are allowed.
    pub(super) may_pipeline: bool,
    /// It speaks LMTP (RFC 2033).
    pub(super) is_lmtp: bool,
    /// The client did not say HELO last: parameters are allowed.
    pub(super) may_extend: bool,
    /// The reply to the STARTTLS that the server agreed to.
    pub(super) tls_reply: Option<Reply>,
}

impl Facts {
    pub(super) fn new(flow: FlowKey, begins: Begins, now_ns: u64) -> Self {
        let beginning = begins == Begins::InTheMiddle;
        let mut seen = empty(flow, now_ns);
        seen.unseen.beginning = beginning;
        Self {
            seen,
            is_damaged: beginning,
            has_quit: false,
            may_pipeline: beginning,
            is_lmtp: false,
            may_extend: true,
            tls_reply: None,
        }
    }

    /// The client says who it is.
    pub(super) fn hello(&mut self, name: &[u8], is_plain: bool) {
        let seen = &mut self.seen;
        let name = text(name, MAX_HELO);
        if seen.helo.as_ref().is_some_and(|before| *before != name) {
            seen.helo_changes = seen.helo_changes.saturating_add(1);
        }
        seen.plain_helo = is_plain && (seen.plain_helo || seen.helo.is_none());
        seen.helo = Some(name);
        self.may_extend = !is_plain;
    }

    /// The server begins to say what it offers.
    pub(super) fn forget_extensions(&mut self) {
        self.seen.extensions.clear();
        self.may_pipeline = false;
    }

    /// The server offers this: a keyword, and its parameters.
    pub(super) fn extension(&mut self, line: &[u8]) {
        let end = line.iter().position(|octet| matches!(octet, b' ' | b'\t' | b'='));
        let keyword = &line[..end.unwrap_or(line.len())];
        if keyword.is_empty() || self.seen.extensions.len() >= MAX_EXTENSIONS {
            return;
        }
        let mut keyword = text(keyword, MAX_KEYWORD);
        keyword.make_ascii_uppercase();
        self.may_pipeline |= &*keyword == PIPELINING;
        if !self.seen.extensions.contains(&keyword) {
            self.seen.extensions.push(keyword);
        }
    }

    /// A reply that refuses. `said` may be left out if it repeats what the client said.
    pub(super) fn refusal(&mut self, code: u16, said: Option<&[u8]>) {
        let Some(kind) = code.checked_sub(400).map(|above| usize::from(above / 100)) else { return };
        if let Some(count) = self.seen.refusals.get_mut(kind) {
            *count = count.saturating_add(1);
        }
        let said = said.unwrap_or_default();
        let kept = &mut self.seen.refused_with;
        if kept.len() >= MAX_REFUSED_WITH {
            // What speaks of a blocklist takes the place of what does not.
            if !speaks_of_a_list(said) {
                return;
            }
            let Some(place) = kept.iter().rposition(|reply| !speaks_of_a_list(reply.text.as_bytes())) else {
                return;
            };
            kept.remove(place);
        }
        kept.push(Reply { code, text: text(said, MAX_REPLY_TEXT) });
    }

    /// The client wants to authenticate.
    pub(super) fn auth(&mut self, mechanism: &str) {
        if self.seen.auth.as_ref().is_none_or(|auth| auth.accepted != Some(true)) {
            self.seen.auth = Some(Auth { mechanism: mechanism.into(), accepted: None });
        }
    }

    /// The server has decided on that.
    pub(super) fn authenticated(&mut self, accepted: bool) {
        if let Some(auth) = &mut self.seen.auth
            && auth.accepted != Some(true)
        {
            auth.accepted = Some(accepted);
        }
    }

    /// What is known of TLS.
    pub(super) fn tls(&mut self) -> &mut Tls {
        self.seen.tls.get_or_insert(Tls { accepted: None, server_name: None, alpn: Vec::new(), ja4: None })
    }

    /// What looked like a ClientHello was none.
    pub(super) fn forget_hello(&mut self) {
        match &mut self.seen.tls {
            Some(tls) if tls.accepted.is_some() && self.seen.protocol != Protocol::Tls => {
                (tls.server_name, tls.ja4) = (None, None);
                tls.alpn.clear();
            }
            tls => *tls = None,
        }
    }

    /// Somebody said something that belongs to this protocol, if that was not decided before.
    pub(super) fn is(&mut self, protocol: Protocol) {
        if self.seen.protocol == Protocol::Silent {
            self.seen.protocol = protocol;
        }
    }

    /// At the end: whoever spoke and was not understood spoke something else.
    pub(super) fn undecided_protocol(&mut self, client_spoke: bool, server_spoke: bool) {
        if client_spoke || server_spoke {
            self.is(Protocol::Other);
        }
    }

    /// The session as far as it is known. Once it has ended it is handed over: copies cost most of what is done for a session.
    pub(super) fn session(&mut self, transactions: u32, ended: Option<Ended>) -> Session {
        self.seen.transactions = transactions;
        self.seen.ended = ended;
        self.seen.complete = !self.is_damaged && matches!(ended, Some(Ended::Orderly | Ended::Reset));
        match ended {
            None => self.seen.clone(),
            Some(_) => {
                let nothing = empty(self.seen.flow, self.seen.began_ns);
                std::mem::replace(&mut self.seen, nothing)
            }
        }
    }

    /// Octets on the heap.
    pub(super) fn memory(&self) -> usize {
        let seen = &self.seen;
        let replies = seen
            .greeting
            .iter()
            .chain(&self.tls_reply)
            .chain(&seen.refused_with)
            .map(|reply| reply.text.len());
        let names = seen.helo.iter().chain(&seen.extensions).map(|name| name.len());
        let auth = seen.auth.as_ref().map_or(0, |auth| auth.mechanism.len());
        let lists = seen.extensions.capacity() * size_of::<Box<str>>()
            + seen.refused_with.capacity() * size_of::<Reply>();
        replies.chain(names).sum::<usize>() + auth + lists + seen.tls.as_ref().map_or(0, Tls::memory)
    }
}

/// Whether a reply may name a blocklist.
fn speaks_of_a_list(said: &[u8]) -> bool {
    TOLD.iter().any(|word| said.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
}

/// A session of which nothing is known.
fn empty(flow: FlowKey, now_ns: u64) -> Session {
    Session {
        flow,
        began_ns: now_ns,
        last_ns: now_ns,
        ended: None,
        again: false,
        protocol: Protocol::Silent,
        greeting: None,
        helo: None,
        plain_helo: false,
        helo_changes: 0,
        extensions: Vec::new(),
        talked_first: false,
        auth: None,
        tls: None,
        transactions: 0,
        refusals: [0; 2],
        refused_with: Vec::new(),
        slips: Slips::default(),
        client_octets: 0,
        server_octets: 0,
        unseen: Unseen::default(),
        complete: false,
    }
}
