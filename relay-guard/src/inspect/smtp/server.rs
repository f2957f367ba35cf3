//! The server's side: replies, and to what they are.

use memchr::memchr;

use super::content::Content;
use super::line::{Read, without_cr};
use super::open::{Closed, Part};
use super::pending::{Answered, Kind, Pending};
use super::text::text;
use super::{GoAhead, MAX_REPLY_TEXT, Reading, Session, reply};
use crate::inspect::observation::{Observation, Protocol, Reply};
use crate::inspect::tls::{ALERT, HANDSHAKE};

/// The service closes the connection (RFC 5321 §3.8).
const CLOSES: u16 = 421;

impl Session {
    pub(super) fn server_octets(&mut self, now_ns: u64, octets: &[u8], out: &mut Vec<Observation>) {
        let mut rest = octets;
        while !rest.is_empty() && self.is_readable() {
            if self.is_answer_in_tls(rest) {
                self.note_tls_answer(rest);
                self.tls_has_begun(now_ns, out);
                return self.close_eyes(now_ns, out);
            }
            if self.server_skips {
                let Some(end) = memchr(b'\n', rest) else { return };
                self.server_skips = false;
                rest = &rest[end + 1..];
                continue;
            }
            let mut kept = std::mem::take(&mut self.server_line);
            let (read, behind) = kept.read(rest);
            rest = behind;
            match read {
                Read::Part => {
                    self.server_line = kept;
                    return;
                }
                Read::Whole(line) => self.server_line(now_ns, line, out),
                Read::Long(beginning) => {
                    self.server_skips = true;
                    self.server_line(now_ns, beginning, out);
                }
            }
            kept.wipe();
            self.server_line = kept;
        }
    }

    /// Whether the server's words are still in the clear.
    fn is_readable(&self) -> bool {
        match &self.reading {
            Reading::Opaque => false,
            Reading::Hello(hello) => !(hello.is_tls() && self.tls_is_agreed),
            _ => true,
        }
    }

    /// Whether the server answers in TLS what looked like it.
    fn is_answer_in_tls(&self, octets: &[u8]) -> bool {
        let is_at_the_beginning = self.server_line.is_empty() && !self.server_skips;
        is_at_the_beginning && matches!(octets, [HANDSHAKE | ALERT, ..]) && self.may_be_encrypted()
    }

    /// What the server says to TLS from the first octet on.
    fn note_tls_answer(&mut self, octets: &[u8]) {
        if self.facts.seen.protocol == Protocol::Tls
            && let Some(first) = octets.first()
        {
            self.facts.tls().accepted = Some(*first == HANDSHAKE);
        }
    }

    /// A line without its LF, or the beginning of one.
    fn server_line(&mut self, now_ns: u64, line: &[u8], out: &mut Vec<Observation>) {
        let (line, _) = without_cr(line);
        let is_cut = std::mem::replace(&mut self.server_is_cut, false);
        let was_silent = !std::mem::replace(&mut self.server_spoke, true);
        let Some(line) = reply::read(line) else {
            if !self.is_smtp() && self.is_no_smtp(line, was_silent) {
                return self.close_eyes(now_ns, out);
            }
            if !is_cut && self.reply_lines == 0 {
                self.doubt();
            }
            return;
        };
        self.is_in_the_clear(line.code);
        if line.code == 250
            && !self.queue.is_doubtful()
            && self
                .queue
                .front()
                .is_some_and(|pending| matches!(pending.kind, Kind::Hello { is_extended: true }))
        {
            match self.reply_lines {
                0 => self.facts.forget_extensions(),
                _ => self.facts.extension(line.text),
            }
        }
        if line.is_last {
            self.reply_lines = 0;
            self.reply(now_ns, line.code, line.text, out);
        } else {
            self.reply_lines = self.reply_lines.saturating_add(1);
        }
    }

    /// A first line that is none of SMTP, and with what the client said, or did not say, makes another protocol.
    fn is_no_smtp(&mut self, line: &[u8], is_first: bool) -> bool {
        if is_first && line.starts_with(b"SSH-") {
            self.facts.is(Protocol::Ssh);
        } else if is_first && line.starts_with(b"HTTP/") {
            self.facts.is(Protocol::Http);
        } else if self.client_spoke {
            self.facts.is(Protocol::Other);
        }
        self.facts.seen.protocol != Protocol::Silent
    }

    fn reply(&mut self, now_ns: u64, code: u16, said: &[u8], out: &mut Vec<Observation>) {
        let is_to_content = match &self.reading {
            Reading::Content { go_ahead, .. } => *go_ahead != GoAhead::Awaited && self.queue.is_empty(),
            _ => false,
        };
        if is_to_content {
            let is_unclear = matches!(self.reading, Reading::Content { go_ahead: GoAhead::Unclear, .. });
            self.refusal(code, (!is_unclear).then_some(said));
            self.content_reply(code, said);
            return self.transactions.settle(now_ns, out);
        }
        let transactions = &mut self.transactions;
        let answered = self.queue.answer(code, |pending| transactions.unanswered(pending.depth));
        self.refusal(code, (!may_repeat(answered, code)).then_some(said));
        match answered {
            Answered::This(pending) => self.answer(pending, code, said),
            Answered::Lost => self.answer_lost(code, said),
            Answered::None => self.unasked(code, said),
            Answered::Unclear => {}
        }
        let is_in_step = answered == Answered::Lost || self.queue.is_empty();
        if is_in_step && matches!(self.reading, Reading::Anything) {
            self.reading = Reading::Commands;
        }
        self.transactions.settle(now_ns, out);
    }

