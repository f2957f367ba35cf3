//! A transaction that is not over yet.

use super::text::text;
use super::{MAX_ADDRESS, MAX_REPLY_TEXT};
use crate::inspect::observation::{Data, Ended, Outcome, Recipient, Reply, Transaction};

/// What closed a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// The reply to its message.
    Answered,
    /// RSET or QUIT.
    Left,
    /// Another MAIL, EHLO, HELO or STARTTLS.
    Replaced,
}

/// A part of a transaction that has a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// MAIL.
    Mail,
    /// RCPT, with its place among the recipients if there was room.
    Recipient(Option<u16>),
    /// DATA.
    GoAhead,
    /// The message, or a chunk of it: whether it was the last reply to it.
    Data { is_last: bool },
    /// Something that has no place of its own.
    Other,
}

/// A transaction that is not over.
pub(super) struct Open {
    pub(super) seen: Box<Transaction>,
    /// Commands that wait for a reply.
    pub(super) outstanding: u32,
    /// Nothing of it is missing so far.
    pub(super) is_intact: bool,
    pub(super) closed: Option<Closed>,
    /// All of its message was sent.
    pub(super) is_sent: bool,
    /// The part that was answered last.
    last: Option<Part>,
    /// The last reply, if that part does not keep it.
    other: Option<Reply>,
    /// Octets of text that it holds.
    pub(super) taken: usize,
    /// Those of recipients, and of replies to them.
    pub(super) of_recipients: usize,
}

impl Open {
    pub(super) const fn new(seen: Box<Transaction>, taken: usize) -> Self {
        Self {
            seen,
            outstanding: 0,
            is_intact: true,
            closed: None,
            is_sent: false,
            last: None,
            other: None,
            taken,
            of_recipients: 0,
        }
    }

    /// Whether nothing more can come of it.
    pub(super) const fn is_over(&self) -> bool {
        (self.closed.is_some() || self.is_sent) && self.outstanding == 0
    }

    /// Notes who sends.
    pub(super) fn sender(&mut self, mailbox: &[u8], size: Option<u64>) {
        let address = text(mailbox, MAX_ADDRESS);
        self.taken += address.len();
        self.seen.mail_from = Some(address);
        self.seen.declared_size = size;
    }

    /// Notes a recipient, if there is room, and so many octets of it; and its place.
    pub(super) fn recipient(&mut self, mailbox: &[u8], room: Option<usize>) -> Option<u16> {
        let place = self.seen.recipients.len();
        let address = text(mailbox, MAX_ADDRESS);
        if room.is_none_or(|room| address.len() > room) {
            self.seen.recipients_left_out = self.seen.recipients_left_out.saturating_add(1);
            return None;
        }
        self.taken += address.len();
        self.of_recipients += address.len();
        self.seen.recipients.push(Recipient { address, reply: None });
        u16::try_from(place).ok()
    }

    /// Its message, which begins if it has not begun.
    pub(super) fn data(&mut self, chunked: bool) -> &mut Data {
        self.seen.data.get_or_insert(Data { octets: 0, chunked, whole: false, go_ahead: None, reply: None })
    }

    /// Takes a reply. If it is to a recipient, it has room for so many octets.
    pub(super) fn answer(&mut self, part: Part, code: u16, said: &[u8], room: usize) {
        let mut reply = Reply { code, text: text(said, MAX_REPLY_TEXT) };
        if let Part::Recipient(Some(_)) = part {
            if reply.text.len() > room {
                reply.text = text(said, room);
                self.is_intact = false;
            }
            self.of_recipients += reply.text.len();
        }
        self.taken += reply.text.len();
        self.last = Some(part);
        let place = match part {
            Part::Mail => &mut self.seen.mail_reply,
            Part::Recipient(Some(place)) => match self.seen.recipients.get_mut(usize::from(place)) {
                Some(recipient) => &mut recipient.reply,
                None => &mut self.other,
            },
            Part::Recipient(None) | Part::Other => &mut self.other,
            Part::GoAhead => &mut self.data(false).go_ahead,
            Part::Data { is_last } => {
                if is_last {
                    self.closed = Some(Closed::Answered);
                }
                &mut self.data(false).reply
            }
        };
        let before = place.replace(reply).map_or(0, |before| before.text.len());
        self.taken -= before;
        if let Part::Recipient(Some(_)) = part {
            self.of_recipients = self.of_recipients.saturating_sub(before);
        }
    }

