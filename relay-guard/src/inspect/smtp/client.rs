//! The client's side: commands, what comes in AUTH, what is no SMTP, and what is missing.

use memchr::memchr;

use super::command::{self, Command, Greets};
use super::line::{Line, Read, without_cr};
use super::open::Closed;
use super::path::Envelope;
use super::pending::{Kind, Pending};
use super::text::{control_characters, first_word};
use super::{Reading, Session};
use crate::inspect::observation::{Observation, Protocol};
use crate::inspect::tls::HANDSHAKE;

/// Methods of HTTP with which a request may begin.
const METHODS: [&[u8]; 9] =
    [b"GET", b"POST", b"HEAD", b"PUT", b"CONNECT", b"OPTIONS", b"DELETE", b"PATCH", b"PRI"];

impl Session {
    pub(super) fn client_octets(&mut self, now_ns: u64, octets: &[u8], out: &mut Vec<Observation>) {
        let greeting_is_due = self.queue.front().is_some_and(|pending| pending.kind == Kind::Greeting);
        if greeting_is_due && !self.queue.is_doubtful() {
            self.facts.seen.talked_first = true;
        }
        let mut rest = octets;
        while !rest.is_empty() {
            rest = self.take(now_ns, rest, out);
        }
    }

    /// Takes some octets, at least one unless how they are read changes; gives those that are left.
    fn take<'a>(&mut self, now_ns: u64, octets: &'a [u8], out: &mut Vec<Observation>) -> &'a [u8] {
        match &mut self.reading {
            Reading::Commands => self.commands(now_ns, octets, out),
            Reading::RestOfLine(kind) => {
                let kind = *kind;
                let Some(end) = memchr(b'\n', octets) else { return &[] };
                self.reading = Reading::Commands;
                self.wait(kind, 0);
                &octets[end + 1..]
            }
            Reading::Content { .. } => self.content(octets),
            Reading::Chunk { left, .. } => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(octets.len());
                self.chunk(taken as u64);
                &octets[taken..]
            }
            Reading::Hello(_) => self.hello(now_ns, octets, out),
            Reading::Anything | Reading::PerhapsTls | Reading::Opaque => &[],
        }
    }

    fn commands<'a>(&mut self, now_ns: u64, octets: &'a [u8], out: &mut Vec<Observation>) -> &'a [u8] {
        let may_be_tls = self.may_be_tls && (!self.server_is_smtp || self.commands_lost);
        if may_be_tls && self.client_line.is_empty() && octets.first() == Some(&HANDSHAKE) {
            self.reading = Reading::Hello(Box::default());
            return octets;
        }
        self.command_octets(now_ns, octets, out)
    }

    pub(super) fn command_octets<'a>(
        &mut self,
        now_ns: u64,
        octets: &'a [u8],
        out: &mut Vec<Observation>,
    ) -> &'a [u8] {
        // Out of the session while it is looked at; it is empty and without room meanwhile.
        let mut kept = std::mem::take(&mut self.client_line);
        let (read, rest) = kept.read(octets);
        match read {
            Read::Part => {
                self.client_line = kept;
                return rest;
            }
            Read::Whole(line) => self.command_line(now_ns, line, out),
            Read::Long(beginning) => self.long_line(now_ns, beginning, out),
        }
        self.put_back(kept);
        rest
    }

    fn put_back(&mut self, mut line: Line) {
        line.wipe();
        self.client_line = line;
    }

    /// A line without its LF.
    fn command_line(&mut self, now_ns: u64, line: &[u8], out: &mut Vec<Observation>) {
        let (line, behind_cr) = without_cr(line);
        if let Some(protocol) = self.other_protocol(line) {
            self.facts.is(protocol);
        }
        self.client_spoke = true;
        let (command, is_well_formed) = command::read(line);
        if command == Command::Unknown {
            if self.server_spoke && !self.is_smtp() {
                self.facts.is(Protocol::Other);
                return self.close_eyes(now_ns, out);
            }
        } else {
            self.facts.is(Protocol::Smtp);
        }
        let slips = &mut self.facts.seen.slips;
        slips.bare_lf += u32::from(!behind_cr);
        slips.bad_arguments += u32::from(!is_well_formed);
        slips.binary = slips.binary.saturating_add(control_characters(line));
        self.find_step();
        self.note_pipelining();
        self.command(now_ns, command, behind_cr, out);
        self.transactions.settle(now_ns, out);
    }

    /// What a client speaks by its first line, if that is no SMTP. A server that speaks SMTP takes it for a wrong command, and
    /// so do we.
    fn other_protocol(&self, line: &[u8]) -> Option<Protocol> {
        if self.client_spoke || self.server_is_smtp || self.facts.seen.unseen.beginning {
            return None;
        }
        let (word, rest) = first_word(line);
        let is_http = METHODS.contains(&word) && rest.windows(5).any(|part| part == b"HTTP/");
        match (is_http, line.starts_with(b"SSH-")) {
            (true, _) => Some(Protocol::Http),
            (_, true) => Some(Protocol::Ssh),
            _ => None,
        }
    }

    /// A line that is too long; its rest follows.
    fn long_line(&mut self, now_ns: u64, beginning: &[u8], out: &mut Vec<Observation>) {
        self.client_spoke = true;
        if self.server_spoke && !self.is_smtp() {
            self.facts.is(Protocol::Other);
            return self.close_eyes(now_ns, out);
        }
        self.find_step();
        self.note_pipelining();
        let kind = match command::read_beginning(beginning) {
            Command::Auth { mechanism } => {
                self.facts.auth(mechanism);
                Kind::Auth
            }
            _ => {
                let slips = &mut self.facts.seen.slips;
                slips.long_lines = slips.long_lines.saturating_add(1);
                slips.binary = slips.binary.saturating_add(control_characters(beginning));
                Kind::Noise { lines: 1 }
            }
        };
        self.reading = Reading::RestOfLine(kind);
    }

    /// If commands or replies were not seen: the client goes on, so it has been answered. What was not, will not be.
    pub(super) fn find_step(&mut self) {
        if self.queue.ends_lost() || self.queue.is_doubtful() {
            self.give_up();
        }
    }

    /// Waits for no reply any more.
    pub(super) fn give_up(&mut self) {
        for pending in self.queue.give_up() {
            self.transactions.unanswered(pending.depth);
        }
    }

    fn note_pipelining(&mut self) {
        if !self.queue.has_commands() {
            return;
        }
        let ends_group =
            |pending: &Pending| matches!(pending.kind, Kind::Hello { .. } | Kind::Auth | Kind::StartTls);
        if !self.facts.may_pipeline || self.queue.back().is_some_and(ends_group) {
            self.facts.seen.slips.unoffered_pipelining += 1;
        }
    }

    fn command(&mut self, now_ns: u64, command: Command<'_>, behind_cr: bool, out: &mut Vec<Observation>) {
        match command {
            Command::Hello { name, greets } => {
                self.facts.hello(name, greets == Greets::Plainly);
                self.facts.is_lmtp = greets == Greets::Lmtp;
                self.commands_lost = false;
                self.transactions.close(Closed::Replaced);
                self.wait(Kind::Hello { is_extended: greets != Greets::Plainly }, 0);
            }
            Command::Mail(envelope) => self.mail(now_ns, &envelope, out),
            Command::Recipient(envelope) => self.recipient(now_ns, &envelope, out),
            Command::Data => self.data(now_ns, behind_cr, out),
            Command::Chunk { octets, is_last } => self.begin_chunk(now_ns, octets, is_last, out),
            Command::Reset => {
                self.transactions.close(Closed::Left);
                self.wait(Kind::Other, 0);
            }
            Command::Quit => {
                self.transactions.close(Closed::Left);
                self.facts.has_quit = true;
                self.wait(Kind::Other, 0);
            }
            Command::Auth { mechanism } => {
                self.facts.seen.slips.out_of_order += u32::from(self.transactions.current().is_some());
                self.facts.auth(mechanism);
                self.wait(Kind::Auth, 0);
            }
            Command::StartTls => {
                self.facts.tls().accepted = None;
                self.wait(Kind::StartTls, 0);
            }
            Command::Other => self.wait(Kind::Other, 0),
            Command::Unknown => self.unknown(),
        }
    }

    /// What is sent while AUTH waits for its challenge is meant as a response to it.
    fn unknown(&mut self) {
        if self.queue.back().is_none_or(|pending| pending.kind != Kind::Auth) {
            self.facts.seen.slips.unknown_commands += 1;
        }
        self.wait(Kind::Noise { lines: 1 }, 0);
    }

    fn mail(&mut self, now_ns: u64, envelope: &Envelope<'_>, out: &mut Vec<Observation>) {
        let was_greeted = self.facts.seen.helo.is_some() || self.commands_lost;
        let is_nested =
            self.transactions.current().is_some_and(|open| open.is_intact && !open.is_sender_refused());
        let slips = &mut self.facts.seen.slips;
        slips.out_of_order += u32::from(!was_greeted || is_nested);
        slips.bad_arguments += u32::from(envelope.has_parameters && !self.facts.may_extend);
        self.transactions.close(Closed::Replaced);
        self.transactions.settle(now_ns, out);
        let depth = self.begin(now_ns, out);
        self.commands_lost = false;
        if let Some(open) = self.transactions.get(depth) {
            open.sender(envelope.mailbox, envelope.size);
        }
        self.wait(Kind::Mail, depth);
    }

    fn begin(&mut self, now_ns: u64, out: &mut Vec<Observation>) -> u32 {
        let seen = &self.facts.seen;
        self.transactions.begin(seen.flow, seen.helo.as_deref(), now_ns, out)
    }

    /// The transaction to which a command belongs that needs one; 0 if there is none. If commands were not seen, MAIL was among
    /// them.
    pub(super) fn depth(&mut self, now_ns: u64, out: &mut Vec<Observation>) -> u32 {
        if let Some(open) = self.transactions.current() {
            return open.seen.depth;
        }
        if !self.commands_lost {
            self.facts.seen.slips.out_of_order += 1;
            return 0;
        }
        let depth = self.begin(now_ns, out);
        if let Some(open) = self.transactions.get(depth) {
            open.is_intact = false;
        }
        depth
    }

    fn recipient(&mut self, now_ns: u64, envelope: &Envelope<'_>, out: &mut Vec<Observation>) {
        self.facts.seen.slips.bad_arguments += u32::from(envelope.has_parameters && !self.facts.may_extend);
        let depth = self.depth(now_ns, out);
        match self.transactions.recipient(depth, envelope.mailbox) {
            Some(place) => self.wait(Kind::Recipient { place }, depth),
            None => self.wait(Kind::Other, 0),
        }
    }

    /// Lets a command wait for its reply. If too many do, it is as if it had not been seen.
    pub(super) fn wait(&mut self, kind: Kind, depth: u32) {
        if self.queue.is_full() {
            return self.lose_commands();
        }
        self.queue.push(Pending { kind, depth });
        if let Some(open) = self.transactions.get(depth) {
            open.outstanding += 1;
        }
    }

    pub(super) fn client_gap(&mut self, now_ns: u64, octets: u64, skipped: bool, out: &mut Vec<Observation>) {
        let unseen = &mut self.facts.seen.unseen;
        let count = if skipped { &mut unseen.client_skipped } else { &mut unseen.client_lost };
        *count = count.saturating_add(octets);
        match &mut self.reading {
            Reading::Content { content, .. } => content.gap(octets),
            Reading::Chunk { left, .. } => {
                let of_chunk = octets.min(*left);
                self.chunk(of_chunk);
                if octets > of_chunk {
                    self.lose_commands();
                }
            }
            Reading::Hello(hello) => {
                if self.tls_is_agreed {
                    self.tls_has_begun(now_ns, out);
                    self.close_eyes(now_ns, out);
                } else if hello.is_tls() {
                    self.reading = Reading::PerhapsTls;
                } else {
                    self.facts.seen.unseen.commands_skipped |= skipped;
                    self.lose_commands();
                }
            }
            Reading::RestOfLine(Kind::Auth) => {
                self.facts.is_damaged = true;
                self.wait(Kind::Auth, 0);
                self.reading = Reading::Anything;
            }
            Reading::Commands | Reading::RestOfLine(_) | Reading::Anything => {
                self.facts.seen.unseen.commands_skipped |= skipped;
                self.lose_commands();
            }
            Reading::PerhapsTls | Reading::Opaque => {}
        }
    }

    /// Commands of the client's were not seen. What it says next may be anything, until the server answers.
    pub(super) fn lose_commands(&mut self) {
        self.queue.lose();
        self.client_line.wipe();
        self.reading = Reading::Anything;
        self.commands_lost = true;
        self.facts.is_damaged = true;
        self.facts.may_pipeline = true;
        self.facts.may_extend = true;
        self.transactions.damage();
    }
}