    fn refusal(&mut self, code: u16, said: Option<&[u8]>) {
        if code >= 400 {
            self.facts.refusal(code, said);
        }
    }

    fn answer(&mut self, Pending { kind, depth }: Pending, code: u16, said: &[u8]) {
        if let Some(open) = self.transactions.get(depth) {
            open.outstanding = open.outstanding.saturating_sub(1);
        }
        match kind {
            Kind::Greeting => self.facts.seen.greeting = Some(reply_of(code, said)),
            Kind::Hello { is_extended: false } if code < 400 => self.facts.forget_extensions(),
            Kind::Mail => self.part(depth, Part::Mail, code, said),
            Kind::Recipient { place } => self.part(depth, Part::Recipient(place), code, said),
            Kind::Data => self.answer_data(depth, code, said),
            Kind::DataEnd { lines, replies } if replies > 1 && code != CLOSES => {
                self.part(depth, Part::Data { is_last: false }, code, said);
                self.wait_again(Pending { kind: Kind::DataEnd { lines, replies: replies - 1 }, depth });
            }
            Kind::DataEnd { .. } => self.part(depth, Part::Data { is_last: true }, code, said),
            Kind::Chunk { is_last: false } if code < 400 => self.part(depth, Part::Other, code, said),
            Kind::Chunk { is_last } => self.part(depth, Part::Data { is_last }, code, said),
            Kind::Auth => self.answer_auth(code),
            Kind::StartTls => self.answer_start_tls(code, said),
            Kind::Noise { lines } if lines > 1 && code != CLOSES => {
                self.wait_again(Pending { kind: Kind::Noise { lines: lines - 1 }, depth });
            }
            Kind::Hello { .. } | Kind::Noise { .. } | Kind::Other | Kind::Lost => {}
        }
    }

    fn part(&mut self, depth: u32, part: Part, code: u16, said: &[u8]) {
        self.transactions.answer(depth, part, code, said);
    }

    /// Another reply is due.
    fn wait_again(&mut self, pending: Pending) {
        self.queue.push_front(pending);
        if let Some(open) = self.transactions.get(pending.depth) {
            open.outstanding += 1;
        }
    }

    fn answer_data(&mut self, depth: u32, code: u16, said: &[u8]) {
        self.part(depth, Part::GoAhead, code, said);
        match code {
            300..=399 => {
                if let Reading::Content { go_ahead: go_ahead @ GoAhead::Awaited, depth: of, .. } =
                    &mut self.reading
                    && *of == depth
                {
                    *go_ahead = GoAhead::Given;
                }
            }
            400.. => self.refuse_content(depth),
            _ => {
                // No reply to DATA: the one that was is among what is missing.
                self.facts.is_damaged = true;
                if let Some(open) = self.transactions.get(depth) {
                    open.forget_go_ahead();
                }
                if let Reading::Content { go_ahead, .. } = &mut self.reading {
                    *go_ahead = GoAhead::Unclear;
                    self.content_reply(code, said);
                }
            }
        }
    }

    /// What was sent as content before it was wanted: the server took its lines for commands.
    fn refuse_content(&mut self, depth: u32) {
        if let Reading::Content { content, depth: of, .. } = &self.reading
            && *of == depth
        {
            let (lines, is_within_line, has_gap) =
                (content.lines(), content.is_within_line(), content.has_gap());
            self.reading = Reading::Commands;
            if has_gap {
                return self.lose_commands();
            }
            self.were_commands(lines);
            if lines > 0 {
                self.wait(Kind::Noise { lines }, 0);
            }
            if is_within_line {
                self.reading = Reading::RestOfLine(Kind::Noise { lines: 1 });
            }
            return;
        }
        let Some(next) = self.queue.front_mut() else { return };
        if let Pending { kind: Kind::DataEnd { lines, .. }, depth: of } = *next
            && of == depth
        {
            *next = Pending { kind: Kind::Noise { lines }, depth: 0 };
            self.were_commands(lines);
            if let Some(open) = self.transactions.get(depth) {
                open.was_not_sent();
                open.closed = self.facts.has_quit.then_some(Closed::Left);
            }
        }
    }

    fn were_commands(&mut self, lines: u32) {
        let slips = &mut self.facts.seen.slips;
        slips.unknown_commands = slips.unknown_commands.saturating_add(lines);
    }

