//! What is to become of each segment, said once more, in the plainest words: for tables to be judged by, and for random
//! dialogues.

use relay_guard_common::action::Action;
use relay_guard_common::respond::response::{LineId, Stage};
use relay_guard_common::respond::step::Step;
use relay_guard_tests::frames::flags::{ACK, FIN, RST, SYN};

use super::reaction::{
    Reaction, TARPIT_WINDOW, WINDOW, acknowledged, client_reset, finished, last, refused_syn, syn_ack, text,
    wait,
};
use super::segment::{GREETING_AT, Segment};
use super::texts::Texts;

/// Octets of ours that a client can have acknowledged.
const DIALOGUE_LEN: u32 = 1 << 18;
/// Octets of a line that are waited for.
const LINE_LEN: usize = 1024;

/// A reaction, and the steps that are counted.
pub type Outcome = (Reaction, Vec<Step>);

/// One connection's worth of state: the one thing that is remembered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Model {
    /// Whether the last segment that fitted nothing was passed on to the server.
    server_was_reset: bool,
}

impl Model {
    /// What is done with a segment to `port`.
    pub fn react(&mut self, action: Action, texts: &Texts, port: u16, segment: &Segment) -> Outcome {
        match action {
            Action::Pass => return (Reaction::Passed, vec![]),
            Action::Drop => return (Reaction::Silence, vec![]),
            _ => {}
        }
        let has = |flag| segment.flags & flag != 0;
        if has(RST) || !(has(SYN) || has(ACK)) {
            return (Reaction::Silence, vec![]);
        }
        if has(SYN) && has(FIN) {
            return (Reaction::Silence, vec![Step::Capped]);
        }
        let implicit_tls = port == 465;
        match action {
            Action::Refuse if !implicit_tls => self.refuse(texts, segment),
            Action::Refuse | Action::Reset => self.reset(segment),
            Action::Tarpit => self.tarpit(segment),
            other => unreachable!("{other:?} is not modelled"),
        }
    }

    fn reset(&mut self, segment: &Segment) -> Outcome {
        if segment.flags & ACK != 0 {
            return self.not_ours();
        }
        (refused_syn(segment.payload.len() as u32), vec![Step::Syn, Step::Reset])
    }

    fn tarpit(&mut self, segment: &Segment) -> Outcome {
        if segment.flags & ACK == 0 {
            (syn_ack(TARPIT_WINDOW), vec![Step::Syn, Step::SynAck])
        } else if !fits(segment) {
            self.not_ours()
        } else if segment.payload.is_empty() {
            (Reaction::Silence, vec![])
        } else {
            (wait(), vec![Step::Tarpitted])
        }
    }

    fn refuse(&mut self, texts: &Texts, segment: &Segment) -> Outcome {
        if segment.flags & ACK == 0 {
            return (syn_ack(WINDOW), vec![Step::Syn, Step::SynAck]);
        }
        if !fits(segment) {
            return self.not_ours();
        }
        match (segment.payload.is_empty(), segment.flags & FIN != 0) {
            (true, true) => (finished(1), vec![Step::Completed]),
            (true, false) => greeting(texts, segment),
            (false, _) if texts.stage == Stage::Greeting => taken(segment, segment.payload.len()),
            (false, _) => command(texts, segment),
        }
    }

    /// What belongs to no dialogue of ours: its ends are told in turns.
    fn not_ours(&mut self) -> Outcome {
        self.server_was_reset = !self.server_was_reset;
        let reaction = if self.server_was_reset { Reaction::ServerReset } else { client_reset() };
        (reaction, vec![Step::Reset])
    }
}

/// Whether a client acknowledges what we may have sent.
fn fits(segment: &Segment) -> bool {
    segment.flags & SYN == 0 && segment.acknowledgement.wrapping_sub(1) < DIALOGUE_LEN
}

fn greeting(texts: &Texts, segment: &Segment) -> Outcome {
    if segment.acknowledgement != GREETING_AT || segment.window == 0 {
        return (Reaction::Silence, vec![]);
    }
    let line = texts.line(LineId::Greeting);
    match texts.stage {
        Stage::Recipient => (text(0, line), vec![Step::Greeted]),
        Stage::Greeting => (last(0, line), vec![Step::Refused]),
    }
}

/// So many octets are taken, and nothing is said to them.
fn taken(segment: &Segment, octets: usize) -> Outcome {
    match closes(segment, octets) {
        true => (finished(octets as u32 + 1), vec![Step::Completed]),
        false => (acknowledged(octets as u32), vec![]),
    }
}

/// Whether the client closes its side after so many octets of the segment.
fn closes(segment: &Segment, octets: usize) -> bool {
    segment.flags & FIN != 0 && segment.payload.len() == octets
}

fn command(texts: &Texts, segment: &Segment) -> Outcome {
    let payload = &segment.payload;
    let Some(end) = payload.iter().take(LINE_LEN).position(|octet| *octet == b'\n') else {
        return match payload.len() <= LINE_LEN {
            true => taken(segment, payload.len()),
            false => (client_reset(), vec![Step::Reset]),
        };
    };
    // A line has no room in a closed window, and what is not answered is not taken.
    if segment.window == 0 {
        return (Reaction::Silence, vec![]);
    }
    let octets = end + 1;
    let id = answer_to(&payload[..octets]);
    let mut steps = Vec::new();
    if id == LineId::Recipient {
        steps.push(Step::Refused);
    }
    let closes = closes(segment, octets);
    if closes {
        steps.push(Step::Completed);
    }
    let count = octets as u32 + u32::from(closes);
    let line = texts.line(id);
    let reaction = if closes || id == LineId::Bye { last(count, line) } else { text(count, line) };
    (reaction, steps)
}

/// The line that answers a client's line.
pub fn answer_to(line: &[u8]) -> LineId {
    let verb: Vec<u8> = line.iter().take(4).map(u8::to_ascii_uppercase).collect();
    if !matches!(line.get(4), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        return LineId::Unknown;
    }
    match &verb[..] {
        b"EHLO" | b"HELO" => LineId::Hello,
        b"MAIL" => LineId::Sender,
        b"RCPT" => LineId::Recipient,
        b"DATA" => LineId::Data,
        b"RSET" | b"NOOP" => LineId::Done,
        b"QUIT" => LineId::Bye,
        _ => LineId::Unknown,
    }
}
