//! Commands that wait for their replies, in order.

use std::collections::VecDeque;

use super::MAX_PENDING;

/// As many as usually wait at most.
const USUAL: usize = 6;

/// What waits for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The connection itself: its reply is the greeting.
    Greeting,
    /// EHLO or LHLO, or HELO.
    Hello { is_extended: bool },
    /// MAIL.
    Mail,
    /// RCPT: its place among the recipients; none if there was no room.
    Recipient { place: Option<u16> },
    /// DATA, for its go-ahead.
    Data,
    /// The end of content, which was so many lines if it was no content, for this many replies (RFC 2033: one for each recipient).
    DataEnd { lines: u32, replies: u16 },
    /// BDAT.
    Chunk { is_last: bool },
    /// AUTH, or a response to its challenge.
    Auth,
    /// STARTTLS.
    StartTls,
    /// Something else.
    Other,
    /// So many lines that are no commands: what was meant as a response to AUTH, or as content.
    Noise { lines: u32 },
    /// Commands that nobody saw. Always the last one.
    Lost,
}

/// A command that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) kind: Kind,
    /// The transaction that it is a part of, by its depth; 0 if it is of none.
    pub(super) depth: u32,
}

/// All commands that wait.
pub(super) struct Queue {
    waiting: VecDeque<Pending>,
    /// So many of the first may have been answered in a gap.
    doubtful: usize,
}

/// To whom a reply belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    /// To this one.
    This(Pending),
    /// To a command that nobody saw.
    Lost,
    /// To one of several, and nobody knows to which.
    Unclear,
    /// To none.
    None,
}

impl Queue {
    pub(super) fn new(first: Kind) -> Self {
        let mut waiting = VecDeque::with_capacity(USUAL);
        waiting.push_back(Pending { kind: first, depth: 0 });
        Self { waiting, doubtful: 0 }
    }

    pub(super) fn front(&self) -> Option<&Pending> {
        self.waiting.front()
    }

    /// The second one, to be replaced if need be.
    pub(super) fn front_mut(&mut self) -> Option<&mut Pending> {
        self.waiting.front_mut()
    }

    pub(super) fn back(&self) -> Option<&Pending> {
        self.waiting.back()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether more waits than the greeting.
    pub(super) fn has_commands(&self) -> bool {
        self.waiting.iter().any(|pending| pending.kind != Kind::Greeting)
    }

    /// Whether the last ones are commands that nobody saw.
    pub(super) fn ends_lost(&self) -> bool {
        self.back().is_some_and(|pending| pending.kind == Kind::Lost)
    }

    /// Whether some may have been answered in a gap.
    pub(super) const fn is_doubtful(&self) -> bool {
        self.doubtful > 0
    }

    /// Whether there is no room for another command.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_PENDING
    }

    /// Lets a command wait. There must be room.
    pub(super) fn push(&mut self, pending: Pending) {
        self.waiting.push_back(pending);
    }

    /// Puts one back that waits for another reply.
    pub(super) fn push_front(&mut self, pending: Pending) {
        self.waiting.push_front(pending);
    }

    /// Commands were not seen.
    pub(super) fn lose(&mut self) {
        if !self.ends_lost() {
            self.push(Pending { kind: Kind::Lost, depth: 0 });
        }
    }

    /// Replies were not seen.
    pub(super) fn doubt(&mut self) {
        self.doubtful = self.waiting.len() - usize::from(self.ends_lost());
    }

    /// Removes those to which no reply will be found: all of them.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = Pending> + use<> {
        self.doubtful = 0;
        std::mem::take(&mut self.waiting).into_iter()
    }

    /// Takes the one to which a reply with this code belongs. Those before it of which that cannot be known any more go to
    /// `unknown`.
    pub(super) fn answer(&mut self, code: u16, mut unknown: impl FnMut(Pending)) -> Answered {
        if self.doubtful > 0 && self.waiting.len() > 1 {
            let Some(place) = self.waiting.iter().position(|pending| pending.kind.is_told_by(code)) else {
                // It is to one of these, so there is one fewer to which the next ones can be.
                self.doubtful -= 1;
                self.waiting.pop_front().into_iter().for_each(&mut unknown);
                return Answered::Unclear;
            };
            self.waiting.drain(..place).for_each(&mut unknown);
        }
        self.doubtful = 0;
        match self.waiting.front() {
            None => Answered::None,
            Some(Pending { kind: Kind::Lost, .. }) => Answered::Lost,
            Some(_) => self.waiting.pop_front().map_or(Answered::None, Answered::This),
        }
    }

    /// Octets on the heap.
    pub(super) fn memory(&self) -> usize {
        self.waiting.capacity() * size_of::<Pending>()
    }
}

impl Kind {
    /// Whether a reply with this code can be to nothing else.
    const fn is_told_by(self, code: u16) -> bool {
        match self {
            Self::Greeting | Self::StartTls => code == 220,
            Self::Data => code == 354,
            Self::Auth => matches!(code, 235 | 334),
            Self::Other
            | Self::Hello { .. }
            | Self::Mail
            | Self::Recipient { .. }
            | Self::DataEnd { .. }
            | Self::Chunk { .. }
            | Self::Noise { .. }
            | Self::Lost => false,
        }
    }
}