    /// The server answers where content goes on as far as we know.
    fn content_reply(&mut self, code: u16, said: &[u8]) {
        let Reading::Content { content, depth, go_ahead } = &mut self.reading else { return };
        let (depth, was_unclear) = (*depth, *go_ahead != GoAhead::Given);
        let end = content.loose_end();
        // Only a `.` line with bare LF, or one in a gap, can have been the end. Otherwise the content goes on, and nobody wants it.
        let is_over = end.is_some() || content.has_gap() || was_unclear;
        let octets =
            end.unwrap_or_else(|| content.octets().saturating_sub(if content.has_gap() { 3 } else { 0 }));
        *go_ahead = GoAhead::Answered;
        self.facts.seen.slips.bare_lf += u32::from(end.is_some());
        if let Some(open) = self.transactions.get(depth) {
            let data = open.data(false);
            (data.octets, data.whole) = (octets, end.is_some());
            open.is_sent = true;
            if was_unclear {
                open.is_intact = false;
            } else {
                open.answer(Part::Data { is_last: true }, code, said, 0);
            }
        }
        if is_over {
            self.reading = Reading::Commands;
        }
        if is_over && was_unclear {
            // It may be the reply to a command that was taken for content, and there may be more of these.
            self.queue.lose();
            self.commands_lost = true;
            self.answer_lost(code, said);
        }
    }

    fn answer_auth(&mut self, code: u16) {
        if code != 334 {
            return self.facts.authenticated(code < 300);
        }
        // Meant as the response, and sent before it was asked for.
        if let Some(next) = self.queue.front_mut()
            && next.kind == (Kind::Noise { lines: 1 })
        {
            next.kind = Kind::Auth;
        } else if let Reading::Commands | Reading::Hello(_) = self.reading {
            self.client_line.wipe();
            self.reading = Reading::RestOfLine(Kind::Auth);
        }
    }

    fn answer_start_tls(&mut self, code: u16, said: &[u8]) {
        let accepted = code == 220;
        self.facts.tls().accepted = Some(accepted);
        if accepted {
            self.facts.tls_reply = Some(reply_of(code, said));
            self.tls_is_agreed = true;
            self.transactions.close(Closed::Replaced);
            // Servers forget what was sent behind STARTTLS.
            self.give_up();
            self.expect_hello();
        }
    }

    /// A reply to a command that was not seen.
    fn answer_lost(&mut self, code: u16, said: &[u8]) {
        match code {
            354 => {
                self.give_up();
                let depth = self.transactions.current().map_or(0, |open| open.seen.depth);
                self.part(depth, Part::GoAhead, code, said);
                self.client_line.wipe();
                self.reading =
                    Reading::Content { content: Content::new(true), depth, go_ahead: GoAhead::Given };
            }
            334 => {
                self.give_up();
                self.client_line.wipe();
                self.reading = Reading::RestOfLine(Kind::Auth);
            }
            _ => {}
        }
    }

    /// A reply to nothing.
    fn unasked(&mut self, code: u16, said: &[u8]) {
        match code {
            CLOSES => {
                let depth = self.transactions.current().map_or(0, |open| open.seen.depth);
                self.part(depth, Part::Other, code, said);
            }
            // To a QUIT that was skipped together with content.
            221 => self.facts.has_quit = true,
            _ => {
                // To what was skipped together with content.
                let unseen = &mut self.facts.seen.unseen;
                unseen.commands_skipped |= unseen.client_skipped > 0;
                self.facts.is_damaged = true;
                self.commands_lost = true;
                self.answer_lost(code, said);
            }
        }
    }

    pub(super) fn server_gap(&mut self, octets: u64, skipped: bool) {
        let unseen = &mut self.facts.seen.unseen;
        let count = if skipped { &mut unseen.server_skipped } else { &mut unseen.server_lost };
        *count = count.saturating_add(octets);
        if !self.is_readable() {
            return;
        }
        self.server_line.wipe();
        self.server_skips = false;
        self.server_is_cut = true;
        self.reply_lines = 0;
        if self.queue.ends_lost() && matches!(self.reading, Reading::Commands) {
            // A lost DATA may have got its go-ahead here.
            self.client_line.wipe();
            self.reading = Reading::Anything;
        }
        self.doubt();
    }

    /// Something of the server's was not seen, or makes no sense.
    fn doubt(&mut self) {
        self.queue.doubt();
        self.facts.is_damaged = true;
        self.facts.may_pipeline = true;
        self.transactions.doubt();
        if let Reading::Content { go_ahead: go_ahead @ (GoAhead::Awaited | GoAhead::Given), .. } =
            &mut self.reading
        {
            *go_ahead = GoAhead::Unclear;
        }
    }
}

/// Whether a reply may repeat what must not be kept: a response to AUTH, which is a wrong command for a server that expects none.
/// Where the command was not seen, it may have been one.
const fn may_repeat(answered: Answered, code: u16) -> bool {
    match answered {
        Answered::This(Pending { kind, .. }) => matches!(kind, Kind::Auth | Kind::Noise { .. }),
        Answered::Lost | Answered::Unclear => true,
        // Nothing waits: the server closes of itself.
        Answered::None => code != CLOSES,
    }
}

fn reply_of(code: u16, said: &[u8]) -> Reply {
    Reply { code, text: text(said, MAX_REPLY_TEXT) }
}
