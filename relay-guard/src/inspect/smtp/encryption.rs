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
                self.facts.seen.protocol = Protocol::Tls;
            }
            return rest;
        }
        self.no_hello(now_ns, out);
        rest
    }

    /// What came is no TLS: it is read as a command.
    fn no_hello(&mut self, now_ns: u64, out: &mut Vec<Observation>) {
        let Reading::Hello(hello) = std::mem::replace(&mut self.reading, Reading::Commands) else { return };
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
            self.tls_has_begun(now_ns, out);
            self.close_eyes(now_ns, out);
        }
        &[]
    }

    /// All that follows is encrypted: one transaction stands for it, if the server agreed to it or nobody knows.
    pub(super) fn tls_has_begun(&mut self, now_ns: u64, out: &mut Vec<Observation>) {
        let was_asked_for = self.facts.seen.tls.is_some() || self.commands_lost;
        let accepted = self.facts.tls().accepted;
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
