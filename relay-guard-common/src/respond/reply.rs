//! What is answered to one segment.
//!
//! [`plan`] is the whole of the dialogue, and knows no packet: it is told what a segment says and says what to send.

use super::{
    response::{LineId, Stage},
    step::Step,
    verb::Verb,
};
use crate::{action::Action, parse::Flags};

/// The window that a refused client may fill: two segments, because Linux sends no segment of more than half the window.
pub const WINDOW: u16 = 2 * MSS;

/// The window of a tarpit's SYN-ACK: enough to make a client send, too little for a line.
pub const TARPIT_WINDOW: u16 = 16;

/// The segment size that is announced: a command line and its CRLF (RFC 5321 §4.5.3.1.4), with room for extensions.
pub const MSS: u16 = 1024;

/// The most octets of a segment in which the end of a line is looked for: none may be longer.
pub const MAX_SPOKEN: u32 = MSS as u32;

/// What of a segment an answer depends on, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// Flags.
    pub flags: Flags,
    /// The client's window, unscaled.
    pub window: u16,
    /// Octets of payload.
    pub payload_len: u32,
}

/// The first line of a segment's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Its verb.
    pub verb: Verb,
    /// Its octets, LF included; 0 if no line ends in the first [`MAX_SPOKEN`] octets.
    pub len: u32,
}

/// Where a reply goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Way {
    /// Nothing is sent, and the segment is dropped.
    Nowhere = 0,
    /// Back to who sent the segment.
    Back = 1,
    /// On to whom the segment was for, in its place.
    Onward = 2,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Where to.
    pub way: Way,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number; 0 without [`Flags::ACK`].
    pub acknowledgment: u32,
    /// Flags.
    pub flags: u8,
    /// Window.
    pub window: u16,
    /// The text, a [`LineId`]'s number, or [`Reply::NO_LINE`].
    pub line: u8,
    /// What it is counted as, a [`Step`]'s number, or [`Reply::NO_STEP`].
    pub step: u8,
    /// It takes the end of the client's side, which is counted as [`Step::Completed`].
    pub completes: bool,
}

impl Reply {
    /// Without a text.
    pub const NO_LINE: u8 = u8::MAX;
    /// Not counted.
    pub const NO_STEP: u8 = u8::MAX;

    /// Nothing.
    pub const NOTHING: Self = Self {
        way: Way::Nowhere,
        sequence: 0,
        acknowledgment: 0,
        flags: 0,
        window: 0,
        line: Self::NO_LINE,
        step: Self::NO_STEP,
        completes: false,
    };

    /// A segment back to the client at the place that it acknowledges: there is no other state than that number.
    #[inline(always)]
    const fn at(heard: &Heard, taken: u32, flags: u8) -> Self {
        Self {
            way: Way::Back,
            sequence: heard.acknowledgment,
            acknowledgment: heard.sequence.wrapping_add(taken),
            flags: flags | Flags::ACK,
            window: WINDOW,
            line: Self::NO_LINE,
            step: Self::NO_STEP,
            completes: false,
        }
    }

    #[inline(always)]
    const fn counted(self, step: Step) -> Self {
        Self { step: step as u8, ..self }
    }

    /// With a text, if the client has room for any.
    #[inline(always)]
    const fn saying(self, line: LineId, heard: &Heard) -> Self {
        if heard.window == 0 {
            return Self::NOTHING;
        }
        Self { line: line as u8, flags: self.flags | Flags::PSH, ..self }
    }

    /// All but its numbers, in one word.
    #[inline(always)]
    #[must_use]
    pub const fn pack(&self) -> u64 {
        self.way as u64
            | (self.flags as u64) << 8
            | (self.line as u64) << 16
            | (self.step as u64) << 24
            | (self.window as u64) << 32
            | (self.completes as u64) << 48
    }

    /// The reply with these numbers, and all else from a word of [`pack`](Self::pack).
    #[inline(always)]
    #[must_use]
    pub const fn unpack(word: u64, sequence: u32, acknowledgment: u32) -> Self {
        Self {
            way: match word as u8 {
                0 => Way::Nowhere,
                1 => Way::Back,
                _ => Way::Onward,
            },
            sequence,
            acknowledgment,
            flags: (word >> 8) as u8,
            window: (word >> 32) as u16,
            line: (word >> 16) as u8,
            step: (word >> 24) as u8,
            completes: word >> 48 & 1 != 0,
        }
    }

    /// The text, if there is one.
    #[must_use]
    pub fn line_id(&self) -> Option<LineId> {
        LineId::ALL.get(usize::from(self.line)).copied()
    }
}

/// What a segment is to a responder: which of [`plan`]'s questions have to be answered before.
#[inline(always)]
#[must_use]
pub const fn is_answerable(flags: Flags) -> bool {
    // No answer to a reset (RFC 9293 §3.5.2), nor to what no TCP sends.
    flags.0 & Flags::RST == 0 && flags.0 & (Flags::SYN | Flags::ACK) != 0 && !flags.is_contradictory()
}

