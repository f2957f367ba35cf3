//! Transactions that are not over yet. Several may be open: a client need not wait for the reply to a message before the next
//! MAIL (RFC 2920 §3.1, RFC 3030).

use std::collections::VecDeque;

use relay_guard_common::flow::FlowKey;

use super::open::{Closed, Open, Part};
use super::{MAX_OPEN, MAX_RECIPIENT_TEXT, MAX_RECIPIENTS};
use crate::inspect::observation::{Ended, Observation, Outcome, Reply, Transaction};

/// All transactions that are not over, by depth.
#[derive(Default)]
pub(super) struct Transactions {
    open: VecDeque<Open>,
    /// How many there were.
    depth: u32,
}

impl Transactions {
    /// How many there were.
    pub(super) const fn depth(&self) -> u32 {
        self.depth
    }

    /// Octets on the heap.
    pub(super) fn memory(&self) -> usize {
        self.open.capacity() * size_of::<Open>() + self.open.iter().map(Open::memory).sum::<usize>()
    }

    /// Begins one, and gives its depth. If too many are open, the first of these is over.
    pub(super) fn begin(
        &mut self,
        flow: FlowKey,
        helo: Option<&str>,
        now_ns: u64,
        out: &mut Vec<Observation>,
    ) -> u32 {
        if self.open.len() >= MAX_OPEN
            && let Some(mut first) = self.open.pop_front()
        {
            first.is_intact = false;
            out.push(Observation::Transaction(first.finish(now_ns, None)));
        }
        self.depth += 1;
        let seen = Box::new(empty(flow, self.depth, helo, now_ns));
        self.open.push_back(Open::new(seen, helo.map_or(0, str::len)));
        self.depth
    }

    /// What stands for all that a session does after STARTTLS.
    pub(super) fn encrypted(
        &mut self,
        flow: FlowKey,
        helo: Option<&str>,
        reply: Option<Reply>,
        now_ns: u64,
    ) -> Observation {
        self.depth += 1;
        let seen = empty(flow, self.depth, helo, now_ns);
        Observation::Transaction(Box::new(Transaction { tls: true, last_reply: reply, ..seen }))
    }

    /// The one of this depth.
    pub(super) fn get(&mut self, depth: u32) -> Option<&mut Open> {
        self.open.iter_mut().rev().find(|open| open.seen.depth == depth)
    }

    /// Notes a recipient of the one of this depth, and gives its place, if there is room for it.
    pub(super) fn recipient(&mut self, depth: u32, mailbox: &[u8]) -> Option<Option<u16>> {
        let count: usize = self.open.iter().map(|open| open.seen.recipients.len()).sum();
        let room = (count < MAX_RECIPIENTS).then(|| self.recipient_room());
        let open = self.get(depth)?;
        Some(open.recipient(mailbox, room))
    }

    /// The one of this depth is answered.
    pub(super) fn answer(&mut self, depth: u32, part: Part, code: u16, said: &[u8]) {
        let room = self.recipient_room();
        if let Some(open) = self.get(depth) {
            open.answer(part, code, said, room);
        }
    }

    /// Octets of text of recipients that still fit in.
    fn recipient_room(&self) -> usize {
        MAX_RECIPIENT_TEXT - self.open.iter().map(|open| open.of_recipients).sum::<usize>()
    }

    /// The one to which the client's next command belongs.
    pub(super) fn current(&mut self) -> Option<&mut Open> {
        self.open.back_mut().filter(|open| open.closed.is_none() && !open.is_sent)
    }

    /// The client goes on to something else.
    pub(super) fn close(&mut self, by: Closed) {
        if let Some(open) = self.current() {
            open.closed = Some(by);
        }
    }

    /// Commands are missing: they may belong to the one that is open.
    pub(super) fn damage(&mut self) {
        if let Some(open) = self.current() {
            open.is_intact = false;
        }
    }

    /// Replies are missing: they may be to those that wait.
    pub(super) fn doubt(&mut self) {
        for open in &mut self.open {
            open.is_intact &= open.outstanding == 0;
        }
    }

    /// A command of the one of this depth will not be answered.
    pub(super) fn unanswered(&mut self, depth: u32) {
        if let Some(open) = self.get(depth) {
            open.outstanding = open.outstanding.saturating_sub(1);
            open.is_intact = false;
        }
    }

    /// Gives out those that are over.
    pub(super) fn settle(&mut self, now_ns: u64, out: &mut Vec<Observation>) {
        while self.open.front().is_some_and(Open::is_over) {
            self.emit_first(now_ns, None, out);
        }
    }

    /// Gives out all of them: the connection, or what can be seen of it, is over.
    pub(super) fn end(&mut self, now_ns: u64, how: Option<Ended>, out: &mut Vec<Observation>) {
        while !self.open.is_empty() {
            self.emit_first(now_ns, how, out);
        }
    }

    fn emit_first(&mut self, now_ns: u64, how: Option<Ended>, out: &mut Vec<Observation>) {
        if let Some(first) = self.open.pop_front() {
            out.push(Observation::Transaction(first.finish(now_ns, how)));
        }
    }
}

fn empty(flow: FlowKey, depth: u32, helo: Option<&str>, now_ns: u64) -> Transaction {
    Transaction {
        flow,
        depth,
        began_ns: now_ns,
        ended_ns: now_ns,
        helo: helo.map(Into::into),
        mail_from: None,
        declared_size: None,
        mail_reply: None,
        recipients: Vec::new(),
        recipients_left_out: 0,
        data: None,
        last_reply: None,
        outcome: Outcome::Unknown,
        tls: false,
        complete: false,
    }
}
