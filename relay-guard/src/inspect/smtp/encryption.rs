//! From STARTTLS, or something like it, to the end of what can be read.

use super::{Reading, Session};
use crate::inspect::observation::{Observation, Protocol};
use crate::inspect::tls::{HANDSHAKE, HelloReader};

impl Session {
    pub(super) fn hello<'a>(
        &mut self,
        now_ns: u64,
        octets: &'a [u8],
        out: &mut Vec<Observation>,
    ) -> &'a [u8] {
        let Reading::Hello(hello) = &mut self.reading else { return octets };
        if hello.is_tls() {
            return self.hello_goes_on(now_ns, octets, out);
        }
        let [first, rest @ ..] = octets else { return octets };
        if hello.sniff(*first) {
            if hello.is_tls() && !self.client_spoke {
                self.client_spoke = true;
                self.facts.is(Protocol::Tls);
            }
            return rest;
        }
        self.no_hello(now_ns, out);
        rest
    }

    /// What came is no TLS: it is read as a command.
    fn no_hello(&mut self, now_ns: u64, out: &mut Vec<Observation>) {
        let Reading::Hello(hello) = std::mem::replace(&mut self.reading, Reading::Commands) else { return };
        self.tls_is_agreed = false;
        let head = hello.head();
        // TLS was due, and something else came.
        self.facts.seen.slips.out_of_order += u32::from(head.first() != Some(&HANDSHAKE));
        self.command_octets(now_ns, head, out);
    }

    fn hello_goes_on<'a>(&mut self, now_ns: u64, octets: &'a [u8], out: &mut Vec<Observation>) -> &'a [u8] {
        let Reading::Hello(hello) = &mut self.reading else { return octets };
        if let Some(read) = hello.read(octets) {
            let tls = self.facts.tls();
            if let Ok(hello) = read {
                tls.server_name = hello.server_name;
                tls.alpn = hello.alpn;
                tls.ja4 = Some(hello.ja4);
            }
            if self.tls_is_agreed {
                self.tls_has_begun(now_ns, out);
                self.close_eyes(now_ns, out);
            } else {
                self.reading = Reading::PerhapsTls;
            }
        }
        &[]
    }

    /// Whether the client seems to speak TLS.
    pub(super) fn may_be_encrypted(&self) -> bool {
        match &self.reading {
            Reading::Hello(hello) => hello.is_tls(),
            Reading::PerhapsTls => true,
            _ => false,
        }
    }

    /// The server says a line of SMTP: so that is spoken, and what looked like TLS, and nobody had agreed on, was none. What
    /// the client said meanwhile is not known.
    pub(super) fn is_in_the_clear(&mut self, code: u16) {
        self.server_is_smtp = true;
        // To a STARTTLS that was not seen.
        let may_agree = code == 220 && self.commands_lost;
        if self.may_be_encrypted() && !may_agree {
            self.facts.forget_hello();
            self.may_be_tls = false;
            self.facts.seen.slips.unknown_commands += 1;
            self.lose_commands();
        }
        self.facts.seen.protocol = Protocol::Smtp;
    }

    /// All that follows is encrypted: one transaction stands for it, if the server agreed to it or nobody knows.
    pub(super) fn tls_has_begun(&mut self, now_ns: u64, out: &mut Vec<Observation>) {
        let was_asked_for = self.facts.seen.tls.is_some() || self.commands_lost;
        let accepted = self.facts.tls().accepted;
        if self.facts.seen.protocol == Protocol::Tls {
            // Nobody greets there.
            self.facts.seen.talked_first = false;
        }
        self.transactions.end(now_ns, None, out);
        if was_asked_for && accepted != Some(false) && self.facts.seen.protocol != Protocol::Tls {
            let reply = self.facts.tls_reply.take();
            let seen = &self.facts.seen;
            out.push(self.transactions.encrypted(seen.flow, seen.helo.as_deref(), reply, now_ns));
        }
    }

    /// After STARTTLS, or where it may have been.
    pub(super) fn expect_hello(&mut self) {
        self.client_line.wipe();
        self.reading = Reading::Hello(Box::<HelloReader>::default());
    }
}