/// The answer to a SYN. `cookie` is the sequence number that [`CookieKeys::issue`](super::cookie::CookieKeys::issue) gives.
#[inline(always)]
#[must_use]
pub const fn to_syn(action: Action, heard: &Heard, cookie: u32) -> Reply {
    let accept = Reply {
        way: Way::Back,
        sequence: cookie,
        // Data in a SYN is not taken: the client sends it again (RFC 9293 §3.4).
        acknowledgment: heard.sequence.wrapping_add(1),
        flags: Flags::SYN | Flags::ACK,
        window: WINDOW,
        line: Reply::NO_LINE,
        step: Step::SynAck as u8,
        completes: false,
    };
    match action {
        Action::Refuse => accept,
        Action::Tarpit => Reply { window: TARPIT_WINDOW, ..accept },
        // RFC 9293 §3.10.7.1: of a closed port.
        Action::Reset => Reply {
            sequence: 0,
            acknowledgment: heard.sequence.wrapping_add(1).wrapping_add(heard.payload_len),
            flags: Flags::RST | Flags::ACK,
            window: 0,
            step: Step::Reset as u8,
            ..accept
        },
        Action::Pass | Action::Observe | Action::Drop | Action::Limit => Reply::NOTHING,
    }
}

/// The answer to a segment of a connection that is not ours: it was there before the verdict, or never. One end is told at a
/// time, `turn` says which, because one packet comes out for one that went in.
#[inline(always)]
#[must_use]
pub const fn to_stranger(heard: &Heard, turn: bool) -> Reply {
    let reset = Reply {
        way: Way::Back,
        sequence: heard.acknowledgment,
        acknowledgment: 0,
        flags: Flags::RST,
        window: 0,
        line: Reply::NO_LINE,
        step: Step::Reset as u8,
        completes: false,
    };
    if turn {
        return reset;
    }
    // What the server expects next is what the client sends: it takes the reset for the client's (RFC 5961 §3.2).
    Reply {
        way: Way::Onward,
        sequence: heard.sequence,
        acknowledgment: heard.acknowledgment,
        flags: Flags::RST | Flags::ACK,
        ..reset
    }
}

/// The answer to a segment without payload whose acknowledgment is `offset` octets into what we say.
#[inline(always)]
#[must_use]
pub const fn to_silence(action: Action, stage: Stage, heard: &Heard, offset: u32) -> Reply {
    if !matches!(action, Action::Refuse) {
        return Reply::NOTHING;
    }
    if heard.flags.0 & Flags::FIN != 0 {
        return Reply { completes: true, ..Reply::at(heard, 1, Flags::FIN) };
    }
    if offset != 0 {
        // Never an acknowledgment for an acknowledgment.
        return Reply::NOTHING;
    }
    let greeting = Reply::at(heard, 0, 0);
    match stage {
        Stage::Recipient => greeting.counted(Step::Greeted).saying(LineId::Greeting, heard),
        Stage::Greeting => Reply { flags: greeting.flags | Flags::FIN, ..greeting }
            .counted(Step::Refused)
            .saying(LineId::Greeting, heard),
    }
}

/// The answer to a segment with payload whose acknowledgment fits. `spoken` is asked for only by [`listens`].
#[inline(always)]
#[must_use]
pub const fn to_payload(action: Action, stage: Stage, heard: &Heard, spoken: Spoken) -> Reply {
    if matches!(action, Action::Tarpit) {
        // Nothing is taken, and nothing more may come.
        return Reply { window: 0, ..Reply::at(heard, 0, 0) }.counted(Step::Tarpitted);
    }
    if !matches!(action, Action::Refuse) {
        return Reply::NOTHING;
    }
    if matches!(stage, Stage::Greeting) {
        // All has been said.
        return whole(heard, heard.payload_len);
    }
    if spoken.len == 0 {
        if heard.payload_len > MAX_SPOKEN {
            // More than was announced.
            return to_stranger(heard, true);
        }
        // The line's end comes later.
        return whole(heard, heard.payload_len);
    }
    let reply = whole(heard, spoken.len);
    let reply = match spoken.verb {
        Verb::Rcpt => reply.counted(Step::Refused),
        Verb::Quit => Reply { flags: reply.flags | Flags::FIN, ..reply },
        Verb::Hello | Verb::Mail | Verb::Data | Verb::Rset | Verb::Noop | Verb::Other => reply,
    };
    reply.saying(spoken.verb.line(), heard)
}

/// Whether [`to_payload`] wants to know what was said.
#[inline(always)]
#[must_use]
pub const fn listens(action: Action, stage: Stage) -> bool {
    matches!(action, Action::Refuse) && matches!(stage, Stage::Recipient)
}

/// So many octets are taken; with all of them, the end of the client's side too.
#[inline(always)]
const fn whole(heard: &Heard, taken: u32) -> Reply {
    if heard.flags.0 & Flags::FIN != 0 && taken == heard.payload_len {
        return Reply { completes: true, ..Reply::at(heard, taken.wrapping_add(1), Flags::FIN) };
    }
    Reply::at(heard, taken, 0)
}