    /// Octets on the heap.
    pub(super) fn memory(&self) -> usize {
        size_of::<Transaction>() + self.seen.recipients.capacity() * size_of::<Recipient>() + self.taken
    }

    /// How many recipients the server took so far, at least one.
    pub(super) fn accepted_recipients(&self) -> u16 {
        let taken =
            |recipient: &&Recipient| recipient.reply.as_ref().is_none_or(|reply| !reply.is_negative());
        u16::try_from(self.seen.recipients.iter().filter(taken).count()).unwrap_or(u16::MAX).max(1)
    }

    /// What there is to say of it, now that it is over; `how` the connection ended, if that ended it.
    pub(super) fn finish(mut self, now_ns: u64, how: Option<Ended>) -> Box<Transaction> {
        self.seen.ended_ns = now_ns;
        self.seen.last_reply = self.last_reply();
        self.seen.outcome = self.outcome(how);
        let ended_in_order = match self.closed {
            Some(Closed::Answered | Closed::Left) => true,
            Some(Closed::Replaced) => self.is_refused(),
            None => false,
        };
        let is_whole = self.is_intact && self.seen.recipients_left_out == 0;
        self.seen.complete = is_whole && self.outstanding == 0 && ended_in_order;
        self.seen
    }

    fn last_reply(&mut self) -> Option<Reply> {
        let seen = &self.seen;
        match self.last? {
            Part::Mail => seen.mail_reply.clone(),
            Part::Recipient(Some(place)) => seen.recipients.get(usize::from(place))?.reply.clone(),
            Part::GoAhead => seen.data.as_ref()?.go_ahead.clone(),
            Part::Data { .. } => seen.data.as_ref()?.reply.clone(),
            Part::Recipient(None) | Part::Other => self.other.take(),
        }
    }

    fn outcome(&self, how: Option<Ended>) -> Outcome {
        let data = self.seen.data.as_ref();
        match data.and_then(|data| data.reply.as_ref()) {
            Some(reply) if !reply.is_negative() && self.closed == Some(Closed::Answered) => {
                return Outcome::Accepted;
            }
            Some(reply) if reply.is_negative() => return Outcome::Refused,
            _ => {}
        }
        if self.is_refused() {
            Outcome::Refused
        } else if self.is_sent
            || (self.closed.is_none() && how != Some(Ended::Orderly) && how != Some(Ended::Reset))
        {
            Outcome::Unknown
        } else {
            Outcome::Abandoned
        }
    }

    /// Whether the server refused the sender.
    pub(super) fn is_sender_refused(&self) -> bool {
        self.seen.mail_reply.as_ref().is_some_and(Reply::is_negative)
    }

    /// Whether nobody was named to whom the message goes.
    pub(super) fn has_no_recipients(&self) -> bool {
        self.seen.recipients.is_empty() && self.seen.recipients_left_out == 0
    }

    /// What looked like a go-ahead was a reply to something else.
    pub(super) fn forget_go_ahead(&mut self) {
        let reply = self.seen.data.as_mut().and_then(|data| data.go_ahead.take());
        self.taken -= reply.map_or(0, |reply| reply.text.len());
        self.last = None;
        self.is_intact = false;
    }

    /// What looked like its message was none: the server had refused it before.
    pub(super) fn was_not_sent(&mut self) {
        self.is_sent = false;
        self.outstanding = self.outstanding.saturating_sub(1);
        let data = self.data(false);
        (data.octets, data.whole) = (0, false);
    }

    /// Whether the server refused the sender, every recipient or DATA.
    fn is_refused(&self) -> bool {
        let negative = |reply: &Option<Reply>| reply.as_ref().is_some_and(Reply::is_negative);
        let recipients = &self.seen.recipients;
        let no_recipient = !recipients.is_empty()
            && self.seen.recipients_left_out == 0
            && recipients.iter().all(|recipient| negative(&recipient.reply));
        negative(&self.seen.mail_reply)
            || no_recipient
            || self.seen.data.as_ref().is_some_and(|data| negative(&data.go_ahead))
    }
}
